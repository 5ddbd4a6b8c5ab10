// Every command of a running gateway: name, parameters, answer, and what it does. `--control`, the status socket, HTTP with its
// OpenAPI document, and docs/control.md all follow this table.

import { GATEWAY_NAMES, LOG_LEVELS, type LogLevel } from '../../host/log.ts';
import type { IkeRequest } from '../events.ts';
import type { ListQuery } from '../list-views.ts';
import type { TopQuery } from '../top.ts';
import { Refused } from './refused.ts';
import { request } from './requests.ts';
import type { Running } from './running.ts';
import {
  CHILD_MEMBERS,
  count,
  IKE_SA,
  LIST_PARAMETERS,
  list,
  number,
  object,
  PEER,
  PEER_PARAMETER,
  page,
  RADIO,
  RELOADED,
  SA,
  type Schema,
  SUMMARY,
  TOP,
  TOP_PARAMETERS,
  text,
} from './shapes.ts';
import { summary } from './summary.ts';

/** Who gave a command, where events can be sent to. */
export interface Conversation {
  /** Begins or ends what `events` and `log` ask for. */
  follow(what: 'events' | 'rates', isOn: boolean): void;
  /** Lines of the log at this level; null: none. */
  followLog(choice: { level: LogLevel; namespaces?: readonly string[] } | null): void;
}

/** Parameters of a command, checked. */
export type Parameters = Record<string, unknown>;

export interface Command {
  name: string;
  /** What it does, in a few words. */
  summary: string;
  /** When its answer has `ok`. */
  okWhen: string;
  parameters: Record<string, Schema>;
  required?: readonly string[];
  /** Members of its answer, beside `cmd`, `ok`, `problem` and `id`. */
  answer: Record<string, Schema>;
  /** Members that may be missing in it. */
  optional?: readonly string[];
  /** How it is called over HTTP; absent: it is not. `{peer}` in the path is its parameter. */
  http?: { method: 'get' | 'post' | 'put'; path: string };
  /** Null: who calls takes no events. */
  run(running: Running, parameters: Parameters, conversation: Conversation | null): object | Promise<object>;
}

const ABOUT_PEER = { parameters: { peer: PEER_PARAMETER }, optional: [] };

function about(name: string, what: IkeRequest, more: Pick<Command, 'summary' | 'okWhen' | 'answer' | 'http'>): Command {
  return {
    name,
    ...ABOUT_PEER,
    ...more,
    run: (running, { peer }) => request(running, what, peer as string | undefined),
  };
}

const NAMES = list({ type: 'string', enum: GATEWAY_NAMES }, 'Only these parts of the gateway; absent: all.');
const LEVEL = text('error, warn, info or debug.', { enum: LOG_LEVELS });

function followable(conversation: Conversation | null): Conversation {
  if (conversation === null) throw new Refused('nobody takes events here', 'wrong');
  return conversation;
}

const SPIS = { spiI: text('Of the new IKE SA.'), spiR: text('Of the new IKE SA.') };
const IKE_OR_CHILD = text('What is rekeyed; default child.', { enum: ['child', 'ike'] });
const TOLD = { told: count('Peers that were told to go to the gateway of `redirect`.') };

export const COMMANDS: readonly Command[] = [
  {
    name: 'summary',
    summary: 'The gateway in numbers, however many peers it has',
    okWhen: 'always',
    parameters: {},
    answer: SUMMARY,
    http: { method: 'get', path: '/api/v1/status' },
    run: summary,
  },
  {
    name: 'status',
    summary: 'All IKE SAs with their Child SAs, and all counters',
    okWhen: 'always',
    parameters: {},
    answer: {
      sas: list(IKE_SA, 'IKE SAs that have not ended.'),
      metrics: { type: 'object', description: 'All counters, as the package has them: GatewayMetrics.' },
    },
    run: ({ gateway }) => ({ sas: gateway.ikeSas(), metrics: gateway.metrics() }),
  },
  {
    name: 'peers',
    summary: 'Peers that are connected, by their identity',
    okWhen: 'always',
    parameters: LIST_PARAMETERS,
    answer: page(PEER),
    http: { method: 'get', path: '/api/v1/peers' },
    run: ({ gateway }, query) => gateway.peers(query as ListQuery),
  },
  {
    name: 'peer',
    summary: 'One peer with its SAs',
    okWhen: 'it is connected',
    parameters: { peer: PEER_PARAMETER },
    required: ['peer'],
    answer: {
      ...(PEER.properties as Record<string, Schema>),
      ike: list(IKE_SA, 'Its IKE SAs.'),
      sas: list(SA, 'Its SAs of ESP, 1000 at most.'),
    },
    http: { method: 'get', path: '/api/v1/peers/{peer}' },
    run({ gateway }, { peer }) {
      const [found] = gateway.peers({ peer: String(peer), limit: 1 }).items;
      if (found === undefined) throw new Refused(`${peer} is not connected`, 'absent');
      const { items: sas } = gateway.saPage({ peer: String(peer), limit: 1000 });
      return { ...found, ike: gateway.ikeSasOf(String(peer)), sas };
    },
  },
  {
    name: 'sas',
    summary: 'SAs of ESP, one a direction, the oldest first',
    okWhen: 'always',
    parameters: { ...LIST_PARAMETERS, peer: text('Only those of this peer.') },
    answer: page(SA),
    http: { method: 'get', path: '/api/v1/sas' },
    run({ gateway }, query) {
      if (query.cursor !== undefined && !/^\d{1,15}$/.test(String(query.cursor))) {
        throw new Refused('cursor: must be `next` of the page before', 'wrong');
      }
      return gateway.saPage(query as ListQuery);
    },
  },
  {
    name: 'radios',
    summary: 'Radios with their counters',
    okWhen: 'always',
    parameters: {},
    answer: { items: list(RADIO, 'In the order of the configuration.') },
    http: { method: 'get', path: '/api/v1/radios' },
    run: ({ gateway }) => ({ items: gateway.counters().radios }),
  },
  {
    name: 'top',
    summary: 'Rates of peers since the question before',
    okWhen: 'always',
    parameters: TOP_PARAMETERS,
    answer: TOP,
    http: { method: 'get', path: '/api/v1/top' },
    run: ({ gateway }, query) => gateway.top(query as TopQuery),
  },
  {
    name: 'rekey',
    summary: 'Rekeys a Child SA of a peer, or its IKE SA',
    okWhen: 'the new SA is there',
    parameters: { peer: PEER_PARAMETER, of: IKE_OR_CHILD },
    answer: { ...SPIS, ...CHILD_MEMBERS },
    optional: [...Object.keys(SPIS), ...Object.keys(CHILD_MEMBERS)],
    http: { method: 'post', path: '/api/v1/peers/{peer}/rekey' },
    run: (running, { peer, of }) =>
      request(running, of === 'ike' ? 'rekey-ike' : 'rekey-child', peer as string | undefined),
  },
  about('rekey-child', 'rekey-child', {
    summary: 'Rekeys the newest Child SA of a peer',
    okWhen: 'the new Child SA is there',
    answer: CHILD_MEMBERS,
  }),
  about('rekey-ike', 'rekey-ike', {
    summary: 'Rekeys the IKE SA of a peer',
    okWhen: 'the new IKE SA is there',
    answer: SPIS,
  }),
  about('delete-child', 'delete-child', {
    summary: 'Ends the newest Child SA of a peer',
    okWhen: 'the peer has confirmed it',
    answer: {},
  }),
  about('probe', 'probe', {
    summary: 'Asks a peer whether it is there',
    okWhen: 'the peer answered',
    answer: {},
    http: { method: 'post', path: '/api/v1/peers/{peer}/probe' },
  }),
  about('delete', 'delete', {
    summary: 'Ends the IKE SA of a peer',
    okWhen: 'the IKE SA has ended',
    answer: {},
  }),
  about('disconnect', 'delete', {
    summary: 'The same as delete',
    okWhen: 'the IKE SA has ended',
    answer: {},
    http: { method: 'post', path: '/api/v1/peers/{peer}/disconnect' },
  }),
  {
    name: 'reload',
    summary: 'Reads the configuration again',
    okWhen: 'the file is good, and applied',
    parameters: {},
    answer: RELOADED,
    http: { method: 'post', path: '/api/v1/reload' },
    run: ({ reload }) => reload(),
  },
  {
    name: 'drain',
    summary: 'Sends peers to the gateway of `redirect`',
    okWhen: 'always',
    parameters: {},
    answer: TOLD,
    http: { method: 'post', path: '/api/v1/drain' },
    run: ({ gateway }) => ({ told: gateway.drain(true) }),
  },
  {
    name: 'undrain',
    summary: 'Ends that',
    okWhen: 'always',
    parameters: {},
    answer: TOLD,
    http: { method: 'post', path: '/api/v1/undrain' },
    run: ({ gateway }) => ({ told: gateway.drain(false) }),
  },
  {
    name: 'log-level',
    summary: "Changes what the gateway's own log writes, until the next reload",
    okWhen: 'always',
    parameters: { level: LEVEL, names: NAMES },
    required: ['level'],
    answer: { was: text('What it wrote before.') },
    http: { method: 'put', path: '/api/v1/log' },
    run({ logs }, { level, names }) {
      const { level: old, namespaces } = logs.choice();
      logs.choose({ level: level as LogLevel, namespaces: names as string[] | undefined });
      return { was: namespaces === undefined ? old : `${old}:${namespaces.join(',')}` };
    },
  },
  {
    name: 'log',
    summary: 'Lines of the log as events, at a level of their own, until `off`',
    okWhen: 'always',
    parameters: { level: text('error, warn, info, debug, or off.', { enum: [...LOG_LEVELS, 'off'] }), names: NAMES },
    required: ['level'],
    answer: {},
    run(_, { level, names }, conversation) {
      const choice = { level: level as LogLevel, namespaces: names as string[] | undefined };
      followable(conversation).followLog(level === 'off' ? null : choice);
      return {};
    },
  },
  {
    name: 'events',
    summary: 'Events of the gateway, until `off`; with `rates` those a second',
    okWhen: 'always',
    parameters: {
      off: { type: 'boolean', description: 'true: none any more.' },
      rates: { type: 'boolean', description: 'Rates of all packets each second too.' },
    },
    answer: {},
    run(_, { off, rates }, conversation) {
      const taker = followable(conversation);
      taker.follow('events', off !== true);
      taker.follow('rates', off !== true && rates === true);
      return {};
    },
  },
  {
    name: 'quit',
    summary: 'Ends the program; on the status socket the connection alone',
    okWhen: 'always',
    parameters: {},
    answer: {},
    run: () => ({}),
  },
];

/** The JSON Schema of a command's answer. */
export function answerSchema({ answer, optional = [] }: Command): Schema {
  return object(answer, '', optional);
}

/** Rates of all packets, each second. */
export const RATES: Schema = object({
  packetsSent: number('ESP packets sent.'),
  packetsReceived: number('ESP packets accepted.'),
  octetsSent: number('Octets of ESP sent.'),
  octetsReceived: number('Octets of ESP received.'),
  innerSent: number('Octets of inner packets sent.'),
  innerReceived: number('Octets of inner packets received.'),
  uncompressedSent: number('Octets that ESP without compression would have taken.'),
  uncompressedReceived: number('Octets that ESP without compression would have taken.'),
  drops: number('Packets dropped.'),
  peers: count('IKE SAs that are up.'),
});
