// Seal and open with node:crypto (ICV-SCOPE and IIV-SN in core/dietesp/README.md): nonce, additional data, implicit and explicit IV.
import crypto from 'node:crypto';
import { drop, type Sa, type Suite } from './types.ts';

interface Parameters {
  aead: string | null;
  implicit: boolean;
  iv: number;
  icv: number;
  block: number;
}

const SUITES: Record<Suite, Parameters> = {
  AES_CCM_8: { aead: 'aes-128-ccm', implicit: false, iv: 8, icv: 8, block: 1 },
  AES_CCM_8_IIV: { aead: 'aes-128-ccm', implicit: true, iv: 0, icv: 8, block: 1 },
  AES_CCM_16: { aead: 'aes-128-ccm', implicit: false, iv: 8, icv: 16, block: 1 },
  AES_GCM_16: { aead: 'aes-128-gcm', implicit: false, iv: 8, icv: 16, block: 1 },
  AES_GCM_16_IIV: { aead: 'aes-128-gcm', implicit: true, iv: 0, icv: 16, block: 1 },
  CHACHA20_POLY1305: { aead: 'chacha20-poly1305', implicit: false, iv: 8, icv: 16, block: 1 },
  CHACHA20_POLY1305_IIV: { aead: 'chacha20-poly1305', implicit: true, iv: 0, icv: 16, block: 1 },
  NULL_HMAC_SHA2_256_128: { aead: null, implicit: false, iv: 0, icv: 16, block: 1 },
  AES_CBC_HMAC_SHA2_256_128: { aead: null, implicit: false, iv: 16, icv: 16, block: 16 },
};

export function suiteOf(sa: Sa): Parameters {
  const suite = SUITES[sa.esp_encr];
  if (suite === undefined) throw new Error(`esp_encr ${sa.esp_encr} is not supported`);
  return suite;
}

const hex = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'hex');

/** The explicit IV of a vector when none is given: made of the SN, so that it repeats only with the SN. */
export function defaultIv(sa: Sa): Buffer {
  const size = suiteOf(sa).iv;
  return crypto
    .createHash('sha256')
    .update('iv ' + sa.esp_sn)
    .digest()
    .subarray(0, size);
}

function sn64(sn: bigint): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(sn);
  return octets;
}

function nonceOf(sa: Sa, sn: bigint, iv: Buffer): Buffer {
  return Buffer.concat([hex(sa.salt), suiteOf(sa).implicit ? sn64(sn) : iv]);
}

function aeadData(sa: Sa, sn: bigint): Buffer {
  return Buffer.concat([hex(sa.esp_spi), sa.esn ? sn64(sn) : sn64(sn).subarray(4)]);
}

function hmacInput(sa: Sa, sn: bigint, iv: Buffer, ciphertext: Buffer): Buffer {
  const parts = [hex(sa.esp_spi), sn64(sn).subarray(4), iv, ciphertext];
  if (sa.esn) parts.push(sn64(sn).subarray(0, 4));
  return Buffer.concat(parts);
}

function hmac(sa: Sa, input: Buffer): Buffer {
  return crypto.createHmac('sha256', hex(sa.akey)).update(input).digest().subarray(0, 16);
}

export interface Sealed {
  nonce: string | null;
  aad: Buffer;
  iv: Buffer;
  ciphertext: Buffer;
  icv: Buffer;
}

export function seal(sa: Sa, sn: bigint, clear: Buffer, explicitIv?: Buffer): Sealed {
  const suite = suiteOf(sa);
  const iv = explicitIv ?? defaultIv(sa);
  if (iv.length !== suite.iv) throw new Error(`iv has ${iv.length} octets, ${sa.esp_encr} needs ${suite.iv}`);
  if (suite.aead === null) {
    let ciphertext = clear;
    if (suite.block === 16) {
      const cipher = crypto.createCipheriv('aes-128-cbc', hex(sa.key), iv);
      cipher.setAutoPadding(false);
      ciphertext = Buffer.concat([cipher.update(clear), cipher.final()]);
    }
    const aad = hmacInput(sa, sn, iv, ciphertext);
    return { nonce: null, aad, iv, ciphertext, icv: hmac(sa, aad) };
  }
  const nonce = nonceOf(sa, sn, iv);
  const aad = aeadData(sa, sn);
  const options = { authTagLength: suite.icv };
  const cipher = crypto.createCipheriv(suite.aead as crypto.CipherCCMTypes, hex(sa.key), nonce, options);
  cipher.setAAD(aad, { plaintextLength: clear.length });
  const ciphertext = Buffer.concat([cipher.update(clear), cipher.final()]);
  return { nonce: nonce.toString('hex'), aad, iv, ciphertext, icv: cipher.getAuthTag() };
}

/** Clear text of `IV ciphertext ICV`; SN already recovered. */
export function open(sa: Sa, sn: bigint, body: Buffer): Buffer {
  const suite = suiteOf(sa);
  if (body.length < suite.iv + suite.icv) drop('short', 'no room for IV and ICV');
  const iv = body.subarray(0, suite.iv);
  const ciphertext = body.subarray(suite.iv, body.length - suite.icv);
  const icv = body.subarray(body.length - suite.icv);
  if (suite.aead === null) {
    if (!hmac(sa, hmacInput(sa, sn, iv, ciphertext)).equals(icv)) drop('icv', 'HMAC differs');
    if (suite.block === 1) return ciphertext;
    if (ciphertext.length % 16 !== 0) drop('length', 'cipher text is not a whole number of blocks');
    const decipher = crypto.createDecipheriv('aes-128-cbc', hex(sa.key), iv);
    decipher.setAutoPadding(false);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  }
  const options = { authTagLength: suite.icv };
  const decipher = crypto.createDecipheriv(
    suite.aead as crypto.CipherCCMTypes,
    hex(sa.key),
    nonceOf(sa, sn, iv),
    options,
  );
  decipher.setAuthTag(icv);
  decipher.setAAD(aeadData(sa, sn), { plaintextLength: ciphertext.length });
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return drop('icv', 'authentication tag differs');
  }
}
