// The JSON Schemas of the two files: `dietesp gateway --config` and `dietesp sensor --config`. ike-schema.ts has the shared
// parts.

import { GATEWAY_NAMES, SENSOR_NAMES } from '../log.ts';
import { CLUSTER } from './cluster-schema.ts';
import { CONNECTION_PROPERTIES } from './ike-schema.ts';
import { MTU } from './mtu-schema.ts';
import { NUMBERS } from './private-numbers.ts';
import { entries, flag, integer, list, object, oneOf, seconds, text } from './properties.ts';
import { RADIO } from './radio-schema.ts';
import type { Property } from './schema.ts';
import { CONTROL, HTTP } from './status-schema.ts';
import { ESP, FOLLOW, MOBIKE, PORT, REDIRECT, TCP_PROPERTIES, TRANSPORT, UDP } from './transport-schema.ts';

const COUNT_MAX = 9007199254740991;
/** '' would be the folder of the configuration. */
const NAMED: Partial<Property> = { pattern: '.', mustBe: 'the name of a file or folder' };

const address6 = (title: string, description: string): Property => text(title, description);
const CONNECTION = object('Connection', 'Identities, credentials, proposals.', CONNECTION_PROPERTIES);

function common(names: readonly string[]): Record<string, Property> {
  return {
    contexts: list(
      '6LoWPAN contexts',
      'Context 0, 1, ...: `fd00::/64`; `fd00::/64 C=0` is used to decompress only.',
      { type: 'string' },
      16,
    ),
    privateNumbers: NUMBERS,
    mtu: MTU,
    maxMessage: integer('IKE message', 'Largest one, in octets.', 1280, 65535, 4096),
    state: text(
      'State',
      'Directory in which SAs survive a restart, relative to the file; `off`: nowhere. Default: below the state directory of systemd, of root (/var/lib/dietesp), or of the user.',
      NAMED,
    ),
    stateKey: text(
      'State key',
      'File of 32 octets, or 64 hexadecimal digits, that seal the records. Default: a key in the directory.',
      NAMED,
    ),
    keylog: text(
      'Key log',
      'Folder for the keys of IKE and ESP SAs, for Wireshark. Whoever reads it reads everything.',
      NAMED,
    ),
    log: object('Log', 'What is written to stderr.', {
      level: oneOf('Level', 'The least important one.', ['error', 'warn', 'info', 'debug'], 'info'),
      namespaces: list('Namespaces', `Only these: ${names.join(', ')}.`, { type: 'string', enum: names }, 16),
    }),
  };
}

const LINK = text('Link-layer address', '4 or 16 hexadecimal digits.', {
  pattern: '^([0-9a-fA-F]{4}|[0-9a-fA-F]{16})$',
  mustBe: '4 or 16 hexadecimal digits',
});

const { remoteId: _, ...PROFILE_PROPERTIES } = CONNECTION_PROPERTIES;

/** A record of `peersFrom`. */
export const RECORD_PROPERTIES: Record<string, Property> = {
  remoteId: text('Identity of the peer', 'As in a connection, but one.'),
  name: text('Name', 'For logs and metrics; default its identity.', {
    pattern: '^[^\\p{Cc}]{1,255}$',
    mustBe: '1 to 255 characters',
  }),
  psk: text('Pre-shared key', 'As text.', { pattern: '.', mustBe: 'text of one character or more', writeOnly: true }),
  pskHex: text('Pre-shared key', 'In hexadecimal.', {
    pattern: '^([0-9a-fA-F]{2})+$',
    mustBe: 'hexadecimal digits, two for each octet',
    writeOnly: true,
  }),
  publicKey: text('Ed25519 public key', 'Of the peer.', {
    pattern: '^[0-9a-fA-F]{64}$',
    mustBe: '64 hexadecimal digits',
  }),
  address: text('Inner addresses', 'Its own: addresses, prefixes or ranges, separated by spaces.'),
  profile: text('Profile', 'Whose other settings apply; default `connection`.'),
};

export const GATEWAY_PROPERTIES: Record<string, Property> = {
  connection: { ...CONNECTION, description: 'Defaults for all peers.', needed: 'unless `peers` say it all' },
  peers: entries(
    'Peers',
    'Who may connect; the first whose remoteId fits is taken. Omitted: one, with the settings of `connection`.',
    object('Peer', 'A connection, with the fields of `connection` as defaults.', {
      name: text('Name', 'For logs and metrics; default peer1, peer2, ...'),
      ...CONNECTION_PROPERTIES,
    }),
  ),
  peersFrom: text(
    'Peers from files',
    'A file with up to 100,000 more peers, or a folder of such files: `.csv` with a header line, `.jsonl`, or a list in `.yaml`. ' +
      'Fields of a record: remoteId, and name, psk, pskHex, publicKey, address, profile. See docs/operations.md.',
    NAMED,
  ),
  profiles: entries(
    'Profiles',
    'Settings for records of `peersFrom`, which name one by `profile`; `connection` is that of the others.',
    object(
      'Profile',
      'A connection without its peer, with the fields of `connection` as defaults.',
      { name: text('Name', 'What records call it.'), ...PROFILE_PROPERTIES },
      ['name'],
    ),
    256,
  ),
  radios: entries('Radios', 'IEEE 802.15.4 radios.', RADIO, 16),
  addresses: list('Outer addresses', 'IPv6 addresses of the gateway on the radio side.', { type: 'string' }, 64),
  udp: entries('UDP', 'Addresses at which IKE, and ESP in UDP, is heard.', UDP, 16),
  ...TCP_PROPERTIES,
  mobike: MOBIKE,
  redirect: REDIRECT,
  pool: list(
    'Address pool',
    'Inner addresses for peers that ask for one: a prefix or a range each.',
    { type: 'string' },
    16,
  ),
  flows: entries(
    'Flows',
    'Datagrams to an inner address and port that go to a UDP server.',
    object(
      'Flow',
      'Without root rights.',
      {
        destination: text('Inner address', 'IPv4 or IPv6.'),
        port: integer('Inner port', 'UDP port.', 1, 65535),
        to: text('Server', '`127.0.0.1:5683`, `[::1]:5683`, `host:5683`.'),
      },
      ['destination', 'port', 'to'],
    ),
  ),
  tun: object('TUN', 'A network interface for what no flow takes; needs root rights and the package koffi.', {
    name: text('Name', 'Of the interface.', {
      pattern: '^[a-zA-Z0-9_.-]{1,15}$',
      mustBe: '1 to 15 letters, digits, `_`, `.` or `-`',
      default: 'dietesp0',
    }),
    addresses: list('Addresses', 'Of the interface, with prefix length: `2001:db8:1::1/64`.', { type: 'string' }, 16),
    routes: list('Routes', 'Prefixes that go into it.', { type: 'string' }, 64),
    mtu: integer('MTU', 'In octets.', 1280, 4096, 1280),
    offload: flag('Offload', 'Packets of a flow cross the system as one, where it can (TSO, USO).', true),
  }),
  neighbours: entries(
    'Neighbours',
    'Where peers are reached; others are learned from their first authenticated packet.',
    object(
      'Neighbour',
      'Outer address and link-layer address.',
      {
        address: address6('Outer address', 'IPv6.'),
        link: LINK,
        radio: text('Radio', 'Its name; default the first.'),
      },
      ['address', 'link'],
    ),
  ),
  sas: text('Manual SAs', 'An SA file (`dietesp schema sa`) with SAs that need no IKE.', NAMED),
  unsafeVolatile: flag(
    'Volatile manual SAs',
    'true: `sas` also without a store. After a crash their sequence numbers begin again: two packets get the same key stream, and old packets are taken again.',
    false,
  ),
  sessions: integer(
    'Sessions',
    'UDP sockets of flows at a time; one sensor gets a 16th of them, 8 or more.',
    1,
    65535,
    16384,
  ),
  workers: integer(
    'Workers',
    'Threads that share the packets of SAs in UDP; needs `tun`. See docs/operations.md.',
    0,
    16,
    0,
  ),
  udpIo: oneOf(
    'UDP of the system',
    'auto: datagrams of IKE and ESP in bursts, on Linux with the package koffi, else as node. node: one at a time, by Node.',
    ['auto', 'node'],
    'auto',
  ),
  socketBuffer: integer(
    'Socket buffers',
    'For each UDP socket of IKE and of ZEP, each way; default 4194304. Asked for here, a smaller one is a warning.',
    4096,
    1073741824,
    undefined,
    'octets',
  ),
  idle: seconds('Idle', 'Seconds until an idle socket closes.', 300, 0.001),
  lostAfter: integer('Lost', 'Failed packets in a row after which a peer counts as lost.', 1, 1000000, 3),
  halfOpenMax: integer('Half-open SAs', 'At a time.', 1, 65535, 256),
  cookieThreshold: integer('Cookies', 'Half-open SAs from which a COOKIE is asked for.', 0, 65535, 32),
  attemptsPerSource: integer(
    'Attempts of a source',
    'A second, that may end without a proof of identity: of one IPv4 address, /64 prefix or link-layer address.',
    1,
    1000000,
    50,
  ),
  attempts: integer('Attempts in all', 'A second, that may end without a proof of identity.', 1, 1000000, 500),
  ticketKey: text('Ticket key', '16 octets in hexadecimal; default: made at the start.', {
    pattern: '^[0-9a-fA-F]{32}$',
    mustBe: '32 hexadecimal digits',
    writeOnly: true,
  }),
  cluster: CLUSTER,
  pcap: object(
    'Captures',
    'Packets in pcapng files: frames of each radio, IKE and ESP at sockets, and inner packets in clear. See docs/operations.md.',
    {
      path: text('Folder', 'For the files; made where it is missing. Whoever reads it reads all readings.', NAMED),
      maxMiB: integer('Size', 'Of a file at most, in MiB; then another one is begun.', 1, 65536, 64),
      files: integer('Files', 'Of each side at most; then the oldest is removed.', 2, 1000, 8),
    },
    ['path'],
  ),
  control: CONTROL,
  http: HTTP,
  metrics: seconds('Metrics', 'Seconds between lines of metrics on stdout; 0: none.', 0),
  ...common(GATEWAY_NAMES),
};

/** Times of a board are numbers of 28 bits, in milliseconds. */
const BOARD_SECONDS = 268435;

const ACK_TIMEOUT = { title: 'Repetition', type: 'number', minimum: 0.01, maximum: 600, unit: 's' } as const;

const BOARD = object(
  'Board',
  'What `dietesp provision` writes for a board beside the rest; `dietesp sensor` does without.',
  {
    channel: integer('Channel', 'IEEE 802.15.4 channel; default that of `radio.zep`, else 26.', 11, 26),
    ackTimeout: { ...ACK_TIMEOUT, description: 'Default: `server.ackTimeout`.' },
    maxRetransmit: integer('Repetitions', 'Default: `server.maxRetransmit`.', 0, 20),
    retry: {
      ...seconds('Next attempt', 'Seconds from a failure to connect to the next attempt, doubled each time.', 2, 0.01),
      maximum: BOARD_SECONDS,
    },
    retryMax: { ...seconds('Attempts', 'Seconds between attempts at most.', 300, 0.01), maximum: BOARD_SECONDS },
  },
);

export const SENSOR_PROPERTIES: Record<string, Property> = {
  connection: CONNECTION,
  radio: { ...RADIO, needed: 'one of `radio` and `udp`' },
  udp: object('UDP', 'Without a radio: IKE, and ESP in UDP, from this host.', {
    address: text('Own address', 'IP address.', { default: '::' }),
    port: PORT('Own IKE port', 0),
    natPort: PORT('Own port with NAT', 0),
  }),
  address: text('Outer address', 'IPv6 address of the sensor.', { needed: 'with `radio`' }),
  gateway: object(
    'Gateway',
    'Where it is.',
    {
      address: text('Address', 'Outer IP address.'),
      link: { ...LINK, needed: 'with `radio`' },
      port: PORT('IKE port', 500),
      natPort: PORT('Port with NAT', 4500),
      tcpPort: integer('TCP port', 'For `transport`.', 1, 65535, 4500),
      others: list(
        'Other addresses',
        'IP addresses of the same gateway, tried when it does not answer; with `mobike`.',
        { type: 'string' },
        8,
      ),
    },
    ['address'],
  ),
  transport: TRANSPORT,
  esp: ESP,
  mobike: MOBIKE,
  redirect: FOLLOW,
  innerAddress: text('Inner address', 'Default: what the gateway gives, else the outer address.'),
  server: object(
    'Server',
    'Where readings go: inside the tunnel.',
    {
      address: text('Address', 'IP address.'),
      port: integer('Port', 'UDP port.', 1, 65535, 5683),
      sourcePort: integer('Own port', 'UDP port.', 1, 65535, 5683),
      path: text('Path', 'Of the CoAP resource.', { default: 'reading' }),
      ackTimeout: {
        ...ACK_TIMEOUT,
        description: 'Seconds until a reading is posted again: ACK_TIMEOUT of CoAP.',
        default: 2,
      },
      maxRetransmit: integer('Repetitions', 'Of a reading at most: MAX_RETRANSMIT of CoAP.', 0, 20, 4),
    },
    ['address'],
  ),
  interval: seconds('Interval', 'Seconds between readings.', 10, 0.01),
  count: integer('Count', 'Readings; 0: without end.', 0, COUNT_MAX, 0),
  board: BOARD,
  ...common(SENSOR_NAMES),
};

function schemaOf(title: string, description: string, properties: Record<string, Property>, required: string[]) {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    description,
    type: 'object',
    additionalProperties: false,
    required,
    properties,
  };
}

/** JSON Schema of a gateway's file; docs/config-gateway.md is made from it. */
export const GATEWAY_SCHEMA = schemaOf(
  'Diet-ESP gateway',
  'What `dietesp gateway --config` reads.',
  GATEWAY_PROPERTIES,
  [],
);
/** JSON Schema of a sensor's file; docs/config-sensor.md is made from it. */
export const SENSOR_SCHEMA = schemaOf('Diet-ESP sensor', 'What `dietesp sensor --config` reads.', SENSOR_PROPERTIES, [
  'connection',
  'gateway',
]);
