// The profile of a device with SAs keyed by hand, and the octets of one device, its keys among them.

import { refuse } from '../../../core/base/refuse.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import { profileHash } from './blob-of.ts';
import { dscpOf, type EspInput, espFacts } from './esp-facts.ts';
import { layOut, type Specialised } from './layout.ts';
import { type LinkInput, linkFacts } from './link-facts.ts';
import type { Native } from './profile-of.ts';

/** Octets of a frame. */
const FRAME_SIZE = 127;
const FCS_SIZE = 2;

function word(value: number): Uint8Array {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}

/** KEYMAT of one direction, and the last number that may have been used. */
function keyOf({ key, salt, authKey, snLo, suite }: SaConfig): Uint8Array {
  return Buffer.concat(suite.alg === 0 ? [authKey, word(snLo)] : [key, salt, word(snLo)]);
}

/**
 * Constants and octets. Throws a Refusal for what a specialised device does not have, and for payloads that need fragments where
 * the link has none.
 */
export function manualOf(esp: EspInput, link: LinkInput, native: Native, engine: string): Specialised {
  const espPart = espFacts(esp);
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
      { name: 'KeyOut', octets: keyOf(esp.out) },
      { name: 'KeyIn', octets: keyOf(esp.in) },
    ],
  };
  const made = layOut([espPart, linkPart, keys], {
    engine,
    nativeCcm: native.ccm,
    nativeHmac: native.hmac,
    nativeX25519: native.x25519,
  });
  return { constants: { ...made.constants, profileHash: profileHash(made.constants) }, data: made.data };
}
