// The application of a board of one profile: what targets/board/app.ts does, with the same lines on the console. It stands in
// for events.ts, so that IKE, ESP and the link tell it what happens.
//
//   appStart -> appStep(now) whenever a frame or a line arrives or a time has come; appNext() says when to wake up.

import { u16 } from '../../core/base/bytes.ts';
import { OUTCOME_CLOSED, OUTCOME_DELETED } from '../../core/ike/state/outcome.ts';
import { decimal, hexDigits, SEND_MAX } from '../board/console.ts';
import { HALT_ENTROPY, halt, VERSION } from '../board/halt.ts';
import type { Board } from '../board/hooks.ts';
import { coapDrops, coapNewSa, coapNext, coapPoll, coapPost, coapReceive, packetTicks } from './app-coap.ts';
import { keepBegin, keepSaves, keepSession } from './app-keep.ts';
import { takeBlob } from './blob.ts';
import { slice } from './crypto.ts';
import { D } from './data.ts';
import { espSent } from './esp.ts';
import { espReceive, espReceived } from './esp-in.ts';
import {
  ikeClose,
  ikeConnect,
  ikeDrops,
  ikeEstablished,
  ikeNext,
  ikePoll,
  ikeReceive,
  ikeRekey,
  ikeRekeyIke,
  ikeSession,
  ikeTakeSession,
} from './ike/ike.ts';
import { linkDrops, linkNext, linkPoll, linkReceive } from './link.ts';
import type { Profile } from './profile.ts';

declare const board: Board;
declare const P: Profile;

/** Most frames, and most console lines, in one step: a flood of either stops neither the clocks nor the other. */
const FRAMES_AT_ONCE = 8;
const LINES_AT_ONCE = 8;
/** Work that is due within this half of a millisecond is done now, see targets/board/app.ts. */
const SLACK = 0.5;
/** Octets of a line. One that fills the buffer may have been cut. */
const COMMAND_ROOM = 31;
/** A blank follows each. */
const COMMANDS = 'rekey rekey-ike delete connect send stats restart exit ';

const appFrame: Uint8Array = /* @__PURE__ */ new Uint8Array(127);
const appLine: Uint8Array = /* @__PURE__ */ new Uint8Array(COMMAND_ROOM + 1);
/** The blob's CRC-32: names this configuration in what is kept. */
const appMark: Uint8Array = /* @__PURE__ */ new Uint8Array(4);
/** It has ended: `appStep` does nothing more. */
export let appIsOver = false;
let appBad = 0;
/** The last step left frames or lines waiting. */
let appHasMore = false;
let isWanted = true;
let isConnecting = false;
let isFirst = true;
let handshakeTicks = 0;

export function onConnecting(_now: number): void {
  isConnecting = true;
  handshakeTicks = 0;
  board.print('ike connecting');
}

export function onEstablished(messages: number, octets: number, ms: number, resumed: boolean, now: number): void {
  coapNewSa();
  board.print(
    'ike established messages=' +
      decimal(messages) +
      ' octets=' +
      decimal(octets) +
      ' ms=' +
      decimal(ms) +
      (resumed ? ' resumed=1' : ' resumed=0'),
  );
  isConnecting = false;
  if (P.keeps) keepSession(ikeSession(), appMark, now);
}

export function onEnded(outcome: number, retryAt: number, now: number): void {
  coapNewSa();
  board.print('ike ended outcome=' + decimal(outcome) + ' retry=' + (retryAt < 0 ? '-1' : decimal(retryAt - now)));
  isConnecting = false;
  // A Delete of either side makes the ticket void [RFC 5723 §6.2].
  if (P.keeps && (outcome === OUTCOME_CLOSED || outcome === OUTCOME_DELETED)) keepSession(null, appMark, now);
}

export function onReplaced(_now: number): void {
  coapNewSa();
  board.print('ike rekeyed');
}

export function onInstalled(spiIn: number, _now: number): void {
  board.print('child installed spi=' + hexDigits(spiIn, 8));
}

export function onRemoved(_spiIn: number, _now: number): void {
  board.print('child removed');
}

export function onChildFailed(outcome: number, _now: number): void {
  board.print('child failed outcome=' + decimal(outcome));
}

export function onPayload(buffer: Uint8Array, offset: number, length: number, flow: number, now: number): number {
  return coapReceive(buffer, offset, length, flow, now);
}

export function onSent(_result: number, _now: number): void {}

export function onEsp(buffer: Uint8Array, at: number, end: number, ecn: number, now: number): number {
  return espReceive(buffer, at, end, ecn, now);
}

export function onDatagram(buffer: Uint8Array, offset: number, length: number, now: number): void {
  ikeReceive(buffer, offset, length, now);
}

export function onReserve(_out: number, _in: number): void {}

/** Prints the version and takes the blob. False: it ended, because of the blob or for want of randomness. */
export function appStart(): boolean {
  board.print('dietesp ' + VERSION + ' ' + P.engine + ' native=' + decimal(board.native));
  const code = takeBlob(appMark);
  if (code !== 0) board.print('provision bad ' + decimal(code));
  else {
    let id = '';
    for (let i = 0; i < P.identitySize; i++) id += hexDigits(D[P.atIdentity + i], 2);
    board.print('provision ok id=' + id + ' short=' + hexDigits(u16(D, P.atShort), 4));
    board.tune(P.channel, P.panId, u16(D, P.atShort), slice(D, P.atExtended, 8));
  }
  appIsOver = code !== 0 || !board.random(appLine, 0, 8);
  if (code !== 0) halt(board, code, 'provision');
  else if (appIsOver) halt(board, HALT_ENTROPY, 'entropy');
  else if (P.keeps) ikeTakeSession(keepBegin(appMark, board.now()));
  return !appIsOver;
}

/** Takes a console line and obeys it. False: there is none. */
function appCommand(now: number): boolean {
  const length = board.command(appLine);
  if (length < 0) return false;
  let word = 0;
  while (word < length && word <= COMMAND_ROOM && appLine[word] !== 32) word++;
  // The number of the command whose name is the word, and how many octets of a name are the word's.
  let command = 0;
  let equals = 0;
  let i = 0;
  for (; i < COMMANDS.length && length <= COMMAND_ROOM; i++) {
    const octet = COMMANDS.charCodeAt(i);
    if (octet !== 32) equals = equals >= 0 && equals < word && appLine[equals] === octet ? equals + 1 : -1;
    else {
      if (equals === word) break;
      equals = 0;
      command++;
    }
  }
  // `send` has a number of up to 5 digits.
  let count = command === 4 && length - word > 1 && length - word < 7 ? 0 : -1;
  for (let k = word + 1; k < length && count >= 0; k++) {
    count = appLine[k] >= 48 && appLine[k] <= 57 ? count * 10 + appLine[k] - 48 : -1;
  }
  if (command === 4 && count > 0 && count <= SEND_MAX) coapPost(count);
  else if (command === 4 || word !== length || i === COMMANDS.length || length > COMMAND_ROOM) appBad++;
  else if (command === 0) ikeRekey(now);
  else if (command === 1) ikeRekeyIke(now);
  else if (command === 2) {
    isWanted = false;
    ikeClose(now);
  } else if (command === 3) isWanted = true;
  else if (command === 5) {
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
        decimal(espSent) +
        ' received=' +
        decimal(espReceived) +
        ' drops=' +
        decimal(coapDrops + linkDrops + ikeDrops()) +
        ' console-bad=' +
        decimal(appBad) +
        (P.keeps ? ' saves=' + decimal(keepSaves) : ''),
    );
  } else {
    appIsOver = true;
    if (command === 6) board.restart();
    else board.exit(0);
  }
  return true;
}

/** Takes frames and commands, and does what is due. */
export function appStep(now: number): void {
  appHasMore = true;
  for (let i = 0; i < LINES_AT_ONCE && appHasMore && !appIsOver; i++) appHasMore = appCommand(now);
  if (appIsOver) return;
  const ticks = board.ticks();
  const counts = isWanted || isConnecting;
  if (isWanted) {
    isWanted = false;
    const resumes = isFirst || ikeEstablished();
    isFirst = false;
    ikeConnect(resumes, now);
  }
  let frames = 0;
  for (; frames < FRAMES_AT_ONCE; frames++) {
    const length = board.receive(appFrame);
    if (length < 0) break;
    linkReceive(appFrame, length, now);
  }
  if (frames === FRAMES_AT_ONCE) appHasMore = true;
  linkPoll(now + SLACK);
  ikePoll(now + SLACK);
  coapPoll(now);
  if (counts || isConnecting) handshakeTicks += board.ticks() - ticks;
}

/** When to call `appStep`, or -1. */
export function appNext(): number {
  if (isWanted || appHasMore) return 0;
  let next = linkNext();
  const ike = ikeNext();
  if (ike >= 0 && (next < 0 || ike < next)) next = ike;
  const coap = coapNext();
  return coap >= 0 && (next < 0 || coap < next) ? coap : next;
}
