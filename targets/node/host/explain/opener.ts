// Opens the ESP and EESP packets of a capture: of any number of SAs, of both directions, and of SAs that replaced each other. An endpoint
// must tell its SAs apart by the bits of the SPI on the wire. Here every SA with these bits is tried, and the ICV decides.
//
// Addresses only tell which SA is tried first. ESP does not protect them, and a NAT or an unknown 6LoWPAN context changes them.

import { getBits, power } from '../../../../core/base/bits.ts';
import { equal } from '../../../../core/base/bytes.ts';
import {
  DROP_ICV,
  DROP_LIFETIME,
  DROP_NO_SA,
  DROP_REPLAY,
  DROP_SEQUENCE,
  DROP_SHORT,
  DROP_VERSION,
} from '../../../../core/base/drop.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import { type Attributes, MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import type { CoapRules } from '../../../../core/dietesp/coap-rules.ts';
import { isEespConfig } from '../../../../core/eesp/any.ts';
import { createEespEndpoint } from '../../../../core/eesp/endpoint.ts';
import { PROTO_EESP } from '../../../../core/eesp/format.ts';
import { inboundEesp } from '../../../../core/eesp/inbound.ts';
import { createEespSa, type EespConfig, type EespSa } from '../../../../core/eesp/sa.ts';
import { inboundCoap } from '../../../../core/esp/coap.ts';
import { createEndpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import type { Parts } from '../../../../core/esp/parts.ts';
import { createSa, type Sa, type SaConfig } from '../../../../core/esp/sa.ts';
import type { SaTable } from '../../../../core/esp/sa-table.ts';
import type { Search } from '../../../../core/esp/search.ts';
import { createSubspaceParts } from '../../../../core/esp/subspaces.ts';
import type { Window } from '../../../../core/esp/window.ts';
import { asEesp } from './esp-in-udp.ts';
import { ipOf } from './layers.ts';

/** An SA that was tried for a packet, and why it did not take it (DROP_*). */
export interface Trial {
  index: number;
  code: number;
}

export interface Opener {
  /**
   * Adds an SA. Returns its number, counted from 0; an SA with the SPI, key and addresses of one that is there has the number of
   * that one. Throws as createSa does.
   */
  add(config: SaConfig, coap: CoapRules | undefined): number;
  /**
   * Opens the IP packet packet[0..length), whose protocol is ESP or EESP; what is decrypted is decrypted in place. Writes the restored
   * packet to `out`. Returns its length, or a drop code.
   */
  open(packet: Uint8Array, length: number, out: Uint8Array, now: number): number;
  /** The number of the SA that opened the last packet; -1: none did. */
  last: number;
  /** The sequence number of the last packet that was opened, in halves. */
  hi: number;
  lo: number;
  /** The SAs that were tried for the last packet. */
  trials: Trial[];
  /** Number of SAs. */
  count: number;
}

interface Entry {
  sa: Sa;
  source: Uint8Array;
  destination: Uint8Array;
  index: number;
}

function textOf(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < octets.length; i++) text += `${octets[i]}.`;
  return text;
}

/** What an SA is known by; the same SA may come from the logs of both its ends, or of an end that started again. */
function nameOf(config: SaConfig): string {
  const { attributes: a, key, authKey } = config;
  const addresses = `${textOf(a.tunnelSrc)} ${textOf(a.tunnelDst)} ${textOf(a.tsIpSrcStart)} ${textOf(a.tsIpDstStart)}`;
  return `${a.espSpi} ${textOf(key)} ${textOf(authKey)} ${addresses}`;
}

function same(octets: Uint8Array, packet: Uint8Array, at: number, size: number): boolean {
  return octets.length === size && equal(octets, 0, packet, at, size);
}

/** True where the ICV of the SA did not fit the packet, or could not. */
function isOther(code: number): boolean {
  return (
    code === DROP_ICV ||
    code === DROP_REPLAY ||
    code === DROP_SEQUENCE ||
    code === DROP_SHORT ||
    code === DROP_NO_SA ||
    code === DROP_LIFETIME
  );
}

/** Packets of subspaces are taken as often as the capture has them: lists of windows with gaps are not for Lua. */
function withoutSubspaces(inner: Window): Window {
  return {
    max: inner.max,
    room: inner.room,
    check: (sa, hi, lo) => (sa.subspaces === undefined ? inner.check(sa, hi, lo) : 0),
    update: (sa, hi, lo) => {
      if (sa.subspaces === undefined) inner.update(sa, hi, lo);
    },
  };
}

/** `search`: how lost sequence numbers are looked for. */
export function createOpener(provider: Provider, search: Search): Opener {
  let current: Sa | null = null;
  const table: SaTable = {
    find: () => current,
    conflict: () => null,
    insert: () => {},
    remove: () => {},
    all: () => [],
  };
  const known: Record<string, Entry | undefined> = {};
  // The SAs by the bits of the SPI on the wire, those that opened a packet last in front; by how many bits these are.
  const buckets: Map<number, Entry[]>[] = [];
  for (let bits = 0; bits <= 32; bits++) buckets.push(new Map<number, Entry[]>());
  const parts = createSubspaceParts({ ...FULL_PARTS });
  parts.window = withoutSubspaces(FULL_PARTS.window);
  const quick: Parts = { ...parts, search: null, table: () => table };
  const thorough: Parts = { ...quick, search };
  const endpoint = createEndpoint(thorough, provider);
  const eesp = createEespEndpoint(endpoint);
  // By the SPI, as in `buckets`.
  const eespBuckets = new Map<number, Entry[]>();

  function put(into: Map<number, Entry[]>, value: number, entry: Entry): void {
    const bucket = into.get(value);
    if (bucket === undefined) into.set(value, [entry]);
    else bucket.unshift(entry);
  }

  /** Opens a packet of protocol EESP; what opens nothing is a drop code. */
  function openEesp(packet: Uint8Array, length: number, out: Uint8Array, now: number): number {
    const { size } = ipOf(packet);
    if (length < size + 8) return DROP_SHORT;
    const bucket = eespBuckets.get(getBits(packet, (size + 4) * 8, 32));
    let answer = DROP_NO_SA;
    for (let i = 0; bucket !== undefined && i < bucket.length; i++) {
      const { sa, index } = bucket[i];
      current = sa;
      answer = inboundEesp(eesp, packet, 0, length, out, 0, now);
      if (isOther(answer)) {
        opener.trials.push({ index: index, code: answer });
        continue;
      }
      if (endpoint.sa !== null) opener.last = index;
      opener.hi = (sa as EespSa).last.snHi;
      opener.lo = (sa as EespSa).last.snLo;
      return answer;
    }
    return answer;
  }

  const opener: Opener = {
    last: -1,
    hi: 0,
    lo: 0,
    trials: [],
    count: 0,
    add(config, coap) {
      const name = nameOf(config);
      const there = known[name];
      if (there !== undefined) return there.index;
      const a: Attributes = config.attributes;
      const isEesp = isEespConfig(config);
      const sa = isEesp ? createEespSa(parts, provider, config as EespConfig) : createSa(parts, provider, config);
      sa.coap = coap;
      const tunnel = a.ipsecMode === MODE_TUNNEL;
      const entry: Entry = {
        sa,
        source: tunnel ? a.tunnelSrc : a.tsIpSrcStart,
        destination: tunnel ? a.tunnelDst : a.tsIpDstStart,
        index: opener.count,
      };
      opener.count++;
      known[name] = entry;
      if (isEesp) put(eespBuckets, a.espSpi, entry);
      else put(buckets[a.espSpiLsb], a.espSpi % power(a.espSpiLsb), entry);
      return entry.index;
    },
    open(packet, length, out, now) {
      opener.last = -1;
      opener.trials = [];
      if (length < 20) return DROP_SHORT;
      const { size: esp, proto } = ipOf(packet);
      const isSix = packet[0] >>> 4 === 6;
      if (!isSix && packet[0] >>> 4 !== 4) return DROP_VERSION;
      if (esp < 20 || length < esp) return DROP_SHORT;
      if (proto === PROTO_EESP) return openEesp(packet, length, out, now);
      const size = isSix ? 16 : 4;
      const from = isSix ? 8 : 12;
      let answer = DROP_NO_SA;

      /** Tries the SAs of a kind; true when the packet is done with, `answer` says how. */
      function tried(isLocal: boolean, isThorough: boolean): boolean {
        for (let bits = 32; bits >= 0; bits--) {
          if (esp * 8 + bits > length * 8) continue;
          const bucket = buckets[bits].get(getBits(packet, esp * 8, bits));
          if (bucket === undefined) continue;
          for (let i = 0; i < bucket.length; i++) {
            const entry = bucket[i];
            const fits = same(entry.destination, packet, from + size, size) && same(entry.source, packet, from, size);
            if (fits !== isLocal) continue;
            current = entry.sa;
            endpoint.parts = isThorough ? thorough : quick;
            const code = inboundCoap(endpoint, packet, 0, length, out, 0, now);
            if (isOther(code)) {
              if (!isThorough) opener.trials.push({ index: entry.index, code });
              if (answer !== DROP_REPLAY) answer = code;
              continue;
            }
            answer = code;
            // What is wrong with the packet itself says nothing of the SA.
            if (endpoint.sa === null) return true;
            opener.last = entry.index;
            opener.hi = endpoint.sn.hi;
            opener.lo = endpoint.sn.lo;
            if (i > 0) {
              bucket.splice(i, 1);
              bucket.unshift(entry);
            }
            return true;
          }
        }
        return false;
      }

      // An attempt that fails leaves the octets as they are.
      const other = eespBuckets.size > 0 && length === packet.length ? asEesp(packet) : null;
      if (tried(true, false) || tried(false, false)) return answer;
      if (other !== null) {
        const code = openEesp(other, other.length, out, now);
        if (opener.last >= 0) return code;
        if (answer === DROP_NO_SA) answer = code;
      }
      // A replay needs no search.
      if (answer === DROP_NO_SA || answer === DROP_REPLAY) return answer;
      if (!tried(true, true)) tried(false, true);
      return answer;
    },
  };
  return opener;
}
