// EESP by the letter of the draft, with node:crypto alone and without a line of the core: packets out of their fields.

import { createCipheriv, createHmac } from 'node:crypto';

/** HKDF-Expand [RFC 5869 §2.3], SHA2-256. */
export function expand(prk: Buffer, info: Buffer, length: number): Buffer {
  let okm = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  for (let n = 1; okm.length < length; n++) {
    last = createHmac('sha256', prk)
      .update(Buffer.concat([last, info, Buffer.of(n)]))
      .digest();
    okm = Buffer.concat([okm, last]);
  }
  return okm.subarray(0, length);
}

/** Key material of a Sub SA: SSKDF_HKDF_SHA2_256(root, Session ID, length). */
export function subKeys(root: Buffer, session: number, length: number): Buffer {
  return expand(root, Buffer.of(session >> 8, session & 0xff), length);
}

/** A cipher by the names of files: octets of key and salt, of the ICV; `iiv`: the IV is the sequence number. */
export interface NaiveCipher {
  name: string;
  openssl: 'aes-128-ccm' | 'aes-256-ccm' | 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  key: number;
  salt: number;
  icv: number;
  iiv: boolean;
}

export const CIPHERS: NaiveCipher[] = [
  { name: 'AES_CCM_8', openssl: 'aes-128-ccm', key: 16, salt: 3, icv: 8, iiv: false },
  { name: 'AES_CCM_16', openssl: 'aes-128-ccm', key: 16, salt: 3, icv: 16, iiv: false },
  { name: 'AES_CCM_16', openssl: 'aes-256-ccm', key: 32, salt: 3, icv: 16, iiv: false },
  { name: 'AES_GCM_16', openssl: 'aes-128-gcm', key: 16, salt: 4, icv: 16, iiv: false },
  { name: 'AES_GCM_16', openssl: 'aes-256-gcm', key: 32, salt: 4, icv: 16, iiv: false },
  { name: 'CHACHA20_POLY1305', openssl: 'chacha20-poly1305', key: 32, salt: 4, icv: 16, iiv: false },
  { name: 'AES_CCM_8_IIV', openssl: 'aes-128-ccm', key: 16, salt: 3, icv: 8, iiv: true },
  { name: 'AES_GCM_16_IIV', openssl: 'aes-128-gcm', key: 16, salt: 4, icv: 16, iiv: true },
  { name: 'AES_GCM_16_IIV', openssl: 'aes-256-gcm', key: 32, salt: 4, icv: 16, iiv: true },
  { name: 'CHACHA20_POLY1305_IIV', openssl: 'chacha20-poly1305', key: 32, salt: 4, icv: 16, iiv: true },
];

/** The fields of a packet. What is absent is as the draft has it. */
export interface NaiveFields {
  cipher: NaiveCipher;
  /** Key and salt of the Sub SA. */
  keys: Buffer;
  session: number;
  spi: number;
  /** null: none on the wire. */
  sn: bigint | null;
  /** The explicit IV; absent: the sequence number. */
  iv?: bigint;
  options?: Buffer;
  first?: number;
  optLen?: number;
  /** Next Header of the full format; absent: the optimized format. */
  next?: number;
  info?: Buffer;
  payload: Buffer;
  /** Absent: zeros to a multiple of four octets from the EESP header on. */
  padding?: Buffer;
}

/** One EESP packet, from the base header to the ICV. */
export function naiveEesp(f: NaiveFields): Buffer {
  const { cipher } = f;
  const options = f.options ?? Buffer.alloc(0);
  const base = Buffer.alloc(8);
  base[0] = f.first ?? 0x80;
  base[1] = f.optLen ?? options.length;
  base.writeUInt16BE(f.session, 2);
  base.writeUInt32BE(f.spi, 4);
  const number = (value: bigint): Buffer => {
    const out = Buffer.alloc(8);
    out.writeBigUInt64BE(value);
    return out;
  };
  const sn = f.sn === null ? Buffer.alloc(0) : number(f.sn);
  const explicit = cipher.iiv ? Buffer.alloc(0) : number(f.iv ?? f.sn!);
  const header = Buffer.concat([base, options, sn, explicit]);
  const infoSize = f.next === undefined && f.info === undefined ? 0 : 4;
  const missing = (4 - ((header.length + infoSize + f.payload.length) % 4)) % 4;
  const padding = f.padding ?? Buffer.alloc(missing);
  const info = f.info ?? (f.next === undefined ? Buffer.alloc(0) : Buffer.of(0, 0, f.next, padding.length));
  const clear = Buffer.concat([info, f.payload, padding]);
  const nonce = Buffer.concat([f.keys.subarray(cipher.key), cipher.iiv ? number(f.sn!) : explicit]);
  const sealer = createCipheriv(cipher.openssl as 'aes-128-gcm', f.keys.subarray(0, cipher.key), nonce, {
    authTagLength: cipher.icv,
  });
  sealer.setAAD(header, { plaintextLength: clear.length });
  const text = sealer.update(clear);
  sealer.final();
  return Buffer.concat([header, text, sealer.getAuthTag()]);
}

/** The padding in front of a payload that has to begin at a multiple of `unit` octets, as one PadN. */
export function padOption(before: number, unit: number): Buffer {
  const size = (unit - (before % unit)) % unit;
  if (size < 2) return Buffer.alloc(size);
  return Buffer.concat([Buffer.of(1, size - 2), Buffer.alloc(size - 2)]);
}
