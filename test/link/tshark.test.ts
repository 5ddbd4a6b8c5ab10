// tshark reads what we send on air: every frame is 802.15.4 with a good FCS and 6LoWPAN, nothing is malformed, and it shows
// the IPv6 addresses, ports and lengths that we compressed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addressOf } from '../../core/base/address.ts';
import { pseudoSum, putChecksum } from '../../core/base/checksum.ts';
import { emitIpv6 } from '../../core/wire/ipv6.ts';
import { createContexts, putInterfaceId, setContext } from '../../core/wire/sixlowpan.ts';
import { createUdpCompression } from '../../core/wire/sixlowpan-udp.ts';
import { addressText } from '../../targets/node/host/addresses.ts';
import {
  createPcapWriter,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
} from '../../targets/node/host/radio/pcap.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { BROADCAST, lowpanNode } from './nodes.ts';

const skip = spawnSync('tshark', ['--version']).status === 0 ? false : 'tshark not found';
const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));

const CONTEXTS = createContexts(16);
setContext(CONTEXTS, 0, hex('2001 0db8 0000 0000 0000 0000 0000 0000'), 0, 64);
setContext(CONTEXTS, 3, hex('fd00 0001 0000 0000 0000 0000 0000 0000'), 0, 64);
setContext(CONTEXTS, 7, hex('2001 0db8 00aa 0001 0000 0000 0000 0007'), 0, 128);
const PREFERENCES = [
  '6lowpan.context0:2001:db8::/64',
  '6lowpan.context3:fd00:1::/64',
  '6lowpan.context7:2001:db8:aa:1::7/128',
];

function tshark(path: string, fields: string[]): string[][] {
  const args = ['-n', '-r', path, '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=l'];
  args.push('-o', 'udp.check_checksum:TRUE');
  for (const preference of PREFERENCES) args.push('-o', preference);
  for (const field of fields) args.push('-e', field);
  const run = spawnSync('tshark', args, { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
}

for (const linkType of [LINKTYPE_IEEE802_15_4, LINKTYPE_IEEE802_15_4_NOFCS]) {
  test(`tshark reads our frames, link type ${linkType}`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'dietesp-'));
    const path = join(folder, 'link.pcap');
    try {
      const writer = createPcapWriter(path, linkType);
      const medium = createMedium({ seed: 1, tap: (now, frame) => writer.write(now, frame) });
      const options = { contexts: CONTEXTS, nhc: createUdpCompression(false) };
      const nodes = [1, 2, 3, 4].map((index) => lowpanNode(medium, index, { ...options, extended: index > 2 }));
      const random = createRandom(77);
      const prefixes = ['fe80 0000 0000 0000', '2001 0db8 0000 0000', 'fd00 0001 0000 0000', '2001 0db8 0bad 0000'];
      const groups = [
        'ff02 0000 0000 0000 0000 0000 0000 0001',
        'ff05 0000 0000 0000 0000 0000 0001 0003',
        'ff02 0000 0000 0000 0000 0001 ff01 0203',
        'ff0e 0000 0000 0001 0000 0000 0000 0101',
      ];
      const expected: string[] = [];
      for (let i = 0; i < 240; i++) {
        const from = nodes[i % 4];
        const to = nodes[(i + 1 + random.below(3)) % 4];
        const multicast = i % 7 === 0;
        const udp = i % 3 === 0;
        const size = i % 11 === 0 ? 200 + random.below(900) : 50 + random.below(40);
        const packet = new Uint8Array(size);
        const tc = i % 5 === 0 ? random.below(256) : 0;
        const flow = i % 4 === 1 ? random.below(1 << 20) : 0;
        const hops = [1, 64, 255, 33][random.below(4)];
        emitIpv6(packet, 0, tc, flow, size - 40, udp ? 17 : 59, hops);
        packet.set(hex(prefixes[random.below(4)]), 8);
        const kind = random.below(3);
        if (kind === 0) putInterfaceId(packet, 16, addressOf(from.address));
        else if (kind === 1) packet.set(hex('0000 00ff fe00 1234'), 16);
        else random.fill(packet, 16, 8);
        if (multicast) packet.set(hex(groups[random.below(4)]), 24);
        else if (i % 13 === 0) packet.set(hex('2001 0db8 00aa 0001 0000 0000 0000 0007'), 24);
        else {
          packet.set(hex(prefixes[random.below(4)]), 24);
          if (random.below(2) === 0) putInterfaceId(packet, 32, addressOf(to.address));
          else random.fill(packet, 32, 8);
        }
        if (udp) {
          const view = new DataView(packet.buffer);
          view.setUint16(40, [0xf0b1, 0xf042, 50000][random.below(3)]);
          view.setUint16(42, [0xf0b2, 0xf043, 50001][random.below(3)]);
          view.setUint16(44, size - 40);
          putChecksum(packet, 46, 40, size - 40, pseudoSum(packet, 0, 17, size - 40), 0xffff);
        }
        const address = multicast ? BROADCAST : to.address;
        assert.ok(from.lowpan.send(packet, 0, size, addressOf(address), medium.now) > 0);
        const before = nodes.reduce((sum, node) => sum + node.packets.length, 0);
        medium.settle(medium.now + 1e6);
        assert.equal(nodes.reduce((sum, node) => sum + node.packets.length, 0) - before, multicast ? 3 : 1);
        expected.push([addressText(packet, 8, 16), addressText(packet, 24, 16), tc, flow, hops, size].join(' '));
      }
      writer.close();

      // biome-ignore format: one field a line
      const fields = [
        'frame.protocols', 'wpan.frame_type', 'wpan.fcs_ok', '_ws.malformed', 'ipv6.src', 'ipv6.dst',
        'ipv6.tclass', 'ipv6.flow', 'ipv6.hlim', 'ipv6.plen', 'udp.checksum.status',
      ];
      const rows = tshark(path, fields);
      const packets: string[] = [];
      const checked: string[] = [];
      let data = 0;
      for (const row of rows) {
        const [protocols, type, fcs, malformed, src, dst, tc, flow, hops, plen, status] = row;
        const text = row.join(' | ');
        assert.equal(malformed, '', text);
        if (linkType === LINKTYPE_IEEE802_15_4) assert.match(fcs, /^(1|True)$/, text);
        assert.match(protocols, /^wpan/, text);
        if (type === '0x0002') continue;
        data++;
        assert.match(protocols, /6lowpan/, text);
        if (src === '') continue;
        if (status !== '') checked.push(status);
        packets.push([src, dst, Number(tc), Number(flow), hops, Number(plen) + 40].join(' '));
      }
      assert.deepEqual([checked.length, new Set(checked)], [80, new Set(['1'])], 'UDP checksums: good');
      assert.ok(data > expected.length, 'some packets were fragmented');
      assert.deepEqual(packets, expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
