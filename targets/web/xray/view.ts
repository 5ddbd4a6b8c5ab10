// An X-ray as elements: how large the packet is in each form, its bits as in the figures of RFCs, 32 in a row, and a table of its
// fields. style.ts has the colours; a field that is pointed at is marked in all of them.

import type { Kind, Piece, Stage, Strip, Xray, XrayField } from './model.ts';
import { type Element, h, type Tree } from './tree.ts';

/** Bits in a row, as in RFCs. */
const ROW = 32;
/** Rows of a long field that are drawn. */
const ROWS_SHOWN = 4;
/** Bits below which a piece has no room for its name. */
const NAME_BITS = 4;
/** Names where there is little room. */
const SHORT: Record<string, string> = {
  Version: 'Ver',
  'Sequence Number': 'SN',
  'Next Header': 'NH',
  'Hop Limit': 'Hops',
  'Time to Live': 'TTL',
  'Pad Length': 'PadLen',
  'padding bits': 'pad',
  Padding: 'Pad',
};
const SHORT_BITS = 9;
/** Octets in a row of digits. */
const DIGITS_ROW = 16;

/** Each colour in words. */
export const KINDS: readonly (readonly [Kind, string, string])[] = [
  ['known', 'known', 'not sent: both sides know it from the SA'],
  ['computed', 'restored', 'not sent: the receiver computes it, or takes it from the outer header'],
  ['part', 'part', 'some bits are sent'],
  ['sent', 'sent', 'sent as it is'],
  ['payload', 'payload', 'what the packet is for'],
  ['added', 'added', 'added by ESP'],
  ['icv', 'ICV', 'the proof that nobody changed the packet'],
  ['outer', 'outer', 'the header that carries it'],
];

const STAGES: readonly (readonly [Stage, string])[] = [
  ['IIPC', 'Inner headers (IIPC)'],
  ['CoAP', 'CoAP by its rules'],
  ['CTEC', 'ESP trailer (CTEC)'],
  ['EEC', 'ESP header (EEC)'],
  ['header', 'Header, in clear'],
  ['encryption', 'Encryption and ICV'],
  ['outer', 'Outer header (IPHC of 6LoWPAN)'],
];

function attributesOf(piece: Piece, span: number, rows: number): Record<string, string> {
  const size = piece.bits % 8 === 0 ? `${piece.bits / 8} octets` : `${piece.bits} bits`;
  const value = piece.value === '' ? '' : `: ${piece.value}`;
  const lock = piece.isEncrypted ? ', encrypted' : '';
  return {
    class: `bits-${span}${rows > 1 ? ` rows-${rows}` : ''} kind-${piece.kind}${piece.isEncrypted ? ' is-encrypted' : ''}`,
    ...(piece.field < 0 ? {} : { 'data-field': String(piece.field) }),
    title: `${piece.name}${value} (${size}${lock})`,
  };
}

function cell(piece: Piece, span: number, rows: number, isNamed: boolean): Element {
  const isWide = span >= ROW / 2;
  const size = piece.bits > ROW * ROWS_SHOWN ? ` (${piece.bits / 8} octets)` : '';
  const name =
    isNamed && span >= NAME_BITS
      ? h('b', {}, (span < SHORT_BITS ? (SHORT[piece.name] ?? piece.name) : piece.name) + size)
      : '';
  const value = isNamed && isWide && piece.value !== '' ? h('i', {}, piece.value) : '';
  return h('span', attributesOf(piece, span, rows), name, value);
}

/** The cells of a piece that begins at bit `at` of its row: no cell reaches over the end of a row. */
function cellsOf(piece: Piece, at: number): Element[] {
  const head = at === 0 ? 0 : Math.min(piece.bits, ROW - at);
  const rest = piece.bits - head;
  const whole = Math.floor(rest / ROW);
  const tail = rest % ROW;
  // The largest has the name.
  const named = whole > 0 ? 'whole' : head >= tail ? 'head' : 'tail';
  return [
    ...(head > 0 ? [cell(piece, head, 1, named === 'head')] : []),
    ...(whole > 0 ? [cell(piece, ROW, Math.min(whole, ROWS_SHOWN), named === 'whole')] : []),
    ...(tail > 0 ? [cell(piece, tail, 1, named === 'tail')] : []),
  ];
}

function stripView({ id, title, note, octets, pieces }: Strip): Element {
  let at = 0;
  const cells = pieces.flatMap((piece) => {
    const made = cellsOf(piece, at % ROW);
    at += piece.bits;
    return made;
  });
  const label = `${title}: ${octets} octets. The table has its fields.`;
  return h(
    'figure',
    { class: `strip strip-${id}` },
    h('figcaption', {}, h('strong', {}, title), ` ${octets} octets`, note === '' ? '' : h('small', {}, note)),
    h('div', { class: 'bits', role: 'img', 'aria-label': label }, cells),
  );
}

/** Bars of the same scale. */
function bars(strips: Strip[]): Element {
  const most = Math.max(1, ...strips.map(({ octets }) => octets));
  const rows = strips.map(({ id, title, octets }) => {
    const width = String((octets / most) * 100);
    const size = { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' };
    const bar = h('svg', { class: `bar bar-${id}`, ...size }, h('rect', { width, height: '10', rx: '0' }));
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, title),
      h('td', {}, bar),
      h('td', { class: 'number' }, String(octets)),
    );
  });
  const head = ['packet', 'to scale', 'octets'].map((text) => h('th', { scope: 'col' }, text));
  return h('table', { class: 'sizes' }, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows));
}

function ruleText({ tv, mo, cda }: XrayField): string {
  return [tv === '' ? '' : `TV ${tv}`, mo === '' ? '' : `MO ${mo}`, cda === '' ? '' : `CDA ${cda}`]
    .filter(Boolean)
    .join(', ');
}

function sentText({ sent, sentBits }: XrayField): string {
  if (sentBits === 0) return '0';
  return sent === '' ? String(sentBits) : `${sentBits}: ${sent}`;
}

function fieldRow(field: XrayField, index: number): Element {
  const kind = KINDS.find(([name]) => name === field.kind)![1];
  return h(
    'tr',
    { 'data-field': String(index), tabindex: '0' },
    h('th', { scope: 'row' }, h('span', { class: `swatch kind-${field.kind}` }), `${field.header} ${field.name}`),
    h('td', { class: 'value' }, field.value),
    h('td', { class: 'number' }, String(field.bits)),
    h('td', { class: 'value' }, sentText(field)),
    h('td', {}, h('em', {}, kind), field.why === '' ? '' : ` ${field.why}`),
    h('td', { class: 'rule' }, ruleText(field)),
    h('td', { class: 'clause' }, field.clause),
  );
}

function fieldTable({ fields }: Xray, isOpen: boolean): Element {
  const head = ['field', 'value', 'bits', 'bits sent', 'what becomes of it', 'rule', 'clause'];
  const groups = STAGES.flatMap(([stage, title]) => {
    const rows = fields.flatMap((field, i) => (field.stage === stage ? [fieldRow(field, i)] : []));
    if (rows.length === 0) return [];
    const first = h('tr', { class: 'group' }, h('th', { colspan: String(head.length), scope: 'rowgroup' }, title));
    return [h('tbody', {}, first, rows)];
  });
  const columns = head.map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', { class: 'fields' }, h('thead', {}, h('tr', {}, columns)), groups);
  return h(
    'details',
    { class: 'field-list', ...(isOpen ? { open: '' } : {}) },
    h('summary', {}, `${fields.length} fields, one by one`),
    h('div', { class: 'scrolls', tabindex: '0', role: 'group', 'aria-label': 'Fields' }, table),
  );
}

function digits(title: string, text: string): Element {
  const octets = text.match(/../g) ?? [];
  const rows: string[] = [];
  for (let i = 0; i < octets.length; i += DIGITS_ROW) {
    rows.push(`${i.toString(16).padStart(4, '0')}  ${octets.slice(i, i + DIGITS_ROW).join(' ')}`);
  }
  return h(
    'details',
    {},
    h('summary', {}, `${title}: ${octets.length} octets`),
    h('pre', { tabindex: '0' }, rows.join('\n')),
  );
}

function legend(): Element {
  const items = KINDS.map(([kind, name, text]) => {
    return h('li', {}, h('span', { class: `swatch kind-${kind}` }), h('b', {}, name), ` ${text}`);
  });
  return h('ul', { class: 'legend', 'aria-label': 'Colours' }, items);
}

/** What it comes to, in a sentence. */
function summary({ totals, suite, mode, sa }: Xray): Tree[] {
  const { clear, payload, esp, diet, air } = totals;
  const onAir = air === 0 ? '' : ` On 6LoWPAN ${air} are left.`;
  return [
    h('strong', {}, `${clear} octets in clear, ${esp} with ordinary ESP, ${diet} with Diet-ESP.`),
    `${onAir} The payload has ${payload}. SA ${sa}, ${mode} mode, ${suite}.`,
  ];
}

/** The X-ray of one packet; `isOpen`: with the table of its fields unfolded. */
export function xrayView(xray: Xray, isOpen = true): Element {
  const { strips, unexplained, hex } = xray;
  const raw = [digits('in clear', hex.clear), digits('on the wire', hex.wire)];
  if (unexplained !== '') {
    const text = h('p', {}, `Not explained: ${unexplained}. SA ${xray.sa}, ${xray.suite}.`);
    return h('div', { class: 'xray' }, text, h('div', { class: 'strips' }, strips.map(stripView)), raw);
  }
  if (xray.format !== undefined) {
    const { clear, esp } = xray.totals;
    const size = h('strong', {}, `${clear} octets in clear, ${esp} with ${xray.format}.`);
    const rest = ` It has no compression. SA ${xray.sa}, ${xray.mode} mode, ${xray.suite}.`;
    const drawn = [bars(strips), h('div', { class: 'strips' }, strips.map(stripView)), fieldTable(xray, isOpen)];
    return h('div', { class: 'xray' }, h('p', { class: 'summary' }, size, rest), drawn, raw);
  }
  return h(
    'div',
    { class: 'xray' },
    h('p', { class: 'summary' }, summary(xray)),
    bars(strips),
    legend(),
    h('div', { class: 'strips' }, strips.map(stripView)),
    h(
      'p',
      { class: 'hint' },
      'Hatched: removed from the packet. Dotted: encrypted. Point at a field to see it everywhere.',
    ),
    fieldTable(xray, isOpen),
    raw,
  );
}
