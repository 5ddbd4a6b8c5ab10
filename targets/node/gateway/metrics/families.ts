// The metrics of a gateway: names, what they say, and where their values come from.

import type { GatewayCounters } from '../views.ts';
import { CLUSTER } from './cluster.ts';
import { counter, type Family, gauge, one, reasons, type Sample, type Sources, ways } from './family.ts';

const MS = 1000;

type Radio = GatewayCounters['radios'][number];

function ofWorkers(read: (worker: GatewayCounters['workers'][number]) => number): (sources: Sources) => Sample[] {
  return ({ counters: { workers } }) =>
    workers.map((worker, index) => ({ labels: { worker: String(index + 1) }, value: read(worker) }));
}

function ofRadios(read: (radio: Radio) => Sample[]): (sources: Sources) => Sample[] {
  return ({ counters }) => counters.radios.flatMap(read);
}

const ofRadio = (read: (radio: Radio) => number): ((sources: Sources) => Sample[]) =>
  ofRadios((radio) => [{ labels: { radio: radio.name }, value: read(radio) }]);

const ofIke = (read: (ike: NonNullable<GatewayCounters['ike']>) => Sample[]): ((sources: Sources) => Sample[]) => {
  return ({ counters: { ike } }) => (ike === null ? [] : read(ike));
};

const DIRECTION = ['direction'];

const ESP: Family[] = [
  counter(
    'esp_packets',
    'ESP packets sent (out) and accepted (in).',
    ({ counters: { esp } }) => ways(esp.sent, esp.received),
    DIRECTION,
  ),
  counter(
    'esp_bytes',
    'Octets of ESP packets, from the SPI to the ICV.',
    ({ counters: { esp } }) => ways(esp.octetsSent.esp, esp.octetsReceived.esp),
    DIRECTION,
  ),
  counter(
    'esp_uncompressed_bytes',
    'Octets that ESP of RFC 4303 with the same suite would have taken: what dietesp_esp_bytes_total has less was saved.',
    ({ counters: { esp } }) => ways(esp.octetsSent.uncompressed, esp.octetsReceived.uncompressed),
    DIRECTION,
  ),
  counter(
    'inner_bytes',
    'Octets of inner IP packets.',
    ({ counters: { esp } }) => ways(esp.octetsSent.inner, esp.octetsReceived.inner),
    DIRECTION,
  ),
  counter(
    'drops',
    'Packets dropped by ESP, and by the gateway itself, by reason (docs/outcomes.md).',
    ({ counters }) => [
      ...reasons(counters.esp.drops, { layer: 'esp' }),
      ...reasons(counters.drops, { layer: 'gateway' }),
    ],
    ['layer', 'reason'],
  ),
  counter('resync_searches', 'Packets whose sequence number was searched for.', ({ counters }) =>
    one(counters.esp.search?.searches ?? 0),
  ),
  counter('resync_trials', 'ICVs that were computed in searches.', ({ counters }) =>
    one(counters.esp.search?.trials ?? 0),
  ),
  counter('resync_found', 'Packets whose sequence number was found.', ({ counters }) =>
    one(counters.esp.search?.found ?? 0),
  ),
  gauge('sas', 'SAs of ESP, one a direction.', ({ counters }) => one(counters.sas)),
  gauge('sa_oldest_age_seconds', 'Time since the first packet of the SA for which that is longest.', ({ counters }) =>
    one(counters.oldestSa),
  ),
];

const IKE: Family[] = [
  gauge(
    'ike_sas',
    'IKE SAs that are up.',
    ofIke(({ up }) => one(up)),
  ),
  gauge(
    'ike_half_open',
    'IKE SAs that are not yet authenticated.',
    ofIke(({ halfOpen }) => one(halfOpen)),
  ),
  gauge(
    'ike_leases',
    'Addresses of the pool in use.',
    ofIke(({ leases }) => one(leases)),
  ),
  counter(
    'ike_established',
    'IKE SAs that came up.',
    ofIke(({ established }) => one(established)),
  ),
  counter(
    'ike_ended',
    'IKE SAs and attempts that ended, by reason (docs/outcomes.md).',
    ofIke(({ outcomes }) => reasons(outcomes)),
    ['reason'],
  ),
  counter(
    'ike_rekeys',
    'Rekeys of IKE SAs and Child SAs.',
    ofIke(({ rekeyedIke, rekeyedChild }) => [
      { labels: { sa: 'ike' }, value: rekeyedIke },
      { labels: { sa: 'child' }, value: rekeyedChild },
    ]),
    ['sa'],
  ),
  counter(
    'ike_messages',
    'IKE messages.',
    ofIke(({ sent, received }) => ways(sent, received)),
    DIRECTION,
  ),
];

const RADIO = ['radio'];
const RADIOS: Family[] = [
  counter(
    'radio_frames',
    'Data frames sent, repetitions included (out), and received (in).',
    ofRadios(({ name, frames, received }) => ways(frames, received, { radio: name })),
    ['radio', 'direction'],
  ),
  counter(
    'radio_sent_bytes',
    'Octets of data frames on air, MHR to FCS, repetitions included.',
    ofRadio(({ octets }) => octets),
    RADIO,
  ),
  counter(
    'radio_retries',
    'Data frames sent again.',
    ofRadio(({ retries }) => retries),
    RADIO,
  ),
  counter(
    'radio_acks',
    'Acknowledgements sent.',
    ofRadio(({ acks }) => acks),
    RADIO,
  ),
  counter(
    'radio_airtime_seconds',
    'Time that the radio sent.',
    ofRadio(({ airTime }) => airTime / MS),
    RADIO,
  ),
  counter(
    'radio_packets',
    'Packets sent (out) and received (in) whole.',
    ofRadios(({ name, packetsSent, packetsReceived }) => ways(packetsSent, packetsReceived, { radio: name })),
    ['radio', 'direction'],
  ),
  counter(
    'radio_drops',
    'Drops of the MAC and of 6LoWPAN, by reason.',
    ofRadios(({ name, macDrops, lowpanDrops }) => [
      ...reasons(macDrops, { radio: name, layer: 'mac' }),
      ...reasons(lowpanDrops, { radio: name, layer: 'lowpan' }),
    ]),
    ['radio', 'layer', 'reason'],
  ),
  gauge(
    'radio_queue_packets',
    'Packets queued, or on their way.',
    ofRadio(({ waiting }) => waiting),
    RADIO,
  ),
  gauge('neighbours', 'Devices on radios, configured or learned.', ({ counters }) => one(counters.neighbours.known)),
  gauge('neighbours_lost', 'Devices that do not acknowledge any more.', ({ counters }) =>
    one(counters.neighbours.lost),
  ),
];

const PLACE = ['address', 'port', 'direction'];
const OUTSIDE: Family[] = [
  counter(
    'udp_datagrams',
    'Datagrams of the sockets of IKE and ESP.',
    ({ counters: { udp } }) =>
      udp.flatMap(({ address, port, sent, received }) => ways(sent, received, { address, port: String(port) })),
    PLACE,
  ),
  counter(
    'udp_send_errors',
    'Datagrams that the system refused to send.',
    ({ counters: { udp } }) =>
      udp.map(({ address, port, sendErrors }) => ({ labels: { address, port: String(port) }, value: sendErrors })),
    ['address', 'port'],
  ),
  gauge(
    'tcp_connections',
    'TCP connections that are open.',
    ({ counters: { tcp } }) =>
      tcp.map(({ address, port, open }) => ({ labels: { address, port: String(port) }, value: open })),
    ['address', 'port'],
  ),
  counter(
    'tcp_messages',
    'IKE and ESP messages over TCP.',
    ({ counters: { tcp } }) =>
      tcp.flatMap(({ address, port, sent, received }) => ways(sent, received, { address, port: String(port) })),
    PLACE,
  ),
  counter(
    'raw_packets',
    'Packets of IP protocol 50.',
    ({ counters: { raw } }) => (raw === null ? [] : ways(raw.sent, raw.received)),
    DIRECTION,
  ),
  counter(
    'tun_packets',
    'Packets taken from the network interface (out, to peers) and given to it (in).',
    ({ counters: { tun } }) => (tun === null ? [] : ways(tun.read, tun.written)),
    DIRECTION,
  ),
  gauge(
    'worker_alive',
    '1: the worker works; 0: it has died.',
    ofWorkers(({ alive }) => (alive ? 1 : 0)),
    ['worker'],
  ),
  gauge(
    'worker_sas',
    'SA pairs that a worker has.',
    ofWorkers(({ sas }) => sas),
    ['worker'],
  ),
  counter(
    'worker_packets',
    'ESP packets that a worker sent (out) and accepted (in).',
    ({ counters: { workers } }) =>
      workers.flatMap(({ sent, received }, index) => ways(sent, received, { worker: String(index + 1) })),
    ['direction', 'worker'],
  ),
  counter(
    'worker_handed',
    'Packets that came to a worker and were for the main thread, or another worker.',
    ofWorkers(({ handed }) => handed),
    ['worker'],
  ),
  counter(
    'worker_cpu_seconds',
    'Processor time of a worker.',
    ofWorkers(({ cpu }) => cpu),
    ['worker'],
  ),
  counter(
    'flow_datagrams',
    'Answers from UDP servers (out, to peers), and datagrams to them (in).',
    ({ counters: { flows } }) => ways(flows.answers, flows.delivered),
    DIRECTION,
  ),
  gauge('flow_sockets', 'Sockets of flows that are open.', ({ counters: { flows } }) => one(flows.open)),
  counter('flow_dropped', 'Datagrams that a socket of a flow could not take.', ({ counters: { flows } }) =>
    one(flows.dropped),
  ),
];

const PROGRAM: Family[] = [
  gauge('build_info', 'Always 1: the version is a label.', ({ version }) => [{ labels: { version }, value: 1 }], [
    'version',
  ]),
  gauge('draining', '1: new peers are sent to another gateway.', ({ counters }) => one(counters.draining ? 1 : 0)),
  gauge('state_kept', '1: SAs are kept over a restart; 0: the store was given up.', ({ counters: { state } }) =>
    state === null ? [] : one(state.isKept ? 1 : 0),
  ),
  gauge('state_waiting', 'Packets that wait until the store has their numbers.', ({ counters: { state } }) =>
    state === null ? [] : one(state.waiting),
  ),
  counter('log_suppressed_lines', 'Lines of the log that were left out.', ({ counters }) =>
    one(counters.suppressedLines),
  ),
  counter(
    'capture_packets',
    'Packets in capture files (pcap).',
    ({ counters: { capture } }) =>
      (capture ?? []).map(({ name, packets }) => ({ labels: { side: name }, value: packets })),
    ['side'],
  ),
  counter(
    'capture_missed',
    'Packets that are not in capture files: the buffer was full (crowded), or they could not be written (failed).',
    ({ counters: { capture } }) =>
      (capture ?? []).flatMap(({ name, crowded, failed }) => reasons({ crowded, failed }, { side: name })),
    ['side', 'reason'],
  ),
  counter(
    'http_requests',
    'Requests over HTTP by status.',
    ({ http }) => Object.entries(http.requests).map(([code, value]) => ({ labels: { code }, value })),
    ['code'],
  ),
  counter(
    'http_refused',
    'Requests over HTTP that were refused: host, origin, token.',
    ({ http }) => reasons(http.refused),
    ['reason'],
  ),
  counter('http_connections_crowded', 'Connections closed because there were too many.', ({ http }) =>
    one(http.crowded),
  ),
  gauge('http_connections', 'Connections of HTTP that are open.', ({ http }) => one(http.open)),
  gauge('http_event_readers', 'Readers of server-sent events.', ({ http }) => one(http.readers)),
];

const PEERS: Family[] = [
  counter(
    'peer_packets',
    'Packets in the SAs that a peer has now (http.peerMetrics).',
    ({ peers }) =>
      (peers?.items ?? []).flatMap(({ peer, packetsOut, packetsIn }) => ways(packetsOut, packetsIn, { peer })),
    ['peer', 'direction'],
  ),
  counter(
    'peer_inner_bytes',
    'Octets of inner packets in the SAs that a peer has now.',
    ({ peers }) => (peers?.items ?? []).flatMap(({ peer, octetsOut, octetsIn }) => ways(octetsOut, octetsIn, { peer })),
    ['peer', 'direction'],
  ),
  gauge(
    'peer_silent_seconds',
    'Time since a peer was heard.',
    ({ peers }) => (peers?.items ?? []).map(({ peer, heard }) => ({ labels: { peer }, value: heard })),
    ['peer'],
  ),
  gauge('peer_series_omitted', 'Peers that have no series of their own because there are too many.', ({ peers }) =>
    peers === null ? [] : one(peers.total! - peers.items.length),
  ),
];

export const FAMILIES: readonly Family[] = [...ESP, ...IKE, ...RADIOS, ...OUTSIDE, ...CLUSTER, ...PROGRAM, ...PEERS];
