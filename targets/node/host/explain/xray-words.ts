// What becomes of a field, in a word for its colour and in a sentence.

import type { Attributes } from '../../../../core/dietesp/attributes.ts';
import { clearTextAlignment } from '../../../../core/dietesp/rules.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import type { Kind, Stage, XrayField } from '../../../web/xray/model.ts';
import type { FieldLine, Part } from './lines.ts';

export function kindOf({ cda, bits }: Pick<FieldLine, 'cda' | 'bits'>): Kind {
  if (cda === 'not-sent' || (cda === 'LSB' && bits === 0)) return 'known';
  if (cda.startsWith('compute')) return 'computed';
  return cda === 'value-sent' || cda === '' ? 'sent' : 'part';
}

function computedText({ field, cda }: FieldLine): string {
  if (cda === 'compute (lower)') return 'Not sent. The receiver takes it from the outer header.';
  if (cda === 'compute (generated)') return 'Not sent. The receiver makes one of its own.';
  const from = /checksum/i.test(field)
    ? 'from the restored packet, after the ICV has proved it'
    : 'from the length that came';
  return `Not sent. The receiver computes it again ${from}.`;
}

/** The sentence about a field of the inner packet. */
export function whyOf(line: FieldLine): string {
  if (line.header === 'SCHC') return 'Says which rule it is; it is sent only where the SA asks for it.';
  if (kindOf(line) === 'known') return 'Not sent. Both sides know it from the SA.';
  if (line.cda.startsWith('compute')) return computedText(line);
  if (line.cda === 'value-sent') return 'Sent as it is: no rule knows it.';
  if (line.cda === 'LSB') return `The low ${line.bits} bits are sent. Both sides know the others from the SA.`;
  if (line.bits === 0) return 'Not sent. The list of the SA has one value.';
  return 'Its place in a list is sent. Both sides have the list.';
}

const few = (bits: number, all: number): Kind => (bits === 0 ? 'known' : bits < all ? 'part' : 'added');

/** The fields that ESP adds, with what Diet-ESP leaves of them. */
export function partFields(parts: Part[], a: Attributes, suite: Suite): XrayField[] {
  const of = (name: string): Part =>
    parts.find(({ field, part }) => field === name && !/(outer|IP) header/.test(part))!;
  const row = (name: string, bits: number, kind: Kind, stage: Stage, rule: Partial<XrayField>): XrayField => ({
    header: 'ESP',
    name,
    value: of(name).value,
    bits,
    tv: '',
    mo: '',
    cda: '',
    sent: '',
    sentBits: of(name).octets * 8,
    stage,
    kind,
    why: '',
    clause: of(name).clause,
    ...rule,
  });
  const spi = `0x${a.espSpi.toString(16).padStart(8, '0')}`;
  const next = of('Next Header').octets * 8;
  const lsb = (bits: number): Partial<XrayField> => ({ mo: `MSB(${32 - bits})`, cda: 'LSB', sentBits: bits });
  const known = 'from the SA that it belongs to';
  const padLength = of('Pad Length').octets * 8;
  const alignment = clearTextAlignment(a, suite.blockSize);
  const padding =
    padLength === 0
      ? 'Not sent: the clear text may end at any octet.'
      : `Sent: the clear text is a multiple of ${alignment} octets.`;
  return [
    row('SPI', 32, few(a.espSpiLsb, 32), 'EEC', {
      ...lsb(a.espSpiLsb),
      tv: spi,
      value: spi,
      why:
        a.espSpiLsb === 0
          ? 'Not sent. The receiver finds the SA by the addresses alone.'
          : `The low ${a.espSpiLsb} bits are sent: enough for the receiver to find the SA. The ICV covers all 32.`,
    }),
    row('Sequence Number', 32, few(a.espSnLsb, 32), 'EEC', {
      ...lsb(a.espSnLsb),
      value: '',
      why: `The low ${a.espSnLsb} bits are sent. The receiver recovers the others from the last number; the ICV covers all.`,
    }),
    row('IV', suite.ivLength * 8, 'added', 'encryption', {
      why:
        suite.ivLength === 0
          ? 'Not sent. It is made from the sequence number.'
          : 'Sent: this suite has an IV in each packet.',
    }),
    row('Padding', 0, 'added', 'CTEC', { why: padding, value: '' }),
    row('Pad Length', 8, padLength === 0 ? 'known' : 'added', 'CTEC', { why: padding, value: '' }),
    row('Next Header', 8, next === 0 ? 'known' : 'added', 'CTEC', {
      value: '',
      cda: next === 0 ? 'not-sent' : 'value-sent',
      mo: next === 0 ? 'equal' : 'ignore',
      why: next === 0 ? `Not sent. The receiver knows it ${known}.` : 'Sent: the SA does not say which it is.',
    }),
    row('ICV', suite.icvLength * 8, 'icv', 'encryption', {
      why: 'Sent whole. It proves the packet, with the whole SPI and sequence number.',
    }),
  ];
}
