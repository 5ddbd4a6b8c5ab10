// `dietesp status`, `peers`, `sas`, `top`, `rekey`, `disconnect`, `log`, `reload`: a running gateway, by its status socket.

import { Command, Option } from 'commander';
import type { PeerView, SaView } from '../gateway/list-views.ts';
import { TOP_KEYS, type TopEntry, type TopView } from '../gateway/top.ts';
import type { GatewayCounters } from '../gateway/views.ts';
import { CommandError, printable } from '../host/errors.ts';
import { GATEWAY_NAMES, parseLog } from '../host/log.ts';
import type { LogLine } from '../host/log-hub.ts';
import { outletOf } from '../host/outlet.ts';
import { connectStatus, type StatusClient } from '../host/status-client.ts';
import { table } from '../host/table.ts';
import { screenOf } from '../host/terminal.ts';
import { FRACTION, integerOf, jsonNote, printJson, socketOf } from './options.ts';

interface Options {
  socket?: string;
  json?: boolean;
  limit?: string;
  search?: string;
  peer?: string;
  sort?: string;
  interval?: string;
  count?: string;
  ike?: boolean;
}

type Summary = GatewayCounters & {
  version: string;
  pid: number;
  file: string;
  uptime: number;
  log: string;
  memory: number;
};

const LIMIT_MAX = 1000000;
/** Entries of one question. */
const PAGE = 1000;

async function withGateway(options: Options, run: (gateway: StatusClient) => Promise<void>): Promise<void> {
  const gateway = await connectStatus(options.socket === undefined ? undefined : socketOf(options.socket));
  try {
    await run(gateway);
  } finally {
    gateway.close();
  }
}

/** `1d 2h`, `3h 4m`, `5m 6s`, `7.8s`. */
function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10}s`;
  const units = [86400, 3600, 60, 1];
  const at = units.findIndex((unit) => seconds >= unit);
  const names = ['d', 'h', 'm', 's'];
  const more = Math.floor((seconds % units[at]) / units[at + 1]);
  return `${Math.floor(seconds / units[at])}${names[at]} ${more}${names[at + 1]}`;
}

function show(head: string[], rows: string[][]): void {
  const cells = rows.map((row) => row.map(printable));
  process.stdout.write(table(head, cells, screenOf(process.stdout)));
}

const countsText = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ') || 'none';

/** What Diet-ESP saved of `sent` octets and those received. */
function savedText({ esp }: GatewayCounters): string {
  const plain = esp.octetsSent.uncompressed + esp.octetsReceived.uncompressed;
  const own = esp.octetsSent.esp + esp.octetsReceived.esp;
  return plain === 0 ? '-' : `${plain - own} of ${plain} octets (${Math.round((1000 * (plain - own)) / plain) / 10} %)`;
}

type InCluster = NonNullable<GatewayCounters['cluster']>;

function clusterRows({ name, index, isHeld, groups, taken, lost, others, relay }: InCluster): string[][] {
  // Without its lease it hears nothing of them.
  const rest = isHeld
    ? others.map((other) => `${other.name} ${other.isLive ? 'lives' : 'is gone'}`)
    : others.map((other) => `${other.name} is not known of`);
  return [
    ['cluster', `${name}, place ${index}, ${isHeld ? 'has its lease' : 'HAS NO LEASE: it is silent'}`],
    ['other gateways', rest.join(', ') || 'none'],
    ['IKE SAs in it', `${groups} here; ${taken} taken over, ${lost} lost to others`],
    ['packets of others', `${relay.forwardedOut} given to them, ${relay.forwardedIn} taken for them`],
    ['by their radios', `${relay.sentOut} left by other gateways, ${relay.sentIn} of theirs here`],
    ['heard twice', `${relay.heardTwice} packets; refused ${relay.refused} messages, over the limit ${relay.limited}`],
  ];
}

async function status(options: Options): Promise<void> {
  await withGateway(options, async (gateway) => {
    const { cmd: _, ok: __, ...answer } = await gateway.ask('summary');
    if (options.json === true) {
      printJson(answer);
      return;
    }
    const one = answer as unknown as Summary;
    const { ike, esp, neighbours, state, cluster, capture } = one;
    show(
      ['gateway', ''],
      [
        ['file', one.file],
        ['version', `${one.version}, process ${one.pid}, ${Math.round(one.memory / 1e6)} MB`],
        ['up', `${duration(one.uptime)}${one.draining ? ', draining' : ''}`],
        ['log', one.log],
        ...(ike === null
          ? []
          : [
              ['IKE SAs', `${ike.up} up, ${ike.halfOpen} half open; ${ike.established} came up in all`],
              ['rekeys', `${ike.rekeyedIke} IKE, ${ike.rekeyedChild} Child SAs`],
              ['ended', countsText(ike.outcomes)],
            ]),
        ['SAs', `${one.sas}`],
        ['ESP', `${esp.sent} packets sent, ${esp.received} received`],
        ['saved', savedText(one)],
        ['drops of ESP', countsText(esp.drops)],
        ['other drops', countsText(one.drops)],
        ...one.radios.map(({ name, frames, received, waiting }) => [
          `radio ${name}`,
          `${frames} frames sent, ${received} received, ${waiting} packets wait`,
        ]),
        ...one.workers.map(({ alive, sas, sent, received, handed, cpu }, at) => [
          `worker ${at + 1}`,
          `${alive ? '' : 'HAS DIED; '}${sas} SAs, ${sent} packets sent, ${received} received, ${handed} handed on, ${cpu.toFixed(1)} s of CPU`,
        ]),
        ...(state === null
          ? []
          : [
              [
                'store',
                `the last write took ${state.time} ms; ${state.waiting} packets wait, ${state.dropped} dropped`,
              ],
            ]),
        ...(cluster === null ? [] : clusterRows(cluster)),
        ...(capture ?? []).map(({ name, packets, crowded, failed }) => [
          `capture ${name}`,
          `${packets} packets; left out: ${crowded} crowded, ${failed} failed`,
        ]),
        ...(neighbours.known === 0 ? [] : [['neighbours', `${neighbours.known}, ${neighbours.lost} of them lost`]]),
      ],
    );
  });
}

/** All pages of a list, up to a number of entries; and what tells that there are more, or ''. */
async function entriesOf<Item>(
  gateway: StatusClient,
  cmd: string,
  options: Options,
  most: number,
): Promise<[Item[], string]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  let total: number | null = 0;
  do {
    const answer: Record<string, unknown> = await gateway.ask(cmd, {
      limit: Math.min(PAGE, most - items.length),
      ...(options.search === undefined ? {} : { search: options.search }),
      ...(options.peer === undefined ? {} : { peer: options.peer }),
      ...(cursor === null ? {} : { cursor }),
    });
    items.push(...(answer.items as Item[]));
    total = answer.total as number | null;
    cursor = answer.next as string | null;
  } while (cursor !== null && items.length < most);
  const left = total === null ? 0 : total - items.length;
  return [items, left > 0 ? `${left} more\n` : cursor === null ? '' : 'perhaps more\n'];
}

async function listed<Item>(
  cmd: string,
  options: Options,
  head: string[],
  row: (item: Item) => string[],
): Promise<void> {
  const most = integerOf('limit', options.limit, 1, LIMIT_MAX) ?? LIMIT_MAX;
  await withGateway(options, async (gateway) => {
    const [items, more] = await entriesOf<Item>(gateway, cmd, options, most);
    if (options.json === true) {
      printJson(items);
      return;
    }
    if (items.length > 0) show(head, items.map(row));
    process.stdout.write(items.length === 0 && more === '' ? 'none\n' : more);
  });
}

const peers = (options: Options): Promise<void> =>
  listed<PeerView>(
    'peers',
    options,
    ['peer', 'connection', 'remote', 'address', 'up', 'heard', 'in', 'out', 'drops'],
    (one) => [
      one.peer,
      one.connection,
      `${one.remote} ${one.remotePort}`,
      one.address,
      duration(one.up),
      duration(one.heard),
      String(one.packetsIn),
      String(one.packetsOut),
      String(one.drops),
    ],
  );

const sas = (options: Options): Promise<void> =>
  listed<SaView>(
    'sas',
    options,
    ['SPI', 'way', 'name', 'peer', 'suite', 'mode', 'form', 'packets', 'octets', 'SN', 'drops'],
    (one) => [
      one.spi,
      one.direction,
      one.name,
      one.peer,
      one.suite,
      one.mode,
      one.protocol === 'EESP' ? 'EESP' : one.compressed ? 'Diet-ESP' : 'ESP',
      String(one.packets),
      String(one.octets),
      one.sn,
      String(Object.values(one.drops).reduce((sum, some) => sum + some, 0)),
    ],
  );

const TOP_HEAD = ['peer', 'packets in/s', 'out/s', 'octets in/s', 'out/s', 'drops/s'];

function topRow(name: string, one: Omit<TopEntry, 'peer' | 'name'>): string[] {
  const { packetsIn, packetsOut, octetsIn, octetsOut, drops } = one;
  return [name, ...[packetsIn, packetsOut, octetsIn, octetsOut, drops].map(String)];
}

/** Milliseconds until the first rates. */
const FIRST = 1000;

/** The milliseconds of `--interval`. */
function secondsOf(text: string): number {
  const value = Number(text);
  if (!FRACTION.test(text) || value < 0.5 || value > 3600) {
    throw new CommandError(`--interval: ${text}: must be 0.5..3600 seconds`, 2);
  }
  return 1000 * value;
}

async function top(options: Options): Promise<void> {
  const sort = options.sort ?? 'octets';
  const interval = secondsOf(options.interval ?? '2');
  const count = integerOf('count', options.count, 1, LIMIT_MAX) ?? Number.POSITIVE_INFINITY;
  const given = integerOf('limit', options.limit, 1, PAGE);
  const { stdout } = process;
  const isScreen = stdout.isTTY === true && options.json !== true;
  await withGateway(options, async (gateway) => {
    await gateway.ask('top', { sort, limit: 1 });
    for (let shown = 0; shown < count; shown++) {
      await new Promise((resolve) => setTimeout(resolve, shown === 0 ? Math.min(FIRST, interval) : interval));
      const limit = given ?? (isScreen ? Math.max(1, (stdout.rows ?? 24) - 5) : 20);
      const { cmd: _, ok: __, ...answer } = await gateway.ask('top', { sort, limit });
      const { items, total, seconds } = answer as unknown as TopView;
      if (options.json === true) {
        outletOf(stdout).write(`${JSON.stringify(answer)}\n`, jsonNote);
        continue;
      }
      const rows = items.map((one) => topRow(one.peer === '' ? one.name : one.peer, one).map(printable));
      const head = `${new Date().toISOString()}  by ${sort}, over ${Math.round(seconds * 10) / 10} s\n`;
      const text = table(TOP_HEAD, [...rows, topRow('all', total)], screenOf(stdout));
      outletOf(stdout).write(`${isScreen ? '\x1b[H\x1b[2J' : ''}${head}${text}${isScreen ? '' : '\n'}`);
    }
  });
}

async function asked(
  options: Options,
  cmd: string,
  parameters: Record<string, unknown>,
  text: (answer: Record<string, unknown>) => string,
): Promise<void> {
  await withGateway(options, async (gateway) => {
    const { cmd: _, ok: __, ...answer } = await gateway.ask(cmd, parameters);
    if (options.json === true) printJson(answer);
    else process.stdout.write(`${printable(text(answer))}\n`);
  });
}

async function log(level: string | undefined, options: Options & { set?: boolean }): Promise<void> {
  const { level: least, namespaces } = parseLog(level ?? 'info', GATEWAY_NAMES, 'level');
  const choice = { level: least, ...(namespaces === undefined ? {} : { names: namespaces }) };
  if (options.set === true) {
    await asked(options, 'log-level', choice, ({ was }) => `the log has ${level ?? 'info'} now, was ${was}`);
    return;
  }
  await withGateway(options, async (gateway) => {
    gateway.onEvent((event) => {
      const { event: kind, ...line } = event;
      if (options.json === true) {
        outletOf(process.stdout).write(`${JSON.stringify(kind === 'log' ? line : event)}\n`, jsonNote);
        return;
      }
      const { time, level: at, name, message } = line as unknown as LogLine;
      const text = kind === 'log' ? `${time} ${at} ${name}: ${message}` : `${event.lines} lines lost: ${event.reason}`;
      outletOf(process.stdout).write(`${printable(text)}\n`);
    });
    await gateway.ask('log', choice);
    await gateway.ended;
  });
}

function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--socket <path>', 'the status socket; default: that of the one gateway that runs')
    .option('--json', 'print data');
}

export function statusCommand(): Command {
  return command('status', 'The gateway that runs, in numbers: peers, packets, what Diet-ESP saves, drops.').action(
    status,
  );
}

export function peersCommand(): Command {
  return command('peers', 'Peers that are connected, by their identity.')
    .option('--search <text>', 'only those with this text in identity, name or address')
    .option('--limit <n>', 'entries at most')
    .action(peers);
}

export function sasCommand(): Command {
  return command('sas', 'SAs of ESP, one a direction, the oldest first.')
    .option('--search <text>', 'only those with this text in name, identity or SPI')
    .option('--peer <identity>', 'only those of this peer')
    .option('--limit <n>', 'entries at most')
    .action(sas);
}

export function topCommand(): Command {
  return command(
    'top',
    'Peers by their rates, again and again until Ctrl-C. Plain lines where the output is no terminal.',
  )
    .addOption(new Option('--sort <key>', 'the largest come first').choices(TOP_KEYS).default('octets'))
    .option('--interval <s>', 'seconds between looks, 0.5 to 3600; default 2')
    .option('--count <n>', 'looks; default: until Ctrl-C')
    .option('--limit <n>', 'peers at most; default: what the terminal has room for, else 20')
    .action(top);
}

export function rekeyCommand(): Command {
  return command('rekey', 'Rekeys the newest Child SA of a peer, and waits for the new one.')
    .argument('<peer>', "the peer's identity, see `dietesp peers`")
    .option('--ike', 'the IKE SA instead')
    .action((peer: string, options: Options) =>
      asked(options, 'rekey', { peer, of: options.ike === true ? 'ike' : 'child' }, ({ spiIn, spiOut, spiI, spiR }) =>
        options.ike === true ? `IKE SA ${spiI} ${spiR}` : `Child SA ${spiIn} in, ${spiOut} out`,
      ),
    );
}

export function disconnectCommand(): Command {
  return command('disconnect', 'Ends the IKE SA of a peer with all its SAs, and waits until it has confirmed that.')
    .argument('<peer>', "the peer's identity, see `dietesp peers`")
    .action((peer: string, options: Options) => asked(options, 'disconnect', { peer }, () => `${peer}: disconnected`));
}

export function reloadCommand(): Command {
  return command('reload', 'Has the gateway read its file again: a wrong one changes nothing.').action(
    (options: Options) =>
      asked(options, 'reload', {}, ({ added, changed, removed, ended, restart }) => {
        const more = (restart as string[]).length === 0 ? '' : `; needs a restart: ${(restart as string[]).join(', ')}`;
        return `peers: ${added} added, ${changed} changed, ${removed} removed; ${ended} IKE SAs end${more}`;
      }),
  );
}

export function logCommand(): Command {
  return command('log', "Follows the gateway's log until Ctrl-C, or with --set changes what it writes itself.")
    .argument('[level]', 'error, warn, info or debug, of all or some parts: debug:ike,esp; default info')
    .option('--set', "change the level of the gateway's own log, until it reads its file again")
    .action(log);
}
