// Waiting for descriptors that libuv does not know: one epoll for all of a thread of JavaScript, so that one thread of the pool
// waits, whatever is open.
//
// While packets are dense nothing waits in the pool: the event loop turns, and each turn looks once and takes a burst. So timers
// and all else get their turn, and packets pay no way through another thread. After some turns without a burst the pool waits.

import { closeSync } from 'node:fs';
import { type Libc, loadLibc, systemError } from '../libc.ts';

const EPOLL_CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EFD_FLAGS = 0x80800;
/** struct epoll_event is packed on x86-64 alone. */
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA = EVENT_SIZE - 8;
const EVENTS = 64;
/** Milliseconds after which the wait is looked after, so that the process can end whatever happens. */
const WAIT = 1000;
/** After a burst of so many the event loop looks itself for the next, in so many turns: the pool's wait costs about as much. */
const DENSE = 8;
const QUIET = 4;

/** What a descriptor is watched for. */
export interface Watched {
  /** Takes what waits there: a burst, so that others get their turn. How many it took. */
  readable(): number;
  /** It takes octets again; called where `wantWrite` asked. */
  writable?(): void;
}

export interface Readiness {
  add(fd: number, watched: Watched): void;
  wantWrite(fd: number, isWanted: boolean): void;
  /** Before the descriptor is closed. */
  remove(fd: number): void;
  /** Calls `flush` once, after the burst that is taken now, or in this turn of the event loop. */
  atEnd(flush: () => void): void;
}

interface Open {
  epoll: number;
  wake: number;
}

/**
 * `patience`: of a thread that does nothing else: it waits itself, so many milliseconds at most, and not a thread of the pool;
 * null: the pool waits.
 */
function create(libc: Libc, patience: (() => number) | null): Readiness {
  const watched = new Map<number, Watched>();
  const events = new DataView(new ArrayBuffer(EVENTS * EVENT_SIZE));
  const eventsAt = libc.addressOf(new Uint8Array(events.buffer));
  const octets = new Uint8Array(new ArrayBuffer(8));
  const octetsAt = libc.addressOf(octets);
  const event = new Uint8Array(EVENT_SIZE);
  const eventView = new DataView(event.buffer);
  let flushes: (() => void)[] = [];
  let isInBurst = false;
  let isScheduled = false;
  let open: Open | null = null;
  let isRunning = false;
  let quiet = QUIET;

  function control(operation: number, fd: number, what: number): void {
    eventView.setUint32(0, what, true);
    eventView.setUint32(EVENT_DATA, fd, true);
    if (libc.epoll_ctl(open!.epoll, operation, fd, event) < 0) throw systemError('epoll_ctl', libc.errno());
  }

  function flush(): void {
    isScheduled = false;
    // A flush may ask for another.
    while (flushes.length > 0) {
      const list = flushes;
      flushes = [];
      for (const each of list) each();
    }
  }

  function end(): void {
    isRunning = false;
    closeSync(open!.wake);
    closeSync(open!.epoll);
    open = null;
  }

  /** Takes a burst of each descriptor of events[0..count). */
  function take(count: number): void {
    let taken = 0;
    isInBurst = true;
    try {
      for (let i = 0; i < count; i++) {
        const what = events.getUint32(i * EVENT_SIZE, true);
        // One may have been removed by another's burst.
        const fd = events.getUint32(i * EVENT_SIZE + EVENT_DATA, true);
        if (fd === open!.wake) libc.read(fd, octetsAt, 8);
        const one = watched.get(fd);
        if (one === undefined) continue;
        if ((what & EPOLLOUT) !== 0) one.writable?.();
        if ((what & ~EPOLLOUT) !== 0) taken += one.readable();
      }
    } finally {
      isInBurst = false;
      if (taken >= DENSE) quiet = 0;
      flush();
    }
  }

  function later(): void {
    if (patience !== null) setImmediate(wait);
    else libc.epollWaitLater(open!.epoll, eventsAt, EVENTS, WAIT, run);
  }

  function wait(): void {
    run(libc.epoll_wait(open!.epoll, eventsAt, EVENTS, patience!()));
  }

  function run(count: number): void {
    try {
      if (count > 0) take(count);
    } finally {
      if (watched.size === 0) end();
      else if (quiet < QUIET) setImmediate(look);
      else later();
    }
  }

  function look(): void {
    quiet++;
    run(libc.epoll_wait(open!.epoll, eventsAt, EVENTS, 0));
  }

  function start(): void {
    const epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) throw systemError('epoll_create1', libc.errno());
    const wake = libc.eventfd(0, EFD_FLAGS);
    if (wake < 0) {
      closeSync(epoll);
      throw systemError('eventfd', libc.errno());
    }
    open = { epoll, wake };
    control(EPOLL_CTL_ADD, wake, EPOLLIN);
  }

  return {
    add(fd, one) {
      if (open === null) start();
      control(EPOLL_CTL_ADD, fd, EPOLLIN);
      watched.set(fd, one);
      if (isRunning) return;
      isRunning = true;
      later();
    },
    wantWrite(fd, isWanted) {
      if (open !== null && watched.has(fd)) control(EPOLL_CTL_MOD, fd, isWanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
    },
    remove(fd) {
      if (!watched.delete(fd) || open === null) return;
      libc.epoll_ctl(open.epoll, EPOLL_CTL_DEL, fd, event);
      if (watched.size > 0) return;
      octets[0] = 1;
      libc.write(open.wake, octetsAt, 8);
    },
    atEnd(one) {
      flushes.push(one);
      if (isInBurst || isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
  };
}

let shared: Readiness | null = null;

/** That of this thread; rejects where the calls are missing. */
export async function loadReadiness(): Promise<Readiness> {
  const libc = await loadLibc();
  shared ??= create(libc, null);
  return shared;
}

/** A thread that does nothing else, and what wakes it: whoever writes 8 octets to `wake`. Before `loadReadiness`, whose result it is. */
export async function loadWaiting(patience: () => number): Promise<{ readiness: Readiness; wake: number }> {
  const libc = await loadLibc();
  shared = create(libc, patience);
  const wake = libc.eventfd(0, EFD_FLAGS);
  if (wake < 0) throw systemError('eventfd', libc.errno());
  const octets = new Uint8Array(new ArrayBuffer(8));
  const octetsAt = libc.addressOf(octets);
  shared.add(wake, {
    readable: () => {
      libc.read(wake, octetsAt, 8);
      // Memory that is named here stays.
      return 0 * octets.length;
    },
  });
  return { readiness: shared, wake };
}
