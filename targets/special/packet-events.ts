// What ESP tells the program of IP packets (stands in for events.ts).

import type { PacketHooks } from './packet-hooks.ts';

declare const upper: PacketHooks;

/** `flow` is the packet's length here. */
export function onPayload(_buffer: Uint8Array, _offset: number, _length: number, flow: number, _now: number): number {
  return flow;
}

export function onReserve(out: number, back: number): void {
  upper.reserve(out, back);
}
