// Two endpoints with EESP, or one of them: what each offers, and the SAs that come of it as SAs of core/eesp.

import assert from 'node:assert/strict';
import { fullExtensions } from '../../../core/device/full-extensions.ts';
import { createEespSa, type EespConfig } from '../../../core/eesp/sa.ts';
import { ALL_SUITES } from '../../../core/esp/all-suites.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { type EespNumbers, eespNumbers } from '../../../core/ike/codec/private-numbers.ts';
import type { Transforms } from '../../../core/ike/codec/proposals.ts';
import { createEesp } from '../../../core/ike/ext/eesp.ts';
import { CHILD_LIVE, type ChildSa } from '../../../core/ike/state/child.ts';
import type { Ike } from '../../../core/ike/state/ike.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { acceptingEesp, type EespSettings, offeringEesp } from '../../../targets/node/host/config/eesp.ts';
import { endpointOf, innerOf, LEFT, RIGHT, receive, send } from '../../eesp/kit.ts';
import { type Options, type Scene, scene } from '../kit.ts';
import { childPolicy, type Node } from '../pair.ts';

export const SETTINGS: EespSettings = {
  required: false,
  prefer: true,
  hasSn: true,
  sskdfs: [1],
  maxSubSa: 3,
  subSa: 0,
  perClass: false,
  numbers: eespNumbers(),
};

export interface Given extends Options {
  /** null: this side has no EESP at all. */
  own?: Partial<EespSettings> | null;
  theirs?: Partial<EespSettings> | null;
}

/** Gives EESP to an endpoint. */
export function attachEesp(ike: Ike, numbers: EespNumbers = eespNumbers()): void {
  const { extension, protocol } = createEesp(numbers, {
    install: (...args) => ike.upper.install(...args),
  });
  ike.extensions.splice(1, 0, extension);
  ike.protocols.push(protocol);
}

/** ESP proposals of the scenes: AES-GCM with an explicit IV, AES-CCM with an implicit one. */
export const ESP: Transforms = { ...childPolicy(1, 2).esp[0], ciphers: [20, 29], keyBits: [128, 128], ke: [] };

export function eespScene(given: Given = {}): Scene {
  const { own = {}, theirs = {}, ...options } = given;
  const esp = [ESP];
  const plain = { notify: null, compression: null, suites: ALL_SUITES };
  const s = scene({
    ...options,
    deviceChild: { esp, ...plain, ...options.deviceChild },
    gatewayChild: { esp, ...plain, ...options.gatewayChild },
    config: { extensions: fullExtensions(), ...options.config },
  });
  if (own !== null) {
    const settings = { ...SETTINGS, ...own };
    attachEesp(s.world.device.ike, settings.numbers);
    Object.assign(s.device, offeringEesp(s.device, settings));
  }
  if (theirs !== null) {
    const settings = { ...SETTINGS, ...theirs };
    attachEesp(s.world.gateway.ike, settings.numbers);
    Object.assign(s.gateway, acceptingEesp(s.gateway, settings));
  }
  return s;
}

export const live = (sa: IkeSa): ChildSa[] => sa.children.filter(({ retired }) => retired === CHILD_LIVE);
export const peerOf = (s: Scene, sa: IkeSa): IkeSa =>
  s.world.gateway.ike.sas.find((one) => Buffer.compare(one.spis, sa.spis) === 0)!;

/** Packets go both ways under the live Child SA of EESP, with each of these Sub SAs. */
export function carries(s: Scene, sa: IkeSa, sessions: number[] = [0]): void {
  const [ours] = live(sa);
  const [theirs] = live(peerOf(s, sa));
  const both: [Node, ChildSa, Node, ChildSa][] = [
    [s.world.device, ours, s.world.gateway, theirs],
    [s.world.gateway, theirs, s.world.device, ours],
  ];
  for (const [from, child, to, other] of both) {
    const { outgoing } = from.pairs.get(child)!;
    const { incoming } = to.pairs.get(other)!;
    const provider = s.world.device.ike.provider;
    const receiver = createEespSa(FULL_PARTS, provider, wide(incoming as EespConfig));
    const sender = createEespSa(FULL_PARTS, provider, wide(outgoing as EespConfig));
    const e = endpointOf(receiver, provider);
    for (const session of sessions) {
      sender.session = session;
      const inner = innerOf(6, 20);
      const wire = send(endpointOf(null, provider), sender, inner);
      assert.equal(typeof wire, 'object');
      assert.deepEqual(receive(e, wire as Uint8Array, LEFT, RIGHT), Uint8Array.from(inner));
    }
  }
}

/** The same keys between the ends of test/eesp/kit.ts, for every packet. */
function wide(config: EespConfig): EespConfig {
  const low = new Uint8Array(16);
  const high = new Uint8Array(16).fill(255);
  const a = config.attributes;
  return {
    ...config,
    attributes: {
      ...a,
      tsIpVersion: 6,
      tsIpSrcStart: low,
      tsIpSrcEnd: high,
      tsIpDstStart: low,
      tsIpDstEnd: high,
      tunnelSrc: LEFT,
      tunnelDst: RIGHT,
    },
  };
}
