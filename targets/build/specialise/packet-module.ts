// Modules of emitted code for programs of one's own: IP packets of one profile, on any engine, with types.

import type { Constants } from './fold.ts';
import type { DeviceEngine } from './image.ts';
import { type ModuleText, moduleText } from './module-text.ts';
import { joinPackets, type PacketInput, packetProfile } from './packet-facts.ts';

/** A module of packets, made. */
export interface PacketText extends ModuleText {
  constants: Constants;
  /** What `start` takes: the octets of this device, addresses. */
  data: Uint8Array;
}

/**
 * The module of a profile for an engine. Throws a Refusal for what is wrong in the SAs, and for what a specialised module does
 * not have.
 */
export async function packetText(input: PacketInput, engine: DeviceEngine): Promise<PacketText> {
  const profile = packetProfile(input);
  const source = await joinPackets(profile);
  const made = await moduleText(source, engine, 'packets', ['packet.entry.ts', 'esp-sa.ts'], ['reserve']);
  return { ...made, constants: profile.constants, data: profile.data };
}
