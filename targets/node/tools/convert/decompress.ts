// The conversion of `decompress`: frames and packets with Diet-ESP to the IP packets that they carry.

import { DROP_UNSUPPORTED } from '../../../../core/base/drop.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import type { Provider } from '../../../../core/crypto/provider.ts';
import type { LoadedSa } from '../../host/config/sa.ts';
import { espOf } from '../../host/explain/esp-in-udp.ts';
import { PHY_OCTETS } from '../../host/radio/air-time.ts';
import type { FcsForm } from '../../host/radio/captured-frame.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';
import { type CoapPlan, coapFor, countDrop, createTotals, PACKET_MAX, type Totals } from './convert.ts';
import { createPacketFinder } from './found.ts';
import type { LinkPlan, PacketSink } from './frames.ts';
import { captureOpener } from './opener.ts';

/** Frames -> IP packets. */
export interface Decompressor {
  /** A frame of link type 195, 215, 230 or 283, or an IP packet with ESP, also in UDP. */
  frame(record: CaptureRecord, sink: PacketSink): void;
  /** Adds the drops of the lower layers; after the last frame. */
  end(): void;
  totals: Totals;
}

export function createDecompressor(
  loaded: LoadedSa[],
  provider: Provider,
  plan: LinkPlan,
  fcsForm: FcsForm = 'crc',
  coap?: CoapPlan,
): Decompressor {
  const totals = createTotals();
  const opener = captureOpener(provider, loaded, coapFor(loaded, coap, true));
  const finder = createPacketFinder(plan, fcsForm);
  const restored = new Uint8Array(PACKET_MAX);
  return {
    totals,
    frame(record, sink) {
      const now = record.time * 1000;
      totals.framesIn++;
      const reason = finder.take(record, (buffer, offset, length) => {
        totals.packetsIn++;
        const esp = espOf(buffer.slice(offset, offset + length));
        const result = esp === null ? DROP_UNSUPPORTED : opener.open(esp, esp.length, restored, now);
        if (result < 0) return countDrop(totals, dropName(result));
        totals.packetsOut++;
        totals.clearOctets += result;
        sink(restored, 0, result);
      });
      if (finder.frameSize > 0) totals.airOctets += finder.frameSize + PHY_OCTETS;
      if (reason !== '') countDrop(totals, reason);
    },
    end: () => finder.end((reason, count) => countDrop(totals, reason, count)),
  };
}
