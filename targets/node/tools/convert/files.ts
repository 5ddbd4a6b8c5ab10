// A capture of IP packets to a capture of IEEE 802.15.4 frames with Diet-ESP, and back.

import type { Provider } from '../../../../core/crypto/provider.ts';
import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { type LoadedSa, loadAnySaFile, loadSaFile } from '../../host/config/sa.ts';
import type { Step } from '../../host/progress.ts';
import { LINKTYPE_IEEE802_15_4, LINKTYPE_RAW } from '../../host/radio/pcap.ts';
import { packetsOf, sizeOf, writeCapture } from './capture.ts';
import { type CoapPlan, createCompressor, requireIpv6, type Totals } from './convert.ts';
import { createDecompressor } from './decompress.ts';
import { type LinkOptions, linkPlan } from './frames.ts';

/** Names of the files of a conversion: captures, and the SAs. */
export interface ConvertFiles {
  input: string;
  output: string;
  sa: string;
  /** Rules for CoAP of both ends. */
  coap?: CoapPlan;
}

/** Addresses that the frames carry: the outer ones, in transport mode the packets' own. */
export function outerAddresses(loaded: LoadedSa[]): Uint8Array[] {
  return loaded.flatMap(({ attributes: a }) =>
    a.ipsecMode === MODE_TUNNEL ? [a.tunnelSrc, a.tunnelDst] : [a.tsIpSrcStart, a.tsIpDstStart],
  );
}

function innerAddresses(loaded: LoadedSa[]): Uint8Array[] {
  return loaded.flatMap(({ attributes: a }) => [a.tsIpSrcStart, a.tsIpDstStart]);
}

/**
 * Writes the packets of `input` as frames. `step` is told how many octets of the capture are read. Throws a CommandError
 * that names the file; what no SA takes is counted in the result.
 */
export async function compressFile(
  { input, output, sa, coap }: ConvertFiles,
  link: LinkOptions,
  provider: Provider,
  step: Step,
): Promise<Totals> {
  const loaded = loadSaFile(sa);
  requireIpv6(loaded);
  const plan = linkPlan(link, outerAddresses(loaded));
  const clear = linkPlan({ pan: link.pan }, innerAddresses(loaded));
  const compressor = createCompressor(loaded, provider, plan, clear, coap);
  const size = sizeOf(input);
  const writer = writeCapture(output, LINKTYPE_IEEE802_15_4, input, sa);
  try {
    for (const record of packetsOf(input, compressor.totals.blocks)) {
      compressor.packet(record, (frame, length) => writer.write(record.time * 1000, frame.subarray(0, length)));
      step(record.offset, size, `${compressor.totals.packetsIn} packets`);
    }
  } finally {
    writer.close();
  }
  return compressor.totals;
}

/** Writes the packets that the frames of `input` carry; otherwise as compressFile. */
export async function decompressFile(
  { input, output, sa, coap }: ConvertFiles,
  link: LinkOptions,
  provider: Provider,
  step: Step,
): Promise<Totals> {
  const loaded = loadAnySaFile(sa);
  const plan = linkPlan(link, outerAddresses(loaded));
  const decompressor = createDecompressor(loaded, provider, plan, link.fcs, coap);
  const size = sizeOf(input);
  const writer = writeCapture(output, LINKTYPE_RAW, input, sa);
  try {
    for (const record of packetsOf(input, decompressor.totals.blocks)) {
      decompressor.frame(record, (buffer, offset, length) => {
        writer.write(record.time * 1000, buffer.subarray(offset, offset + length));
      });
      step(record.offset, size, `${decompressor.totals.framesIn} frames`);
    }
    decompressor.end();
  } finally {
    writer.close();
  }
  return decompressor.totals;
}
