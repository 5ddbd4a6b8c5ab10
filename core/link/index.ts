// `dietesp/link`: IEEE 802.15.4 MAC (CSMA-CA, acknowledgements, repetitions) over a radio that you bring as a `Phy`, and
// 6LoWPAN above it [RFC 4944, RFC 6282].

export * from '../base/index.ts';
export { CONTEXT_STRIDE, createContexts, setContext, setDecompressOnly } from '../wire/sixlowpan.ts';
export type { NextHeaderCompression } from '../wire/sixlowpan-iphc.ts';
export { createUdpCompression } from '../wire/sixlowpan-udp.ts';
export { createReassembly, type Reassembly } from './fragment.ts';
export { createReassemblyTable } from './fragment-table.ts';
export {
  createLowpan,
  LOWPAN_FRAMES,
  LOWPAN_RECEIVED,
  LOWPAN_SENT,
  type Lowpan,
  type LowpanConfig,
  type LowpanUpper,
} from './lowpan.ts';
export {
  ACK_WAIT,
  airTime,
  createMac,
  type Link,
  MAC_ACKS,
  MAC_FRAMES,
  MAC_OCTETS,
  MAC_RECEIVED,
  MAC_RETRIES,
  type Mac,
  type MacConfig,
  type MacUpper,
  macAirTime,
  type Phy,
} from './mac.ts';
