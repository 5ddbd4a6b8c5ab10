// `dietesp compress` and `decompress`: convert a capture of IP packets to one of IEEE 802.15.4 frames, and back.

import { Command, Option } from 'commander';
import type { Rule } from '../../../core/schc/model.ts';
import { coapPathRules } from '../host/config/coap.ts';
import { CommandError, errorText } from '../host/errors.ts';
import { createProgress } from '../host/progress.ts';
import { PROVIDERS, providerNamed } from '../host/provider/by-name.ts';
import { FCS_FORMS } from '../host/radio/captured-frame.ts';
import { IEEE802_15_4 } from '../host/radio/link-type.ts';
import { LINKTYPE_RAW } from '../host/radio/pcap.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import type { Totals } from '../tools/convert/convert.ts';
import { compressFile, decompressFile } from '../tools/convert/files.ts';
import type { LinkOptions } from '../tools/convert/frames.ts';

interface Options extends LinkOptions {
  sa: string;
  provider: string;
  json?: boolean;
  coap?: string;
  fromServer?: boolean;
}

/** Rules for CoAP of the paths that were given. */
export function coapRulesOf(paths: string): Rule[] {
  try {
    return coapPathRules(paths.split(','));
  } catch (error) {
    throw new CommandError(`--coap: ${errorText(error)}`, 2);
  }
}

function list(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function common(command: Command): Command {
  return command
    .argument('<in>', 'capture to read (pcap or pcapng)')
    .argument('<out>', 'capture to write (pcap)')
    .requiredOption('--sa <file>', 'SA file')
    .option('--pan <id>', 'PAN identifier, hexadecimal', 'abcd')
    .option(
      '--context <id=prefix/length>',
      '6LoWPAN context, "1=fd00::/64 C=0": to decompress only; default: /112 prefixes of the outer addresses',
      list,
    )
    .option('--coap <paths>', 'both sides have rules for CoAP, made from these paths: `reading`, `a,b/c`')
    .option('--from-server', 'the first SA is from the server to the device, for --coap; others to its receiver too')
    .option('--mac <ipv6=mac>', 'link-layer address of an outer address; default: its last 16 bits', list)
    .addOption(new Option('--provider <name>', 'cryptographic provider').choices(PROVIDERS).default('fast'))
    .option('--json', 'print the summary as JSON');
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function dropText(totals: Totals): string {
  const blocks = listed(totals.blocks);
  return `dropped: ${listed(totals.drops) || 'none'}\n` + (blocks === '' ? '' : `blocks without packets: ${blocks}\n`);
}

function average(octets: number, packets: number): string {
  return packets === 0 ? '0' : (octets / packets).toFixed(1);
}

function print(text: string, data: unknown, json: boolean | undefined): void {
  process.stdout.write(json === true ? JSON.stringify(data, null, 2) + '\n' : text);
}

function nothingCarried(totals: Totals, input: string): void {
  if (totals.packetsOut > 0) return;
  const drops = dropText(totals).split('\n')[0];
  // Of radios that put something else there.
  const hint = totals.drops.fcs === undefined ? '' : '; --fcs tells what stands in the place of the FCS';
  throw new CommandError(
    totals.packetsIn + totals.framesIn === 0
      ? `${input}: no packets`
      : `${input}: no packet was carried; ${drops}${hint}`,
  );
}

/** Converts a file, with its progress. */
async function converted(
  convert: typeof compressFile,
  input: string,
  output: string,
  { sa, provider, coap, fromServer, ...link }: Options,
): Promise<Totals> {
  if (coap === undefined && fromServer === true) throw new CommandError('--from-server: only with --coap', 2);
  const plan = coap === undefined ? {} : { coap: { rules: coapRulesOf(coap), fromServer: fromServer === true } };
  const files = { input, output, sa, ...plan };
  const progress = createProgress(process.stderr);
  return convert(files, link, await providerNamed(provider), progress.update).finally(progress.end);
}

async function compress(input: string, output: string, options: Options): Promise<void> {
  const totals = await converted(compressFile, input, output, options);
  const { packetsOut } = totals;
  const rows: [string, number, number | string, number][] = [
    ['clear IP', totals.clearOctets, '', packetsOut],
    ['Diet-ESP on air', totals.airOctets, totals.framesOut, packetsOut],
    ['clear 6LoWPAN on air', totals.clearAirOctets, totals.clearFrames, totals.clearPackets],
    ['plain ESP on air', totals.plainAirOctets, totals.plainFrames, totals.plainPackets],
  ];
  print(
    `${totals.packetsIn} packets, ${packetsOut} carried in ${totals.framesOut} frames\n` +
      dropText(totals) +
      '\n' +
      table(
        ['', 'packets', 'octets', 'a packet', 'frames'],
        rows.map(([name, octets, frames, packets]) => [
          name,
          String(packets),
          String(octets),
          average(octets, packets),
          String(frames),
        ]),
        screenOf(process.stdout),
      ),
    { input, output, ...totals },
    options.json,
  );
  nothingCarried(totals, input);
}

async function decompress(input: string, output: string, options: Options): Promise<void> {
  const totals = await converted(decompressFile, input, output, options);
  print(
    `${totals.framesIn} frames, ${totals.packetsIn} Diet-ESP packets, ${totals.packetsOut} restored\n` +
      dropText(totals) +
      `octets on air ${totals.airOctets}, restored IP ${totals.clearOctets}\n`,
    {
      input,
      output,
      framesIn: totals.framesIn,
      packetsIn: totals.packetsIn,
      packetsOut: totals.packetsOut,
      airOctets: totals.airOctets,
      clearOctets: totals.clearOctets,
      drops: totals.drops,
      blocks: totals.blocks,
    },
    options.json,
  );
  nothingCarried(totals, input);
}

export function compressCommand(): Command {
  return common(new Command('compress'))
    .description(
      'Compresses and encrypts the IP packets of a capture (link types 0, 1, 12, 14, 101, 108, 113, 276) and writes them as IEEE ' +
        '802.15.4 frames (link type 195), with the time stamps of the packets. A packet goes to the first SA that ' +
        'takes it. Packets that no SA takes are counted by reason.',
    )
    .addHelpText('after', '\nExample:\n  $ dietesp compress --sa leshan.yaml thermostat.pcapng frames.pcap')
    .action((input: string, output: string, options: Options) => compress(input, output, options));
}

export function decompressCommand(): Command {
  return common(new Command('decompress'))
    .addOption(
      new Option('--fcs <form>', "what stands in the place of frames' FCS; ti: signal strength of TI's radios")
        .choices(FCS_FORMS)
        .default('crc'),
    )
    .description(
      `Decrypts and decompresses the IEEE 802.15.4 frames of a capture (link types ` +
        `${IEEE802_15_4.join(', ')}), or its IP packets with ESP, also in UDP, and writes the IP packets (link type ${LINKTYPE_RAW}) with the time stamp of their last frame.`,
    )
    .addHelpText('after', '\nExample:\n  $ dietesp decompress --sa leshan.yaml frames.pcap restored.pcap')
    .action((input: string, output: string, options: Options) => decompress(input, output, options));
}
