// What post-quantum protection costs on an 802.15.4 radio: a hybrid handshake beside the two forms of a PPK, and rekeys.
//   npm run bench ike-quantum

import { NONE } from '../../core/ike/codec/octets.ts';
import type { Transforms } from '../../core/ike/codec/proposals.ts';
import { additionalKeyExchanges, createAdditionalKe, keyExchangeRounds } from '../../core/ike/ext/multiple-ke.ts';
import { createIntermediate } from '../../core/ike/ext/ppk-intermediate.ts';
import { createRounds } from '../../core/ike/setup/rounds.ts';
import type { Ike } from '../../core/ike/state/ike.ts';
import type { IkePolicy, Ppk } from '../../core/ike/state/policy.ts';
import { attachNode } from '../../targets/node/host/full-ike.ts';
import type { Figure } from './ike.ts';
import { type Air, frugal, openScene, sumOf } from './ike-air.ts';

/** Largest IKE message of one IPv6 packet of 1,280 octets. */
const FRAGMENT = 1232;

function withKe(base: Transforms, methods: number[]): Transforms {
  if (methods.length === 0) return base;
  const list = methods.slice(1).map((id, index) => ({ type: 6 + index, id, attributes: NONE }));
  return { ...base, ke: [methods[0] as 31], ...(list.length === 0 ? {} : { extra: createAdditionalKe(list) }) };
}

function ppk(intermediate: boolean): Ppk {
  return { id: Uint8Array.of(2, 0x31), key: new Uint8Array(32).fill(7), mandatory: true, intermediate };
}

/** The least policies that there are, with these methods for the IKE SA and for rekeys of Child SAs. */
function policies(methods: number[], child: number[], key: Ppk | null): [IkePolicy, IkePolicy] {
  const change = (one: IkePolicy): IkePolicy => ({
    ...one,
    ppk: key,
    fragmentSize: FRAGMENT,
    ike: one.ike.map((proposal) => withKe(proposal, methods)),
    child: { ...one.child, esp: one.child.esp.map((proposal) => withKe(proposal, child)) },
  });
  const [own, theirs] = frugal(true);
  return [change(own), change(theirs)];
}

function attach(ike: Ike): void {
  ike.extensions.push(additionalKeyExchanges);
  ike.intermediate = createRounds([keyExchangeRounds, createIntermediate(() => ppk(true).key)]);
  attachNode(ike, 4096);
}

const ROWS: [name: string, methods: number[], key: Ppk | null][] = [
  ['X25519', [31], null],
  ['X25519, PPK of RFC 8784', [31], ppk(false)],
  ['X25519, PPK of RFC 9867', [31], ppk(true)],
  ['X25519 + ML-KEM-512', [31, 35], null],
  ['X25519 + ML-KEM-768', [31, 36], null],
  ['X25519 + ML-KEM-1024', [31, 37], null],
  ['ML-KEM-512 alone', [35], null],
  ['X25519 + ML-KEM-768, PPK of RFC 9867', [31, 36], ppk(true)],
];

// A radio as the MRF24J40 (data sheet: 23 mA while it sends, 19 mA while it receives, 3.3 V): what octets and acknowledgements
// take. Listening in between depends on the MAC, and is not in it.
const SEND_MW = 23 * 3.3;
const RECEIVE_MW = 19 * 3.3;
const OCTET_MS = 0.032;
const ACK_MS = 11 * OCTET_MS;

/** Microjoules that the device's radio takes for a handshake. */
function energyOf({ messages }: Air): number {
  let sent = 0;
  let received = 0;
  for (const { isResponse, air, frames } of messages) {
    const [octets, acks] = [air * OCTET_MS, frames * ACK_MS];
    sent += isResponse ? acks : octets;
    received += isResponse ? octets : acks;
  }
  return Math.round(sent * SEND_MW + received * RECEIVE_MW);
}

function figuresOf(name: string, air: Air): Figure[] {
  return (['octets', 'air', 'frames'] as const).map((field) => ({
    name: `${name}, ${{ octets: 'IKE', air: 'on air', frames: 'data frames' }[field]}`,
    value: sumOf(air, field),
    unit: field === 'frames' ? 'frames' : 'octets',
  }));
}

/** Handshakes and rekeys, counted from the captured frames; no frame is lost. */
export function benchIkeQuantum(): Figure[] {
  return ROWS.flatMap(([name, methods, key]) => {
    const s = openScene(policies(methods, methods, key), attach);
    const air = s.connect(false);
    const handshake = [
      ...figuresOf(`handshake, ${name}`, air),
      { name: `handshake, ${name}, the device's radio`, value: energyOf(air), unit: 'uJ' },
    ];
    if (key !== null) return handshake;
    return [
      ...handshake,
      ...figuresOf(`Child SA rekey with Delete, ${name}`, s.rekeyChild()),
      ...figuresOf(`IKE SA rekey with Delete, ${name}`, s.rekeyIke()),
    ];
  });
}
