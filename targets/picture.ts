// npm run picture: makes docs/bytes-on-air.svg, the README's picture. The bars show the figures that `dietesp budget
// --payload 10 --coap` prints. A test makes the picture again and compares.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceRoot } from './build/root.ts';
import { providerNamed } from './node/host/provider/by-name.ts';
import { PHY_OCTETS } from './node/host/radio/air-time.ts';
import { budgetRows, COAP_HEADER } from './node/tools/budget/measure.ts';
import { MAC_OCTETS } from './node/tools/budget/model.ts';
import { svgOf, text } from './node/tools/svg.ts';

/** Octets of the reading in the picture, without CoAP. */
const READING = 10;

/** The rows shown: their names in `budget`, and in the picture. */
const SHOWN: readonly (readonly [string, string])[] = [
  ['clear UDP (6LoWPAN)', 'in clear'],
  ['Diet-ESP, SPI 8 + SN 8, CCM-8 IIV', 'Diet-ESP'],
  ['DTLS 1.3, CID', 'DTLS 1.3 (model)'],
  ['OSCORE request', 'OSCORE (model)'],
  ['ESP transport, CCM-8', 'ESP, transport mode'],
  ['ESP tunnel, CCM-8', 'ESP, tunnel mode'],
];

const WIDTH = 760;
const LEFT = 160;
const SCALE = 4.6;
const BAR = 24;
const STEP = 34;
const TOP = 232;
const COLOURS = { frame: '#9aa5b1', header: '#d9822b', payload: '#2b7a78' };

function box(x: number, y: number, title: string, lines: readonly string[]): string {
  const rows = lines.map((line, i) => text(x + 82, y + 42 + 17 * i, line, ' class="small" text-anchor="middle"'));
  return (
    `<rect x="${x}" y="${y}" width="164" height="84" rx="8" class="box"/>` +
    text(x + 82, y + 22, title, ' class="title" text-anchor="middle"') +
    rows.join('')
  );
}

function arrow(x1: number, x2: number, y: number, above: string, below: string): string {
  const middle = (x1 + x2) / 2;
  return (
    `<path d="M${x1} ${y}H${x2 - 8}" class="arrow"/><path d="M${x2} ${y}l-9 -5v10z" fill="#334"/>` +
    text(middle, y - 8, above, ' class="small" text-anchor="middle"') +
    text(middle, y + 18, below, ' class="small" text-anchor="middle"')
  );
}

/** The picture as SVG. */
export async function picture(): Promise<string> {
  const provider = await providerNamed('fast');
  const rows = budgetRows(READING, true, provider);
  const payload = READING + COAP_HEADER.length;
  const frame = PHY_OCTETS + MAC_OCTETS.short;
  const bars = SHOWN.map(([stack, name], i) => {
    const row = rows.find((each) => each.stack === stack);
    if (row === undefined) throw new Error(`picture: budget has no row "${stack}"`);
    const octets = row.short.octets;
    const y = TOP + STEP * i;
    let x = LEFT;
    const part = (size: number, colour: string): string => {
      const drawn = `<rect x="${x}" y="${y}" width="${(size * SCALE).toFixed(1)}" height="${BAR}" fill="${colour}"/>`;
      x += size * SCALE;
      return drawn;
    };
    const isOurs = name === 'Diet-ESP';
    return (
      text(LEFT - 10, y + 17, name, ` text-anchor="end"${isOurs ? ' class="title"' : ''}`) +
      part(frame, COLOURS.frame) +
      part(octets - frame - payload, COLOURS.header) +
      part(payload, COLOURS.payload) +
      text(Math.round(x) + 8, y + 17, String(octets), isOurs ? ' class="title"' : '')
    );
  });
  const height = TOP + STEP * SHOWN.length + 44;
  const legend: readonly (readonly [string, string])[] = [
    [COLOURS.frame, `radio frame (${frame})`],
    [COLOURS.header, 'headers, ICV'],
    [COLOURS.payload, `CoAP reading (${payload})`],
  ];
  const keys = legend.map(([colour, name], i) => {
    const x = LEFT + 170 * i;
    const y = height - 32;
    return `<rect x="${x}" y="${y}" width="14" height="14" fill="${colour}"/>` + text(x + 20, y + 12, name);
  });
  const style = '.box{fill:#eef3f7;stroke:#334}.arrow{stroke:#334;stroke-width:2}';
  return svgOf({ width: WIDTH, height }, 'Way of a packet, and octets on air per protocol', style, [
    box(16, 44, 'sensor', ['IPv6/UDP packet,', 'compressed, encrypted']),
    arrow(188, 290, 86, 'IEEE 802.15.4', 'Diet-ESP'),
    box(298, 44, 'gateway', ['checks, decrypts,', 'decompresses']),
    arrow(470, 572, 86, 'IP network', 'ordinary IPv6'),
    box(580, 44, 'host', ['any server;', 'no IPsec needed']),
    `<path d="M98 136v22H380v-22" fill="none" stroke="#334" stroke-dasharray="4 3"/>`,
    text(239, 176, 'IKEv2: keys, and agreement on the compression', ' class="small" text-anchor="middle"'),
    text(LEFT, TOP - 14, `Octets on air of a CoAP reading with ${READING} octets`, ' class="title"'),
    ...bars,
    ...keys,
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(sourceRoot(), 'docs', 'bytes-on-air.svg'), await picture());
}
