// `dietesp budget`: what a message costs on IEEE 802.15.4 under each protocol stack.

import { Command, Option } from 'commander';
import { CommandError } from '../host/errors.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';
import { table } from '../host/table.ts';
import { countedRows } from '../tools/budget/measure.ts';
import { modelRows, type Row } from '../tools/budget/model.ts';

/** IPv6's minimum link MTU without IPv6 and UDP headers. */
const PAYLOAD_MAX = 1232;
/** NON POST, one token octet, one Uri-Path of one character, payload marker [RFC 7252 §3]. */
const COAP = [0x51, 0x02, 0x00, 0x01, 0x0a, 0xb1, 0x74, 0xff];

interface Options {
  payload: string;
  coap?: boolean;
  provider: string;
  json?: boolean;
}

/** Counted rows first, then the model's. */
async function rowsOf(payload: number, coap: boolean, provider: string): Promise<Row[]> {
  const body = Uint8Array.from([...(coap ? COAP : []), ...new Uint8Array(payload).fill(0x30)]);
  return [...countedRows(body, await providerNamed(provider)), ...modelRows(body.length)];
}

async function budget(options: Options): Promise<void> {
  const payload = Number(options.payload);
  const most = PAYLOAD_MAX - (options.coap === true ? COAP.length : 0);
  if (!/^\d+$/.test(options.payload) || payload > most) {
    throw new CommandError(`--payload: ${options.payload}: must be 0..${most}`, 2);
  }
  const rows = await rowsOf(payload, options.coap === true, options.provider);
  if (options.json === true) {
    process.stdout.write(JSON.stringify({ payload, coap: options.coap === true, rows }, null, 2) + '\n');
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
      table(['stack', 'l3', 'frames', 'octets', 'ms', '+ack', 'ext frames', 'octets', 'ms', '+ack', 'source'], cells),
  );
}

export function budgetCommand(): Command {
  return new Command('budget')
    .description(
      'Octets, frames and milliseconds on air of one message. Rows marked `counted` come from frames that the core ' +
        'made; rows marked `model` are computed from the formats of protocols that are not built here.',
    )
    .requiredOption('--payload <octets>', 'application payload, octets')
    .option('--coap', 'put 8 octets of CoAP in front (NON POST, token, Uri-Path)')
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .option('--json', 'print the rows as JSON')
    .addHelpText('after', '\nExample:\n  $ dietesp budget --payload 10')
    .action((options: Options) => budget(options));
}
