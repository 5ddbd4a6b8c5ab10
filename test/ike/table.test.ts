// Every cell of the transition tables: each message is delivered in each state of each role. A message without use in a state
// changes nothing but a counter; the others do what table.ts says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DROP_ICV, DROP_UNSUPPORTED } from '../../core/base/drop.ts';
import { COUNT_UNEXPECTED } from '../../core/ike/exchange/registry.ts';
import { probe, rekeyChild } from '../../core/ike/exchange/requests.ts';
import { ikeTimeout, setDue } from '../../core/ike/exchange/schedule.ts';
import { pollIke } from '../../core/ike/exchange/timers.ts';
import { OUTCOME_CLOSED, OUTCOME_DELETED, OUTCOME_TIMEOUT } from '../../core/ike/state/outcome.ts';
import {
  type IkeSa,
  type IkeState,
  STATE_AUTH_SENT,
  STATE_CLOSING,
  STATE_ENDED,
  STATE_ESTABLISHED,
  STATE_FORMING,
  STATE_HALF_OPEN,
  STATE_INIT_SENT,
  STATE_INTERMEDIATE_SENT,
  STATE_REPLACED,
  STATE_RESUME_SENT,
} from '../../core/ike/state/sa.ts';
import {
  ACT_DROP,
  EVENT_FOLLOWUP_RESPONSE,
  EVENTS,
  eventOf,
  INITIATOR,
  RESPONDER,
} from '../../core/ike/state/table.ts';
import { type Busy, craft, picture, type Scene, sceneOf, take } from './table-kit.ts';

const STATES = [
  'INIT_SENT',
  'RESUME_SENT',
  'INTERMEDIATE_SENT',
  'AUTH_SENT',
  'HALF_OPEN',
  'ESTABLISHED',
  'REPLACED',
  'CLOSING',
  'ENDED',
  'FORMING',
];
/** Exchange of each event, and whether it is a response. */
const EVENT: [number, boolean][] = [
  [34, true],
  [38, true],
  [43, true],
  [35, true],
  [36, true],
  [37, true],
  [43, false],
  [35, false],
  [36, false],
  [37, false],
  [44, true],
  [44, false],
];
/** What is no event at all: requests of the two initial exchanges under known SPIs, and exchanges nobody knows. */
const NO_EVENT: [number, boolean][] = [
  [34, false],
  [38, false],
  [44, true],
  [44, false],
  // G-IKEv2 [RFC 9838].
  [39, false],
  [40, false],
  [41, false],
  [42, true],
  [0, true],
  [255, false],
];
/** Columns from here on are those of IKE_FOLLOWUP_KE, which an endpoint without such extensions drops in every state. */
const FOLLOW_UP = EVENT_FOLLOWUP_RESPONSE;
const isReachable = (initiator: boolean, state: IkeState): boolean =>
  initiator ? state !== STATE_HALF_OPEN : state >= STATE_HALF_OPEN && state !== STATE_FORMING;

/** A scene in the state; where no messages lead there, an established SA is told that it is in it. */
function reach(initiator: boolean, state: IkeState, busy: Busy = ''): Scene {
  const real = sceneOf(initiator, state, busy);
  const one = real ?? sceneOf(initiator, STATE_ESTABLISHED, busy)!;
  assert.equal(real !== null, isReachable(initiator, state), STATES[state]);
  if (real === null) one.sa.state = state;
  assert.equal(one.sa.state, state);
  assert.equal(one.sa.initiator, initiator);
  return one;
}

/** The Message ID that would count. */
const idOf = (sa: IkeSa, isResponse: boolean): number => (isResponse ? Math.max(0, sa.nextId - 1) : sa.expectedId);

function nothingHappens(one: Scene, octets: Uint8Array, label: string, codes: number[]): void {
  const before = picture(one);
  const unexpected = one.node.ike.counters[COUNT_UNEXPECTED];
  const drops = one.node.ike.counters.slice(0, COUNT_UNEXPECTED - 6);
  const code = take(one, octets);
  assert.ok(codes.includes(code), `${label}: ${code}`);
  assert.deepEqual(picture(one), before, label);
  const counted = one.node.ike.counters[COUNT_UNEXPECTED] - unexpected;
  const dropped = one.node.ike.counters[-code] - drops[-code];
  assert.equal(counted + dropped, 1, `${label}: counted`);
  if (code === DROP_UNSUPPORTED) assert.equal(counted, 1, label);
}

for (const initiator of [true, false]) {
  const rows = initiator ? INITIATOR : RESPONDER;
  const role = initiator ? 'initiator' : 'responder';

  test(`${role}: each message that a state does not expect changes nothing`, () => {
    let cells = 0;
    assert.equal(rows.length, STATES.length);
    for (let state = 0; state < rows.length; state++) {
      assert.equal(rows[state].length, EVENTS);
      for (let event = 0; event < EVENTS; event++) {
        if (event < FOLLOW_UP && rows[state][event] !== ACT_DROP) continue;
        const [exchange, isResponse] = EVENT[event];
        assert.equal(eventOf(exchange, isResponse), event);
        for (const busy of (state === STATE_ESTABLISHED ? ['', 'rekey', 'probe'] : ['']) as Busy[]) {
          const one = reach(initiator, state as IkeState, busy);
          const octets = craft(one, exchange, isResponse, idOf(one.sa, isResponse));
          nothingHappens(one, octets, `${STATES[state]} ${busy} ${exchange} ${isResponse}`, [DROP_UNSUPPORTED]);
        }
        cells++;
      }
      for (const [exchange, isResponse] of NO_EVENT) {
        const one = reach(initiator, state as IkeState);
        const octets = craft(one, exchange, isResponse, idOf(one.sa, isResponse));
        // IKE_SA_INIT with a responder's SPI of zero is one for the responder of this endpoint.
        nothingHappens(one, octets, `${STATES[state]} ${exchange} ${isResponse}`, [DROP_UNSUPPORTED]);
      }
    }
    assert.equal(cells, 120 - (initiator ? 14 : 12));
  });

  test(`${role}: no Message ID but the expected one, and no octet changed on the way`, () => {
    for (let state = 0; state < rows.length; state++) {
      for (let event = 2; event < FOLLOW_UP; event++) {
        if (rows[state][event] === ACT_DROP) continue;
        const [exchange, isResponse] = EVENT[event];
        const busy: Busy = isResponse && state >= STATE_ESTABLISHED ? (exchange === 36 ? 'rekey' : 'probe') : '';
        const one = reach(initiator, state as IkeState, busy);
        const id = idOf(one.sa, isResponse);
        const label = `${STATES[state]} ${exchange} ${isResponse}`;
        for (const other of [id + 1, id + 2, id + 65536, id - 2, 0xffffffff]) {
          if (other < 0) continue;
          nothingHappens(one, craft(one, exchange, isResponse, other), `${label} ID ${other}`, [DROP_UNSUPPORTED]);
        }
        const octets = craft(one, exchange, isResponse, id);
        for (let i = 28; i < octets.length; i++) {
          // The type of what is inside, and its length, are under the ICV too.
          if (i === 30 || i === 31) continue;
          const bad = octets.slice();
          bad[i] ^= 1;
          nothingHappens(one, bad, `${label} octet ${i}`, [DROP_ICV]);
        }
      }
    }
  });
}

interface Cell {
  initiator: boolean;
  state: number;
  event: number;
  busy?: Busy;
  /** The request that the other side makes, where none is on its way. */
  make?: (one: Scene) => void;
  /** What comes of it. */
  next: number;
  /** Messages sent at once. */
  sent: number;
  /** A notify type in the answer of the empty request that `craft` makes. */
  outcome?: number;
}

const peerProbes = (one: Scene): void => {
  probe(one.peer.ike, one.peerSa!, 0);
  pollIke(one.peer.ike, 0);
};
const peerRekeys = (one: Scene): void => {
  rekeyChild(one.peer.ike, one.peerSa!, one.peerSa!.children[0], 0);
  pollIke(one.peer.ike, 0);
};

const shared = (initiator: boolean): Cell[] => [
  { initiator, state: STATE_ESTABLISHED, event: 4, busy: 'rekey', next: STATE_ESTABLISHED, sent: 1 },
  { initiator, state: STATE_ESTABLISHED, event: 5, busy: 'probe', next: STATE_ESTABLISHED, sent: 0 },
  { initiator, state: STATE_ESTABLISHED, event: 8, make: peerRekeys, next: STATE_ESTABLISHED, sent: 1 },
  { initiator, state: STATE_ESTABLISHED, event: 9, make: peerProbes, next: STATE_ESTABLISHED, sent: 1 },
  { initiator, state: STATE_REPLACED, event: 5, busy: 'probe', next: STATE_REPLACED, sent: 0 },
  { initiator, state: STATE_REPLACED, event: 8, next: STATE_REPLACED, sent: 1 },
  { initiator, state: STATE_REPLACED, event: 9, next: STATE_ENDED, sent: 1, outcome: OUTCOME_DELETED },
  { initiator, state: STATE_CLOSING, event: 5, busy: 'probe', next: STATE_ENDED, sent: 0, outcome: OUTCOME_CLOSED },
  { initiator, state: STATE_CLOSING, event: 8, make: peerRekeys, next: STATE_CLOSING, sent: 1 },
  { initiator, state: STATE_CLOSING, event: 9, make: peerProbes, next: STATE_CLOSING, sent: 1 },
];

const CELLS: Cell[] = [
  { initiator: true, state: STATE_INIT_SENT, event: 0, next: STATE_AUTH_SENT, sent: 1 },
  { initiator: true, state: STATE_RESUME_SENT, event: 1, next: STATE_AUTH_SENT, sent: 1 },
  { initiator: true, state: STATE_INTERMEDIATE_SENT, event: 2, next: STATE_AUTH_SENT, sent: 1 },
  { initiator: true, state: STATE_AUTH_SENT, event: 3, next: STATE_ESTABLISHED, sent: 0 },
  { initiator: false, state: STATE_HALF_OPEN, event: 6, busy: 'probe', next: STATE_HALF_OPEN, sent: 1 },
  { initiator: false, state: STATE_HALF_OPEN, event: 7, next: STATE_ESTABLISHED, sent: 1 },
  ...shared(true),
  ...shared(false),
];

test('each message that a state expects does what the table says', () => {
  let cells = 0;
  for (const rows of [INITIATOR, RESPONDER]) {
    cells += rows.flatMap((row) => row.slice(0, FOLLOW_UP)).filter((action) => action !== ACT_DROP).length;
  }
  assert.equal(CELLS.length, cells);
  for (const cell of CELLS) {
    const one = reach(cell.initiator, cell.state as IkeState, cell.busy);
    const [exchange, isResponse] = EVENT[cell.event];
    const label = `${cell.initiator ? 'initiator' : 'responder'} ${STATES[cell.state]} ${exchange} ${isResponse}`;
    assert.notEqual((cell.initiator ? INITIATOR : RESPONDER)[cell.state][cell.event], ACT_DROP, label);
    if (cell.state !== STATE_REPLACED && cell.make !== undefined) one.stage.letters.length = 0;
    cell.make?.(one);
    const fits = (octets: Uint8Array): boolean =>
      octets[18] === exchange &&
      ((octets[19] & 0x20) !== 0) === isResponse &&
      Buffer.compare(octets.subarray(0, 8), one.sa.spis.subarray(0, 8)) === 0;
    const found = one.stage.letters.find(({ to, octets }) => to === one.node && fits(octets));
    const octets = found?.octets ?? craft(one, exchange, isResponse, idOf(one.sa, isResponse));
    one.stage.letters.length = 0;
    const ids = [one.sa.nextId, one.sa.expectedId];
    const unexpected = one.node.ike.counters[COUNT_UNEXPECTED];
    assert.equal(take(one, octets), 0, label);
    assert.equal(one.node.ike.counters[COUNT_UNEXPECTED], unexpected, label);
    assert.equal(one.sa.state, cell.next, `${label}: state`);
    assert.equal(one.stage.letters.length, cell.sent, `${label}: sent`);
    if (cell.outcome !== undefined) assert.equal(one.sa.outcome, cell.outcome, `${label}: outcome`);
    if (isResponse) {
      assert.equal(one.sa.expectedId, ids[1], label);
      assert.equal(one.sa.nextId, ids[0] + cell.sent, label);
    } else {
      assert.deepEqual([one.sa.nextId, one.sa.expectedId], [ids[0], ids[1] + 1], label);
      // Once more: the same answer, and nothing else.
      const answer = Buffer.from(one.stage.letters[0].octets);
      const before = picture(one) as { letters: number };
      assert.equal(take(one, octets), 0, label);
      assert.equal(one.stage.letters.length, cell.sent + 1, label);
      assert.equal(Buffer.compare(one.stage.letters[1].octets, answer), 0, label);
      assert.deepEqual(picture(one), { ...before, letters: before.letters + 1 }, `${label}: again`);
    }
  }
});

/** Runs one side's clock; nothing that it sends arrives. */
function silence(one: Scene, until: number): void {
  for (let steps = 0; steps < 1000; steps++) {
    const due = ikeTimeout(one.node.ike);
    if (due < 0 || due > until) return;
    one.stage.now = Math.max(one.stage.now, due);
    pollIke(one.node.ike, one.stage.now);
    one.stage.letters.length = 0;
  }
  assert.fail('no end of time-outs');
}

test('silence in every state ends it, with a reason where somebody waits for one', () => {
  const ends: [boolean, number, Busy, number | null][] = [
    [true, STATE_INIT_SENT, '', OUTCOME_TIMEOUT],
    [true, STATE_RESUME_SENT, '', OUTCOME_TIMEOUT],
    [true, STATE_INTERMEDIATE_SENT, '', OUTCOME_TIMEOUT],
    [true, STATE_AUTH_SENT, '', OUTCOME_TIMEOUT],
    [false, STATE_HALF_OPEN, '', null],
    [true, STATE_ESTABLISHED, 'rekey', OUTCOME_TIMEOUT],
    [false, STATE_ESTABLISHED, 'rekey', OUTCOME_TIMEOUT],
    [true, STATE_ESTABLISHED, 'probe', OUTCOME_TIMEOUT],
    [false, STATE_ESTABLISHED, 'probe', OUTCOME_TIMEOUT],
    [true, STATE_CLOSING, '', OUTCOME_CLOSED],
    [false, STATE_CLOSING, '', OUTCOME_CLOSED],
    [true, STATE_ENDED, '', OUTCOME_DELETED],
    [false, STATE_ENDED, '', OUTCOME_DELETED],
  ];
  for (const [initiator, state, busy, outcome] of ends) {
    const one = reach(initiator, state as IkeState, busy);
    const label = `${initiator} ${STATES[state]} ${busy}`;
    const { ike } = one.node;
    const others = ike.sas.filter((sa) => sa !== one.sa).length;
    silence(one, 1e7);
    assert.equal(one.sa.state, STATE_ENDED, label);
    assert.equal(ike.sas.length, others, `${label}: left`);
    assert.equal(Object.keys(ike.bySpi).length, others, `${label}: SPIs left`);
    if (others === 0) assert.equal(one.node.pairs.size, 0, `${label}: Child SAs left`);
    assert.deepEqual(one.node.outcomes, outcome === null ? [] : [outcome], label);
    assert.equal(one.sa.skIn, null, `${label}: keys`);
  }
  // Without a probe there is nothing to wait for.
  for (const initiator of [true, false]) {
    const idle = reach(initiator, STATE_ESTABLISHED);
    silence(idle, 1e7);
    assert.equal(idle.sa.state, STATE_ESTABLISHED);
    const watched = reach(initiator, STATE_ESTABLISHED);
    watched.sa.policy.dpdTime = 20000;
    setDue(watched.node.ike, watched.sa, 0);
    silence(watched, 1e7);
    assert.deepEqual(watched.node.outcomes, [OUTCOME_TIMEOUT]);
    // What was replaced goes; what replaced it stays.
    for (const busy of ['', 'probe'] as Busy[]) {
      const replaced = reach(initiator, STATE_REPLACED, busy);
      silence(replaced, 1e7);
      assert.equal(replaced.sa.state, STATE_ENDED);
      assert.deepEqual(replaced.node.outcomes, []);
      assert.equal(replaced.node.ike.sas.length, 1);
      assert.equal(replaced.node.pairs.size, 1);
    }
  }
  // What a rekey was about to make goes with the old one.
  const forming = reach(true, STATE_FORMING);
  silence(forming, 1e7);
  assert.equal(forming.sa.state, STATE_ENDED);
  assert.deepEqual(forming.node.outcomes, [OUTCOME_TIMEOUT]);
  assert.equal(forming.node.ike.sas.length, 0);
});
