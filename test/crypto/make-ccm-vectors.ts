// Makes test/vectors/aes-ccm-rfc4309.json: 1,000 AES-128-CCM packets of RFC 4309's shape with node:crypto (OpenSSL):
//   node --import tsx test/crypto/make-ccm-vectors.ts
// 11-octet nonces, ICVs of 8 and 16 octets, AAD of 8 (SPI, SN) and 12 octets (SPI, ESN), payloads of 0 to 120 octets.
// Each run makes the same file: all input is the key stream of a fixed AES-CTR key.

import { createCipheriv } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COUNT = 1000;
const KEYS = 10;

const source = createCipheriv('aes-128-ctr', 'RFC 4309 vectors', Buffer.alloc(16));
const octets = (length: number): Buffer => source.update(Buffer.alloc(length));

/** The file's text. */
export function ccmVectors(): string {
  const keys = Array.from({ length: KEYS }, () => octets(16));
  const rows: string[] = [];
  for (let n = 0; n < COUNT; n++) {
    const key = n % KEYS;
    const icvLength = n % 2 === 0 ? 8 : 16;
    const nonce = octets(11);
    const aad = octets(Math.floor(n / 2) % 2 === 0 ? 8 : 12);
    const text = octets(Math.floor(n / 4) % 121);
    const cipher = createCipheriv('aes-128-ccm', keys[key], nonce, { authTagLength: icvLength });
    cipher.setAAD(aad, { plaintextLength: text.length });
    // A view of no octets, as OpenSSL wants an address even for an empty payload.
    const sealed = cipher.update(text.length > 0 ? text : nonce.subarray(0, 0));
    cipher.final();
    const out = Buffer.concat([sealed, cipher.getAuthTag()]);
    rows.push(JSON.stringify([key, ...[nonce, aad, text, out].map((part) => part.toString('hex'))]));
  }
  const comment =
    'AES-128-CCM, nonce 11 octets [RFC 4309]; rows: index of the key, nonce, AAD, payload, cipher text and ICV';
  const head = `"comment": ${JSON.stringify(comment)},\n"keys": ${JSON.stringify(keys.map((k) => k.toString('hex')))},\n`;
  return `{\n${head}"vectors": [\n${rows.join(',\n')}\n]\n}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../vectors/aes-ccm-rfc4309.json', import.meta.url)), ccmVectors());
}
