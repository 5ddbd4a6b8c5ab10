// Explains packets under the SAs of a file: one to be sent under the first that takes it, one with ESP under its own. The core
// makes the ESP octets, or restores the packet.

import { dropName } from '../../../../core/base/drop-name.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { isEespConfig } from '../../../../core/eesp/any.ts';
import type { EespConfig } from '../../../../core/eesp/sa.ts';
import { outboundCoap } from '../../../../core/esp/coap.ts';
import { createEndpoint, type Endpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { createSa, type Sa } from '../../../../core/esp/sa.ts';
import type { Xray } from '../../../web/xray/model.ts';
import { isOtherFormat, type LoadedSa } from '../../host/config/sa.ts';
import { CommandError } from '../../host/errors.ts';
import type { CoapEnds } from '../../host/explain/coap.ts';
import { asEesp, espOf } from '../../host/explain/esp-in-udp.ts';
import { type Explained, type Explanation, explanationOf } from '../../host/explain/explanation.ts';
import { type OtherSa, otherXray } from '../../host/explain/other-formats.ts';
import { type CaptureOpener, captureOpener } from '../convert/opener.ts';
import type { NumberedPacket } from './packet.ts';

/** Octets by which ESP makes a packet larger, at most; and the largest packet. */
const ROOM = 512;
const PACKET_MAX = 65536;

/** A packet in clear and on the wire, and what its explanation needs of its SA. */
export interface Taken {
  sa: Explained;
  /** Of EESP, or with subspaces; null: neither. */
  other: OtherSa | null;
  inner: Uint8Array;
  wire: Uint8Array;
}

/** Takes packets in their order: sequence numbers go on from one to the next. */
export interface Taker {
  /**
   * The first SA that takes a packet: an IP packet to be sent, or an ESP packet, also in UDP, of one of these SAs. Throws a
   * CommandError with the reason of each SA when none does.
   */
  take(packet: Uint8Array): Taken;
}

/** One SA, as sender. */
interface Side {
  endpoint: Endpoint;
  sa: Sa;
}

/** `coap`: rules for CoAP that both ends have. */
export function createTaker(loaded: LoadedSa[], provider: Provider, coap?: CoapEnds): Taker {
  const sides = new Map<LoadedSa, Side>();
  const out = new Uint8Array(PACKET_MAX);
  let opener: CaptureOpener | null = null;

  function sideOf(entry: LoadedSa): Side {
    const known = sides.get(entry);
    if (known !== undefined) return known;
    const endpoint = createEndpoint(FULL_PARTS, provider);
    const sa = createSa(FULL_PARTS, provider, entry.config);
    sa.coap = coap?.sender;
    const side = { endpoint, sa };
    sides.set(entry, side);
    return side;
  }

  function explained({ name, config: { attributes, suite } }: LoadedSa): Explained {
    return { name, attributes, suite, ...(coap === undefined ? {} : { coap }) };
  }

  function otherOf(entry: LoadedSa): OtherSa | null {
    if (!isOtherFormat(entry)) return null;
    const { name, config } = entry;
    const eesp = isEespConfig(config) ? { hasSn: (config as EespConfig).eesp.hasSn } : null;
    return { name, suite: config.suite, isTunnel: config.attributes.ipsecMode === MODE_TUNNEL, eesp };
  }

  function protect(packet: Uint8Array): Taken {
    const reasons: string[] = [];
    const protectedOut = new Uint8Array(packet.length + ROOM);
    // What is to be sent takes Diet-ESP, or plain ESP.
    for (const entry of loaded.filter((one) => !isOtherFormat(one))) {
      try {
        const { endpoint, sa } = sideOf(entry);
        const length = outboundCoap(endpoint, sa, packet, 0, packet.length, protectedOut, 0, 0);
        if (length >= 0)
          return { sa: explained(entry), other: null, inner: packet, wire: protectedOut.slice(0, length) };
        reasons.push(`${entry.name}: ${dropName(length)}`);
      } catch (error) {
        throw entry.locate(error);
      }
    }
    throw new CommandError(`no SA takes this packet: ${reasons.join('; ')}`);
  }

  /** The packet in `wire`, or why there is none. */
  function restore(wire: Uint8Array): Taken | string {
    opener ??= captureOpener(
      provider,
      loaded,
      loaded.map(() => coap?.receiver),
    );
    // It is decrypted in place.
    const length = opener.open(wire.slice(), wire.length, out);
    const entry = opener.entry();
    if (length >= 0 && entry !== null) {
      const seen = isEespConfig(entry.config) ? (asEesp(wire) ?? wire) : wire;
      return { sa: explained(entry), other: otherOf(entry), inner: out.slice(0, length), wire: seen };
    }
    const tried = opener.reasons().map(({ name, code }) => `${name}: ${dropName(code)}`);
    const own = entry === null ? dropName(length) : `${entry.name}: ${dropName(length)}`;
    return tried.join('; ') || own;
  }

  return {
    take(packet) {
      const version = packet.length === 0 ? 0 : packet[0] >>> 4;
      if ((version !== 4 && version !== 6) || packet.length < (version === 4 ? 20 : 40)) {
        throw new CommandError('not an IP packet');
      }
      const wire = espOf(packet);
      const restored = wire === null ? '' : restore(wire);
      if (typeof restored !== 'string') return restored;
      // What goes to port 4500 is not always ESP.
      if (wire !== packet) return protect(packet);
      throw new CommandError(`no SA takes this packet: ${restored}`);
    },
  };
}

/**
 * Takes one packet as `Taker.take` does, and throws as it does. `before`: those in front of it, which move the sequence numbers on where
 * they have ESP.
 */
function takenOf(
  loaded: LoadedSa[],
  packet: Uint8Array,
  provider: Provider,
  coap: CoapEnds | undefined,
  before: Iterable<NumberedPacket>,
): Taken {
  const taker = createTaker(loaded, provider, coap);
  for (const { octets } of before) {
    if (octets === null || espOf(octets) === null) continue;
    try {
      taker.take(octets);
    } catch {
      // It is not the one that was asked for.
    }
  }
  return taker.take(packet);
}

/** Explains one packet under the first SA that takes it. */
export function explainPacket(
  loaded: LoadedSa[],
  packet: Uint8Array,
  provider: Provider,
  coap?: CoapEnds,
  before: Iterable<NumberedPacket> = [],
): Explanation {
  const { sa, inner, wire } = takenOf(loaded, packet, provider, coap, before);
  return explanationOf(sa, inner, wire);
}

/** The same; of EESP and of subspaces, which compress nothing, the X-ray. */
export function explainAny(
  loaded: LoadedSa[],
  packet: Uint8Array,
  provider: Provider,
  coap?: CoapEnds,
  before: Iterable<NumberedPacket> = [],
): Explanation | Xray {
  const { sa, other, inner, wire } = takenOf(loaded, packet, provider, coap, before);
  return other === null ? explanationOf(sa, inner, wire) : otherXray(other, inner, wire);
}
