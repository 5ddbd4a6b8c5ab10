// MTU detection over real networks: four namespaces in a row, whose middle link gets a smaller MTU in mid-flow. The ingress is a
// gateway with an application behind its network interface, the egress a sensor. What came in fragments is counted by the kernels.
// 1.3 s later none may come any more. DIETESP_LONG=1: every pair of outer and inner IP versions, and 1 s.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../cli/run.ts';
import { type MtuSite, missing, openMtuSite, type Program, type Space } from './mtu/site.ts';

const IS_LONG = process.env['DIETESP_LONG'] === '1';
const PSK = 'a key for tests';
const INNER = { 4: { gateway: '10.1.0.1', sensor: '10.2.0.1' }, 6: { gateway: 'fd01::1', sensor: 'fd02::1' } } as const;
const OUTER = {
  4: { gateway: '10.99.1.1', sensor: '10.99.3.2' },
  6: { gateway: 'fd99:1::1', sensor: 'fd99:3::2' },
} as const;
/** Notifies follow each other without the pause of 10 s: the path gets smaller twice within seconds. */
const MTU = { every: 0.1, again: 1 };

type Family = 4 | 6;

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Largest inner packet whose ESP of AES-GCM in UDP arrives in one piece, as docs/mtu.md has it. */
function tmapOf(outer: Family, link: number): number {
  // Fragments of IPv4 and IPv6 have a multiple of 8 octets, behind 20 octets, and behind 40 and 8.
  const head = outer === 4 ? 20 : 48;
  const lmap = head + 8 * Math.floor((link - head) / 8);
  return 4 * Math.floor((lmap - (outer === 4 ? 20 : 40) - 8 - 8 - 8 - 16) / 4) - 2;
}

interface Ends {
  site: MtuSite;
  ingress: Program;
  egress: Program;
}

let shared: Ends | null = null;

after(async () => shared?.site.close());

/** The same namespaces and programs for all tests; what they run is new each time. */
async function open(outer: Family, inner: Family, mtu: Record<string, unknown> = MTU): Promise<Ends> {
  if (shared === null) {
    const site = await openMtuSite();
    const [ingress, egress] = await Promise.all([
      site.start(site.ingress, 'ingress.ts'),
      site.start(site.egress, 'egress.ts'),
    ]);
    shared = { site, ingress, egress };
  }
  const { site, ingress, egress } = shared;
  site.setMtu(1500);
  // What its kernel knows of the path is of the test before.
  site.ingress.run('ip -6 route flush cache; ip route flush cache');
  const { gateway, sensor } = INNER[inner];
  const bits = inner === 4 ? 32 : 128;
  const connection = (local: string, remote: string, [localId, remoteId]: string[]): unknown => {
    const child = { esp: ['aes-gcm-16'], compression: { notify: 'none' }, local: [local], remote: [remote] };
    return { localId, remoteId, auth: { psk: PSK }, child };
  };
  const tun = { name: 'mtu0', addresses: [`${gateway}/${bits}`], routes: [`${sensor}/${bits}`], mtu: 1500 };
  const ids = ['fqdn:g', 'fqdn:s'];
  const udp = [{ address: OUTER[outer].gateway }];
  await ingress.ask({ config: { udp, tun, mtu, connection: connection(gateway, sensor, ids) } });
  await egress.ask({
    config: {
      udp: { address: OUTER[outer].sensor },
      gateway: { address: OUTER[outer].gateway },
      innerAddress: sensor,
      mtu,
      connection: connection(sensor, gateway, ids.toReversed()),
    },
  });
  return shared;
}

interface Seen {
  packets: { at: number; size: number; number: number }[];
  fragments: number;
  fragmentAt: number;
  now: number;
  spi: string;
  mtu: Record<string, number>;
}

/** Fragments that the kernel of a namespace made. */
function madeBy(space: Space): number {
  const text = space.run('cat /proc/net/snmp /proc/net/snmp6');
  const [names, values] = [...text.matchAll(/^Ip: .*/gm)].map(([line]) => line.split(' '));
  return Number(values[names.indexOf('FragCreates')]) + Number(/Ip6FragCreates\s+(\d+)/.exec(text)?.[1]);
}

const seen = async ({ egress }: Ends): Promise<Seen> => (await egress.ask({})) as unknown as Seen;

/** The path gets smaller: milliseconds from then to the last fragment, and the largest inner packet after it. */
async function fall(ends: Ends, mtu: number): Promise<{ ms: number; largest: number }> {
  await ends.egress.ask({ clear: true });
  const { fragments, now } = await seen(ends);
  const before = Date.now();
  ends.site.setMtu(mtu);
  await wait(1300);
  const end = await seen(ends);
  assert.ok(end.fragments > fragments, `MTU ${mtu}: no fragment came`);
  const ms = end.fragmentAt - Math.min(now, before);
  await ends.egress.ask({ clear: true });
  await wait(400);
  const { packets, fragments: later } = await seen(ends);
  assert.equal(later, end.fragments, 'fragments still come');
  assert.ok(packets.length > 20, `${packets.length} packets after it`);
  return { ms, largest: Math.max(...packets.map(({ size }) => size)) };
}

const PAIRS: [Family, Family][] = IS_LONG
  ? [
      [4, 4],
      [4, 6],
      [6, 4],
      [6, 6],
    ]
  : [
      [4, 4],
      [6, 6],
    ];

for (const [outer, inner] of PAIRS) {
  test(`IPv${inner} in IPv${outer}: the path falls to 1400, and to 1280`, { skip: missing() }, async (t) => {
    const ends = await open(outer, inner);
    const to = INNER[inner].sensor;
    const start = await seen(ends);
    await ends.ingress.ask({ send: 1410, every: 4, to });
    await wait(300);
    const whole = await seen(ends);
    assert.equal(whole.fragments, start.fragments);
    assert.ok(
      whole.packets.some(({ size }) => size === 1410),
      `packets of 1410 octets, not ${whole.packets.map(({ size }) => size)}`,
    );
    const first = await fall(ends, 1400);
    t.diagnostic(
      `1500 -> 1400: last fragment after ${first.ms} ms, then packets up to ${first.largest} octets, TMAP ${tmapOf(outer, 1400)}`,
    );
    assert.ok(!IS_LONG || first.ms <= 1000, `fragments for ${first.ms} ms`);
    assert.ok(first.largest <= tmapOf(outer, 1400), `${first.largest} octets above TMAP ${tmapOf(outer, 1400)}`);
    if (inner === 4) {
      const second = await fall(ends, 1280);
      t.diagnostic(
        `1400 -> 1280: last fragment after ${second.ms} ms, then packets up to ${second.largest} octets, TMAP ${tmapOf(outer, 1280)}`,
      );
      assert.ok(!IS_LONG || second.ms <= 1000, `fragments for ${second.ms} ms`);
      assert.ok(second.largest <= tmapOf(outer, 1280), `${second.largest} octets above TMAP`);
      // An inner packet that may be cut is cut by the gateway.
      const before = (await ends.ingress.ask({ stop: true })) as { mtu: { split: number } };
      ends.site.ingress.run(`ping -c 1 -W 1 -M dont -s 1300 ${to} || true`);
      const after = (await ends.ingress.ask({})) as { mtu: { split: number } };
      assert.ok(after.mtu.split > before.mtu.split, 'the ping went in pieces');
    } else {
      // Sources of IPv6 keep 1280 octets, in fragments of the outer packet; nothing of it is lost.
      await ends.ingress.ask({ send: 1280, every: 4, to });
      ends.site.setMtu(1280);
      await wait(500);
      await ends.egress.ask({ clear: true });
      const routed = madeBy(ends.site.first);
      const { drops: before, made: madeBefore } = (await ends.ingress.ask({})) as {
        drops: Record<string, number>;
        made: number;
      };
      await wait(1000);
      const { sent, drops, made } = (await ends.ingress.ask({ stop: true })) as {
        sent: number;
        drops: Record<string, number>;
        made: number;
      };
      await wait(200);
      const end = await seen(ends);
      assert.equal(drops['too-big'] ?? 0, before['too-big'] ?? 0, 'no source was told');
      const numbers = end.packets.map(({ number }) => number);
      assert.ok(numbers.length > 50 && end.packets.every(({ size }) => size === 1280), `${numbers.length} packets`);
      assert.equal(numbers.length, numbers.at(-1)! - numbers[0] + 1, 'none is missing');
      assert.equal(numbers.at(-1), sent - 1, 'nor at the end');
      assert.ok(end.now - end.fragmentAt < 500, 'in fragments');
      const own = made - madeBefore;
      const others = madeBy(ends.site.first) - routed;
      t.diagnostic(
        `1280: ${numbers.length} packets of 1280 octets, none lost; fragments made by the ingress ${own}, by the router ${others}`,
      );
      // Routers of IPv6 never cut; DF is clear over IPv4.
      assert.ok((outer === 6 ? own : others) >= numbers.length && (outer === 6 ? others : own) === 0);
    }
    const { mtu, drops } = (await ends.ingress.ask({})) as {
      mtu: Record<string, number>;
      drops: Record<string, number>;
    };
    const { mtu: other } = await seen(ends);
    assert.ok(mtu['lmapTaken'] >= 1 && other['lmapSent'] >= mtu['lmapTaken'], JSON.stringify([mtu, other]));
    assert.equal(drops['internal'], undefined);
  });
}

test('forged fragments tell nobody anything; whoever is on the path gets no lower than the floor', {
  skip: missing(),
}, async (t) => {
  const ends = await open(4, 4, { ...MTU, floor4: 1000 });
  const forge = (values: Record<string, unknown>): void => {
    const given = {
      source: OUTER[4].gateway,
      destination: OUTER[4].sensor,
      spi: 0,
      complete: false,
      count: 20,
      seed: 5,
      ...values,
    };
    ends.site.second.run(`python3 ${join(ROOT, 'test/gateway/mtu/forge.py')} '${JSON.stringify(given)}'`);
  };
  const { spi, fragments: earlier } = await seen(ends);
  forge({});
  forge({ complete: true });
  forge({ spi: parseInt(spi, 16), complete: true, seed: 6 });
  forge({ spi: parseInt(spi, 16), source: '10.99.2.9', seed: 7 });
  await wait(4500);
  const { mtu, fragments } = await seen(ends);
  assert.ok(fragments - earlier >= 120, `${fragments - earlier} fragments came`);
  const { lmapSent, ptbSent, fragmented, incomplete } = mtu;
  assert.deepEqual(
    { lmapSent, ptbSent, fragmented, incomplete },
    { lmapSent: 0, ptbSent: 0, fragmented: 0, incomplete: 0 },
  );
  // Nor does forged ICMP make the ingress cut its own packets: those fragments would be taken for the path's.
  await ends.ingress.ask({ send: 1410, every: 5, to: INNER[4].sensor });
  await wait(200);
  const made = madeBy(ends.site.ingress);
  const { fragments: before } = await seen(ends);
  const heard = (): number => Number(/^Icmp: (\d+) /m.exec(ends.site.ingress.run('cat /proc/net/snmp'))![1]);
  const icmp = heard();
  forge({ icmp: 600 });
  await wait(300);
  assert.ok(heard() > icmp, 'it came');
  assert.deepEqual([madeBy(ends.site.ingress), (await seen(ends)).fragments], [made, before]);
  // The path is cut to less than the floor: the ingress goes no lower, and loses nothing.
  ends.site.setMtu(600);
  await wait(1500);
  await ends.egress.ask({ clear: true });
  await wait(500);
  const { packets } = await seen(ends);
  const { mtu: own } = (await ends.ingress.ask({ stop: true })) as { mtu: Record<string, number> };
  t.diagnostic(
    `path of 600 octets, floor 1000: packets up to ${Math.max(...packets.map(({ size }) => size))} octets, ${own['lmapTaken']} LMAP taken`,
  );
  assert.equal(
    Math.max(...packets.map(({ size }) => size)),
    4 * Math.floor((1000 - 60) / 4) - 2 - ((4 * Math.floor((1000 - 60) / 4) - 2 - 20) % 8),
  );
});

test('without the right to a packet socket the log says so once, and the rest works', {
  skip:
    missing() !== false ? missing() : spawnSync('setpriv', ['--version']).status === 0 ? false : 'setpriv not found',
}, () => {
  const file = join(ROOT, 'test/gateway/mtu/unprivileged.ts');
  const args = ['--bounding-set=-net_raw', '--inh-caps=-net_raw', process.execPath, '--import', 'tsx', file];
  const { stdout, stderr } = spawnSync('setpriv', args, { cwd: ROOT, encoding: 'utf8', timeout: 30000 });
  const why = 'packet socket: errno 1, root rights (CAP_NET_RAW) are needed';
  assert.deepEqual(
    JSON.parse(stdout),
    { lines: [`warn mtu: fragments are not detected at 127.0.0.1: ${why}`], taken: null, late: [] },
    stderr,
  );
});
