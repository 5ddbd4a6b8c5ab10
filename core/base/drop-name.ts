// Names of drop codes, for logs, reports and tests (not for boards).
const NAMES: string[] = [
  'ok',
  'short',
  'length',
  'version',
  'checksum',
  'selector',
  'no-rule',
  'residue',
  'too-long',
  'no-sa',
  'icv',
  'replay',
  'sequence',
  'exhausted',
  'lifetime',
  'trailer',
  'dummy',
  'fcs',
  'not-for-us',
  'duplicate',
  'queue',
  'no-ack',
  'channel',
  'dispatch',
  'fragment',
  'reassembly',
  'unsupported',
  'ecn',
  'subspace',
  'session',
  'crypt-offset',
  'option',
];

/** The name of a drop code (negative) or counter index (positive). */
export function dropName(code: number): string {
  const index = code < 0 ? -code : code;
  return index < NAMES.length ? NAMES[index] : 'drop-' + index;
}
