// Whether ESP reaches the gateway beside IKE over TCP [draft-ietf-ipsecme-ikev2-reliable-transport §5]. Whatever ESP comes in
// proves it; where nothing comes, something is sent that the other end answers. Times are milliseconds.

/** After the first probe in IP itself: the same in UDP. */
const SECOND_AFTER = 250;
const AGAIN_AFTER = 1000;
/** Probes that may stay unanswered. */
const TRIES = 4;
/** Silence, while packets go out, until it is asked whether ESP still arrives. */
const DOUBT_AFTER = 15000;
/** Until UDP is tried again for ESP that went to TCP. */
const RETURN_AFTER = 300000;

/** What probing asks of its host. */
export interface ProbeHost {
  /** Sends a probe: by the path that ESP has, by UDP. False: there is nothing that would be answered. */
  probe(how: 'path' | 'udp'): boolean;
  /** True where a probe by UDP beside the first one makes sense: ESP goes in IP itself. */
  isPlain(): boolean;
  /** Nothing came: `first`: since the SA is there; else it stopped. */
  unreachable(first: boolean): void;
}

/** The state of ESP's reachability. */
export interface EspProbe {
  /** ESP is to be proved to arrive: after an SA whose first message went over TCP. */
  begin(now: number): void;
  /** ESP went to TCP: UDP is tried now and then. */
  moved(now: number): void;
  /** Nothing is judged any more. */
  stop(): void;
  sent(now: number): void;
  /** Authenticated ESP came; `beside`: not over TCP. */
  heard(beside: boolean, now: number): void;
  poll(now: number): void;
  nextTimeout(): number;
  /** An answer decides where ESP goes. */
  isOpen(): boolean;
  /** How many were sent. */
  probes(): number;
}

const IDLE = 0;
const FIRST = 1;
const WATCH = 2;
const DOUBT = 3;
const AWAY = 4;

export function createEspProbe(host: ProbeHost): EspProbe {
  let state = IDLE;
  let tries = 0;
  let at = -1;
  let alsoUdpAt = -1;
  let count = 0;

  function ask(now: number): boolean {
    if (!host.probe('path')) return false;
    count++;
    tries++;
    at = now + AGAIN_AFTER;
    alsoUdpAt = host.isPlain() ? now + SECOND_AFTER : -1;
    return true;
  }

  function watch(): void {
    state = WATCH;
    tries = 0;
    at = -1;
    alsoUdpAt = -1;
  }

  return {
    begin(now) {
      state = FIRST;
      tries = 0;
      // Where nothing can be asked, the application finds out.
      if (!ask(now)) watch();
    },
    moved(now) {
      state = AWAY;
      alsoUdpAt = -1;
      at = now + RETURN_AFTER;
    },
    stop() {
      state = IDLE;
      at = -1;
      alsoUdpAt = -1;
    },
    sent(now) {
      if (state === IDLE) state = WATCH;
      if (state === WATCH && at < 0) at = now + DOUBT_AFTER;
    },
    heard(beside) {
      if (state === AWAY ? beside : state !== IDLE) watch();
    },
    poll(now) {
      if (alsoUdpAt >= 0 && now >= alsoUdpAt) {
        alsoUdpAt = -1;
        if (host.probe('udp')) count++;
      }
      if (at < 0 || now < at) return;
      if (state === AWAY) {
        at = now + RETURN_AFTER;
        if (host.probe('udp')) count++;
      } else if (state === WATCH) {
        state = DOUBT;
        tries = 0;
        if (!ask(now)) watch();
      } else if (tries < TRIES) {
        ask(now);
      } else {
        const first = state === FIRST;
        watch();
        host.unreachable(first);
      }
    },
    nextTimeout() {
      if (at < 0 || alsoUdpAt < 0) return Math.max(at, alsoUdpAt);
      return Math.min(at, alsoUdpAt);
    },
    isOpen: () => state === FIRST || state === DOUBT || state === AWAY,
    probes: () => count,
  };
}
