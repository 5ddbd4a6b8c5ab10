// Makes the cases of ccm-case.ts from a file of AES-CCM vectors: `keys`, and `vectors` as rows of the key's index, nonce,
// additional data, clear text, and cipher text with ICV, in hexadecimal. It runs on Node; the cases run on any engine.

/** Index of the key, nonce, additional data, clear text, cipher text with its ICV. */
type Row = [number, string, string, string, string];

export interface CcmFile {
  keys: string[];
  vectors: Row[];
}

/** True for a file of AES-CCM vectors: those of Diet-ESP are objects, and have no `keys`. */
export function isCcmFile(file: object): file is CcmFile {
  const { keys, vectors } = file as Partial<CcmFile>;
  return Array.isArray(keys) && Array.isArray(vectors);
}

/** Octets of an ICV that providers make. */
const ICV_LENGTHS = [8, 16];
const KEY_LENGTHS = [16, 24, 32];
/** Octets of the nonce of AES-CCM in ESP [RFC 4309 §4]. */
const NONCE_LENGTH = 11;

function isHex(text: unknown): text is string {
  return typeof text === 'string' && text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text);
}

/** All cases of a file, in its order. Throws an error that names the vector and its field. */
export function ccmCasesOf(file: CcmFile): string[][] {
  return file.vectors.map((row, index) => {
    const fail = (name: string, value: unknown, limit: string): never => {
      throw new Error(`vectors[${index}].${name}: ${String(value)}: ${limit}`);
    };
    if (!Array.isArray(row) || row.length !== 5) throw new Error(`vectors[${index}]: must be a list of five`);
    const [at, nonce, aad, text, out] = row;
    const key = file.keys[at] ?? fail('key', at, `must be 0..${file.keys.length - 1}`);
    for (const [name, value] of Object.entries({ key, nonce, aad, text, out })) {
      if (!isHex(value)) fail(name, value, 'must be hexadecimal octets');
    }
    if (!KEY_LENGTHS.includes(key.length / 2)) fail('key', `${key.length / 2} octets`, 'must be 16, 24 or 32');
    if (nonce.length / 2 !== NONCE_LENGTH) fail('nonce', `${nonce.length / 2} octets`, `must be ${NONCE_LENGTH}`);
    const icv = (out.length - text.length) / 2;
    if (!ICV_LENGTHS.includes(icv)) fail('out', `an ICV of ${icv} octets`, 'must have 8 or 16');
    return [`vectors[${index}]`, key, nonce, aad, text, out].map((part) => part.toLowerCase());
  });
}
