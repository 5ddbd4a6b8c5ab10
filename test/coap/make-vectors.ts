// Writes test/vectors/coap-profile.json: `node --import tsx test/coap/make-vectors.ts`. Everything in it is made by naive.ts.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Direction, esp, nameOf, nextNumber, pack } from './naive.ts';

export const FILE = fileURLToPath(new URL('../vectors/coap-profile.json', import.meta.url));

export interface Vector {
  name: string;
  paths: string[];
  direction: Direction;
  /** The UDP payload, and what stands for it in the ESP packet. */
  payload: string;
  packed: string;
  implied: boolean;
  /** The last sequence number, that of the packet, SPI, bits of both on the wire, and the ESP packet. */
  last: number;
  number: number;
  spi: number;
  spiLsb: number;
  snLsb: number;
  packet: string;
}

export interface VectorFile {
  what: string;
  key: string;
  salt: string;
  sets: { paths: string[]; name: string }[];
  vectors: Vector[];
}

const KEY = '000102030405060708090a0b0c0d0e0f';
const SALT = 'a0a1a2';

const CASES: [name: string, paths: string, direction: Direction, payload: string][] = [
  ['reading of 18 octets', 'a', 'up', '4102000101b161ff7b2274223a32312e357d'],
  ['the same with another message ID and token', 'a', 'up', '4102fffe80b161ff7b2274223a32312e357d'],
  ['its answer', 'a', 'down', '6144000101'],
  ['reading without payload', 'a', 'up', '4102000101b161'],
  ['reading on a path of two parts', 'sensors/t', 'up', '41020001aab773656e736f72730174ff31'],
  ['answer with a payload', 'a', 'down', '6144000101ff6f6b'],
  ['empty ACK', 'a', 'down', '60001234'],
  ['RST', 'a', 'up', '70001234'],
  ['ping', 'a', 'up', '40001234'],
  ['answer of the other direction', 'a', 'up', '6144000101'],
  ['content, 2.05', 'a', 'down', '62450001aabbff32332e34'],
  ['not found, non-confirmable', 'a', 'down', '5184000102'],
  ['non-confirmable reading', 'a', 'up', '5102000101b161ff31'],
  ['reading without token', 'a', 'up', '40020001b161ff31'],
  ['reading with a token of 8 octets', 'a', 'up', '480200010102030405060708b161ff31'],
  ['get of the second path', 'a,b', 'down', '4101000101b162'],
  ['get of an unknown path', 'a', 'down', '4101000101b162'],
  ['an option more', 'a', 'up', '4102000101b16110ff31'],
  ['long option', 'a', 'up', '4102000101bd02616161616161616161616161616161ff31'],
  ['method FETCH', 'a', 'up', '4105000101b161ff31'],
  ['version 2', 'a', 'up', '8102000101b161ff31'],
  ['TKL 9', 'a', 'up', '49020001010203040506070809b161'],
  ['TKL 15', 'a', 'up', '4f020001'],
  ['marker without payload', 'a', 'up', '4102000101b161ff'],
  ['option nibble 15', 'a', 'up', '4102000101f161ff31'],
  ['cut in the token', 'a', 'up', '4202000101'],
  ['empty message with a payload', 'a', 'up', '40001234ff31'],
  ['three octets', 'a', 'up', '410200'],
  ['no payload of UDP', 'a', 'up', ''],
  ['DNS', 'a', 'up', '123401000001000000000000076578616d706c6503636f6d0000010001'],
];

export function vectorFile(): VectorFile {
  const vectors = CASES.flatMap(([name, list, direction, payload], i) => {
    const paths = list.split(',');
    const { implied, octets } = pack(paths, direction, Buffer.from(payload, 'hex'));
    // Both parities of the last number, and few and many bits.
    return [0, 1].map((odd): Vector => {
      const last = [0, 254, 65534, 4294967292][i % 4] + odd;
      const number = nextNumber(last, implied);
      const spi = 0x1000 + i;
      const [spiLsb, snLsb] = i % 2 === 0 ? [0, 8] : [8, 8];
      const packet = esp(Buffer.from(KEY, 'hex'), Buffer.from(SALT, 'hex'), spi, spiLsb, snLsb, number, octets);
      return {
        name: `${name}, after ${last}`,
        paths,
        direction,
        payload,
        packed: octets.toString('hex'),
        implied,
        last,
        number,
        spi,
        spiLsb,
        snLsb,
        packet: packet.toString('hex'),
      };
    });
  });
  const sets = [['a'], ['a', 'b'], ['sensors/t'], ['reading']].map((paths) => ({ paths, name: nameOf(paths) }));
  return {
    what: 'UDP payloads of SAs with rules for CoAP: docs/coap-profile.md. Octets in hexadecimal digits.',
    key: KEY,
    salt: SALT,
    sets,
    vectors,
  };
}

export const text = (): string => `${JSON.stringify(vectorFile(), null, 2)}\n`;

export const stored = (): VectorFile => JSON.parse(readFileSync(FILE, 'utf8')) as VectorFile;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, text());
