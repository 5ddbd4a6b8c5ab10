// In the place of a specialised device's application: it tells the program what happens.

declare const host: {
  event(name: string, value: number): void;
  payload(octets: Uint8Array, flow: number): void;
};

export function onConnecting(_now: number): void {
  host.event('connecting', 0);
}

export function onEstablished(messages: number, _octets: number, _ms: number, _resumed: boolean, _now: number): void {
  host.event('established', messages);
}

export function onEnded(outcome: number, _retryAt: number, _now: number): void {
  host.event('ended', outcome);
}

export function onReplaced(_now: number): void {
  host.event('replaced', 0);
}

export function onInstalled(spiIn: number, _now: number): void {
  host.event('installed', spiIn);
}

export function onRemoved(spiIn: number, _now: number): void {
  host.event('removed', spiIn);
}

export function onChildFailed(outcome: number, _now: number): void {
  host.event('child-failed', outcome);
}

export function onPayload(buffer: Uint8Array, offset: number, length: number, flow: number, _now: number): number {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = buffer[offset + i];
  host.payload(octets, flow);
  return 0;
}

export function onReserve(_out: number, _in: number): void {}
