// Makes test/vectors/mtu.json: payloads of LMAP_AND_PTB_SUPPORTED, LMAP and PTB as
// draft-liu-ipsecme-ikev2-mtu-dect §2 draws them, bit by bit, without code of core/. `npx tsx` this file writes it.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface MtuVector {
  id: string;
  /** Whole payload with its generic header, Next Payload 0. */
  payload: string;
  /** 'supported', 'lmap', 'ptb', 'malformed'. */
  kind: string;
  /** lmap: IP version, FragLen; ptb: LMTU, EMTU_R. */
  values: number[];
}

const bits = (value: number, size: number): string => value.toString(2).padStart(size, '0');

function payload(type: number, spi: string, data: string): string {
  const body = bits(spi === '' ? 0 : 3, 8) + bits(spi.length / 8, 8) + bits(type, 16) + spi + data;
  const whole = bits(0, 8) + bits(0, 8) + bits(4 + body.length / 8, 16) + body;
  return (whole.match(/.{8}/g) ?? []).map((octet) => parseInt(octet, 2).toString(16).padStart(2, '0')).join('');
}

export function mtuVectors(): MtuVector[] {
  const list: MtuVector[] = [{ id: 'supported', payload: payload(50420, '', ''), kind: 'supported', values: [] }];
  for (const [version, length] of [
    [4, 1400],
    [6, 1232],
    [4, 1484],
    [4, 0],
    [6, 65535],
    [4, 68],
  ]) {
    for (const spi of ['', bits(0x01020304, 32)]) {
      for (const reserved of [0, 0xfff]) {
        list.push({
          id: `lmap ${version} ${length}${spi === '' ? '' : ' spi'}${reserved === 0 ? '' : ' reserved'}`,
          payload: payload(50421, spi, bits(version, 4) + bits(reserved, 12) + bits(length, 16)),
          kind: 'lmap',
          values: [version, length],
        });
      }
    }
  }
  for (const [lmtu, emtuR] of [
    [1500, 9000],
    [1280, 1280],
    [0, 0],
    [0xffffffff, 0x80000000],
  ]) {
    for (const spi of ['', bits(0xfffffffe, 32)]) {
      const id = `ptb ${lmtu} ${emtuR}${spi === '' ? '' : ' spi'}`;
      list.push({
        id,
        payload: payload(50422, spi, bits(lmtu, 32) + bits(emtuR, 32)),
        kind: 'ptb',
        values: [lmtu, emtuR],
      });
    }
  }
  for (const version of [0, 5, 15]) {
    list.push({
      id: `version ${version}`,
      payload: payload(50421, '', bits(version, 4) + bits(1400, 28)),
      kind: 'malformed',
      values: [],
    });
  }
  for (const size of [0, 1, 3, 5, 8]) {
    list.push({
      id: `lmap of ${size}`,
      payload: payload(
        50421,
        '',
        bits(4, 4)
          .padEnd(8 * size, '0')
          .slice(0, 8 * size),
      ),
      kind: 'malformed',
      values: [],
    });
  }
  for (const size of [0, 4, 7, 9]) {
    list.push({
      id: `ptb of ${size}`,
      payload: payload(
        50422,
        '',
        bits(5, 8)
          .padEnd(8 * size, '0')
          .slice(0, 8 * size),
      ),
      kind: 'malformed',
      values: [],
    });
  }
  return list;
}

export const mtuText = (): string =>
  `{\n"meta": {"made_by": "test/ike/ext/make-mtu-vectors.ts", "of": "draft-liu-ipsecme-ikev2-mtu-dect, private numbers"},\n"vectors": [\n${mtuVectors()
    .map((vector) => JSON.stringify(vector))
    .join(',\n')}\n]}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../../vectors/mtu.json', import.meta.url)), mtuText());
}
