// Makes test/vectors/eesp.json: EESP packets by the naive side alone. `node --import tsx test/eesp/make-vectors.ts`

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packet, type Segment, udp } from '../naive/packets.ts';
import { CIPHERS, type NaiveCipher, naiveEesp, padOption, subKeys } from './naive.ts';

const ROOT = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const SPI = 0x01020304;

export interface Vector {
  name: string;
  suite: string;
  keyOctets: number;
  /** Root key; empty: `keys` are used as they are. */
  root: string;
  keys: string;
  session: number;
  /** The number of the packet; '': none on the wire, and the IV counts. */
  sn: string;
  mode: 'tunnel' | 'transport';
  version: 4 | 6;
  inner: string;
  /** From the EESP header to the ICV. */
  wire: string;
}

function vectorOf(cipher: NaiveCipher, version: 4 | 6, isTunnel: boolean, index: number): Vector[] {
  const ip = version === 6 ? { src: '2001:db8:1::1', dst: '2001:db8:2::2' } : { src: '10.0.0.1', dst: '10.0.0.2' };
  const segment: Segment = udp(40000, 5683, Buffer.from('0123456789abcdef'.slice(0, 5 + (index % 4))));
  const inner = packet(ip, segment);
  const size = cipher.key + cipher.salt;
  const vector = (session: number, sn: bigint, hasRoot: boolean, hasSn: boolean): Vector => {
    const keys = hasRoot ? subKeys(ROOT, session, size) : Buffer.alloc(size, 0x5a);
    const before = 8 + (hasSn ? 8 : 0) + (cipher.iiv ? 0 : 8) + (isTunnel ? 0 : 4);
    const options = padOption(before, version === 6 ? 8 : 4);
    const payload = isTunnel ? inner : inner.subarray(version === 6 ? 40 : 20);
    const next = isTunnel ? {} : { next: 17 };
    const wire = naiveEesp({
      cipher,
      keys,
      session,
      spi: SPI,
      sn: hasSn ? sn : null,
      iv: sn,
      options,
      payload,
      ...next,
    });
    const mode = isTunnel ? 'tunnel' : 'transport';
    const what = hasSn ? `Sub SA ${session}` : 'no sequence number';
    return {
      name: `${cipher.name} ${cipher.key * 8}, ${mode} IPv${version}, ${hasRoot ? what : 'without SSKDF'}`,
      suite: cipher.name,
      keyOctets: cipher.key,
      root: hasRoot ? ROOT.toString('hex') : '',
      keys: hasRoot ? '' : keys.toString('hex'),
      session,
      sn: hasSn ? `0x${sn.toString(16)}` : '',
      mode,
      version,
      inner: inner.toString('hex'),
      wire: wire.toString('hex'),
    };
  };
  const list = [
    vector(3, 0x1_0000_0000n + BigInt(index), true, true),
    vector(0, 1n, true, true),
    vector(0, 1n, false, true),
  ];
  if (!cipher.iiv) list.push(vector(2, 1n, true, false));
  return list;
}

/** The whole file. */
export function makeVectors(): Vector[] {
  return CIPHERS.flatMap((cipher, index) =>
    ([4, 6] as const).flatMap((version) => [true, false].flatMap((tunnel) => vectorOf(cipher, version, tunnel, index))),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL('../vectors/eesp.json', import.meta.url));
  writeFileSync(file, `${JSON.stringify(makeVectors(), null, 2)}\n`);
}
