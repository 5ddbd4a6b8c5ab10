// What IKE of a specialised device calls, in a test's hands: link, ESP, application.

import { D } from '../../targets/special/data.ts';
import type { Profile } from '../../targets/special/profile.ts';

declare const P: Profile;

interface IkeHost {
  transmit(octets: Uint8Array): void;
  newSpi(): number;
  addPair(spiOut: number, spiIn: number, keys: Uint8Array, outAt: number, inAt: number, isFirst: boolean): void;
  retirePair(spiIn: number): void;
  removePair(spiIn: number): void;
  event(name: string, values: number[], now: number): void;
}

declare const host: IkeHost;

export let espReceived = 0;

/** A packet came. */
export function countReceived(): void {
  espReceived++;
}

export function sendDatagram(buffer: Uint8Array, start: number, length: number, _now: number): void {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = buffer[start + i];
  host.transmit(octets);
}

export function linkHasIke(): boolean {
  return false;
}

export function newSpi(): number {
  return host.newSpi();
}

export function addPair(
  spiOut: number,
  spiIn: number,
  keys: Uint8Array,
  outAt: number,
  inAt: number,
  isFirst: boolean,
): void {
  host.addPair(spiOut, spiIn, keys, outAt, inAt, isFirst);
}

export function retirePair(spiIn: number): void {
  host.retirePair(spiIn);
}

export function removePair(spiIn: number): void {
  host.removePair(spiIn);
}

export function isAgeing(_spiIn: number): boolean {
  return false;
}

export function isSuspect(_spiIn: number, _now: number): boolean {
  return false;
}

export function setInner(octets: Uint8Array, at: number): void {
  for (let i = 0; i < P.addressSize; i++) D[P.atOwn + i] = octets[at + i];
}

export function onConnecting(now: number): void {
  host.event('connecting', [], now);
}

export function onEstablished(messages: number, octets: number, ms: number, resumed: boolean, now: number): void {
  host.event('established', [messages, octets, ms, resumed ? 1 : 0], now);
}

export function onEnded(outcome: number, retryAt: number, now: number): void {
  host.event('ended', [outcome, retryAt], now);
}

export function onReplaced(now: number): void {
  host.event('replaced', [], now);
}

export function onInstalled(spiIn: number, now: number): void {
  host.event('installed', [spiIn], now);
}

export function onRemoved(spiIn: number, now: number): void {
  host.event('removed', [spiIn], now);
}

export function onChildFailed(outcome: number, now: number): void {
  host.event('childFailed', [outcome], now);
}
