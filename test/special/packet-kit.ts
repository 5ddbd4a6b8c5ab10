// Texts of packet modules for vectors and random SAs: which a profile can take, and why not.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { ALL_SUITES } from '../../core/esp/all-suites.ts';
import { defaultConfig, type SaConfig } from '../../core/esp/sa.ts';
import * as C from '../../targets/build/case-fields.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import { joinPackets, type PacketProfileOf, packetProfile } from '../../targets/build/specialise/packet-facts.ts';
import { attributesOf, numberOf, octetsOf } from '../../targets/build/vector-case.ts';
import { board } from './packet-board.ts';
import type { PacketModule } from './packet-case.ts';

const SPECIAL = join(sourceRoot(), 'targets', 'special');

/** The SA of a case of vector-file.ts; keys and numbers are the case's. */
export function configOfCase(c: string[]): SaConfig {
  const suite = ALL_SUITES.find(({ name }) => name === c[C.SUITE])!;
  const config = defaultConfig(attributesOf(c), suite);
  config.key = octetsOf(c[C.KEY]);
  config.salt = octetsOf(c[C.SALT]);
  config.authKey = octetsOf(c[C.AKEY]);
  config.replayWindow = numberOf(c[C.REPLAY_WINDOW]);
  return config;
}

/** KEYMAT of one direction. */
export function keymatOf({ suite, key, salt, authKey }: SaConfig): Uint8Array {
  return suite.alg === 0 ? authKey : Buffer.concat([key, salt]);
}

/** The profile of an SA that is both directions' at once, with the cryptography of a board (packet-board.ts). */
export function selfProfile(config: SaConfig, maxPacket = 2048): PacketProfileOf {
  const native = { ccm: true, gcm: true, hmac: true };
  return packetProfile({ out: config, in: config, reserve: 0, search: { wraps: 0, rate: 0 }, maxPacket, native });
}

/** Replaces text that must be there. */
function patched(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`no such text: ${from}`);
  return text.replace(from, to);
}

/** The joined text, with the IV of a test in the place of the counter. */
export function packetTextOf(profile: PacketProfileOf, isShrunk = true): Promise<string> {
  const entry = join(SPECIAL, 'packet.entry.ts');
  const sa = join(SPECIAL, 'esp-sa.ts');
  const counter = 'put32(buffer, iv, hi);\n      put32(buffer, iv + 4, lo);';
  const texts = {
    [entry]: `${readFileSync(entry, 'utf8')}\nexport const testIv: Uint8Array = new Uint8Array(8);\n`,
    [sa]: patched(readFileSync(sa, 'utf8'), counter, 'copy(buffer, iv, testIv, 0, 8);'),
  };
  return joinPackets(profile, texts, isShrunk);
}

/** Runs a text on Node. */
export async function packetModule(text: string): Promise<PacketModule> {
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'es2015', minify: true });
  const module = { exports: {} };
  new Function('board', 'module', 'exports', code)(board, module, module.exports);
  return module.exports as PacketModule;
}
