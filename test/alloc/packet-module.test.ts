// A packet module of one profile allocates nothing per packet on Node: IP packets to ESP packets and back, and with a wrong ICV.
// An array for each packet is seen.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { transform } from 'esbuild';
import { udpAttributes } from '../../core/dietesp/attributes.ts';
import { defaultConfig } from '../../core/esp/sa.ts';
import { aesCcm8Iiv } from '../../core/esp/suites.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { emitUdp } from '../../core/wire/udp.ts';
import { joinPackets, packetProfile } from '../../targets/build/specialise/packet-facts.ts';

const PACKETS = 100000;
const SIZE = 76;
const folder = mkdtempSync(join(tmpdir(), 'dietesp-alloc-'));
after(() => rmSync(folder, { recursive: true }));

function address(last: number): Uint8Array {
  const octets = new Uint8Array(16);
  octets[0] = 0xfd;
  octets[15] = last;
  return octets;
}

function innerPacket(): Uint8Array {
  const packet = new Uint8Array(SIZE);
  emitIpv6(packet, 0, 0, 0, SIZE - 40, 17, 64);
  packet.set(address(1), 8);
  packet.set(address(2), 24);
  emitUdp(packet, 40, SIZE, 0, 5683, 5683);
  return packet;
}

/** The module, and a program that prints octets per packet: good ones, ones that leave an array, ones with a wrong ICV. */
async function program(): Promise<string> {
  const attributes = udpAttributes(address(1), 5683, address(2), 5683);
  attributes.tunnelSrc = address(3);
  attributes.tunnelDst = address(4);
  attributes.espSpi = 0x1234;
  const config = defaultConfig(attributes, aesCcm8Iiv);
  config.key = new Uint8Array(16);
  config.salt = new Uint8Array(3);
  const search = { wraps: 8, rate: 8 };
  const profile = packetProfile({ out: config, in: config, reserve: 0, search, maxPacket: 1280 });
  const text = await joinPackets(profile, {}, true);
  const { code } = await transform(text, { loader: 'ts', format: 'cjs', target: 'es2020' });
  return `
    const board = { random: (b, o, n) => { for (let i = 0; i < n; i++) b[o + i] = 7; return true; } };
    ${code}
    const m = module.exports;
    m.start(Uint8Array.of(${profile.data.join()}));
    m.addSas(0x1234, 0x1234, new Uint8Array(19).fill(3), 0, 0);
    const inner = Uint8Array.of(${innerPacket().join()});
    const wire = new Uint8Array(512);
    const back = new Uint8Array(512);
    const kept = [];
    let good = 0;
    function run(count, kind) {
      for (let i = 0; i < count; i++) {
        const length = m.outbound(inner, 0, ${SIZE}, wire, 0, i);
        if (kind === 1) wire[length - 1] ^= 1;
        if (kind === 2) kept.push([i]);
        if (m.inbound(wire, 0, length, back, 0, i) === ${SIZE}) good++;
      }
    }
    for (const kind of [0, 2, 1]) {
      run(${PACKETS / 4}, kind);
      gc();
      run(${PACKETS / 4}, kind);
      good = 0;
      const before = process.memoryUsage().heapUsed;
      run(${PACKETS}, kind);
      const each = (process.memoryUsage().heapUsed - before) / ${PACKETS};
      console.log(JSON.stringify({ good, each }));
    }`;
}

test('less than one octet a packet', async (t) => {
  const file = join(folder, 'module.cjs');
  writeFileSync(file, await program());
  const flags = ['--expose-gc', '--trace-gc', '--no-concurrent-recompilation'];
  const young = ['--min-semi-space-size=256', '--max-semi-space-size=256'];
  const ended = spawnSync(process.execPath, [...flags, ...young, file], { encoding: 'utf8' });
  assert.equal(ended.status, 0, ended.stderr);
  assert.doesNotMatch(ended.stdout, /Scavenge/);
  t.diagnostic([...ended.stdout.matchAll(/^\{.*\}$/gm)].join());
  const [good, leaking, wrong] = [...ended.stdout.matchAll(/^\{.*\}$/gm)].map(
    ([line]) => JSON.parse(line) as { good: number; each: number },
  );
  assert.deepEqual([good.good, wrong.good, leaking.good], [PACKETS, 0, PACKETS]);
  assert.ok(Math.abs(good.each) < 1 && Math.abs(wrong.each) < 1);
  assert.ok(leaking.each > 16);
});
