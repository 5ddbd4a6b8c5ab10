// Hands ESP packets to the test (stands in for targets/special/link.ts).

declare const sent: (buffer: Uint8Array, start: number, length: number) => void;

export function linkIsBusy(): boolean {
  return false;
}

export function linkTake(buffer: Uint8Array, start: number, length: number, _isIke: boolean, _now: number): void {
  sent(buffer, start, length);
}
