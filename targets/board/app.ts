// The application of every board: it reads its provisioning blob, connects with IKEv2, posts readings with CoAP through its
// SAs, and takes commands from its console. It knows an engine and a board only by their hooks.
//
//   createApp -> step(now) whenever a frame or a line arrives or a time has come; nextTimeout() says when to wake up.
//   runApp does this with Board.wait and ends with Board.exit. Without a valid blob and secure randomness nothing is sent.
//
// start.ts has the first checks, halt.ts the ways to end.

import { DROP_COUNT, DROP_NOT_FOR_US } from '../../core/base/drop.ts';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import type { Provider } from '../../core/crypto/provider.ts';
import { earlier } from '../../core/device/device.ts';
import { createIkeDevice, type IkeDevice } from '../../core/device/ike-device.ts';
import { createSensor } from '../../core/device/sensor.ts';
import { OUTCOME_CLOSED, OUTCOME_DELETED } from '../../core/ike/state/outcome.ts';
import type { BoardConfig } from './blob.ts';
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
} from './console.ts';
import { HALT_ENTROPY, halt, haltWith, VERSION } from './halt.ts';
import type { Board } from './hooks.ts';
import type { KeeperOf } from './keep.ts';
import { deviceConfig } from './policy.ts';
import { putReading, READING_MAX } from './reading.ts';
import { type App, createEnded, readConfig } from './start.ts';

export type { App } from './start.ts';

const FRAME_MAX = 127;
const FRAME_MIN = 5;
/** Most frames, and most console lines, in one step: a flood of either stops neither the clocks nor the other. */
const FRAMES_AT_ONCE = 8;
const LINES_AT_ONCE = 8;
/**
 * The clock counts whole milliseconds. Work that is due within this half of one is done now: the other side waits 0.864 ms
 * for an acknowledgement, and the next millisecond would be too late.
 */
const SLACK = 0.5;

function sumOf(counters: Float64Array): number {
  let sum = 0;
  for (let i = 1; i < DROP_COUNT; i++) sum += counters[i];
  return sum;
}

/**
 * Makes the application: prints its version, reads the blob, and ends if the blob or a source of randomness is missing.
 * `keeperOf`: createKeeper, or null for a build that forgets its session.
 */
export function createApp(
  board: Board,
  engine: string,
  provider: Provider,
  asymmetric: Asymmetric,
  keeperOf: KeeperOf | null,
): App {
  board.print('dietesp ' + VERSION + ' ' + engine + ' native=' + decimal(board.native));
  const read = readConfig(board, asymmetric);
  if (read === null) return createEnded(board);
  const config: BoardConfig = read;
  board.print(
    'provision ok id=' + hexText(config.id, config.id.length) + ' short=' + hexDigits(config.shortAddress, 4),
  );
  board.tune(config.channel, config.panId, config.shortAddress, config.extendedAddress);
  const dice = new Uint8Array(8);
  if (!board.random(dice, 0, 8)) {
    halt(board, HALT_ENTROPY, 'entropy');
    return createEnded(board);
  }

  const keeper = keeperOf === null ? null : keeperOf(board, config);
  // Of the last run, until the first attempt.
  let session = keeper === null ? null : keeper.begin(board.now());
  const frame = new Uint8Array(FRAME_MAX);
  const lines = createConsole(board);
  let isOver = false;
  // The last step left frames or lines waiting.
  let hasMore = false;
  let drops = 0;
  // The attempt to connect: isConnecting is true from its first message to its end.
  let isWanted = true;
  let isConnecting = false;
  let handshakeTicks = 0;
  let packetTicks = 0;

  const sensor = createSensor(
    {
      server: config.server,
      serverPort: config.serverPort,
      path: config.path,
      ackTimeout: config.coapTimeout,
      maxRetransmit: config.coapRetransmit,
      maxPayload: READING_MAX,
      random: provider.random,
      waits: true,
    },
    {
      transmit: (buffer, offset, length, destination, port, repeat, now) => {
        const ticks = board.ticks();
        device.send(buffer, offset, length, config.ownPort, destination, port, now);
        if (repeat === 0) packetTicks = board.ticks() - ticks;
      },
      payload: putReading,
      ended: (number, acknowledged, ms) => {
        const text = 'reading ' + decimal(number);
        board.print(acknowledged ? text + ' acknowledged ms=' + decimal(ms) : text + ' failed');
      },
      done: (acknowledged, failed) => {
        board.print('done ' + decimal(acknowledged) + ' ' + decimal(failed));
      },
    },
  );
  sensor.schedule(config.count, config.interval, -1);

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
      datagram: (buffer, offset, length, source, sourcePort, destinationPort, now) => {
        const isCoap = destinationPort === config.ownPort;
        if (!isCoap || sensor.receive(buffer, offset, length, source.octets, source.at, sourcePort, now) !== 0) drops++;
      },
      done: () => {},
    },
  );
  const events = settings.ike.events;
  events.connecting = () => {
    isConnecting = true;
    handshakeTicks = 0;
    board.print('ike connecting');
  };
  events.established = (sa, attempt, now) => {
    board.print(
      'ike established messages=' +
        decimal(attempt.messages) +
        ' octets=' +
        decimal(attempt.octets) +
        ' ms=' +
        decimal(attempt.ms) +
        (attempt.resumed ? ' resumed=1' : ' resumed=0'),
    );
    isConnecting = false;
    if (keeper !== null) keeper.keep(sa.session, now);
  };
  events.ended = (_sa, outcome, retryAt, now) => {
    board.print('ike ended outcome=' + decimal(outcome) + ' retry=' + (retryAt < 0 ? '-1' : decimal(retryAt - now)));
    if (device.uplink.current() !== null) return;
    isConnecting = false;
    // A Delete of either side makes the ticket void [RFC 5723 §6.2].
    if (keeper !== null && (outcome === OUTCOME_CLOSED || outcome === OUTCOME_DELETED)) keeper.keep(null, now);
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
  sensor.attach(device.uplink, device.endpoint);

  function stats(): void {
    const mac = device.mac.counters;
    const all =
      drops +
      sumOf(device.endpoint.drops) +
      sumOf(device.lowpan.counters) +
      sumOf(device.uplink.ike.counters) +
      sumOf(mac) -
      // Frames of others on a shared medium are no loss.
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
        decimal(lines.bad()) +
        (keeper === null ? '' : ' saves=' + decimal(keeper.saves())),
    );
  }

  function obey(command: number, now: number): void {
    if (command === COMMAND_REKEY) sensor.rekey(now);
    else if (command === COMMAND_REKEY_IKE) sensor.rekeyIke(now);
    else if (command === COMMAND_DELETE) {
      isWanted = false;
      device.uplink.close(now);
    } else if (command === COMMAND_CONNECT) isWanted = true;
    else if (command === COMMAND_SEND) sensor.post(lines.count());
    else if (command === COMMAND_STATS) stats();
    else if (command === COMMAND_RESTART) {
      isOver = true;
      board.restart();
    } else if (command === COMMAND_EXIT) {
      isOver = true;
      board.exit(0);
    }
  }

  function work(now: number): void {
    if (isWanted) {
      isWanted = false;
      if (session === null) sensor.connect(true, now);
      else {
        const last = session;
        session = null;
        device.uplink.connect(last, now);
      }
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
    // Packets that were just sent count for an SA's lifetime.
    device.uplink.carried(now);
    sensor.poll(now);
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
      return earlier(device.nextTimeout(), sensor.nextTimeout());
    },
    fail: (problem) => {
      isOver = true;
      haltWith(board, problem);
    },
  };
}

/** Runs the application until it ends. There is one `try` around everything, because on Lua each costs a closure. */
export function runApp(
  board: Board,
  engine: string,
  provider: Provider,
  asymmetric: Asymmetric,
  keeperOf: KeeperOf | null,
): void {
  try {
    const app = createApp(board, engine, provider, asymmetric, keeperOf);
    while (!app.isOver()) {
      app.step(board.now());
      const at = app.nextTimeout();
      if (!app.isOver()) board.wait(at < 0 ? -1 : Math.max(0, Math.ceil(at - board.now())));
    }
  } catch (problem) {
    haltWith(board, problem);
  }
}
