// Seeded handshakes of specialised devices on bad networks.

import assert from 'node:assert/strict';
import { ehc } from '../../core/ike/child/ehc.ts';
import { AUTH_DIGITAL_SIGNATURE, CP_INTERNAL_IP6_ADDRESS } from '../../core/ike/codec/numbers.ts';
import { ikeCcm8, ikeCcm16, ikeGcm16 } from '../../core/ike/crypto/suites.ts';
import { outcomeName } from '../../core/ike/state/outcome-name.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { address } from '../ike/pair.ts';
import { ed25519, type Faults } from '../ike/sim-world.ts';
import { agree, type Change, type Kind, kindOf, sceneOf } from './ike-net.ts';

/** Faults end; the last repetition, the last probe and its repetitions are over. */
const QUIET = 40000;
const END = 400000;

const DEVICE_KEY = ed25519();
const GATEWAY_KEY = ed25519();
const PPK = { id: Uint8Array.of(2, 1, 2, 3), key: new Uint8Array(32).fill(9) };

/** Profiles, by what makes them differ from the first. */
export const CHANGES: Readonly<Record<string, Change>> = {
  usual: (one) => {
    one.ticketLifetime = 3600;
  },
  bare: (one) => {
    one.transcript = false;
    one.optimizedRekey = false;
    one.initialContact = false;
    one.nameRemote = false;
  },
  plain: (one) => {
    one.child.notify = null;
    one.child.esp = [{ ...one.child.esp[0], ciphers: [14], keyBits: [128] }];
  },
  known: (one) => {
    one.privateAlways = true;
    one.nonceSize = 32;
  },
  pfs: (one) => {
    one.child.esp = [{ ...one.child.esp[0], ke: [31] }];
    one.ticketLifetime = 3600;
  },
  'known pfs': (one) => {
    one.privateAlways = true;
    one.child.esp = [{ ...one.child.esp[0], ke: [31, 0] }];
  },
  ed25519: (one, isDevice) => {
    one.localAuth = one.remoteAuth = AUTH_DIGITAL_SIGNATURE;
    one.privateKey = (isDevice ? DEVICE_KEY : GATEWAY_KEY).privateKey;
    one.publicKey = (isDevice ? GATEWAY_KEY : DEVICE_KEY).publicKey;
    one.ticketLifetime = 3600;
  },
  'gateway signs': (one, isDevice) => {
    if (isDevice) {
      one.remoteAuth = AUTH_DIGITAL_SIGNATURE;
      one.publicKey = GATEWAY_KEY.publicKey;
    } else {
      one.localAuth = AUTH_DIGITAL_SIGNATURE;
      one.privateKey = GATEWAY_KEY.privateKey;
    }
  },
  ehc: (one) => {
    one.child.notify = ehc;
  },
  ppk: (one) => {
    one.ppk = { ...PPK, mandatory: false, intermediate: false };
  },
  'ppk mandatory': (one) => {
    one.ppk = { ...PPK, mandatory: true, intermediate: false };
    one.ticketLifetime = 3600;
  },
  fragments: (one, isDevice) => {
    one.fragmentSize = isDevice ? 1280 : 150;
    one.ticketLifetime = 3600;
  },
  'fragments in rounds': (one, isDevice) => {
    one.ppk = { ...PPK, mandatory: true, intermediate: true };
    one.fragmentSize = isDevice ? 1280 : 90;
  },
  'ppk round': (one) => {
    one.ppk = { ...PPK, mandatory: false, intermediate: true };
  },
  ciphers: (one, isDevice) => {
    one.ciphers = [ikeCcm8, ikeCcm16];
    one.ike = [{ ...one.ike[0], ciphers: isDevice ? [14, 16] : [16], keyBits: [128, 128] }];
    one.ticketLifetime = 3600;
  },
  'ciphers with gcm': (one, isDevice) => {
    one.ciphers = [ikeCcm8, ikeCcm16, ikeGcm16];
    one.ike = [
      { ...one.ike[0], ciphers: isDevice ? [14] : [20], keyBits: [128] },
      { ...one.ike[0], ciphers: isDevice ? [16, 20] : [16], keyBits: [128, 128] },
    ];
    one.ticketLifetime = 3600;
  },
  gcm: (one) => {
    one.ciphers = [ikeGcm16];
    one.ike = [{ ...one.ike[0], ciphers: [20] }];
    one.ppk = { ...PPK, mandatory: false, intermediate: true };
  },
  groups: (one, isDevice) => {
    one.ike = [{ ...one.ike[0], ke: isDevice ? [31, 19] : [19] }];
    one.ticketLifetime = 3600;
  },
  'groups pfs': (one, isDevice) => {
    one.ike = [{ ...one.ike[0], ke: isDevice ? [31, 19] : [19, 31] }];
    one.child.esp = [{ ...one.child.esp[0], ke: isDevice ? [31, 19] : [19] }];
    one.privateAlways = true;
  },
  p256: (one) => {
    one.ike = [{ ...one.ike[0], ke: [19] }];
    one.child.esp = [{ ...one.child.esp[0], ke: [19, 0] }];
    one.ticketLifetime = 3600;
  },
  address: (one, isDevice) => {
    if (!isDevice) return;
    one.requestAddress = CP_INTERNAL_IP6_ADDRESS;
    one.child.local = [{ ...one.child.local[0], start: address(0), end: address(255) }];
  },
};

export function kinds(names: readonly string[] = Object.keys(CHANGES)): Promise<Kind[]> {
  return Promise.all(names.map((name) => kindOf(name, CHANGES[name])));
}

/** Plays the seed; throws where something does not hold. Why it came to nothing, or ''. */
export function handshake(list: readonly Kind[], seed: number): string {
  const random = createRandom(seed * 40503 + 11);
  const chance = (n: number): boolean => random.below(n) === 0;
  const kind = list[seed % list.length];
  const gateway = kind.gateway();
  let broken = '';
  if (chance(10)) {
    broken = ['credentials', 'proposals', 'selectors', 'identity', 'unknown'][random.below(5)];
    if (broken === 'credentials') {
      gateway.psk = Uint8Array.of(1, 2, 3);
      gateway.publicKey = GATEWAY_KEY.publicKey;
    }
    if (broken === 'proposals') gateway.ike = [{ ...gateway.ike[0], ciphers: [28], keyBits: [0] }];
    if (broken === 'selectors')
      gateway.child.local = [{ ...gateway.child.local[0], start: address(9), end: address(9) }];
    if (broken === 'identity') gateway.localId = { type: 2, data: Uint8Array.of(65) };
    if (broken === 'unknown') gateway.remoteId = { type: 2, data: Uint8Array.of(66) };
  }
  // A gateway that can do more, less, or has another order.
  if (chance(3) && broken !== 'proposals')
    gateway.ike = [{ ...gateway.ike[0], ciphers: [20, 14], keyBits: [128, 128], ke: [19, 31] }];
  if (chance(4)) gateway.optimizedRekey = false;
  if (chance(4)) gateway.transcript = !gateway.transcript;
  if (chance(4)) gateway.ticketLifetime = 0;
  if (gateway.ppk !== null && chance(3)) {
    // Without the key, or with another one, or in IKE_AUTH alone.
    if (chance(2)) gateway.ppk = { ...gateway.ppk, intermediate: false };
    else if (kind.device.ppk!.mandatory) broken = 'ppk';
    if (broken === 'ppk' || !gateway.ppk.mandatory) {
      if (chance(2)) gateway.ppk = null;
      else gateway.ppk = { ...gateway.ppk, id: Uint8Array.of(2, 9), mandatory: false };
    }
  }
  const calm = chance(5);
  const faults: Faults = {
    loss: calm ? 0 : random.below(9) * 0.05,
    reorder: chance(3) ? 0 : 0.3,
    duplicate: chance(3) ? 0 : 0.2,
    corrupt: calm || chance(2) ? 0 : 0.15,
    truncate: calm || chance(2) ? 0 : 0.1,
    attack: chance(2) ? 0 : 0.1 + random.below(6) * 0.1,
    until: QUIET,
    latency: 10 + random.below(150),
  };
  const resumes = broken === '' && kind.device.ticketLifetime > 0 && chance(3);
  const scene = sceneOf(kind, seed, { ...faults, until: resumes ? 0 : QUIET }, gateway, chance(3) ? 0 : 100);
  const { net, device, host } = scene;
  const label = `seed ${seed} (${kind.name}${broken === '' ? '' : ', broken ' + broken}${resumes ? ', resumes' : ''})`;
  if (resumes) {
    device.connect(false, net.now);
    net.run(net.now + 5000);
    assert.ok(device.isReady(), `${label}: not up before`);
    if (chance(4)) net.run(net.now + 60000);
    net.faults.until = net.now + QUIET;
    host.events.length = 0;
    host.outcomes.length = 0;
  }
  device.connect(resumes, net.now);
  // Its own attempts go on until one comes about.
  net.run(net.now + QUIET + (broken === '' ? END : 60000));
  if (broken !== '') device.close(net.now);
  // The gateway's last probe and its repetitions are over.
  net.run(net.now + 150000);
  for (let i = 0; i < 20 && (device.S.current?.task !== 0 || net.gateway.ike.sas.some((sa) => sa.task !== null)); i++) {
    net.run(net.now + 1000);
  }
  const works = agree(scene, `${label} loss ${faults.loss} attack ${faults.attack}`);
  for (const outcome of host.outcomes) {
    assert.notEqual(outcome, 0, `${label}: an end without a reason`);
    // What an unprotected answer says may be any number where it was damaged: one bit makes 63 of the notify 16447.
    const isDamaged = outcome > 0 && faults.corrupt + faults.attack > 0;
    if (!isDamaged) assert.doesNotMatch(outcomeName(outcome), /^notify-|^-?\d/, `${label}: an outcome without a name`);
  }
  assert.equal(works, broken === '', `${label}: ${works ? 'came about' : host.events.slice(-6).join()}`);
  if (works) assert.equal(device.isReady(), true, `${label}: no Child SA`);
  if (broken !== '') {
    assert.ok(!host.events.some((event) => /^(installed|established)/.test(event)), `${label}: ${host.events.join()}`);
    assert.ok(host.outcomes.length > 0, `${label}: nobody was told`);
  }
  const first = host.outcomes[0];
  return works && host.outcomes.length === 0 ? '' : outcomeName(first);
}

/** Plays the seeds from `first` to `last`, and says what came of them. */
export function handshakes(list: readonly Kind[], first: number, last: number): { text: string; atOnce: number } {
  const outcomes: Record<string, number> = {};
  for (let seed = first; seed <= last; seed++) {
    const name = handshake(list, seed);
    outcomes[name] = (outcomes[name] ?? 0) + 1;
  }
  return { text: JSON.stringify(outcomes), atOnce: outcomes[''] ?? 0 };
}
