// What a device tells its application. Each entry has a module of its own in this one's place.

/** An attempt to connect begins. */
export function onConnecting(_now: number): void {}

/** Connected, with the cost of it: messages, octets above UDP, milliseconds; a ticket was taken. */
export function onEstablished(_messages: number, _octets: number, _ms: number, _resumed: boolean, _now: number): void {}

/** The end of an IKE SA or of an attempt: OUTCOME_* or an error notify; when the next attempt is made, or -1. */
export function onEnded(_outcome: number, _retryAt: number, _now: number): void {}

/** The IKE SA was rekeyed. */
export function onReplaced(_now: number): void {}

/** A Child SA is there; its inbound SPI. */
export function onInstalled(_spiIn: number, _now: number): void {}

/** A Child SA is gone, its keys are wiped. */
export function onRemoved(_spiIn: number, _now: number): void {}

/** A Child SA that was asked for failed: OUTCOME_* or an error notify. */
export function onChildFailed(_outcome: number, _now: number): void {}

/** A UDP payload under an SA: buffer[offset..offset + length), of flow `flow`. Returns 0, or a drop code. */
export function onPayload(_buffer: Uint8Array, _offset: number, _length: number, _flow: number, _now: number): number {
  return 0;
}

/** The end of a packet: 0 when the gateway acknowledged every frame, or a drop code. */
export function onSent(_result: number, _now: number): void {}

/** ESP that came: buffer[at..end), with the ECN of the outer header. Returns 0, or a drop code. */
export function onEsp(_buffer: Uint8Array, _at: number, _end: number, _ecn: number, _now: number): number {
  return 0;
}

/** An IKE message that came. */
export function onDatagram(_buffer: Uint8Array, _offset: number, _length: number, _now: number): void {}

/** Numbers up to these may be used from now on (-1: no change): store them for good. Outbound, inbound. */
export function onReserve(_out: number, _in: number): void {}
