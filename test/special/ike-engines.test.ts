// A specialised device's IKE on every engine: one life that Node recorded, with rekeys by both sides and a resumption, octet for octet.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { BOARD_MEMBERS } from '../../targets/board/hooks.ts';
import { ENGINES, type Engine, emptyReport, engineMissing, readReport, runOn } from '../../targets/build/engines.ts';
import { bundleScript } from '../../targets/build/javascript.ts';
import { bundleLua } from '../../targets/build/lua-bundle.ts';
import { outputFolder, sourceRoot } from '../../targets/build/root.ts';
import { joinParts } from '../../targets/build/specialise/join.ts';
import { makeFolders } from '../../targets/node/host/append.ts';
import { specialised } from './ike-kit.ts';
import { kindOf, sceneOf } from './ike-net.ts';
import { CHANGES } from './ike-sim.ts';

const CALM = { loss: 0, reorder: 0, duplicate: 0, corrupt: 0, truncate: 0, attack: 0, until: 0, latency: 20 };
const SPECIAL = join(sourceRoot(), 'targets', 'special');
const ENTRY = join(sourceRoot(), 'test', 'special', 'ike-engine.entry.ts');

interface Life {
  data: Uint8Array;
  random: string;
  script: string;
  expected: string;
}

/** A life on Node. */
async function record(): Promise<Life> {
  const kind = await kindOf('usual', CHANGES.usual);
  const random: Buffer[] = [];
  const script: Buffer[] = [];
  const expected: Buffer[] = [];
  const head = (kindOf: number, size: number): Buffer => Buffer.from([kindOf, size >>> 8, size & 255]);
  const { make } = kind.maker;
  kind.maker.make = (provider, transmit) => {
    const recorded = {
      ...provider,
      random: (buffer: Uint8Array, offset: number, length: number): void => {
        provider.random(buffer, offset, length);
        random.push(Buffer.from(buffer.slice(offset, offset + length)));
      },
    };
    const made = make(recorded, (octets) => {
      expected.push(head(1, octets.length), Buffer.from(octets));
      transmit(octets);
    });
    const { device, host } = made;
    host.added = (pair, isFirst) => {
      const octets = Buffer.alloc(9);
      octets.writeUInt32BE(pair.spiOut, 0);
      octets.writeUInt32BE(pair.spiIn, 4);
      octets[8] = isFirst ? 1 : 0;
      expected.push(head(2, 47), octets, Buffer.from(pair.out), Buffer.from(pair.in));
    };
    const step = (what: number, now: number, octets: Uint8Array): void => {
      const header = Buffer.alloc(7);
      header[0] = what;
      header.writeUInt32BE(now, 1);
      header.writeUInt16BE(octets.length, 5);
      script.push(header, Buffer.from(octets));
    };
    const none = new Uint8Array(0);
    const before = { ...device };
    device.connect = (_resumes, now) => {
      step(1, now, none);
      before.connect(true, now);
    };
    device.receive = (b, o, n, now) => {
      step(2, now, b.slice(o, o + n));
      before.receive(b, o, n, now);
    };
    device.poll = (now) => {
      step(3, now, none);
      before.poll(now);
    };
    device.rekey = (now) => {
      step(4, now, none);
      before.rekey(now);
    };
    device.rekeyIke = (now) => {
      step(5, now, none);
      before.rekeyIke(now);
    };
    return made;
  };
  const { net, device, host } = sceneOf(kind, 1, CALM, kind.gateway());
  device.connect(false, 0);
  net.run(1000);
  device.rekey(net.now);
  net.run(2000);
  device.rekeyIke(net.now);
  net.run(3000);
  const sa = net.gateway.established.at(-1)!;
  rekeyChild(net.gateway.ike, sa, sa.children.find((one) => one.retired === 0)!, net.now);
  net.run(4000);
  rekeyIke(net.gateway.ike, sa, net.now);
  net.run(11000);
  device.connect(true, net.now);
  net.run(12000);
  assert.deepEqual(
    host.events.filter((event) => /^(established|replaced|ended)/.test(event)).map((event) => event.split(' ')[0]),
    ['established', 'replaced', 'replaced', 'ended', 'established'],
  );
  const hex = (list: Buffer[]): string => Buffer.concat(list).toString('hex');
  return { data: device.D.slice(), random: hex(random), script: hex(script), expected: hex(expected) };
}

/** The program for an engine. */
async function programOf(engine: Engine, life: Life): Promise<string> {
  const kind = CHANGES.usual;
  const { policy } = await import('../ike/pair.ts');
  const one = policy('device', 'gateway', 1, 2);
  one.retransmitTime = 1000;
  one.dpdTime = 20000;
  kind(one, true);
  const made = specialised(one, { nativeCcm: false, nativeHmac: false, nativeX25519: false });
  const text = await joinParts({
    entry: ENTRY,
    profile: made.constants,
    texts: {
      [ENTRY]: readFileSync(ENTRY, 'utf8')
        .replace('@data', Buffer.from(life.data).toString('hex'))
        .replace('@random', life.random)
        .replace('@script', life.script)
        .replace('@expected', life.expected),
    },
    replace: Object.fromEntries(
      ['link', 'esp-sa', 'esp-in', 'inner', 'events'].map((name) => [join(SPECIAL, `${name}.ts`), ENTRY]),
    ),
  });
  const board = `declare function print(line: string): void;
const board: Board = {
  random: (b: Uint8Array, o: number, l: number) => recordedRandom(b, o, l),
  print: (line: string) => print(line),
} as unknown as Board;`;
  const whole = text.replace('declare const board: Board;', board);
  assert.notEqual(whole, text);
  if (engine === 'lua') return bundleLua({ text: whole });
  const { text: script } = await bundleScript({ text: whole }, engine, { minify: true, mangle: BOARD_MEMBERS });
  return engine === 'node' ? `const print = console.log;\n${script}` : script;
}

for (const engine of ENGINES) {
  // Espruino has no time for the portable X25519.
  const skip = engine === 'espruino' ? 'portable X25519 takes minutes' : engineMissing(engine);
  test(`a life of IKE on ${engine}`, { skip }, async () => {
    const folder = outputFolder(engine);
    makeFolders(folder);
    const file = join(folder, `special-ike.${engine === 'lua' ? 'lua' : 'js'}`);
    writeFileSync(file, await programOf(engine, await record()));
    const report = emptyReport();
    readReport(await runOn(engine, file, 240000), report);
    assert.deepEqual(report.failures, []);
    assert.equal(report.passed, 1);
  });
}
