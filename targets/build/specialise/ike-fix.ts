// What a specialised device fixes in its IKE policy: one cipher, one ESP suite, one set of Diet-ESP's values. What it cannot do
// is refused here, with what to use instead.

import { refuse } from '../../../core/base/refuse.ts';
import { KE_X25519, type KeMethod } from '../../../core/crypto/asymmetric.ts';
import { DEFAULTS, defaultCompression, valuesOf } from '../../../core/ike/child/compression.ts';
import { createWriter } from '../../../core/ike/codec/message.ts';
import { AUTH_DIGITAL_SIGNATURE, AUTH_SHARED_KEY, PRF_HMAC_SHA2_256 } from '../../../core/ike/codec/numbers.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import type { Selector } from '../../../core/ike/codec/selectors.ts';
import { type IkeCipher, ikeCcm8, ikeCcm16 } from '../../../core/ike/crypto/suites.ts';
import type { CompressionChoice, CompressionNotify, CompressionPolicy } from '../../../core/ike/state/compression.ts';
import { type IkePolicy, NAT_OFF } from '../../../core/ike/state/policy.ts';

/** Refuses what only the general device does. */
function unfit(field: string, value: string, limit: string): never {
  return refuse(field, value, `${limit} in a specialised device (or build with --general)`);
}

const CIPHERS: readonly IkeCipher[] = [ikeCcm8, ikeCcm16];
const TRAILER = 6;

/** A policy that offers one thing each, and what was agreed with that. */
export interface FixedPolicy {
  policy: IkePolicy;
  cipher: IkeCipher;
  /** Diet-ESP's values; null: plain ESP. */
  choice: CompressionChoice | null;
}

/** The first proposal for the IKE SA with a cipher and a key exchange that the device has, reduced to these. */
function fixIke(policy: IkePolicy): { ike: Transforms; cipher: IkeCipher } {
  for (const one of policy.ike) {
    const kes = one.ke.filter((method) => method === KE_X25519);
    if (kes.length === 0 || !one.prf.includes(PRF_HMAC_SHA2_256) || one.extra !== undefined) continue;
    for (let i = 0; i < one.ciphers.length; i++) {
      const cipher = CIPHERS.find(({ encr, keyBits }) => encr === one.ciphers[i] && keyBits === one.keyBits[i]);
      if (cipher === undefined) continue;
      const ike = {
        ...one,
        ciphers: [cipher.encr],
        keyBits: [cipher.keyBits],
        prf: [PRF_HMAC_SHA2_256],
        integ: [],
        ke: kes,
      };
      return { ike, cipher };
    }
  }
  const names = CIPHERS.map(({ name }) => name).join(' or ');
  return unfit('ike.proposals', JSON.stringify(policy.ike), `must have ${names} with PRF_HMAC_SHA2_256 and X25519`);
}

/** The first proposal for ESP, reduced to its first suite. */
function fixEsp(policy: IkePolicy): Transforms {
  const one = policy.child.esp[0];
  const ke = one.ke.filter((method): method is KeMethod | 0 => method === KE_X25519 || method === 0);
  if (one.ke.length > 0 && ke.length === 0) unfit('child.ke', one.ke.join(), 'must have X25519');
  if (one.extra !== undefined) unfit('child.esp', 'further transforms', 'must have the usual types of transforms');
  return {
    ...one,
    ciphers: one.ciphers.slice(0, 1),
    keyBits: one.keyBits.slice(0, 1),
    integ: one.integ.slice(0, 1),
    ke,
    sn: one.sn.slice(0, 1),
  };
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

/** Reduces a policy to what one device does. Throws a Refusal that says which field does not fit, and what does. */
export function fixPolicy(policy: IkePolicy): FixedPolicy {
  const { child } = policy;
  checkKeys(policy);
  if (policy.nat !== NAT_OFF) unfit('nat', String(policy.nat), 'must be off');
  if (policy.reauthTime > 0) unfit('reauth_time', String(policy.reauthTime), 'must be 0: rekey the IKE SA, or resume');
  if (policy.announce.length > 0) unfit('announce', policy.announce.join(), 'must be empty');
  if ((policy.children ?? []).length > 0) unfit('children', String(policy.children!.length), 'must be one Child SA');
  if (child.dscp !== null) unfit('child.dscp', child.dscp.join(), 'must be left out');
  checkSelector('child.local', child.local, policy.requestAddress !== 0);
  checkSelector('child.remote', child.remote, false);
  const { ike, cipher } = fixIke(policy);
  const isPlain = child.notify === null || child.compression === null;
  const compression = isPlain ? null : fixCompression(child.notify!, child.compression!);
  const esp = fixEsp(policy);
  const suites = child.suites.filter(({ encr, integ }) => encr === esp.ciphers[0] && integ === (esp.integ[0] ?? 0));
  return {
    cipher,
    choice: compression?.choice ?? null,
    policy: {
      ...policy,
      ike: [ike],
      ciphers: [cipher],
      child: {
        ...child,
        esp: [esp],
        suites: suites.slice(0, 1),
        notify: isPlain ? null : child.notify,
        compression: compression?.fixed ?? null,
      },
    },
  };
}
