// What a specialised device fixes in its IKE policy: the ciphers and key exchanges that it has, one ESP suite, one set of Diet-ESP's
// values. What it cannot do is refused here, with what to use instead.

import { refuse } from '../../../core/base/refuse.ts';
import { KE_P256, KE_X25519, type KeMethod } from '../../../core/crypto/asymmetric.ts';
import type { Suite } from '../../../core/esp/suites.ts';
import { DEFAULTS, defaultCompression, valuesOf } from '../../../core/ike/child/compression.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, PRF_HMAC_SHA2_256 } from '../../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import { type IkeCipher, ikeCcm8, ikeCcm16, ikeGcm16 } from '../../../core/ike/crypto/suites.ts';
import type { CompressionChoice, CompressionNotify, CompressionPolicy } from '../../../core/ike/state/compression.ts';
import { type IkePolicy, NAT_OFF } from '../../../core/ike/state/policy.ts';

/** Refuses what only the general device does. */
function unfit(field: string, value: string, limit: string): never {
  return refuse(field, value, `${limit} in a specialised device (or build with --general)`);
}

/** Keys of all have 16 octets. */
const CIPHERS: readonly IkeCipher[] = [ikeCcm8, ikeCcm16, ikeGcm16];
const TRAILER = 6;
/** Of an encrypting suite of ESP. */
const ESP_KEY_BITS = 128;

/** A policy that offers what the device has, and what was agreed with that. */
export interface FixedPolicy {
  policy: IkePolicy;
  /** Of the IKE SA, in order of preference. */
  ciphers: IkeCipher[];
  /** Diet-ESP's values; null: plain ESP. */
  choice: CompressionChoice | null;
}

/** True for what the device has of key exchanges. */
function hasKe(method: number, hasP256: boolean): boolean {
  return method === KE_X25519 || (hasP256 && method === KE_P256);
}

/** The proposals for the IKE SA as one, with the ciphers and key exchanges that the device has. */
function fixIke(policy: IkePolicy, hasP256: boolean): { ike: Transforms; ciphers: IkeCipher[] } {
  const text = JSON.stringify(policy.ike);
  const groups = hasP256 ? 'X25519 or P-256' : 'X25519 (P-256 needs a module that is built with --native p256)';
  const ciphers: IkeCipher[] = [];
  // Key exchanges beside a cipher that fits.
  let foreign = '';
  let ike: Transforms | null = null;
  for (const one of policy.ike) {
    const ke = one.ke.filter((method) => hasKe(method, hasP256));
    const fitting = one.ciphers.flatMap((id, i) => {
      const cipher = CIPHERS.find(({ encr, keyBits }) => encr === id && keyBits === one.keyBits[i]);
      return cipher === undefined ? [] : [cipher];
    });
    if (fitting.length === 0 || !one.prf.includes(PRF_HMAC_SHA2_256) || one.extra !== undefined) continue;
    if (ke.length === 0) {
      foreign = one.ke.join();
      continue;
    }
    // One SA payload answers for all of them.
    if (ike !== null && ike.ke.join() !== ke.join()) {
      unfit('ike.proposals', text, 'must have the same key exchanges in each');
    }
    ike ??= { ...one, ciphers: [], keyBits: [], prf: [PRF_HMAC_SHA2_256], integ: [], ke };
    for (const cipher of fitting) if (!ciphers.includes(cipher)) ciphers.push(cipher);
  }
  const names = CIPHERS.map(({ name }) => name).join(' or ');
  if (ike === null && foreign !== '') return unfit('ike.ke', foreign, `must have ${groups}`);
  if (ike === null) return unfit('ike.proposals', text, `must have ${names} with PRF_HMAC_SHA2_256`);
  return {
    ike: { ...ike, ciphers: ciphers.map(({ encr }) => encr), keyBits: ciphers.map(({ keyBits }) => keyBits) },
    ciphers,
  };
}

/** The first suite for ESP with keys that the device has room for, as a proposal of its own. */
function fixEsp(policy: IkePolicy, hasP256: boolean): { esp: Transforms; suite: Suite } {
  const { child } = policy;
  const groups = hasP256 ? 'X25519 or P-256' : 'X25519';
  for (const one of child.esp) {
    for (const [i, encr] of one.ciphers.entries()) {
      const integ = one.integ.slice(0, 1);
      const suite = child.suites.find((known) => known.encr === encr && known.integ === (integ[0] ?? 0));
      if (suite === undefined || (one.keyBits[i] !== 0 && one.keyBits[i] !== ESP_KEY_BITS)) continue;
      const ke = one.ke.filter((method): method is KeMethod | 0 => method === 0 || hasKe(method, hasP256));
      if (one.ke.length > 0 && ke.length === 0) unfit('child.ke', one.ke.join(), `must have ${groups}`);
      if (one.extra !== undefined) {
        unfit(
          'child.esp',
          'further transforms',
          'must have no subspaces, nor other than the usual types of transforms',
        );
      }
      const esp = { ...one, ciphers: [encr], keyBits: [one.keyBits[i]], integ, ke, sn: one.sn.slice(0, 1) };
      return { esp, suite };
    }
  }
  return unfit('child.esp', JSON.stringify(child.esp), `must have a suite with keys of ${ESP_KEY_BITS} bits`);
}

/** The values that a gateway with the usual policy takes of those on offer. */
function fixCompression(
  notify: CompressionNotify,
  policy: CompressionPolicy,
): { fixed: CompressionPolicy; choice: CompressionChoice } {
  const w = createWriter(new Uint8Array(2048));
  notify.addOffer(w, policy);
  const choice =
    notify.choose({ ...defaultCompression(), dscpList: policy.dscpList }, w.buffer, 0, w.at) ??
    unfit('compression', JSON.stringify(policy.proposals), 'must have values that a gateway takes');
  const values = valuesOf(choice);
  // A gateway may not know esp_trailer, and takes its default where it is not named.
  const allowed = values.map((value, type) => (type === TRAILER && value === DEFAULTS[TRAILER] ? [] : [value, value]));
  return {
    fixed: { proposals: [{ allowed }], required: true, dscpList: policy.dscpList },
    choice: { ...choice, proposal: 1 },
  };
}

/** Each side's way to prove who it is has its key. */
function checkKeys(policy: IkePolicy): void {
  const ways = [policy.localAuth, policy.remoteAuth];
  if (policy.signatures !== undefined) refuse('auth', 'certificates', 'must be a pre-shared key or Ed25519 keys');
  if (ways.includes(AUTH_SHARED_KEY) && policy.psk.length === 0) refuse('psk', '0 octets', 'must be given');
  if (policy.localAuth === AUTH_DIGITAL_SIGNATURE && policy.privateKey.length !== 32) {
    refuse('private_key', `${policy.privateKey.length} octets`, 'must have 32');
  }
  if (policy.remoteAuth === AUTH_DIGITAL_SIGNATURE && policy.publicKey.length !== 32) {
    refuse('public_key', `${policy.publicKey.length} octets`, 'must have 32');
  }
}

function checkSelector(field: string, list: readonly Selector[], mayBeAny: boolean): void {
  if (list.length !== 1) unfit(field, String(list.length), 'must have one selector');
  const same = Buffer.compare(list[0].start, list[0].end) === 0;
  if (!same && !mayBeAny) unfit(field, 'a range of addresses', 'must have one address');
}

/**
 * Reduces a policy to what one device does; `hasP256`: the board has the hook. Throws a Refusal that says which field does not
 * fit, and what does.
 */
export function fixPolicy(policy: IkePolicy, hasP256 = false): FixedPolicy {
  const { child } = policy;
  checkKeys(policy);
  if (policy.nat !== NAT_OFF) unfit('nat', String(policy.nat), 'must be off');
  if (policy.announce.length > 0) unfit('announce', policy.announce.join(), 'must be empty');
  if ((policy.children ?? []).length > 0) unfit('children', String(policy.children!.length), 'must be one Child SA');
  if (child.dscp !== null) unfit('child.dscp', child.dscp.join(), 'must be left out');
  checkSelector('child.local', child.local, policy.requestAddress !== 0);
  checkSelector('child.remote', child.remote, false);
  const { ike, ciphers } = fixIke(policy, hasP256);
  const isPlain = child.notify === null || child.compression === null;
  const compression = isPlain ? null : fixCompression(child.notify!, child.compression!);
  const { esp, suite } = fixEsp(policy, hasP256);
  return {
    ciphers,
    choice: compression?.choice ?? null,
    policy: {
      ...policy,
      ike: [ike],
      ciphers,
      child: {
        ...child,
        esp: [esp],
        suites: [suite],
        notify: isPlain ? null : child.notify,
        compression: compression?.fixed ?? null,
      },
    },
  };
}
