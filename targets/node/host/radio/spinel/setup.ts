// Sets a radio co-processor up: what it is, whether it can be used, and what it is to do.

import {
  CAP_CONFIG_RADIO,
  CAP_MAC_RAW,
  CAP_RCP_API_VERSION,
  CAP_RCP_MIN_HOST_API_VERSION,
  PROMISCUOUS_FULL,
  PROMISCUOUS_OFF,
  PROP_CAPS,
  PROP_HWADDR,
  PROP_INTERFACE_TYPE,
  PROP_MAC_LADDR,
  PROP_MAC_PANID,
  PROP_MAC_PROMISCUOUS_MODE,
  PROP_MAC_RAW_STREAM_ENABLED,
  PROP_MAC_SADDR,
  PROP_MAC_SRC_MATCH_ENABLED,
  PROP_MAC_SRC_MATCH_EXTENDED_ADDRESSES,
  PROP_MAC_SRC_MATCH_SHORT_ADDRESSES,
  PROP_NCP_VERSION,
  PROP_PHY_CHAN,
  PROP_PHY_CHAN_SUPPORTED,
  PROP_PHY_ENABLED,
  PROP_PHY_RX_SENSITIVITY,
  PROP_PHY_TX_POWER,
  PROP_PROTOCOL_VERSION,
  PROP_RADIO_CAPS,
  PROP_RCP_API_VERSION,
  PROP_RCP_MIN_HOST_API_VERSION,
  RADIO_ACK_TIMEOUT,
  RADIO_CAPS,
  RADIO_CSMA_BACKOFF,
  RADIO_TRANSMIT_RETRIES,
} from './numbers.ts';
import { createReader, createWriter, type Reader } from './packed.ts';
import { propertyText, type Rcp, StatusError } from './rcp.ts';

/** Major version of the protocol. */
const PROTOCOL = 4;
/** Versions of the interface between hosts and co-processors: the one that this host speaks, and the oldest that it takes. */
export const API_VERSION = 11;
export const API_OLDEST = 4;
/** `invalid` of OpenThread: none. */
const NO_SHORT_ADDRESS = 0xfffe;
/** What the MAC leaves to the co-processor. */
const NEEDED = RADIO_ACK_TIMEOUT | RADIO_TRANSMIT_RETRIES | RADIO_CSMA_BACKOFF;

/** It answers, but cannot be used: another try changes nothing. */
export class UnfitError extends Error {}

/** What a co-processor is. */
export interface RcpInfo {
  /** Version of Spinel: `4.3`. */
  protocol: string;
  /** Of the firmware, as it says: `OPENTHREAD/3ae741f95; SIMULATION; ...`. */
  firmware: string;
  /** Version of the interface between host and co-processor; null: it does not say, as old firmware. */
  api: number | null;
  /** The oldest that it takes of hosts; null: it does not say. */
  apiOldest: number | null;
  /** 3: Thread. */
  interfaceType: number;
  /** Its EUI-64, canonical order. */
  eui64: Uint8Array;
  /** CAP_*. */
  caps: number[];
  /** Bits of RADIO_CAPS. */
  radioCaps: number;
  /** Channels that it can use. */
  channels: number[];
  /** Of its receiver, dBm; null: it does not say. */
  sensitivity: number | null;
  /** Power of its transmitter, dBm; null: it does not say. */
  txPower: number | null;
}

/** What it is to do. */
export interface RcpSettings {
  /** Channel, 11..26. */
  channel: number;
  /** PAN identifier whose frames it takes, 0..0xfffe. */
  panId: number;
  /** 0xfffe or more: none. */
  shortAddress: number;
  /** Canonical order; null: its own. */
  extendedAddress: Uint8Array | null;
  /** dBm; undefined: as it is. */
  txPower?: number;
  /** Every frame on the channel is received, and none acknowledged. */
  isPromiscuous: boolean;
}

/** Names of the bits of RADIO_CAPS. */
export function radioCapsText(caps: number): string[] {
  return RADIO_CAPS.filter((_, bit) => (caps & (1 << bit)) !== 0);
}

/** The line that names what was found. */
export function infoText({ firmware, protocol, api, eui64 }: RcpInfo): string {
  return `${firmware}, Spinel ${protocol}, API ${api ?? 'unknown'}, EUI-64 ${Buffer.from(eui64).toString('hex')}`;
}

/** Text of firmware goes into logs: one line, no control characters. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 256);
}

/** The value of a property that not every firmware has; null: it has not. */
async function optional<Value>(rcp: Rcp, property: number, read: (reader: Reader) => Value): Promise<Value | null> {
  try {
    const reader = createReader(await rcp.get(property));
    const value = read(reader);
    return reader.isWhole() ? value : null;
  } catch (error) {
    if (error instanceof StatusError) return null;
    throw error;
  }
}

async function needed<Value>(rcp: Rcp, property: number, read: (reader: Reader) => Value): Promise<Value> {
  const reader = createReader(await rcp.get(property));
  const value = read(reader);
  if (!reader.isWhole()) throw new Error(`${propertyText(property)}: the value is too short`);
  return value;
}

function packedList(reader: Reader): number[] {
  const list: number[] = [];
  while (reader.left() > 0 && reader.isWhole()) list.push(reader.packed());
  return list;
}

/** What it is. Rejects with an UnfitError where this host cannot use it at all. */
export async function askInfo(rcp: Rcp): Promise<RcpInfo> {
  const [major, minor] = await needed(rcp, PROP_PROTOCOL_VERSION, (reader) => [reader.packed(), reader.packed()]);
  if (major !== PROTOCOL) throw new UnfitError(`Spinel ${major}.${minor}: must be ${PROTOCOL}.x`);
  const firmware = plain(await needed(rcp, PROP_NCP_VERSION, (reader) => reader.text()));
  const interfaceType = await needed(rcp, PROP_INTERFACE_TYPE, (reader) => reader.packed());
  const caps = await needed(rcp, PROP_CAPS, packedList);
  if (!caps.includes(CAP_CONFIG_RADIO) || !caps.includes(CAP_MAC_RAW)) {
    throw new UnfitError(`${firmware}: is no radio co-processor (RCP): it needs the firmware ot-rcp, not an NCP's`);
  }
  const api = caps.includes(CAP_RCP_API_VERSION)
    ? await needed(rcp, PROP_RCP_API_VERSION, (reader) => reader.packed())
    : null;
  const apiOldest = caps.includes(CAP_RCP_MIN_HOST_API_VERSION)
    ? await needed(rcp, PROP_RCP_MIN_HOST_API_VERSION, (reader) => reader.packed())
    : null;
  if (api !== null && api < API_OLDEST) {
    throw new UnfitError(`${firmware}: RCP API ${api}: must be ${API_OLDEST} or newer: flash newer firmware`);
  }
  if (apiOldest !== null && apiOldest > API_VERSION) {
    throw new UnfitError(`${firmware}: wants a host of RCP API ${apiOldest} or newer: this one has ${API_VERSION}`);
  }
  return {
    protocol: `${major}.${minor}`,
    firmware,
    api,
    apiOldest,
    interfaceType,
    eui64: (await needed(rcp, PROP_HWADDR, (reader) => reader.eui64())).slice(),
    caps,
    radioCaps: (await optional(rcp, PROP_RADIO_CAPS, (reader) => reader.packed())) ?? 0,
    channels: [...((await optional(rcp, PROP_PHY_CHAN_SUPPORTED, (reader) => reader.rest())) ?? [])],
    sensitivity: await optional(rcp, PROP_PHY_RX_SENSITIVITY, (reader) => reader.signed()),
    txPower: null,
  };
}

/** Refuses a co-processor that cannot do what is wanted. */
export function checkFit(info: RcpInfo, { channel, isPromiscuous }: RcpSettings): void {
  const missing = NEEDED & ~info.radioCaps;
  if (!isPromiscuous && missing !== 0) {
    throw new UnfitError(`${info.firmware}: cannot ${radioCapsText(missing).join(', ')}, which the MAC leaves to it`);
  }
  if (info.channels.length > 0 && !info.channels.includes(channel)) {
    throw new UnfitError(`${info.firmware}: channel ${channel}: must be one of ${info.channels.join(', ')}`);
  }
}

/** Tells it what to do. From then on it receives. */
export async function configure(rcp: Rcp, info: RcpInfo, settings: RcpSettings): Promise<void> {
  const { channel, panId, shortAddress, extendedAddress, txPower, isPromiscuous } = settings;
  const word = (value: number): Uint8Array => createWriter().word(value).octets();
  await rcp.set(PROP_PHY_ENABLED, Uint8Array.of(1));
  await rcp.set(PROP_MAC_PANID, word(panId));
  await rcp.set(PROP_MAC_SADDR, word(Math.min(shortAddress, NO_SHORT_ADDRESS)));
  await rcp.set(PROP_MAC_LADDR, extendedAddress ?? info.eui64);
  await rcp.set(PROP_PHY_CHAN, Uint8Array.of(channel));
  if (txPower !== undefined) await rcp.set(PROP_PHY_TX_POWER, Uint8Array.of(txPower & 0xff));
  info.txPower = await optional(rcp, PROP_PHY_TX_POWER, (reader) => reader.signed());
  // With empty tables nobody is told that frames wait for it: without them some firmware tells everybody.
  try {
    await rcp.set(PROP_MAC_SRC_MATCH_SHORT_ADDRESSES, new Uint8Array(0));
    await rcp.set(PROP_MAC_SRC_MATCH_EXTENDED_ADDRESSES, new Uint8Array(0));
    await rcp.set(PROP_MAC_SRC_MATCH_ENABLED, Uint8Array.of(1));
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
  await rcp.set(PROP_MAC_PROMISCUOUS_MODE, Uint8Array.of(isPromiscuous ? PROMISCUOUS_FULL : PROMISCUOUS_OFF));
  await rcp.set(PROP_MAC_RAW_STREAM_ENABLED, Uint8Array.of(1));
}
