// The IP packets of a capture: those of IEEE 802.15.4 frames, which several frames may carry, and those of other link types.

import { DROP_COUNT } from '../../../../core/base/drop.ts';
import { dropName } from '../../../../core/base/drop-name.ts';
import { FCS_SIZE, FRAME_MAX, putFcs } from '../../../../core/wire/ieee802154.ts';
import { type FcsForm, frameOf } from '../../host/radio/captured-frame.ts';
import { IEEE802_15_4 } from '../../host/radio/link-type.ts';
import type { CaptureRecord } from '../../host/radio/source.ts';
import { createFrameReceiver, type LinkPlan, type PacketSink } from './frames.ts';
import { findIp } from './packets.ts';

export interface PacketFinder {
  /** Hands the IP packet that ends with this record to `sink`, if there is one. Why the record leads to none, or ''. */
  take(record: CaptureRecord, sink: PacketSink): string;
  /** Octets of the last frame with its FCS; 0: it was none. */
  frameSize: number;
  /** Drops of the lower layers, after the last record. */
  end(drop: (reason: string, count: number) => void): void;
}

export function createPacketFinder(plan: LinkPlan, fcsForm: FcsForm): PacketFinder {
  const receiver = createFrameReceiver(plan);
  const frame = new Uint8Array(FRAME_MAX + FCS_SIZE);
  const finder: PacketFinder = {
    frameSize: 0,
    take(record, sink) {
      finder.frameSize = 0;
      if (!IEEE802_15_4.includes(record.linkType)) {
        const ip = findIp(record);
        if (ip.problem === '') sink(record.data, ip.offset, ip.length);
        return ip.problem.endsWith('is not read') ? frameOf(record, fcsForm).reason : ip.problem;
      }
      const place = frameOf(record, fcsForm);
      if (place.reason !== '') return place.reason;
      const length = place.length + FCS_SIZE;
      if (length > FRAME_MAX) return 'too-long';
      frame.set(record.data.subarray(place.offset, place.offset + place.length));
      // What stood in its place was checked, or cannot be.
      putFcs(frame, 0, place.length);
      finder.frameSize = length;
      const result = receiver.receive(frame, 0, length, record.time * 1000, sink);
      return result < 0 ? dropName(result) : '';
    },
    end(drop) {
      receiver.lowpan.poll(Number.MAX_SAFE_INTEGER);
      for (let code = 1; code < DROP_COUNT; code++) {
        const dropped = receiver.lowpan.counters[code];
        if (dropped > 0) drop(dropName(code), dropped);
      }
    },
  };
  return finder;
}
