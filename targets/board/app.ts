// What a board runs: it reads its provisioning blob, connects with IKEv2, posts readings with CoAP through its SAs, and
// obeys its console. Nothing of an engine or a board is known here but the hooks.
//
//   createApp -> step(now) whenever a frame or a line is there or a time has come, nextTimeout() for when to wake up;
//   runApp does that with Board.wait, and ends with Board.exit. What a blob without fault and a source of randomness
//   would allow to send is not sent without them: the radio is silent.
//
// What is checked first, and how it ends, is in start.ts.

import { equal } from '../../core/base/bytes.ts';
import { DROP_COUNT, DROP_NOT_FOR_US } from '../../core/base/drop.ts';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { earlier } from '../../core/device/device.ts';
import { createIkeDevice, type IkeDevice } from '../../core/device/ike-device.ts';
import { COUNT_RECEIVED, COUNT_SENT } from '../../core/ike/exchange/registry.ts';
import { probe, rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { OUTCOME_REPLACED } from '../../core/ike/state/outcome.ts';
import { type IkeSa, type Session, STATE_ESTABLISHED } from '../../core/ike/state/sa.ts';
import type { BoardConfig } from './blob.ts';
import { createCoapClient } from './coap.ts';
import {
  COMMAND_CONNECT,
  COMMAND_DELETE,
  COMMAND_EXIT,
  COMMAND_NONE,
  COMMAND_REKEY,
  COMMAND_REKEY_IKE,
  COMMAND_RESTART,
  COMMAND_SEND,
  COMMAND_STATS,
  createConsole,
  decimal,
  hexDigits,
  hexText,
  SEND_MAX,
} from './console.ts';
import type { Board } from './hooks.ts';
import { deviceConfig } from './policy.ts';
import { type App, createEnded, HALT_ENTROPY, halt, haltWith, readConfig, VERSION } from './start.ts';

export type { App } from './start.ts';

const FRAME_MAX = 127;
const FRAME_MIN = 5;
/** Frames, and lines of the console, of one step: whoever floods either stops neither clocks nor the other. */
const FRAMES_AT_ONCE = 8;
const LINES_AT_ONCE = 8;
/** Repetitions of a reading after which the gateway is asked whether it is there. */
const DOUBT = 2;
/**
 * The clock has whole milliseconds, and what is due in this half of one is done now: an acknowledgement that waited for
 * the next one would come when the other side no longer waits for it (0.864 ms).
 */
const SLACK = 0.5;

function sumOf(counters: Float64Array): number {
  let sum = 0;
  for (let i = 1; i < DROP_COUNT; i++) sum += counters[i];
  return sum;
}

/** Makes the application: prints what it is, reads the blob, and ends where that or a source of randomness is missing. */
export function createApp(board: Board, engine: string, provider: Provider, asymmetric: Asymmetric): App {
  board.print('dietesp ' + VERSION + ' ' + engine + ' native=' + decimal(board.native));
  const read = readConfig(board, asymmetric);
  if (read === null) return createEnded(board);
  const config: BoardConfig = read;
  board.print(
    'provision ok id=' + hexText(config.id, config.id.length) + ' short=' + hexDigits(config.shortAddress, 4),
  );
  const dice = new Uint8Array(8);
  if (!board.random(dice, 0, 8)) {
    halt(board, HALT_ENTROPY, 'entropy');
    return createEnded(board);
  }

  const frame = new Uint8Array(FRAME_MAX);
  const lines = createConsole(board);
  let isOver = false;
  // The last step left frames or lines where they were.
  let hasMore = false;
  let drops = 0;
  // The attempt to connect: isConnecting from its first message to its end.
  let isWanted = true;
  let wantedSession: Session | null = null;
  let isConnecting = false;
  let resumed = 0;
  let begun = 0;
  let octets = 0;
  let messages = 0;
  let handshakeTicks = 0;
  let packetTicks = 0;
  // Readings: `left` of those by the clock, `extra` at once, on command.
  let reading = 0;
  let left = config.count;
  let extra = 0;
  let acked = 0;
  let failed = 0;
  let isDone = false;
  let nextAt = -1;
  let heard = 0;
  let isDoubted = false;

  function established(): IkeSa | null {
    const sa = device.uplink.current();
    return sa !== null && sa.state === STATE_ESTABLISHED ? sa : null;
  }

  function messagesOf(): number {
    const counters = device.uplink.ike.counters;
    return counters[COUNT_SENT] + counters[COUNT_RECEIVED];
  }

  function resetAttempt(): void {
    isConnecting = false;
    resumed = 0;
    octets = 0;
    messages = messagesOf();
    handshakeTicks = 0;
  }

  /** An attempt has begun, by us or by the uplink's own clock. */
  function connecting(now: number): void {
    isConnecting = true;
    begun = now;
    board.print('ike connecting');
  }

  function doubt(now: number): void {
    const sa = established();
    if (isDoubted || sa === null || device.endpoint.received !== heard) return;
    isDoubted = true;
    probe(device.uplink.ike, sa, now);
  }

  const client = createCoapClient(config.path, config.coapTimeout, config.coapRetransmit, provider.random, {
    transmit: (buffer, offset, length, again, now) => {
      const ticks = board.ticks();
      device.send(buffer, offset, length, config.ownPort, config.server, config.serverPort, now);
      if (!again) packetTicks = board.ticks() - ticks;
    },
    ended: (number, acknowledged, ms, now) => {
      if (acknowledged) {
        acked++;
        board.print('reading ' + decimal(number) + ' acknowledged ms=' + decimal(ms));
      } else {
        failed++;
        board.print('reading ' + decimal(number) + ' failed');
        doubt(now);
      }
      if (config.count > 0 && left === 0 && extra === 0 && !isDone) {
        isDone = true;
        board.print('done ' + decimal(acked) + ' ' + decimal(failed));
      }
    },
  });

  const settings = deviceConfig(
    config,
    provider,
    asymmetric,
    {
      clear: () => true,
      transmit: (buffer, offset, length) => {
        board.transmit(buffer, offset, length);
      },
    },
    {
      datagram: (buffer, offset, length, source, sourceOffset, sourcePort, destinationPort, now) => {
        const isServer =
          sourcePort === config.serverPort &&
          destinationPort === config.ownPort &&
          equal(source, sourceOffset, config.server, 0, 16);
        if (!isServer || client.receive(buffer, offset, length, now) !== 0) drops++;
      },
      done: () => {},
    },
  );
  const resumption = settings.ike.resumption!;
  settings.ike.resumption = {
    start: resumption.start,
    response: (ike, sa, buffer, offset, length, now) => {
      const code = resumption.response(ike, sa, buffer, offset, length, now);
      resumed = code === 1 ? 1 : 0;
      return code;
    },
  };
  const events = settings.ike.events;
  events.established = (_sa, now) => {
    const count = decimal(messagesOf() - messages);
    const ms = decimal(now - begun);
    board.print(
      'ike established messages=' + count + ' octets=' + decimal(octets) + ' ms=' + ms + ' resumed=' + decimal(resumed),
    );
    isConnecting = false;
    isDoubted = false;
    if (nextAt < 0) nextAt = now;
  };
  events.ended = (_sa, outcome, now) => {
    const isLast = device.uplink.current() === null;
    // One that another takes the place of is not tried again.
    const at = isLast && outcome !== OUTCOME_REPLACED ? device.uplink.retryAt() : -1;
    board.print('ike ended outcome=' + decimal(outcome) + ' retry=' + (at < 0 ? '-1' : decimal(at - now)));
    if (isLast) resetAttempt();
  };
  events.replaced = () => {
    board.print('ike rekeyed');
  };
  events.installed = (_sa, child) => {
    board.print('child installed spi=' + hexDigits(child.spiIn, 8));
  };
  events.removed = () => {
    board.print('child removed');
  };
  events.childFailed = (_sa, outcome) => {
    board.print('child failed outcome=' + decimal(outcome));
  };
  const device: IkeDevice = createIkeDevice(settings);

  // What a handshake costs on air, above UDP.
  const ikeUpper = device.uplink.ike.upper;
  const transmitIke = ikeUpper.transmit;
  const receiveIke = device.uplink.receive;
  ikeUpper.transmit = (path, buffer, offset, length, now) => {
    octets += length;
    transmitIke(path, buffer, offset, length, now);
  };
  device.uplink.receive = (path, buffer, offset, length, now) => {
    octets += length;
    return receiveIke(path, buffer, offset, length, now);
  };

  function stats(): void {
    const mac = device.mac.counters;
    const all =
      drops +
      sumOf(device.endpoint.drops) +
      sumOf(device.lowpan.counters) +
      sumOf(device.uplink.ike.counters) +
      sumOf(mac) -
      // Frames of others on a shared medium are nobody's loss.
      mac[-DROP_NOT_FOR_US];
    board.print(
      'stats heap=' +
        decimal(board.heap()) +
        ' memory=' +
        decimal(board.memory()) +
        ' ticks-handshake=' +
        decimal(handshakeTicks) +
        ' ticks-packet=' +
        decimal(packetTicks) +
        ' sent=' +
        decimal(device.endpoint.sent) +
        ' received=' +
        decimal(device.endpoint.received) +
        ' drops=' +
        decimal(all) +
        ' console-bad=' +
        decimal(lines.bad()),
    );
  }

  function obey(command: number, now: number): void {
    const sa = established();
    const ike = device.uplink.ike;
    if (command === COMMAND_REKEY && sa !== null) {
      for (let i = 0; i < sa.children.length; i++) rekeyChild(ike, sa, sa.children[i], now);
    } else if (command === COMMAND_REKEY_IKE && sa !== null) rekeyIke(ike, sa, now);
    else if (command === COMMAND_DELETE) {
      isWanted = false;
      device.uplink.close(now);
    } else if (command === COMMAND_CONNECT) {
      isWanted = true;
      wantedSession = sa === null ? null : sa.session;
    } else if (command === COMMAND_SEND) extra = Math.min(SEND_MAX, extra + lines.count());
    else if (command === COMMAND_STATS) stats();
    else if (command === COMMAND_RESTART) {
      isOver = true;
      board.restart();
    } else if (command === COMMAND_EXIT) {
      isOver = true;
      board.exit(0);
    }
  }

  /** A reading could go out now, if its time has come. */
  function isReady(): boolean {
    return !client.isBusy() && device.outgoing.length > 0 && established() !== null;
  }

  function isTimed(): boolean {
    return config.count === 0 || left > 0;
  }

  function post(now: number): void {
    if (!isReady()) return;
    if (extra > 0) extra--;
    else if (isTimed() && nextAt >= 0 && now >= nextAt) {
      if (left > 0) left--;
      nextAt = Math.max(now, nextAt + config.interval);
    } else return;
    reading++;
    heard = device.endpoint.received;
    isDoubted = false;
    client.post(reading, now);
  }

  function work(now: number): void {
    if (isWanted) {
      isWanted = false;
      resetAttempt();
      device.uplink.connect(wantedSession, now);
      wantedSession = null;
      connecting(now);
    }
    let frames = 0;
    for (; frames < FRAMES_AT_ONCE; frames++) {
      const length = board.receive(frame);
      if (length < 0) break;
      if (length < FRAME_MIN || length > FRAME_MAX) drops++;
      else device.receive(frame, 0, length, now);
    }
    if (frames === FRAMES_AT_ONCE) hasMore = true;
    device.poll(now + SLACK);
    // Packets that just went out count for an SA's life.
    device.uplink.carried(now);
    const sa = device.uplink.current();
    if (!isConnecting && sa !== null && sa.state < STATE_ESTABLISHED) connecting(now);
    client.poll(now);
    if (client.isBusy() && client.repeated() >= DOUBT) doubt(now);
    post(now);
  }

  return {
    device: device,
    config: config,
    isOver: () => isOver,
    step: (now) => {
      if (isOver) return;
      hasMore = true;
      for (let i = 0; i < LINES_AT_ONCE && hasMore && !isOver; i++) {
        const command = lines.next();
        if (command === COMMAND_NONE) hasMore = false;
        else obey(command, now);
      }
      if (isOver) return;
      const ticks = board.ticks();
      const counts = isWanted || isConnecting;
      work(now);
      if (counts || isConnecting) handshakeTicks += board.ticks() - ticks;
    },
    nextTimeout: () => {
      if (isWanted || hasMore) return 0;
      const at = earlier(device.nextTimeout(), client.nextTimeout());
      if (!isReady()) return at;
      if (extra > 0) return 0;
      return isTimed() ? earlier(at, nextAt) : at;
    },
    fail: (problem) => {
      isOver = true;
      haltWith(board, problem);
    },
  };
}

/** Runs the application until it ends. One `try` round all: on Lua each costs a closure. */
export function runApp(board: Board, engine: string, provider: Provider, asymmetric: Asymmetric): void {
  try {
    const app = createApp(board, engine, provider, asymmetric);
    while (!app.isOver()) {
      app.step(board.now());
      const at = app.nextTimeout();
      if (!app.isOver()) board.wait(at < 0 ? -1 : Math.max(0, Math.ceil(at - board.now())));
    }
  } catch (problem) {
    haltWith(board, problem);
  }
}
