// The content of HCP_PROPOSAL and EHC_SUPPORTED as lines of text. It reads what comes, also what an endpoint refuses.
// [draft-ietf-ipsecme-ikev2-diet-esp-extension-04, -00]

import { u16 } from '../../core/base/bytes.ts';

const FIXED = 0x8000;
/** Type of a range of HCP_PROPOSAL, without the format bit; its octets. */
const RANGE = 0x7fff;
const RANGE_SIZE = 12;
/** Lines of a notify: the others are counted. */
const LINES_MAX = 100;

const NAMES = ['dscp_cda', 'ecn_cda', 'flow_label_cda', 'alignment', 'esp_spi_lsb', 'esp_sn_lsb', 'esp_trailer'];
const FLOW = ['not compressed', 'lower', 'generated', 'zero'];
const ALIGNMENT = ['8 bits', '16 bits', '32 bits', '64 bits'];
/** What values mean; none: they are numbers. */
const MEANINGS = [
  ['not compressed', 'lower', 'sa'],
  ['not compressed', 'lower'],
  FLOW,
  ALIGNMENT,
  [],
  [],
  ['Mandatory', 'Optional'],
];
const MASK_NAMES = ['ehc_context_id', 'alignment', 'esp_spi_lsb', 'esp_sn_lsb', 'flow_label_cda'];
const OCTETS = ['32', '24', '16', '8', '0'];
/** What each bit of a mask stands for, from the lowest on. */
const MASKS = [[], ['32 bits', '8 bits'], OCTETS, OCTETS, ['lower', 'not compressed']];

function valueText(type: number, value: number): string {
  const meanings = type < MEANINGS.length ? MEANINGS[type] : [];
  return value < meanings.length ? value + ' (' + meanings[value] + ')' : String(value);
}

function attributeName(type: number): string {
  return type < NAMES.length ? NAMES[type] : 'attribute ' + type;
}

function hcpAttributes(data: Uint8Array, from: number, end: number, lines: string[]): void {
  let at = from;
  while (at < end) {
    const kind = end - at < 4 ? 0 : u16(data, at);
    const isRange = (kind | FIXED) === (RANGE | FIXED);
    if (end - at < (isRange ? RANGE_SIZE : 4) || kind < RANGE) {
      lines.push('malformed');
      return;
    }
    const low = isRange ? at + 4 : at;
    const type = u16(data, low) & RANGE;
    let text = valueText(type, u16(data, low + 2));
    if (isRange) text += ' to ' + valueText(type, u16(data, at + 10));
    lines.push(attributeName(type) + ': ' + text);
    at += isRange ? RANGE_SIZE : 4;
  }
}

function hcp(data: Uint8Array, lines: string[]): void {
  let at = 0;
  while (at < data.length) {
    const end = data.length - at < 4 ? data.length + 1 : at + 4 + u16(data, at + 2);
    if (end > data.length) {
      lines.push('malformed');
      return;
    }
    const protocol = data[at + 1] === 0 ? 'Diet-ESP' : 'HCP ' + data[at + 1];
    lines.push('proposal ' + data[at] + ', ' + protocol);
    if (data[at + 1] === 0) hcpAttributes(data, at + 4, end, lines);
    at = end;
  }
}

function maskText(type: number, mask: number): string {
  const bits = MASKS[type];
  let text = '';
  for (let bit = 0; bit < 16; bit++) {
    if ((mask & (1 << bit)) === 0) continue;
    text += (text === '' ? '' : ', ') + (bit < bits.length ? bits[bit] : 'bit ' + bit);
  }
  return text === '' ? 'none' : text;
}

function ehcParameters(data: Uint8Array, from: number, end: number, lines: string[]): void {
  for (let at = from; at < end; at += 4) {
    const type = end - at < 4 ? -1 : u16(data, at) - FIXED;
    if (type < 0) {
      lines.push('malformed');
      return;
    }
    const value = u16(data, at + 2);
    if (type === 0) lines.push(MASK_NAMES[0] + ': ' + value + (value === 0 ? ' (Diet-ESP)' : ''));
    else if (type < MASKS.length) lines.push(MASK_NAMES[type] + ': ' + maskText(type, value));
    else lines.push('parameter ' + type + ': ' + value);
  }
}

function ehc(data: Uint8Array, lines: string[]): void {
  // An answer is bare parameters.
  if (data.length > 1 && data[0] >= 0x80) {
    ehcParameters(data, 0, data.length, lines);
    return;
  }
  let at = 0;
  let count = 0;
  while (at < data.length) {
    const end = data.length - at < 2 ? data.length + 1 : at + 2 + u16(data, at);
    if (end > data.length) {
      lines.push('malformed');
      return;
    }
    count++;
    lines.push('proposal ' + count);
    ehcParameters(data, at + 2, end, lines);
    at = end;
  }
}

/** The data of the notify `name` as lines; none where it has no content of ours. */
export function notifyLines(name: string, data: Uint8Array): string[] {
  const lines: string[] = [];
  if (name === 'HCP_PROPOSAL') hcp(data, lines);
  else if (name === 'EHC_SUPPORTED') ehc(data, lines);
  if (lines.length <= LINES_MAX) return lines;
  const few = lines.slice(0, LINES_MAX);
  few.push(lines.length - LINES_MAX + ' more');
  return few;
}
