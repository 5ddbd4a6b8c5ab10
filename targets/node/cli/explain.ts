// `dietesp explain`: a packet field by field.

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import type { Xray } from '../../web/xray/model.ts';
import { loadAnySaFile } from '../host/config/sa.ts';
import { CommandError, errorText } from '../host/errors.ts';
import { coapEnds } from '../host/explain/coap.ts';
import type { Explanation } from '../host/explain/explanation.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { isSame } from '../tools/convert/capture.ts';
import { createTaker, explainAny } from '../tools/explain/explain.ts';
import { writePage, xrayPage } from '../tools/explain/html.ts';
import { numberedPackets, packetOf } from '../tools/explain/packet.ts';
import { INTEGER, numberOf, printJson } from './options.ts';

/** Number of a packet. */
const PACKET_MAX = 2 ** 31 - 1;

interface Options {
  sa: string;
  packet: string;
  coap?: string;
  fromServer?: boolean;
  provider: string;
  json?: boolean;
  html?: string;
}

/** Of a format without compression: what is on the wire. */
function formatText({ sa, mode, suite, format, fields, hex, totals }: Xray): string {
  const rows = fields.map((f) => [f.header, f.name, f.value, String(f.bits), f.why, f.clause]);
  const head = ['header', 'field', 'value', 'bits', 'what it is', 'clause'];
  return (
    `SA ${sa}, ${mode} mode, ${suite}: ${format}\n\n${table(head, rows, screenOf(process.stdout))}` +
    `\npacket ${totals.clear} octets -> ${totals.esp} octets\n${hex.wire}\n`
  );
}

function text(e: Explanation): string {
  const fields = e.fields.map((f) => [
    f.header,
    f.field,
    f.value,
    f.tv === '' ? '-' : f.tv,
    f.mo,
    f.cda,
    f.sent === '' ? '-' : f.sent,
    String(f.bits),
    f.clause,
  ]);
  const parts = e.parts.map((p) => [p.part, p.field, p.value, p.octets === 0 ? '' : String(p.octets), p.clause]);
  const { totals: t } = e;
  const screen = screenOf(process.stdout);
  const saved = t.plainEspOctets - t.espOctets;
  return (
    `SA ${e.sa}, ${e.mode} mode, ${e.suite}\n\n` +
    (fields.length === 0
      ? 'Inner headers are not compressed.\n'
      : table(['header', 'field', 'value', 'TV', 'MO', 'CDA', 'sent', 'bits', 'clause'], fields, screen)) +
    `\nresidue ${e.residueBits.length} bits + ${e.padBits} padding bits\n\n` +
    table(['part', 'field', 'value', 'octets', 'clause'], parts, screen) +
    `\npacket ${t.innerOctets} octets (payload ${t.payloadOctets}) -> ESP ${t.espOctets} octets, ` +
    `ordinary ESP ${t.plainEspOctets} (${saved} saved); with its IP header ${t.wireOctets}\n${e.wire}\n`
  );
}

/** Rules for CoAP of the paths that were given. */
function endsOf({ coap, fromServer }: Options) {
  if (coap === undefined && fromServer === true) throw new CommandError('--from-server: only with --coap', 2);
  if (coap === undefined) return undefined;
  try {
    return coapEnds(coap.split(','), fromServer !== true);
  } catch (error) {
    throw new CommandError(`--coap: ${errorText(error)}`, 2);
  }
}

async function explain(input: string, options: Options): Promise<void> {
  const number = numberOf('packet', options.packet, INTEGER, 1, PACKET_MAX);
  const loaded = loadAnySaFile(options.sa);
  const provider = await providerNamed(options.provider);
  const coap = endsOf(options);
  if (options.html !== undefined) {
    if (isSame(options.html, input)) throw new CommandError(`--html: ${options.html}: is the file to read`, 2);
    const name = existsSync(input) ? basename(input) : 'a packet';
    const { html, counts } = xrayPage(
      name,
      numberedPackets(input, loaded),
      createTaker(loaded, provider, coap),
      number,
    );
    if (counts.packets < number) {
      throw new CommandError(`--packet: ${number}: ${input} has ${counts.packets}`, 2);
    }
    writePage(options.html, html);
    const left = counts.left === 0 ? '' : `, ${counts.left} left out`;
    process.stdout.write(`${options.html}: ${counts.packets} packets, ${counts.xrays} X-rays${left}\n`);
    return;
  }
  const { octets, before } = packetOf(input, number, loaded);
  const explanation = explainAny(loaded, octets, provider, coap, before);
  if (options.json === true) printJson(explanation);
  else process.stdout.write('strips' in explanation ? formatText(explanation) : text(explanation));
}

export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Explains a packet under the first SA that takes it: an IP packet to be sent, or an ESP packet, which is ' +
        'decrypted first. Clauses are those of draft-ietf-ipsecme-diet-esp. Names in capitals are points that the draft ' +
        'leaves open, see core/dietesp/README.md.',
    )
    .argument('<packet>', 'an IP packet in hexadecimal, or a capture (pcap or pcapng)')
    .requiredOption('--sa <file>', 'SA file')
    .option('--packet <number>', 'which packet of the capture', '1')
    .option('--coap <paths>', 'both sides have rules for CoAP, made from these paths: `reading`, `a,b/c`')
    .option('--from-server', 'the packet goes from the server to the device, for --coap')
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .addOption(
      new Option(
        '--html <file>',
        'write one page with the X-rays of all packets of the capture; `--packet` is shown first',
      ).conflicts('json'),
    )
    .option('--json', 'print the explanation as JSON')
    .addHelpText('after', '\nExample:\n  $ dietesp explain --sa tunnel.yaml 6000000000...')
    .action((input: string, options: Options) => explain(input, options));
}
