// A specialised device with SAs keyed by hand, on Node: its text is made and run as it would be on a board.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { type Attributes, MODE_TUNNEL, udpAttributes } from '../../core/dietesp/attributes.ts';
import { defaultConfig, type SaConfig } from '../../core/esp/sa.ts';
import { aesCcm8Iiv, type Suite } from '../../core/esp/suites.ts';
import { sourceRoot } from '../../targets/build/root.ts';
import type { EspInput } from '../../targets/build/specialise/esp-facts.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import type { Specialised } from '../../targets/build/specialise/layout.ts';
import type { LinkInput } from '../../targets/build/specialise/link-facts.ts';
import { manualOf } from '../../targets/build/specialise/manual-of.ts';

const SPECIAL = join(sourceRoot(), 'targets', 'special');

/** What a text of manual.entry.ts exports. */
export interface ManualDevice {
  start(octets: Uint8Array): boolean;
  send(flow: number, payload: Uint8Array, offset: number, length: number, now: number): number;
  receive(frame: Uint8Array, length: number, now: number): number;
  poll(now: number): void;
  nextTimeout(): number;
  counter(which: number): number;
}

/** The facts of a profile with its keys. */
export function manualProfile(esp: EspInput, link: LinkInput): Specialised {
  return manualOf(esp, link, { ccm: false, hmac: false, x25519: false }, 'node');
}

/** The joined TypeScript text. */
export function manualText({ constants }: Specialised): Promise<string> {
  return joinParts({
    entry: join(SPECIAL, 'manual.entry.ts'),
    profile: constants,
    replace: { [join(SPECIAL, 'events.ts')]: join(SPECIAL, 'manual-events.ts') },
  });
}

/** A function that makes devices of a text from their hooks. */
export async function manualMaker(text: string): Promise<(board: unknown, upper: unknown) => ManualDevice> {
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'es2015', minify: true });
  return (board, upper) => {
    const module = { exports: {} };
    new Function('board', 'upper', 'module', 'exports', code)(board, upper, module, module.exports);
    return module.exports as ManualDevice;
  };
}

/** SAs between two addresses and ports, both directions, with random keys. */
export function pairOf(
  suite: Suite,
  own: Uint8Array,
  peer: Uint8Array,
  outer: Uint8Array,
  gateway: Uint8Array,
  change: (a: Attributes, isUp: boolean) => void = () => {},
): { out: SaConfig; in: SaConfig } {
  const side = (isUp: boolean): SaConfig => {
    const a = isUp ? udpAttributes(own, 5683, peer, 5683) : udpAttributes(peer, 5683, own, 5683);
    a.tunnelSrc = isUp ? outer : gateway;
    a.tunnelDst = isUp ? gateway : outer;
    a.espSpi = isUp ? 0x11223344 : 0x55667788;
    change(a, isUp);
    if (a.ipsecMode !== MODE_TUNNEL) {
      a.tunnelSrc = new Uint8Array(0);
      a.tunnelDst = new Uint8Array(0);
    }
    const config = defaultConfig(a, suite);
    config.key = randomBytes(suite.alg === 0 ? 0 : suite.keyLength);
    config.salt = randomBytes(suite.saltLength);
    config.authKey = randomBytes(suite.authKeyLength);
    return config;
  };
  return { out: side(true), in: side(false) };
}

export const README_LINK: LinkInput = {
  panId: 0xabcd,
  ownLink: Uint8Array.of(0, 2),
  gatewayLink: Uint8Array.of(0, 1),
  outer: Uint8Array.from(Buffer.from('fe80000000000000000000fffe000002', 'hex')),
  gateway: Uint8Array.from(Buffer.from('fe80000000000000000000fffe000001', 'hex')),
  contexts: new Uint8Array(0),
  dscp: 0,
  ackWait: 20,
  fragmentsOut: true,
  fragmentsIn: true,
  reassembly: 512,
  ike: false,
};

export const README_SUITE = aesCcm8Iiv;
