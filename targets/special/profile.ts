// The constants of one profile. targets/build/specialise makes them from a sensor's file and puts them in the place of `P.name`:
// what the profile does not have is not in the text of the device. Octets are strings of hexadecimal digits, `at*` offsets in
// the octets of the device (data.ts).

import type { AppProfile } from './app-profile.ts';
import type { EspProfile } from './esp-profile.ts';
import type { IkeProfile } from './ike/ike-profile.ts';
import type { LinkProfile } from './link-profile.ts';
import type { PacketProfile } from './packet-profile.ts';

/** Where cryptography comes from, and the octets of a device. */
export interface CommonProfile {
  /** Octets of the device, behind the head of the blob. */
  dataSize: number;
  /** A program gives the octets: they begin with the hash of the profile, here as two numbers. */
  profileHigh: number;
  profileLow: number;
  /** The board has AES-CCM, AES-GCM, HMAC-SHA2-256, X25519: the portable code is left out. */
  nativeCcm: boolean;
  nativeGcm: boolean;
  nativeHmac: boolean;
  nativeX25519: boolean;
}

/** All constants that the parts use. */
export interface Profile extends CommonProfile, LinkProfile, EspProfile, PacketProfile, AppProfile, IkeProfile {}
