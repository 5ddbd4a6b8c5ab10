// A sensor on Node: a host with IKE (on a radio, or on UDP sockets) with the application of every sensor above its SAs
// (core/device/sensor.ts). It also sends pings, and answers pings and UDP echo.

import { DROP_SELECTOR, DROP_TOO_LONG } from '../../../core/base/drop.ts';
import { dropName } from '../../../core/base/drop-name.ts';
import type { UplinkEvents } from '../../../core/device/uplink.ts';
import { N_AUTHENTICATION_FAILED } from '../../../core/ike/codec/numbers.ts';
import { clearIke } from '../../../core/ike/exchange/clear.ts';
import { COUNT_RECEIVED, COUNT_SENT } from '../../../core/ike/exchange/registry.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import { OUTCOME_CLOSED, OUTCOME_DELETED, OUTCOME_PEER_AUTH } from '../../../core/ike/state/outcome.ts';
import { NAT_OFF } from '../../../core/ike/state/policy.ts';
import { STATE_ENDED, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressOctets, addressText } from '../host/addresses.ts';
import { refusalOf } from '../host/certificates/signatures.ts';
import { offeringEesp } from '../host/config/eesp.ts';
import { identityText } from '../host/config/ike-names.ts';
import { policyFor } from '../host/config/ike-policy.ts';
import { attachCounterSync } from '../host/counter-sync.ts';
import { errorText } from '../host/errors.ts';
import { attachNode, fullIke } from '../host/full-ike.ts';
import { besides, type KeyLog } from '../host/keylog.ts';
import { type Log, silent } from '../host/log.ts';
import { checkContexts, checkRadio, type RadioConfig } from '../host/radio/config.ts';
import { drive } from '../host/radio/drive.ts';
import { openReadyRadio } from '../host/radio/kinds.ts';
import { type Radio, stack } from '../host/radio/radio.ts';
import { reasonsOf } from '../host/reasons.ts';
import { childView, spisOf, spiText } from '../host/sa-view.ts';
import type { StateStore } from '../host/state/store.ts';
import { printWarning } from '../host/terminal.ts';
import { establishedView, outcomeName, type Report, rounded } from './describe.ts';
import type { LoadedSensor } from './file.ts';
import type { IkeHost } from './host.ts';
import { createInnerHost, type InnerHost } from './inner.ts';
import type { MobilityOptions } from './mobility.ts';
import { createSensorMtu, type SensorMtu } from './mtu.ts';
import { probeOf } from './probe.ts';
import { createRadioHost } from './radio-host.ts';
import { createReadings, type ReadingEnd, type ReadingOptions } from './readings.ts';
import { createSessionKeeper } from './session.ts';
import { createUdpHost, openRaw } from './udp-host.ts';
import { isRouted, openUdpSockets, ownAddress, type UdpSockets } from './udp-link.ts';

const RETRY_TIME = 1000;
const RETRY_MAX = 60000;
/** Milliseconds to wait for the answer to our Delete. */
const CLOSE_TIME = 1500;
const PING_TIME = 3000;
const PING_SIZE = 8;
/** Milliseconds for the last acknowledgement of the MAC. */
const LAST_TIME = 20;

/** Options of `openSensor`. */
export interface SensorOptions extends ReadingOptions {
  /** Gets keys, to decrypt captures; null: nobody does. */
  keylog: KeyLog | null;
  /** UDP port whose payloads are sent back, 0: none. */
  echoPort: number;
  /** Try again after a failure. */
  retry: boolean;
  /** Milliseconds to the next attempt at most, default 60000. */
  retryMax?: number;
  /** Hears of what happens. */
  report: Report;
  /** A radio in place of that of the file; it is closed with the sensor. */
  radio?: Radio;
  /** Where its session survives a restart; it belongs to the sensor from here on. Absent: nowhere. */
  store?: StateStore;
  /** Gets a line where something is wrong with the store. */
  log?: Log;
}

/** A sensor on Node, as `dietesp sensor` runs one. */
export interface Sensor {
  /** IKE and ESP, live: read it only. */
  host: IkeHost;
  /** UDP and ping inside of the tunnel. */
  inner: InnerHost;
  /** Resolves when connected, to '', or with why an attempt ended; `resumes`: with the ticket of the SA that is there. */
  connect(resumes: boolean): Promise<string>;
  /** Posts a reading once those before it have ended: `acknowledged` or `failed`, and milliseconds. */
  read(text: string): Promise<ReadingEnd>;
  /**
   * Readings of a temperature by a schedule: `count` (0: without end), `interval` ms apart, the first after `delay`.
   * Resolves when all have ended: true when all were acknowledged.
   */
  readAll(count: number, interval: number, delay: number): Promise<boolean>;
  /** Asks for rekeys, or for a sign of life; nothing without an IKE SA. */
  rekey(): void;
  /** Asks for a rekey of the IKE SA. */
  rekeyIke(): void;
  /** Asks for a sign of life. */
  probe(): void;
  /** Pings: the number of replies. */
  ping(to: Uint8Array, count: number, interval: number): Promise<number[]>;
  /** The problem of sending a payload, or ''. */
  send(payload: Uint8Array, to: Uint8Array, port: number, sourcePort: number): string;
  /** Waits until `done` is true, asked after whatever happens; false after `limit` ms. */
  until(done: () => boolean, limit: number): Promise<boolean>;
  /** Child SAs that were asked for and failed. */
  failures(): number;
  /** Milliseconds on the sensor's clock, monotonic. */
  now(): number;
  /** Has what was asked of the uplink done. */
  wake(): void;
  /** State, SPIs, address, Child SAs and counters, with names, for a page or JSON. */
  status(): Record<string, unknown>;
  /** Sends Delete and closes everything. */
  close(): Promise<void>;
}

/**
 * Opens a sensor's radio or sockets; nothing is sent before `connect`. Rejects with the system's error; nothing is open
 * then, `options.radio` neither.
 */
export async function openSensor(loaded: LoadedSensor, options: SensorOptions): Promise<Sensor> {
  const { connection, gateway } = loaded;
  const keylog =
    options.keylog === null
      ? null
      : besides(options.keylog, (error) => void printWarning(`key log: ${errorText(error)}`));
  const now = (): number => performance.now();
  const waiting = new Set<() => void>();
  let isClosing = false;
  let failures = 0;
  let attempted: (problem: string) => void = () => {};

  const check = (): void => {
    for (const one of [...waiting]) one();
  };
  const wake = (): void => {
    check();
    runner?.wake();
  };
  const report: Report = (event) => {
    options.report(event);
    queueMicrotask(check);
  };

  const events: UplinkEvents = {
    connecting() {},
    established(sa, attempt) {
      if (sa.address.length > 0 && loaded.innerAddress === null) inner.address = sa.address.slice();
      session?.keep(sa.session);
      report(establishedView(sa, attempt));
      attempted('');
    },
    ended(sa, outcome, at, time) {
      // After a Delete of either side its ticket is void [RFC 5723 §6.2].
      if (outcome === OUTCOME_CLOSED || outcome === OUTCOME_DELETED) session?.keep(null);
      const peer = sa.peerId.length === 0 ? '' : identityText(sa.peerIdType, sa.peerId);
      const isAuth = outcome === OUTCOME_PEER_AUTH || outcome === N_AUTHENTICATION_FAILED;
      const problem = isAuth ? refusalOf(sa.policy) : '';
      const retryMs = at < 0 ? -1 : Math.round(at - time);
      report({ event: 'ended', peer, outcome: outcomeName(outcome), retryMs, problem });
      attempted(outcomeName(outcome));
    },
    replaced: (_old, sa) => report({ event: 'rekeyed', ...spisOf(sa) }),
    installed(sa, child, outgoing, incoming) {
      report({ event: 'child', ...childView(child) });
      keylog?.esp(sa, outgoing, incoming);
    },
    removed(sa, child) {
      report({ event: 'child-removed', spiIn: spiText(child.spiIn) });
      keylog?.ended?.(sa, child);
    },
    childFailed(_sa, outcome, problem) {
      const text = problem === null ? '' : errorText(problem);
      failures++;
      report({ event: 'child-failed', outcome: outcomeName(outcome), problem: text });
    },
    keys: (sa, octets, size) => keylog?.ike(sa, octets, size),
  };

  let mtu: SensorMtu | null = null;
  async function open(): Promise<IkeHost> {
    const isRadio = loaded.radio !== null;
    const { numbers } = loaded;
    mtu =
      isRadio || loaded.mtu === undefined
        ? null
        : await createSensorMtu(loaded.mtu, numbers, now, options.log ?? silent);
    const sockets = isRadio ? null : await openUdpSockets(loaded.udp!.address, loaded.udp!, gateway.address, gateway);
    const local = isRadio ? loaded.address! : sockets!.local;
    const gets = connection.policy.requestAddress !== 0 && loaded.innerAddress === null;
    const own = gets ? new Uint8Array(0) : (loaded.innerAddress ?? local);
    // EESP goes over UDP only.
    const eesp = isRadio ? null : connection.eesp;
    const policy = offeringEesp(policyFor(connection, own, gateway.address, !isRadio), eesp);
    const ike = fullIke();
    const common = {
      provider: options.provider,
      ike: {
        ...ike,
        extensions: mtu === null ? ike.extensions : [...ike.extensions, mtu.paths.extension],
        policy: isRadio ? { ...policy, nat: NAT_OFF } : policy,
        numbers,
        keylog: keylog !== null,
        retryTime: options.retry ? RETRY_TIME : 0,
        retryMax: options.retryMax ?? RETRY_MAX,
        events,
      },
      local,
      remote: gateway.address,
      inner: (packet: Uint8Array, length: number, time: number) => inner.take(packet, length, time),
      now,
      wake,
      missing: (name: string, wait: number) => report({ event: 'child-missing', child: name, retryMs: wait }),
      declined: (what: 'dscp' | 'resources') => report({ event: 'child-declined', what }),
    };
    const over = isRadio ? 'radio' : loaded.transport;
    report({ event: 'connecting', local: addressText(local), remote: addressText(gateway.address), over });
    const transmit = (packet: Uint8Array, length: number): number => {
      const code = host.send(packet, length);
      // Whoever sends need not know that a radio has a queue.
      runner?.wake();
      return code;
    };
    inner = createInnerHost(own.length > 0 ? own : local, transmit, now);
    if (sockets !== null) {
      const { transport, tcpPort, esp } = loaded;
      const raw = esp === 'udp' ? null : await openRaw(esp, sockets, gateway.zone);
      const probe = probeOf(loaded, own.length > 0 ? own : local);
      const mobility = mobilityOf(loaded);
      const carried = { sockets, mtu, peer: gateway, transport, tcpPort, esp, raw, probe };
      return createUdpHost({ ...common, ...carried, mobility, moves: report });
    }
    const radio = options.radio ?? (await openOwnRadio(loaded.radio!, options.log ?? silent));
    try {
      return createRadioHost({
        ...common,
        radio,
        settings: loaded.radio!,
        link: gateway.link!,
        contexts: checkContexts(loaded.contexts),
      });
    } catch (error) {
      radio.close();
      await radio.closed;
      throw error;
    }
  }

  const session =
    options.store === undefined ? null : createSessionKeeper(options.store, connection, now, options.log ?? silent);
  let inner!: InnerHost;
  let runner: ReturnType<typeof drive> | null = null;
  const host = await open().catch(async (error: unknown) => {
    await session?.close();
    throw error;
  });

  attachNode(host.uplink.ike, loaded.maxMessage);
  if (connection.policy.counterSync === true) attachCounterSync(host.uplink.ike, host.sas.outgoing);
  const readings = createReadings(loaded, options, host, inner, report);
  const { core } = readings;
  if (options.echoPort > 0) {
    inner.listen(options.echoPort, (payload, source, port) => {
      // Whoever sends from port 0 wants no answer [RFC 768].
      if (port !== 0) inner.send(payload.slice(), options.echoPort, source.slice(), port);
    });
  }

  // Only the air needs times finer than a millisecond.
  const fine = options.radio !== undefined && options.radio.instant !== true;
  runner = drive(stack(host, core), now, fine);

  const sensor: Sensor = {
    host,
    inner,
    failures: () => failures,
    now,
    wake,
    rekey: () => core.rekey(now()),
    rekeyIke: () => core.rekeyIke(now()),
    probe: () => core.probe(now()),
    connect(resumes) {
      attempted = () => {};
      const stored = session?.take() ?? null;
      if (stored === null) core.connect(resumes, now());
      else host.uplink.connect(stored, now());
      wake();
      return new Promise<string>((resolve) => {
        attempted = resolve;
      });
    },
    read(text) {
      const end = readings.read(text);
      wake();
      return end;
    },
    readAll(count, interval, delay) {
      const end = readings.readAll(count, interval, now() + delay);
      wake();
      return end;
    },
    async ping(to, count, interval) {
      const times: number[] = [];
      for (let sequence = 1; sequence <= count && !isClosing; sequence++) {
        const begin = now();
        const { code, ms } = await inner.ping(to, PING_SIZE, PING_TIME);
        const problem = code < 0 ? problemOf(code) : ms < 0 ? 'no reply' : '';
        if (problem === '') times.push(rounded(ms));
        report({ event: 'ping', sequence, to: addressText(to), ms: rounded(ms), problem });
        const rest = interval - (now() - begin);
        if (sequence < count && rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      }
      return times;
    },
    send(payload, to, port, sourcePort) {
      const code = inner.send(payload, sourcePort, to, port);
      if (code !== DROP_TOO_LONG || host.limit() === 0) return code < 0 ? problemOf(code) : '';
      return `${problemOf(code)}: the path takes packets of ${host.limit()} octets`;
    },
    until(done, limit) {
      if (done()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const end = (result: boolean): void => {
          clearTimeout(timer);
          waiting.delete(one);
          resolve(result);
        };
        const one = (): void => {
          if (done()) end(true);
        };
        const timer = setTimeout(() => end(false), limit);
        waiting.add(one);
      });
    },
    status() {
      const { uplink, endpoint } = host;
      const sa = uplink.current();
      return {
        state: sa === null ? 'none' : sa.state === STATE_ESTABLISHED ? 'established' : 'negotiating',
        ...(sa === null ? {} : spisOf(sa)),
        address: addressText(inner.address),
        children: sa === null ? [] : sa.children.filter(({ retired }: ChildSa) => retired === 0).map(childView),
        session: sa !== null && sa.session !== null,
        sent: endpoint.sent,
        received: endpoint.received,
        drops: reasonsOf(endpoint.drops),
        ike: {
          sent: uplink.ike.counters[COUNT_SENT],
          received: uplink.ike.counters[COUNT_RECEIVED],
          // Those apart that wait to repeat their last answer.
          sas: uplink.ike.sas.filter(({ state }) => state !== STATE_ENDED).length,
          drops: reasonsOf(uplink.ike.counters),
        },
        inner: { ...inner.counters },
        link: host.link(),
        mtu: mtu === null ? null : { limit: host.limit(), ...mtu.paths.counters },
      };
    },
    async close() {
      if (isClosing) return;
      isClosing = true;
      core.schedule(-1, 0, -1);
      if (host.uplink.current() !== null) {
        host.uplink.close(now());
        wake();
        await sensor.until(() => host.uplink.current() === null, CLOSE_TIME);
      }
      if (loaded.radio !== null) await new Promise((resolve) => setTimeout(resolve, LAST_TIME));
      runner?.stop();
      inner.close();
      clearIke(host.uplink.ike);
      await session?.close();
      await host.close();
    },
  };
  return sensor;
}

/** Opens the radio of a file. */
function openOwnRadio(settings: RadioConfig, log: Log): Promise<Radio> {
  return openReadyRadio(checkRadio(settings, ['radio'], 'radio'), {
    warn: (text) => log('info', 'link', text),
    log: (level, text) => log(level, 'link', `radio: ${text}`),
  });
}

function problemOf(code: number): string {
  return code === DROP_SELECTOR ? 'no SA takes it' : dropName(code);
}

/** What a sensor's file allows its addresses to do; null: they stay. */
function mobilityOf({ mobike, others, redirect, udp, gateway }: LoadedSensor): MobilityOptions | null {
  if (!mobike && redirect === null) return null;
  const { address } = udp!;
  async function look(local: Uint8Array, remote: Uint8Array): Promise<UdpSockets | null> {
    const text = await ownAddress(address, remote, gateway);
    if (addressText(local) === addressText(addressOctets(text.replace(/%.*$/, ''))!)) return null;
    return openUdpSockets(address, udp!, remote, gateway);
  }
  return { mobike, others, redirect, look: isRouted(address) ? look : null };
}
