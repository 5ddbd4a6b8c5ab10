// In the place of a specialised device's radio link: what goes out goes to the program at once.

declare const host: { transmit(octets: Uint8Array, isIke: boolean): void };

function octetsOf(buffer: Uint8Array, start: number, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = buffer[start + i];
  return octets;
}

export function linkIsBusy(): boolean {
  return false;
}

export function linkHasIke(): boolean {
  return false;
}

export function linkTake(buffer: Uint8Array, start: number, length: number, isIke: boolean, _now: number): void {
  host.transmit(octetsOf(buffer, start, length), isIke);
}

export function sendDatagram(buffer: Uint8Array, start: number, length: number, now: number): void {
  linkTake(buffer, start, length, true, now);
}
