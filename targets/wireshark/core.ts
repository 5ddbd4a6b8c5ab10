// What Wireshark's dissector (dissector.lua) asks of the core: SAs of the key log, packets opened under them, their fields.

import { dropName } from '../../core/base/drop-name.ts';
import { aesCbc } from '../../core/crypto/cbc.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable } from '../../core/crypto/portable.ts';
import { MODE_TUNNEL } from '../../core/dietesp/attributes.ts';
import { isEespConfig } from '../../core/eesp/any.ts';
import { EESP_BASE, EESP_SN_SIZE, PROTO_EESP } from '../../core/eesp/format.ts';
import type { EespConfig } from '../../core/eesp/sa.ts';
import type { SaConfig } from '../../core/esp/sa.ts';
import { createSearch } from '../../core/esp/search.ts';
import { PROTO_ESP } from '../../core/wire/esp.ts';
import { espPacket } from '../node/host/explain/esp-in-udp.ts';
import { fieldLines, layersOf } from '../node/host/explain/layers.ts';
import type { FieldLine } from '../node/host/explain/lines.ts';
import { createOpener } from '../node/host/explain/opener.ts';
import { chacha20Poly1305 } from './chacha.ts';
import { aesGcm } from './gcm.ts';
import { configOf, type SaValues } from './values.ts';

const PACKET_MAX = 65536;
/** Lua takes some milliseconds for one ICV, and anybody can send packets that fail. */
const WRAPS = 16;
const TRIALS = 16;

/** What became of a packet. */
export interface Opened {
  /** '': it was opened; else why not. */
  problem: string;
  /** Number of SAs that were tried. */
  tried: number;
  /** The SA; '' where none opened it. */
  sa: string;
  suite: string;
  mode: string;
  spi: number;
  spiBits: number;
  snBits: number;
  /** `EESP`, `ESP with subspaces`; '': neither. */
  format: string;
  /** Octets in front of the IV. */
  headerSize: number;
  /** Session ID, or Subspace ID; -1: the format has none. */
  session: number;
  /** Sequence number in halves. */
  hi: number;
  lo: number;
  ivLength: number;
  icvLength: number;
  /** Octets of residue and of what it leaves. */
  inner: Uint8Array;
  fields: FieldLine[];
  residue: string;
  padBits: number;
}

export interface Context {
  /** Adds an SA of the key log. '' or what is wrong with it. */
  add: (values: SaValues) => string;
  /** Number of SAs. */
  count: () => number;
  /** Opens the ESP packet `esp` behind an IP header; `now` in milliseconds. */
  open: (header: Uint8Array, esp: Uint8Array, now: number) => Opened;
}

export { notifyLines } from './notifies.ts';

export function octets(length: number): Uint8Array {
  return new Uint8Array(length);
}

export function createContext(): Context {
  const provider = createPortable([aesCcm, aesGcm, chacha20Poly1305, aesCbc, hmacSha256], (buffer, offset, length) => {
    // Dice of the search: nobody attacks it.
    for (let i = 0; i < length; i++) buffer[offset + i] = 17 * i + 5;
  });
  const opener = createOpener(provider, createSearch(WRAPS, TRIALS));
  const names: string[] = [];
  const configs: SaConfig[] = [];
  const out = new Uint8Array(PACKET_MAX);
  return {
    add: (values) => {
      try {
        const config = configOf(values);
        const index = opener.add(config, undefined);
        names[index] = values.name === undefined ? '' : values.name;
        configs[index] = config;
        return '';
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    count: () => opener.count,
    open: (header, esp, now) => {
      const opened: Opened = {
        problem: '',
        tried: 0,
        sa: '',
        suite: '',
        mode: '',
        spi: 0,
        spiBits: 0,
        snBits: 0,
        format: '',
        headerSize: 0,
        session: -1,
        hi: 0,
        lo: 0,
        ivLength: 0,
        icvLength: 0,
        inner: octets(0),
        fields: [],
        residue: '',
        padBits: 0,
      };
      const isSix = header[0] >>> 4 === 6;
      const packet = espPacket(
        header,
        header.length,
        esp,
        0,
        header[isSix ? 6 : 9] === PROTO_EESP ? PROTO_EESP : PROTO_ESP,
      );
      const size = opener.open(packet, packet.length, out, now);
      opened.tried = opener.trials.length;
      if (size < 0) opened.problem = dropName(size);
      if (opener.last < 0) return opened;
      const config = configs[opener.last];
      const { attributes: a, suite } = config;
      opened.sa = names[opener.last];
      opened.suite = suite.name;
      opened.mode = a.ipsecMode === MODE_TUNNEL ? 'tunnel' : 'transport';
      opened.spi = a.espSpi;
      opened.spiBits = a.espSpiLsb;
      opened.snBits = a.espSnLsb;
      opened.headerSize = Math.floor((a.espSpiLsb + a.espSnLsb) / 8);
      opened.hi = opener.hi;
      opened.lo = opener.lo;
      if (suite.subspaces !== undefined) {
        opened.format = 'ESP with subspaces';
        opened.headerSize = 12;
        opened.snBits = 64;
        opened.session = opener.hi >>> 16;
      } else if (isEespConfig(config)) {
        const { hasSn } = (config as EespConfig).eesp;
        opened.format = 'EESP';
        opened.headerSize = EESP_BASE + esp[1] + (hasSn ? EESP_SN_SIZE : 0);
        opened.snBits = hasSn ? 64 : 0;
        opened.session = esp[2] * 256 + esp[3];
      }
      opened.ivLength = suite.ivLength;
      opened.icvLength = suite.icvLength;
      if (size < 0) return opened;
      const inner = octets(size);
      for (let i = 0; i < size; i++) inner[i] = out[i];
      opened.inner = inner;
      if (opened.format !== '') return opened;
      opened.fields = fieldLines(a, suite, layersOf(a, inner).layers, inner);
      for (const { sent } of opened.fields) opened.residue += sent;
      opened.padBits = (8 - (opened.residue.length % 8)) % 8;
      return opened;
    },
  };
}
