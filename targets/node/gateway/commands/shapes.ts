// JSON Schemas of what commands answer. The OpenAPI document is made of them, docs/control.md is held against them, and tests
// hold the answers of a running gateway against them.

import { TOP_KEYS } from '../top.ts';

/** A JSON Schema. */
export type Schema = { [key: string]: unknown };

export const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more });
export const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
export const number = (description: string): Schema => ({ type: 'number', description });
export const flag = (description: string): Schema => ({ type: 'boolean', description });
export const list = (items: Schema, description: string): Schema => ({ type: 'array', items, description });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

/** An object whose members must all be there, but for those of `optional`. */
export function object(properties: Record<string, Schema>, description = '', optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', ...(description === '' ? {} : { description }), properties, required };
}

const REASONS: Schema = {
  type: 'object',
  additionalProperties: { type: 'integer', minimum: 1 },
  description: 'Counts by reason (docs/outcomes.md); what never occurred is absent.',
};

const TRAFFIC = object(
  {
    inner: count('Octets of inner IP packets.'),
    esp: count('Octets of their ESP packets, from the SPI to the ICV.'),
    uncompressed: count('Octets that ESP of RFC 4303 with the same suite would have taken.'),
  },
  'Octets of one direction.',
);

const COUNTS = (what: string): Record<string, Schema> => ({
  packetsIn: number(`Packets from the peer${what}.`),
  packetsOut: number(`Packets to the peer${what}.`),
  octetsIn: number(`Octets of inner packets from the peer${what}.`),
  octetsOut: number(`Octets of inner packets to the peer${what}.`),
  drops: number(`Dropped packets${what}.`),
});

const COUNTERS_OF_RADIO: Record<string, string> = {
  frames: 'Data frames sent, retries included.',
  octets: 'Octets of the data frames sent, MHR to FCS.',
  retries: 'Data frames sent again.',
  acks: 'Acknowledgements sent.',
  received: 'Data frames for this node.',
  packetsSent: 'Packets sent whole.',
  packetsReceived: 'Packets received whole.',
  waiting: 'Packets queued, or on their way.',
};

export const RADIO = object({
  name: text('As configured.'),
  ...Object.fromEntries(Object.entries(COUNTERS_OF_RADIO).map(([name, what]) => [name, count(what)])),
  airTime: number('Milliseconds that the radio sent.'),
  macDrops: REASONS,
  lowpanDrops: REASONS,
});

const SIGNAL = object({
  rssi: orNull(number('Strength, dBm.')),
  noise: orNull(number('Noise floor, dBm.')),
  lqi: orNull(number('Link quality, 0..255.')),
  channel: orNull(number('11..26.')),
});

export const PEER = object({
  peer: text('Identity: `fqdn:sensor1.example`.'),
  connection: text('Name of the connection.'),
  state: text('`ending`: a Delete is on its way.', { enum: ['established', 'ending'] }),
  remote: text('Outer address.'),
  remotePort: count('UDP or TCP port.'),
  ikeOver: text('What carries IKE.', { enum: ['udp', 'tcp', 'ip'] }),
  espOver: text('What carries ESP.', { enum: ['udp', 'tcp', 'ip'] }),
  radio: text('Name of the radio that it is on; empty: on none.'),
  signal: orNull(SIGNAL),
  address: text('Inner address that the gateway gave, or empty.'),
  up: number('Seconds since it came up, or since the start.'),
  heard: number('Seconds since an authenticated message or packet came.'),
  ikeSas: list(text('`id` of an IKE SA.'), 'Its IKE SAs.'),
  children: count('Child SAs in use.'),
  ...COUNTS(' in the SAs that it has now'),
});

const SEARCH = object({
  searches: count('Packets whose sequence number was searched for.'),
  trials: count('ICVs that were computed for that.'),
  found: count('Packets that were found.'),
});

export const SA = object({
  id: count('Names it in lists.'),
  name: text('Of the connection, or as configured.'),
  peer: text("The peer's identity; empty: keyed by hand."),
  direction: text("From the gateway's side.", { enum: ['in', 'out'] }),
  spi: text('Eight hexadecimal digits.'),
  protocol: text('', { enum: ['ESP', 'EESP'] }),
  suite: text('Name of the suite.'),
  mode: text('', { enum: ['tunnel', 'transport'] }),
  compressed: flag('Inner headers are compressed.'),
  age: orNull(number('Seconds since its first packet.')),
  packets: count('Packets protected, or accepted.'),
  octets: count('Octets of inner packets.'),
  sn: text('Sequence number: last used, or highest authenticated.'),
  drops: REASONS,
  normalised: count('Packets whose checksum FFFF comes back as 0000.'),
  search: orNull(SEARCH),
});

const CHILD = object(
  {
    name: text('Of the connection; behind a `/` that of one of several Child SAs.'),
    spiIn: text('SPI of packets to the gateway.'),
    spiOut: text('SPI of packets to the peer.'),
    suite: text('Name of the suite.'),
    mode: text('tunnel or transport.'),
    local: text('Selectors of the gateway.'),
    remote: text('Selectors of the peer.'),
  },
  'A Child SA.',
);
export const CHILD_MEMBERS = CHILD.properties as Record<string, Schema>;

export const IKE_SA = object({
  id: text('Both SPIs, 32 hexadecimal digits.'),
  peer: text("The peer's identity; empty before it said one."),
  connection: text('Name of the connection.'),
  state: text('', { enum: ['negotiating', 'established', 'ending'] }),
  spiI: text('16 hexadecimal digits.'),
  spiR: text('16 hexadecimal digits.'),
  cipher: text('Name of the cipher.'),
  remote: text('Outer address.'),
  remotePort: count('UDP or TCP port.'),
  ikeOver: text('What carries IKE.'),
  espOver: text('What carries ESP.'),
  address: text('Inner address that the gateway gave, or empty.'),
  requests: count('Requests that this side sent.'),
  isBusy: flag('One of them waits for its answer, or for its turn.'),
  mtu: orNull({ type: 'object', description: 'What is known of the path.' }),
  children: list(CHILD, 'Child SAs in use, the newest first.'),
});

/** Members of a page of a list. */
export function page(item: Schema): Record<string, Schema> {
  return {
    items: list(item, 'The entries.'),
    next: orNull(text('`cursor` of the next page; null: this is the last.')),
    total: orNull(count('Entries on all pages; null: a search among more than it looks through for one page.')),
  };
}

const IKE_COUNTERS = object({
  established: count('IKE SAs that came up.'),
  up: count('IKE SAs that are up.'),
  rekeyedIke: count('Rekeys of IKE SAs.'),
  rekeyedChild: count('Rekeys of Child SAs.'),
  halfOpen: count('IKE SAs not yet authenticated.'),
  leases: count('Addresses of the pool in use.'),
  received: count('IKE messages.'),
  sent: count('IKE messages sent.'),
  outcomes: REASONS,
});

const CLUSTER = object({
  name: text('Of this gateway.'),
  index: { type: 'integer', minimum: -1, description: 'Its place, 0 to 15; -1: none yet.' },
  isHeld: flag('It has its lease: it may send and take packets.'),
  groups: count('IKE SAs of this gateway.'),
  taken: count('IKE SAs that it took over.'),
  lost: count('IKE SAs that others have now.'),
  renewals: count('Renewals of the lease.'),
  failures: count('Renewals that failed.'),
  ended: count('Times that others declared it dead.'),
  others: list(
    object({
      name: text('Its name.'),
      index: count('Its place.'),
      isLive: flag('Nobody declared it dead; without the own lease: as it was last known.'),
    }),
    'The other gateways.',
  ),
  relay: object({
    forwardedOut: count('Packets given to the gateways that have their SAs; each time that one was given again.'),
    forwardedIn: count('Packets of others that were taken here.'),
    sentOut: count('Packets to peers that left by other gateways.'),
    sentIn: count('Packets of others that left here.'),
    asked: count('Questions to the others, who has an SA.'),
    claimed: count('First messages from a radio, of which the gateways that heard them chose who answers.'),
    untaken: count('Packets that waited in vain: no gateway had their SA.'),
    limited: count('Not asked or given, as too many came in a second.'),
    refused: count('Messages that no gateway of the cluster wrote, or that came before.'),
    heardTwice: count('Packets from a radio that another gateway heard, too, and that were taken once.'),
  }),
});

const CAPTURE = object({
  name: text('Of the files: `inner`, `outer`, `air-radio0`.'),
  file: text('The one that is being written; empty: none yet.'),
  packets: count('Packets in files.'),
  octets: count('Octets in files.'),
  crowded: count('Packets left out: too many waited to be written.'),
  failed: count('Packets left out: they could not be written.'),
  problem: text('Why, the last time; empty: none.'),
});

const STATE = object({
  batches: count('Batches written to the store.'),
  records: count('Records written or removed.'),
  failures: count('Batches that failed.'),
  held: count('Packets that waited for the store.'),
  dropped: count('Packets dropped, as too many waited.'),
  waiting: count('Packets that wait now.'),
  time: number('Milliseconds that the last batch took.'),
  lost: count('Stores given up.'),
  isKept: flag('SAs are kept over a restart.'),
});

const WORKER = object({
  alive: flag('False: it has died, and the main thread does its work.'),
  sas: count('SA pairs that it has.'),
  sent: count('ESP packets that it sent.'),
  received: count('ESP packets that it accepted.'),
  handed: count('Packets that came to it and were for the main thread, or another worker.'),
  taken: count('Packets of its SAs that came to the main thread.'),
  cpu: number('Seconds of processor time.'),
});

export const SUMMARY: Record<string, Schema> = {
  version: text('Of this program.'),
  pid: count('Of the process.'),
  file: text('Its configuration.'),
  started: text('ISO 8601, UTC.'),
  uptime: number('Seconds since the start.'),
  draining: flag('`drain` is on.'),
  log: text('What its log writes: `info`, `debug:ike,esp`.'),
  memory: count('Octets of memory that the process has (RSS).'),
  eventLoop: orNull(
    object(
      { mean: number('Mean.'), max: number('Largest.') },
      'Milliseconds by which timers were late since the last look.',
    ),
  ),
  sas: count('SAs, one a direction.'),
  neighbours: object({ known: count('Devices on radios.'), lost: count('Of them those that count as lost.') }),
  ike: orNull(IKE_COUNTERS),
  esp: object({
    sent: count('ESP packets sent.'),
    received: count('ESP packets accepted.'),
    octetsSent: TRAFFIC,
    octetsReceived: TRAFFIC,
    drops: REASONS,
    search: orNull(SEARCH),
  }),
  radios: list(RADIO, 'In the order of the configuration.'),
  state: orNull(STATE),
  workers: list(WORKER, 'Threads that share the packets of SAs in UDP.'),
  cluster: orNull(CLUSTER),
  capture: orNull(list(CAPTURE, 'Captures, one a side.')),
  drops: REASONS,
  suppressedLines: count('Lines of the log that were left out.'),
};

export const TOP: Record<string, Schema> = {
  seconds: number('Seconds between the two looks that the rates are from; 0: ask again.'),
  items: list(
    object({
      peer: text('Identity; empty: keyed by hand.'),
      name: text('Of the connection, or of the SA.'),
      ...COUNTS(' a second'),
    }),
    'Those with packets, the largest first.',
  ),
  total: object(COUNTS(' a second'), 'Sums over all.'),
};

export const RELOADED: Record<string, Schema> = {
  added: count('Peers that are new.'),
  changed: count('Peers that differ.'),
  removed: count('Peers that are there no more.'),
  ended: count('IKE SAs that were told to end.'),
  restart: list(text('A field.'), 'Fields that need a restart.'),
};

// Parameters.

export const PEER_PARAMETER = text("A peer's identity: `fqdn:sensor1.example`.");
export const LIST_PARAMETERS: Record<string, Schema> = {
  limit: { type: 'integer', minimum: 1, maximum: 1000, description: 'Entries at most; default 100.' },
  cursor: text('`next` of the page before.'),
  search: text('Only those in which this text is: in the identity, the name, an address or the SPI.'),
};
export const TOP_PARAMETERS: Record<string, Schema> = {
  sort: { type: 'string', enum: TOP_KEYS, description: 'The largest come first; default octets.' },
  limit: { type: 'integer', minimum: 1, maximum: 1000, description: 'Entries at most; default 20.' },
};
