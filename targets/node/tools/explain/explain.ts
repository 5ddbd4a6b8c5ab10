// Explains packets under the SAs of a file: each under the first that takes it. The core makes the ESP octets, or restores the
// packet.

import { dropName } from '../../../../core/base/drop-name.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import { inboundCoap, outboundCoap } from '../../../../core/esp/coap.ts';
import { addInbound, createEndpoint, type Endpoint } from '../../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../../core/esp/full-parts.ts';
import { createSa, type Sa } from '../../../../core/esp/sa.ts';
import { PROTO_ESP } from '../../../../core/wire/esp.ts';
import type { LoadedSa } from '../../host/config/sa.ts';
import { CommandError } from '../../host/errors.ts';
import type { CoapEnds } from '../../host/explain/coap.ts';
import { type Explained, type Explanation, explanationOf, ipOf } from '../../host/explain/explanation.ts';

/** Octets by which ESP makes a packet larger, at most; and the largest packet. */
const ROOM = 512;
const PACKET_MAX = 65536;

/** A packet in clear and on the wire, and what its explanation needs of its SA. */
export interface Taken {
  sa: Explained;
  inner: Uint8Array;
  wire: Uint8Array;
}

/** Takes packets in their order: sequence numbers go on from one to the next. */
export interface Taker {
  /**
   * The first SA that takes a packet: an IP packet to be sent, or an ESP packet of one of these SAs. Throws a CommandError with
   * each SA's reason when none does.
   */
  take(packet: Uint8Array): Taken;
}

/** One SA, as sender and as receiver. */
interface Side {
  endpoint: Endpoint;
  sa: Sa;
}

/** `coap`: rules for CoAP that both ends have. */
export function createTaker(loaded: LoadedSa[], provider: Provider, coap?: CoapEnds): Taker {
  const senders = new Map<LoadedSa, Side>();
  const receivers = new Map<LoadedSa, Side>();
  const restored = new Uint8Array(PACKET_MAX);

  function sideOf(entry: LoadedSa, isReceiver: boolean): Side {
    const sides = isReceiver ? receivers : senders;
    const known = sides.get(entry);
    if (known !== undefined) return known;
    const endpoint = createEndpoint(FULL_PARTS, provider);
    const sa = createSa(FULL_PARTS, provider, entry.config);
    sa.coap = isReceiver ? coap?.receiver : coap?.sender;
    if (isReceiver) addInbound(endpoint, sa);
    const side = { endpoint, sa };
    sides.set(entry, side);
    return side;
  }

  function protect(entry: LoadedSa, packet: Uint8Array): Uint8Array | number {
    const { endpoint, sa } = sideOf(entry, false);
    const out = new Uint8Array(packet.length + ROOM);
    const length = outboundCoap(endpoint, sa, packet, 0, packet.length, out, 0, 0);
    return length < 0 ? length : out.slice(0, length);
  }

  function restore(entry: LoadedSa, packet: Uint8Array): Uint8Array | number {
    const { endpoint } = sideOf(entry, true);
    // It is decrypted in place.
    const length = inboundCoap(endpoint, packet.slice(), 0, packet.length, restored, 0, 0);
    return length < 0 ? length : restored.slice(0, length);
  }

  return {
    take(packet) {
      const version = packet.length === 0 ? 0 : packet[0] >>> 4;
      if ((version !== 4 && version !== 6) || packet.length < (version === 4 ? 20 : 40)) {
        throw new CommandError('not an IP packet');
      }
      const reasons: string[] = [];
      const isEsp = ipOf(packet).proto === PROTO_ESP;
      for (const entry of loaded) {
        try {
          const other = isEsp ? restore(entry, packet) : protect(entry, packet);
          if (typeof other === 'number') {
            reasons.push(`${entry.name}: ${dropName(other)}`);
            continue;
          }
          const { attributes, suite } = entry.config;
          const sa: Explained = { name: entry.name, attributes, suite, ...(coap === undefined ? {} : { coap }) };
          return isEsp ? { sa, inner: other, wire: packet } : { sa, inner: packet, wire: other };
        } catch (error) {
          throw entry.locate(error);
        }
      }
      throw new CommandError(`no SA takes this packet: ${reasons.join('; ')}`);
    },
  };
}

/** Explains one packet under the first SA that takes it; throws as `Taker.take` does. */
export function explainPacket(
  loaded: LoadedSa[],
  packet: Uint8Array,
  provider: Provider,
  coap?: CoapEnds,
): Explanation {
  const { sa, inner, wire } = createTaker(loaded, provider, coap).take(packet);
  return explanationOf(sa, inner, wire);
}
