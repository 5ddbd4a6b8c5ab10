// Who owns an inner address: in whole, in part, at the borders; what is installed, written, leased, or of a configured SA.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Selector } from '../../core/ike/codec/selectors.ts';
import type { ChildSa } from '../../core/ike/state/child.ts';
import type { IkeSa } from '../../core/ike/state/sa.ts';
import type { Association } from '../../targets/node/gateway/associations.ts';
import { createConnections } from '../../targets/node/gateway/connections.ts';
import { createOwners } from '../../targets/node/gateway/owners.ts';
import { createPool } from '../../targets/node/gateway/pool.ts';
import { createSpans, type Span, spanOf } from '../../targets/node/gateway/spans.ts';
import { addressRange, identityKey, parseIdentity } from '../../targets/node/host/config/ike-names.ts';
import { ikeOf } from './ike-support.ts';

const EVERY = '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

function selector(text: string, port?: number): Selector {
  const [start, end] = addressRange(text)!;
  const protocol = port === undefined ? 0 : 17;
  return { protocol, startPort: port ?? 0, endPort: port ?? 65535, start, end };
}

/** A gateway with these peers (lines of YAML), the pool 2001:db8:1::/64, and SAs that the test installs. */
function world(peers: string[]) {
  const ike = ikeOf('', `peers:\n${[...peers, '{}'].map((line) => `  - ${line}\n`).join('')}`);
  const connections = createConnections(ike, 1);
  const pool = createPool(ike.pool, []);
  const spans = createSpans<Association>();
  const takenBy = createOwners(connections, pool, { some: spans.some } as Parameters<typeof createOwners>[2]);

  function childOf(remote: string, port: number | undefined, local: string): ChildSa {
    return { remote: selector(remote, port), local: selector(local), notes: [], replaces: null } as unknown as ChildSa;
  }
  function saOf(id: string, address = ''): IkeSa {
    const { type, data } = parseIdentity(id)!;
    const name = connections.find(type, data)!.name;
    const own = address === '' ? new Uint8Array(0) : addressRange(address)![0];
    return { peerIdType: type, peerId: data, address: own, policy: { name } } as IkeSa;
  }
  return {
    pool,
    lease(id: string): void {
      const { type, data } = parseIdentity(id)!;
      pool.lease(identityKey(type, data), 16);
    },
    /** What `takenBy` says of a Child SA of this peer. */
    taken: (id: string, remote: string, more: { port?: number; local?: string; address?: string } = {}): string =>
      takenBy(saOf(id, more.address), childOf(remote, more.port, more.local ?? EVERY)),
    install(id: string, remote: string, more: { port?: number; local?: string } = {}): Span<Association> {
      const child = childOf(remote, more.port, more.local ?? EVERY);
      const association = { name: id, inner: null, owner: { ike: saOf(id), child, askedAt: -1 } };
      const span = spanOf(child.remote.start, child.remote.end, association as unknown as Association);
      spans.add(span);
      return span;
    },
    manual(name: string, remote: string): void {
      const inner = { local: selector(EVERY), remote: selector(remote) };
      const association = { name, owner: null, inner } as unknown as Association;
      spans.add(spanOf(inner.remote.start, inner.remote.end, association));
    },
    end: (span: Span<Association>) => spans.remove(span),
  };
}

const RANGES = [
  [
    '2001:db8:5::/64',
    '2001:db8:5::',
    '2001:db8:5:0:ffff:ffff:ffff:ffff',
    '2001:db8:4:ffff:ffff:ffff:ffff:ffff',
    '2001:db8:5:1::',
  ],
  ['10.1.0.0/16', '10.1.0.0', '10.1.255.255', '10.0.255.255', '10.2.0.0'],
];

test('what is installed: whole, parts and borders of a range, both IP versions', () => {
  for (const [range, first, last, before, behind] of RANGES) {
    const { taken, install, end } = world([]);
    const span = install('keyid:0001', range);
    for (const text of [range, first, last, `${before}-${first}`, `${last}-${behind}`, `${before}-${behind}`]) {
      assert.match(taken('keyid:0002', text), /is that of keyid:0001$/, text);
      assert.equal(taken('keyid:0001', text), '', 'a rekey, or the same peer again');
    }
    for (const text of [before, behind]) assert.equal(taken('keyid:0002', text), '', text);
    end(span);
    assert.equal(taken('keyid:0002', range), '', 'free after its end');
  }
});

test('a range around single addresses that others have; other protocols, ports and servers are no conflict', () => {
  const { taken, install } = world([]);
  install('keyid:0001', '2001:db8:7::9', { port: 5683, local: '2001:db8:2::1' });
  assert.equal(
    taken('keyid:0002', '2001:db8:7::/64'),
    '2001:db8:7:: to 2001:db8:7:0:ffff:ffff:ffff:ffff is that of keyid:0001',
  );
  assert.equal(taken('keyid:0002', '2001:db8:7::-2001:db8:7::8'), '');
  assert.equal(taken('keyid:0002', '2001:db8:7::/64', { port: 5684 }), '');
  assert.equal(taken('keyid:0002', '2001:db8:7::/64', { local: '2001:db8:2::2' }), '');
});

test('behind a wide range that another address of the same peer lies in, others are still found', () => {
  const { taken, install } = world([]);
  install('keyid:0001', '10.0.0.0/8', { port: 1 });
  install('keyid:0003', '10.9.0.0/16');
  install('keyid:0001', '10.200.0.0/16', { port: 1 });
  assert.match(taken('keyid:0001', '10.8.0.0/13', { port: 2 }), /is that of keyid:0003$/);
  assert.equal(taken('keyid:0001', '10.10.0.0/16', { port: 2 }), '');
});

test('what the file gives to another: not for peers to choose; of two that it names, he for whom it says less else', () => {
  const { taken } = world([
    '{ name: a, remoteId: "keyid:0001", child: { remote: ["2001:db8:5::/64", 10.1.0.0/16] } }',
    '{ name: b, remoteId: "keyid:0002", child: { remote: ["2001:db8:5::7"] } }',
    '{ name: c, remoteId: "keyid:0003", child: { remote: ["2001:db8:5::/64"] } }',
  ]);
  for (const text of ['2001:db8:5::1', '2001:db8::/32', '10.1.255.255-10.2.0.9']) {
    assert.match(taken('keyid:0009', text), /is not for peers to choose$/, text);
  }
  assert.equal(taken('keyid:0009', '10.2.0.0'), '');
  assert.equal(taken('keyid:0001', '2001:db8:5::1'), '');
  assert.equal(taken('keyid:0003', '2001:db8:5::1'), '', 'written for both: who comes first');
  assert.match(taken('keyid:0001', '2001:db8:5::/64'), /is not for peers to choose$/, 'a part is that of b');
  assert.match(taken('keyid:0001', '2001:db8:5::7'), /is not for peers to choose$/);
  assert.equal(taken('keyid:0002', '2001:db8:5::7'), '');
});

test('the pool: not for peers to choose, in whole or in part; what another has from it', () => {
  const { taken, lease, pool } = world(['{ remoteId: "keyid:0001", child: { remote: ["2001:db8:1::/64"] } }']);
  for (const text of ['2001:db8:1::5', '2001:db8::/32', '2001:db8:0:ffff::-2001:db8:1::']) {
    assert.match(taken('keyid:0002', text), /is not for peers to choose$/, text);
  }
  assert.equal(taken('keyid:0002', '2001:db8:1::5', { address: '2001:db8:1::5' }), '', 'its lease');
  assert.equal(taken('keyid:0001', '2001:db8:1::/64'), '');
  lease('keyid:0002');
  assert.match(taken('keyid:0001', '2001:db8:1::/64'), /: another peer has an address of it$/);
  const { type, data } = parseIdentity('keyid:0002')!;
  pool.release(identityKey(type, data));
  assert.equal(taken('keyid:0001', '2001:db8:1::/64'), '');
});

test('what a configured SA has', () => {
  const { taken, manual } = world(['{ remoteId: "keyid:0001", child: { remote: ["2001:db8:5::/64"] } }']);
  manual('lamp', '2001:db8:5::3');
  manual('default', EVERY);
  assert.match(taken('keyid:0001', '2001:db8:5::/96'), /is that of lamp$/);
  assert.match(taken('keyid:0002', '2001:db8:5::3'), /not for peers|is that of lamp$/);
  assert.equal(taken('keyid:0001', '2001:db8:5::4-2001:db8:5::9'), '');
  assert.equal(taken('keyid:0002', '2001:db8:6::1'), '');
});

test('spans: whatever comes and goes, those that meet a range are found', () => {
  const bound = fc.integer({ min: 0, max: 40 });
  const key = (value: number): Uint8Array => Uint8Array.of(10, 0, 0, value);
  const step = fc.record({ a: bound, b: bound, remove: fc.nat({ max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 12 }), (steps, early) => {
      const make = ({ a, b }: { a: number; b: number }) => {
        const span = spanOf(key(Math.min(a, b)), key(Math.max(a, b)), { name: '' });
        return { span, from: Math.min(a, b), to: Math.max(a, b) };
      };
      const there = early.map(make);
      const spans = createSpans(there.map(({ span }) => span));
      for (const one of steps) {
        if (one.remove === 0 && there.length > 0) spans.remove(there.splice(one.a % there.length, 1)[0].span);
        else {
          there.push(make(one));
          spans.add(there.at(-1)!.span);
        }
        const [from, to] = [Math.min(one.a, one.b), Math.max(one.a, one.b)];
        const found = new Set<object>();
        spans.some(key(from), key(to), (value) => {
          found.add(value);
          return false;
        });
        const right = there.filter((other) => other.from <= to && other.to >= from).map(({ span }) => span.value);
        assert.deepEqual(found, new Set<object>(right));
        assert.equal(found.size, right.length);
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});
