// Runs AES-CCM vectors on any engine, in the portable subset of core/. A case is an array of strings: identifier, key,
// nonce, additional data, clear text, cipher text with its ICV, all in hexadecimal. The provider seals the clear text and
// opens the cipher text, and must refuse it with a wrong ICV. Lines as those of vector-case.ts.

import { copy } from '../../core/base/bytes.ts';
import { ALG_AES_CCM, type Provider } from '../../core/crypto/provider.ts';
import { hexOf, octetsOf } from './vector-case.ts';

export const CCM_ID = 0;
export const CCM_KEY = 1;
export const CCM_NONCE = 2;
export const CCM_AAD = 3;
export const CCM_TEXT = 4;
export const CCM_OUT = 5;

/** Hexadecimal text for a line, which is split at spaces. */
function shown(text: string): string {
  return text === '' ? '(none)' : text;
}

function failed(c: readonly string[], field: string, expected: string, actual: string): string {
  return 'fail ' + c[CCM_ID] + ' ' + field + ' ' + shown(expected) + ' ' + shown(actual);
}

/** Runs one case. Returns its line. */
export function runCcmCase(c: readonly string[], provider: Provider): string {
  const octets = octetsOf(c[CCM_KEY]);
  if (!provider.has(ALG_AES_CCM, octets.length)) return 'skip ' + c[CCM_ID] + ' no AES-CCM from the provider';
  const nonce = octetsOf(c[CCM_NONCE]);
  const aad = octetsOf(c[CCM_AAD]);
  const text = octetsOf(c[CCM_TEXT]);
  const length = text.length;
  const icvLength = octetsOf(c[CCM_OUT]).length - length;
  const aead = { nonce: nonce, nonceLength: nonce.length, aad: aad, aadLength: aad.length, icvLength: icvLength };
  const key = provider.key(ALG_AES_CCM, octets);
  const sealed = new Uint8Array(length + icvLength);
  copy(sealed, 0, text, 0, length);
  provider.seal(key, aead, sealed, 0, length);
  const out = hexOf(sealed, 0, sealed.length);
  let line = out === c[CCM_OUT] ? '' : failed(c, 'sealed', c[CCM_OUT], out);
  if (line === '') {
    const opened = octetsOf(c[CCM_OUT]);
    if (!provider.open(key, aead, opened, 0, length)) line = failed(c, 'opened', c[CCM_TEXT], 'refused');
    else if (hexOf(opened, 0, length) !== c[CCM_TEXT]) {
      line = failed(c, 'opened', c[CCM_TEXT], hexOf(opened, 0, length));
    }
  }
  if (line === '') {
    const damaged = octetsOf(c[CCM_OUT]);
    damaged[damaged.length - 1] = damaged[damaged.length - 1] ^ 1;
    if (provider.open(key, aead, damaged, 0, length)) line = failed(c, 'damaged', 'refused', 'opened');
  }
  provider.wipe(key);
  return line === '' ? 'ok ' + c[CCM_ID] : line;
}

/** Runs all cases, prints their lines and the closing one. Returns the number of failures. */
export function runCcmCases(
  cases: readonly (readonly string[])[],
  provider: Provider,
  print: (line: string) => void,
): number {
  let passed = 0;
  let failures = 0;
  for (let i = 0; i < cases.length; i++) {
    const line = runCcmCase(cases[i], provider);
    const first = line.charAt(0);
    if (first === 'o') passed += 1;
    else if (first === 'f') failures += 1;
    print(line);
  }
  print('done ' + passed + ' ' + (passed + failures));
  return failures;
}
