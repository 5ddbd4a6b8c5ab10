// The profile of a device with SAs keyed by hand, and the octets of one device, its keys among them.

import { refuse } from '../../../core/base/refuse.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import { named, PROFILE_FIELD } from './blob-of.ts';
import { dscpOf, type EspInput, espFacts } from './esp-facts.ts';
import { layOut, type Specialised } from './layout.ts';
import { type LinkInput, linkFacts } from './link-facts.ts';
import type { Native } from './profile-of.ts';
import { inSa } from './sa-facts.ts';

/** Octets of a frame. */
const FRAME_SIZE = 127;
const FCS_SIZE = 2;
/** High half of numbers that are not exact any more. */
const SN_HI_MAX = 2 ** 21;

function word(value: number): Uint8Array {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** KEYMAT of one direction. */
function keymatOf({ key, salt, authKey, suite }: SaConfig): Uint8Array {
  return suite.alg === 0 ? authKey : Buffer.concat([key, salt]);
}

/** The last number that may have been used. */
function numberOf({ snHi, snLo }: SaConfig): Uint8Array {
  return Buffer.concat([word(snHi), word(snLo)]);
}

/** The octets of one direction stand one after the other, so that each has to be as long as its suite says. */
function checkKeys({ key, salt, authKey, snHi, suite }: SaConfig): void {
  const sizes = [
    ['key', key, suite.alg === 0 ? 0 : suite.keyLength],
    ['salt', salt, suite.saltLength],
    ['akey', authKey, suite.authKeyLength],
  ] as const;
  for (const [field, { length }, size] of sizes) {
    if (length !== size) {
      refuse(field, `${length} octets`, `must be ${size} octets with ${suite.name} in a specialised device`);
    }
  }
  if (snHi >= SN_HI_MAX) refuse('esp_sn', snHi.toString(16) + '...', 'must be 1fffffffffffff at most');
}

/** Keys of two directions that are one would use its numbers twice [RFC 5116 §2.1], and take reflected packets. */
function checkPair(out: SaConfig, back: SaConfig): void {
  for (const sa of [out, back]) inSa(sa, () => checkKeys(sa));
  if (Buffer.compare(keymatOf(out), keymatOf(back)) === 0) {
    const field = out.suite.alg === 0 ? 'akey' : 'key';
    inSa(back, () =>
      refuse(
        field,
        `${back.suite.alg === 0 ? back.authKey.length : back.key.length} octets`,
        'must not be the key of the other direction',
      ),
    );
  }
}

/**
 * Constants and octets. Throws a Refusal for what a specialised device does not have, and for payloads that need fragments where
 * the link has none.
 */
export function manualOf(esp: EspInput, link: LinkInput, native: Native, engine: string): Specialised {
  const espPart = espFacts(esp);
  checkPair(esp.out, esp.in);
  const linkPart = linkFacts({ ...link, dscp: dscpOf(esp.out.attributes), ike: false });
  const of = (name: string): number => (espPart.constants[name] ?? linkPart.constants[name]) as number;
  const trailer = (espPart.constants.padded === true ? of('alignment') : 0) + (espPart.constants.sendsNext ? 1 : 0);
  const around = ['headSize', 'iphcSize', 'headerSize', 'ivSize', 'outSize', 'icvSize'].reduce(
    (sum, name) => sum + of(name),
    0,
  );
  const most = FRAME_SIZE - FCS_SIZE - around - trailer;
  if (!link.fragmentsOut && esp.maxPayload > most) {
    refuse('maxPayload', esp.maxPayload, `must be ${most} at most in one frame (or set fragments)`);
  }
  const keys = {
    constants: {},
    fields: [
      { name: 'SpiOut', octets: word(esp.out.attributes.espSpi) },
      { name: 'SpiIn', octets: word(esp.in.attributes.espSpi) },
      // Last, so that they are wiped at once.
      { name: 'KeyOut', octets: Buffer.concat([keymatOf(esp.out), numberOf(esp.out)]) },
      { name: 'KeyIn', octets: Buffer.concat([keymatOf(esp.in), numberOf(esp.in)]) },
    ],
  };
  const made = layOut([{ constants: {}, fields: [PROFILE_FIELD] }, espPart, linkPart, keys], {
    engine,
    nativeCcm: native.ccm,
    nativeHmac: native.hmac,
    nativeX25519: native.x25519,
  });
  return named(made);
}
