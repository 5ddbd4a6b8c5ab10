// Which of several outbound SAs takes a packet, where they may have the same selectors: by DSCP class
// [draft-mglt-ipsecme-dscp-np, for RFC 4301 §4.4.2.1], by resource [RFC 9611]. For hosts with room; others use `choose`.

import { DROP_SELECTOR } from '../base/drop.ts';
import { select } from '../dietesp/iipc.ts';
import { isListed } from '../schc/program.ts';
import { isExpired, type Sa } from './sa.ts';

/** An SA, and for which packets of its selectors it is. */
export interface Lane {
  /** The SA. */
  sa: Sa;
  /** Bit n is set: DSCP n is of its class, for 0..31, and for 32..63 in `high`. Both 0: it is for every packet. */
  low: number;
  /** Bits of DSCP 32..63. */
  high: number;
  /** Values of its class; 0: it is for every packet. */
  values: number;
  /** Its class is a selector (TS_DSCP): no other packet goes in or out. */
  strict: boolean;
  /** Its place among SAs with the same selectors and class, between which flows are spread, 1 and up; 0: it has none. */
  resource: number;
}

/** How near a packet is to a lane: the number of its values, then these; behind all that fit those that drop the packet. */
const NEAR_DEFAULT = 100;
const NEAR_OTHER = 101;
const NEAR_UNFIT = 1000;
/** Below 2^24: its square is exact. */
const PRIME = 16777213;

/** A lane for every packet; `setClass` gives it one. */
export function createLane(sa: Sa): Lane {
  return { sa: sa, low: 0, high: 0, values: 0, strict: false, resource: 0 };
}

/** Makes list[from..] the class of a lane: DSCP values 0..63. */
export function setClass(lane: Lane, list: Uint8Array, from: number): void {
  lane.low = 0;
  lane.high = 0;
  lane.values = 0;
  for (let i = from; i < list.length; i++) {
    if (list[i] > 63 || hasValue(lane, list[i])) continue;
    if (list[i] < 32) lane.low |= 1 << list[i];
    else lane.high |= 1 << (list[i] - 32);
    lane.values++;
  }
}

function hasValue(lane: Lane, dscp: number): boolean {
  return (((dscp < 32 ? lane.low : lane.high) >>> (dscp & 31)) & 1) === 1;
}

/** DSCP of the IP header at `offset` [RFC 2474 §3]. */
function dscpAt(buffer: Uint8Array, offset: number): number {
  return buffer[offset] >>> 4 === 6
    ? ((buffer[offset] & 15) << 2) | (buffer[offset + 1] >>> 6)
    : buffer[offset + 1] >>> 2;
}

/** True when the inner packet at `offset` may come in under this lane's SA. Statements are not checked, TS_DSCP is. */
export function admits(lane: Lane, buffer: Uint8Array, offset: number): boolean {
  return !lane.strict || hasValue(lane, dscpAt(buffer, offset));
}

/** Stirs `value` into a number below PRIME; products stay exact in doubles. */
function mix(hash: number, value: number): number {
  const x = (hash * 257 + value + 1) % PRIME;
  return (x * x + 7) % PRIME;
}

/** A number from what the packets of a flow have in common: addresses, protocol, ports where there are some. */
function flowOf(lane: Lane, buffer: Uint8Array, offset: number, end: number): number {
  const network = lane.sa.form.shape.network;
  const protocol = buffer[offset + network.protocol];
  let hash = protocol;
  const from = offset + network.src;
  for (let i = 0; i < 2 * network.addressSize; i++) hash = mix(hash, buffer[from + i]);
  const ports = offset + network.headerSize(buffer, offset);
  // TCP, UDP, DCCP, SCTP, UDP-Lite; a fragment may have none.
  const hasPorts = protocol === 6 || protocol === 17 || protocol === 33 || protocol === 132 || protocol === 136;
  if (!hasPorts || ports + 4 > end || network.fragment(buffer, offset) !== 0) return hash;
  for (let i = 0; i < 4; i++) hash = mix(hash, buffer[ports + i]);
  return hash;
}

/** Of two lanes of resources, the one that a flow falls to: it stays there when others come and go. */
function prefers(flow: number, a: Lane, b: Lane): boolean {
  return mix(mix(flow, a.resource), 0) > mix(mix(flow, b.resource), 0);
}

/**
 * The lane of `list` for the IP packet buffer[offset..offset+length), or null. Of those whose selectors match it is the one
 * with the packet's DSCP in the smallest class; else one for every packet; else any: nothing is dropped because of its class
 * [RFC 4301 §4.4.2.1 as changed]. Equal ones: the first, or the one of its resource. One that has ended or does not fit the
 * packet is taken only if no other is left, as by `choose`; `outbound` then says why. Nothing is allocated.
 */
export function laneFor(
  list: readonly Lane[],
  buffer: Uint8Array,
  offset: number,
  length: number,
  now: number,
): Lane | null {
  const end = offset + length;
  let best: Lane | null = null;
  let least = 0;
  let flow = 0;
  let isFlowKnown = false;
  for (let i = 0; i < list.length; i++) {
    const lane = list[i];
    const sa = lane.sa;
    if (sa.ended !== 0 || sa.form.shape.network.verify(buffer, offset, end, offset) < 0) continue;
    const code = select(sa, buffer, offset, end);
    if (code === DROP_SELECTOR) continue;
    const isOfClass = lane.values > 0 && hasValue(lane, dscpAt(buffer, offset));
    if (lane.strict && !isOfClass) continue;
    let near = isOfClass ? lane.values : lane.values === 0 ? NEAR_DEFAULT : NEAR_OTHER;
    // Selectors do not tell of a DSCP that the rule has no index for.
    const fits = code === 0 && isListed(sa.form.shape.networkProgram, sa, buffer, offset);
    if (!fits || isExpired(sa, now) || sa.form.counter.last(sa.snHi, sa.snLo)) near += NEAR_UNFIT;
    if (best !== null && near === least && lane.resource !== best.resource && best.resource > 0) {
      if (!isFlowKnown) flow = flowOf(lane, buffer, offset, end);
      isFlowKnown = true;
      if (prefers(flow, lane, best)) best = lane;
    } else if (best === null || near < least) {
      best = lane;
      least = near;
    }
  }
  return best;
}
