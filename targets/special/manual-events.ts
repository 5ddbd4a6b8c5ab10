// What a device with SAs keyed by hand tells its program (stands in for events.ts): functions of the hooks.

import { espReceive } from './esp-in.ts';
import type { ManualHooks } from './manual-hooks.ts';

declare const upper: ManualHooks;

export function onEsp(buffer: Uint8Array, at: number, end: number, ecn: number, now: number): number {
  return espReceive(buffer, at, end, ecn, now);
}

export function onDatagram(_buffer: Uint8Array, _offset: number, _length: number, _now: number): void {}

export function onPayload(buffer: Uint8Array, offset: number, length: number, flow: number, now: number): number {
  upper.received(buffer, offset, length, flow, now);
  return 0;
}

export function onSent(result: number, now: number): void {
  upper.done(result, now);
}

export function onReserve(out: number, back: number): void {
  upper.reserve(out, back);
}
