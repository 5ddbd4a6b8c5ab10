// `dietesp budget`: the cost of a message on IEEE 802.15.4 with each protocol stack.

import { Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { ACK, exchangeRows, READING } from '../tools/budget/exchange.ts';
import { budgetRows, COAP_HEADER } from '../tools/budget/measure.ts';
import { printJson } from './options.ts';

/** IPv6's minimum link MTU without IPv6 and UDP headers. */
const PAYLOAD_MAX = 1232;
interface Options {
  payload: string;
  coap?: boolean;
  coapRules?: boolean;
  provider: string;
  json?: boolean;
}

/** A reading with this many octets and its answer, in clear and under ESP, with and without rules for CoAP. */
async function exchange(payload: number, options: Options): Promise<void> {
  // The payload of the demo's reading is 10 octets behind 8 of CoAP.
  const head = READING.subarray(0, COAP_HEADER.length);
  const reading = Buffer.concat([head, Buffer.alloc(payload, '0')]).subarray(
    0,
    head.length - (payload === 0 ? 1 : 0) + payload,
  );
  const rows = exchangeRows(reading, ACK, ['a'], await providerNamed(options.provider));
  if (options.json === true) {
    printJson({ payload, reading: reading.length, ack: ACK.length, rows });
    return;
  }
  const cells = rows.map(({ stack, reading: up, ack }) => [
    stack,
    String(up.short.octets),
    String(ack.short.octets),
    String(up.short.octets + ack.short.octets),
    String(up.short.frames),
  ]);
  process.stdout.write(
    `CoAP CON POST to /a with ${payload} octets (${reading.length} of UDP payload) and its ACK (${ACK.length}), short addresses.\n` +
      'Octets on air, preamble to FCS. The rules are those of `coap: { paths: [a] }`; in clear the RuleID is sent.\n\n' +
      table(['stack', 'reading', 'ACK', 'both', 'frames of the reading'], cells, screenOf(process.stdout)),
  );
}

async function budget(options: Options): Promise<void> {
  const payload = Number(options.payload);
  const hasCoap = options.coap === true || options.coapRules === true;
  const most = PAYLOAD_MAX - (hasCoap ? COAP_HEADER.length : 0);
  if (!/^\d+$/.test(options.payload) || payload > most) {
    throw new CommandError(`--payload: ${options.payload}: must be 0..${most}`, 2);
  }
  if (options.coapRules === true) {
    await exchange(payload, options);
    return;
  }
  const rows = budgetRows(payload, options.coap === true, await providerNamed(options.provider));
  if (options.json === true) {
    printJson({ payload, coap: options.coap === true, rows });
    return;
  }
  const cells = rows.map(({ stack, l3, short, extended, source }) => [
    stack,
    String(l3),
    ...[short, extended].flatMap((cost) => [
      String(cost.frames),
      String(cost.octets),
      cost.ms.toFixed(2),
      cost.msAck.toFixed(2),
    ]),
    source,
  ]);
  const kind = options.coap === true ? `CoAP NON POST with ${payload} octets` : `UDP payload of ${payload} octets`;
  process.stdout.write(
    `${kind}, 2.4 GHz, 32 us an octet. l3: octets handed to the MAC; octets: on air, preamble to FCS.\n` +
      'short: 16-bit addresses; ext: 64-bit addresses; +ack: with acknowledgements.\n\n' +
      table(
        ['stack', 'l3', 'frames', 'octets', 'ms', '+ack', 'ext frames', 'octets', 'ms', '+ack', 'source'],
        cells,
        screenOf(process.stdout),
      ),
  );
}

export function budgetCommand(): Command {
  return new Command('budget')
    .description(
      'Prints octets, frames and milliseconds on air of one message. Rows marked `counted` come from frames that the ' +
        'core made. Rows marked `model` are computed from the formats of protocols that are not built here.',
    )
    .requiredOption('--payload <octets>', 'application payload, octets')
    .option('--coap', 'put 8 octets of CoAP in front (NON POST, token, Uri-Path)')
    .option('--coap-rules', 'a confirmable reading and its ACK, with and without rules for CoAP: docs/coap-profile.md')
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .option('--json', 'print the rows as JSON')
    .addHelpText('after', '\nExample:\n  $ dietesp budget --payload 10')
    .action((options: Options) => budget(options));
}
