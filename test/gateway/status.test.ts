// A gateway seen while it runs, as a program of its own with a sensor: the commands of `dietesp`, the status socket, HTTP with its
// OpenAPI document, and /metrics; and what others try with them.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv } from 'ajv';
import { sourceRoot } from '../../targets/build/root.ts';
import { answerSchema, COMMANDS } from '../../targets/node/gateway/commands/table.ts';
import { dietesp, type Outcome } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { freePorts } from '../support/free-ports.ts';
import { samplesOf } from './prometheus-text.ts';

const PEER = 'fqdn:sensor1.example';
const NAME = encodeURIComponent(PEER);
const folder = mkdtempSync(join(tmpdir(), 'dietesp-status-'));
const path = (name: string): string => join(folder, name);
const SOCKET = path('g.sock');
const TOKEN = 'a-token-of-this-test-0123456789';
const children: ChildProcess[] = [];

interface Program {
  child: ChildProcess;
  until(pattern: RegExp): Promise<string>;
  text(): string;
}

function start(...args: string[]): Program {
  const child = spawn(process.execPath, [...DIETESP, ...args], {
    cwd: sourceRoot(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  return {
    child,
    text: () => text,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match[1] ?? '';
        if (child.exitCode !== null) assert.fail(`ended: ${text}`);
        await new Promise((resolve) => {
          child.stdout!.once('data', resolve);
          child.stderr!.once('data', resolve);
          child.once('close', resolve);
        });
      }
    },
  };
}

const port = await freePorts(2);
writeFileSync(
  path('g.yaml'),
  `udp: [{ address: "127.0.0.1", port: ${port}, natPort: ${port + 1} }]
pool: ["10.9.0.0/24"]
connection:
  localId: fqdn:gateway
  auth: { psk: the-secret-of-this-test }
control: { socket: g.sock }
http: { port: 0, token: ${TOKEN}, hosts: [gateway.example], peerMetrics: 10 }
`,
  { mode: 0o600 },
);
writeFileSync(
  path('s.yaml'),
  `udp: { address: "127.0.0.1" }
gateway: { address: "127.0.0.1", port: ${port}, natPort: ${port + 1} }
connection:
  localId: "${PEER}"
  requestAddress: ipv4
  auth: { psk: the-secret-of-this-test }
server: { address: "10.8.0.1" }
interval: 1
`,
  { mode: 0o600 },
);

let gateway: Program;
let url: string;

before(async () => {
  gateway = start('gateway', '--config', path('g.yaml'), '--state', 'off');
  url = await gateway.until(/HTTP: (http:\S+)/);
  const sensor = start('sensor', '--config', path('s.yaml'), '--state', 'off');
  await sensor.until(/established with (fqdn:gateway)/);
  await gateway.until(/: (up) \(/);
});

after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const AUTHORIZED = { Authorization: `Bearer ${TOKEN}` };

/** A request with any header, which fetch would not send. */
function ask(
  where: string,
  { method = 'GET', headers = AUTHORIZED as Record<string, string> } = {},
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${where}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

const run = (...args: string[]): Promise<Outcome> => dietesp(...args, '--socket', SOCKET);

/** Sends lines over the status socket, and reads as many as are wanted. */
function talk(lines: string[], wanted: number): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(SOCKET, () => socket.write(lines.map((line) => `${line}\n`).join('')));
    let text = '';
    socket.on('error', reject);
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
      const whole = text.split('\n').slice(0, -1);
      if (whole.length < wanted) return;
      socket.destroy();
      resolve(whole.map((line) => JSON.parse(line) as Record<string, unknown>));
    });
  });
}

test('commands of dietesp show the gateway, and act', async () => {
  assert.equal(statSync(SOCKET).mode & 0o777, 0o600);
  const status = await run('status');
  assert.equal(status.stderr, '');
  assert.match(status.stdout, /IKE SAs +1 up, 0 half open; 1 came up in all/);
  const [peer] = JSON.parse((await run('peers', '--json')).stdout) as Record<string, unknown>[];
  assert.equal(peer.peer, PEER);
  assert.match((await run('peers', '--search', 'SENSOR')).stdout, /^peer .*\nfqdn:sensor1\.example +peer1 /);
  assert.equal((await run('peers', '--search', 'nobody')).stdout, 'none\n');
  const sas = JSON.parse((await run('sas', '--json', '--peer', PEER)).stdout) as { direction: string; spi: string }[];
  assert.deepEqual(sas.map(({ direction }) => direction).sort(), ['in', 'out']);
  const spi = /Child SA ([0-9a-f]{8}) in/.exec((await run('rekey', PEER)).stdout)![1];
  assert.ok(!sas.some((one) => one.spi === spi));
  assert.match((await run('sas')).stdout, new RegExp(`${spi} +in `));
  assert.match((await run('rekey', PEER, '--ike')).stdout, /^IKE SA [0-9a-f]{16} [0-9a-f]{16}\n$/);
  const top = await run('top', '--count', '2', '--interval', '0.5', '--json');
  assert.equal(top.stdout.trimEnd().split('\n').length, 2, top.stderr);
  assert.match((await run('reload')).stdout, /^peers: 0 added, 0 changed, 0 removed; 0 IKE SAs end\n$/);
  assert.match((await run('log', 'debug:ike', '--set')).stdout, /now, was info/);
  await run('log', 'info', '--set');
  const wrong = await run('rekey', 'fqdn:nobody');
  assert.deepEqual([wrong.code, wrong.stderr], [1, 'error: fqdn:nobody is not connected\n']);
});

test('the status socket: many at once, events, wrong lines; one in use is refused, a stale one taken', async () => {
  const [answer, refused, rates] = await talk(['{"cmd":"events","rates":true}', '{"cmd":"peers","limt":1}'], 3);
  assert.equal(answer.ok, true);
  assert.equal(refused.problem, 'limt: unknown parameter; must be one of limit, cursor, search; did you mean `limit`?');
  assert.deepEqual([rates.event, rates.peers], ['rates', 1]);
  const logged = talk(['{"cmd":"log","level":"debug"}', '{"cmd":"probe"}'], 2);
  assert.equal((await logged)[0].ok, true);
  const all = await Promise.all(Array.from({ length: 20 }, () => talk(['{"cmd":"summary"}'], 1)));
  assert.ok(all.every(([{ ok }]) => ok));
  // Another gateway with this socket.
  const second = await dietesp('gateway', '--config', path('g.yaml'), '--state', 'off');
  assert.equal(second.code, 1);
  // One that nobody serves any more, and a file.
  const stale = path('stale.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  const { code, stderr } = await dietesp('status', '--socket', stale);
  assert.deepEqual([code, stderr], [1, `error: ${stale}: no gateway runs there any more\n`]);
  const other = await freePorts(2);
  const text = readFileSync(path('g.yaml'), 'utf8')
    .replaceAll(String(port), String(other))
    .replace(String(port + 1), String(other + 1));
  writeFileSync(path('other.yaml'), text.replace(/^http.*\n/m, '').replace('g.sock', 'stale.sock'), { mode: 0o600 });
  const taker = start('gateway', '--config', path('other.yaml'), '--state', 'off');
  await taker.until(/status socket: (\S*stale\.sock)/);
  assert.equal((await dietesp('status', '--socket', stale)).code, 0);
  const held = await dietesp('gateway', '--config', path('other.yaml'), '--state', 'off', '--socket', SOCKET);
  assert.equal(held.code, 1);
  taker.child.kill('SIGTERM');
  await new Promise((resolve) => taker.child.once('close', resolve));
  assert.equal(statSync(stale, { throwIfNoEntry: false }), undefined);
  const none = await dietesp('status', '--socket', stale);
  assert.equal(none.stderr, `error: ${stale}: no gateway serves it\n`);
  const file = await dietesp('status', '--socket', path('g.yaml'));
  assert.equal(file.stderr, `error: ${path('g.yaml')}: is no socket\n`);
});

test('two answers that are no JSON lines are an error, not a crash', async () => {
  const liar = createServer((socket) => socket.end('<html>\n')).listen(path('liar.sock'));
  const { code, stderr } = await dietesp('peers', '--socket', path('liar.sock'));
  liar.close();
  assert.deepEqual([code, stderr], [1, `error: ${path('liar.sock')}: answers with something else than JSON lines\n`]);
  // Whoever answers in the gateway's place writes nothing that a terminal obeys.
  const item = { peer: 'a\u001b[2J\nb\u202e', connection: '', remote: '', remotePort: 0, address: '', up: 0, heard: 0 };
  const forger = createServer((socket) => {
    socket.write(`${JSON.stringify({ cmd: 'peers', ok: true, items: [item], next: null, total: 1 })}\n`);
  }).listen(path('forger.sock'));
  const { stdout } = await dietesp('peers', '--socket', path('forger.sock'));
  forger.close();
  assert.match(stdout, /a\\u\{1b\}\[2J\\u\{a\}b\\u\{202e\}/);
});

test('HTTP: every GET answers as the OpenAPI document says; nothing secret is in any answer', async () => {
  const ajv = new Ajv({ strict: false });
  const document = JSON.parse((await ask('/openapi.json', { headers: {} })).text) as {
    openapi: string;
    paths: Record<
      string,
      Record<
        string,
        { parameters?: { name: string; in: string; required: boolean }[]; operationId: string; responses: object }
      >
    >;
  };
  assert.equal(document.openapi, '3.1.0');
  const ids = new Set<string>();
  for (const [where, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      assert.ok(!ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      const inPath = [...where.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? []).filter((one) => one.in === 'path');
      assert.deepEqual(
        declared.map(({ name }) => name),
        inPath,
      );
      assert.ok(declared.every(({ required }) => required));
      if (method !== 'get' || where.endsWith('/events')) continue;
      const { status, text } = await ask(where.replace('{peer}', NAME));
      // This gateway shows no packets (test/web has one that does).
      assert.equal(status, where.includes('/packets/') ? 409 : 200, `${where}: ${text}`);
      for (const secret of ['the-secret-of-this-test', TOKEN]) assert.ok(!text.includes(secret), where);
      const command = COMMANDS.find(({ http }) => http?.path === where);
      if (command === undefined) continue;
      const isValid = ajv.compile(answerSchema(command));
      assert.ok(isValid(JSON.parse(text)), `${where}: ${JSON.stringify(isValid.errors)}`);
    }
  }
  for (const secret of ['the-secret-of-this-test', TOKEN]) assert.ok(!gateway.text().includes(secret));
  const page = JSON.parse((await ask('/api/v1/sas?limit=1')).text) as { next: string; total: number };
  assert.ok(page.total >= 2);
  const next = JSON.parse((await ask(`/api/v1/sas?limit=1000&cursor=${page.next}`)).text) as { items: object[] };
  assert.equal(next.items.length, page.total - 1);
  const probe = await ask(`/api/v1/peers/${NAME}/probe`, { method: 'POST' });
  assert.deepEqual([probe.status, probe.text], [200, '{}']);
});

test('HTTP refuses: no token, a wrong one, other hosts, other origins, wrong parameters, other methods', async () => {
  const status = async (where: string, headers: Record<string, string>, method = 'GET') =>
    (await ask(where, { headers, method })).status;
  for (const where of ['/api/v1/status', '/api/v1/events', '/metrics', '/api/v1/nothing']) {
    assert.equal(await status(where, {}), 401, where);
    assert.equal(await status(where, { Authorization: `Bearer ${TOKEN}x` }), 401);
    assert.equal(await status(where, { Authorization: `Basic ${TOKEN}` }), 401);
  }
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, Host: 'evil.example' }), 403);
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, Host: 'gateway.example:80' }), 200);
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, Origin: 'https://evil.example' }), 403);
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, Origin: 'null' }), 403);
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, 'Sec-Fetch-Site': 'cross-site' }), 403);
  assert.equal(await status('/api/v1/status', { ...AUTHORIZED, Origin: url }), 200);
  for (const query of ['limit=0', 'limit=x', 'lmit=1', 'limit=1&limit=2']) {
    assert.equal(await status(`/api/v1/peers?${query}`, AUTHORIZED), 400, query);
  }
  assert.equal(await status('/api/v1/sas?cursor=-1', AUTHORIZED), 400);
  assert.equal(await status('/api/v1/peers/nobody', AUTHORIZED), 404);
  assert.equal(await status('/api/v1/reload', AUTHORIZED), 404);
  assert.equal(await status('/../package.json', AUTHORIZED), 404);
  assert.equal(await status('/%2e%2e/%2e%2e/package.json', AUTHORIZED), 404);
  const { headers } = await ask('/healthz', { headers: {} });
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal((await ask('/readyz', { headers: {} })).status, 200);
  assert.match(gateway.text(), /http: refused 127\.0\.0\.1: token/);
});

test('/metrics: a strict parse, names by convention, what dashboards and alerts use; promtool where it is', async (t) => {
  const { text, headers } = await ask('/metrics');
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const families = samplesOf(text);
  for (const [name, { type }] of families) {
    if (!name.startsWith('dietesp_')) continue;
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /octets|millis|_ms\b/);
  }
  assert.ok(
    families
      .get('dietesp_peer_packets_total')!
      .samples.includes(`dietesp_peer_packets_total{peer="${PEER}",direction="in"}`),
  );
  assert.ok(families.has('process_cpu_seconds_total') && families.has('nodejs_eventloop_lag_seconds'));
  const examples = join(sourceRoot(), 'targets', 'node', 'examples');
  const dashboard = JSON.parse(readFileSync(join(examples, 'grafana-dietesp.json'), 'utf8')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  const expressions = dashboard.panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));
  const alerts = readFileSync(join(examples, 'prometheus-alerts.yaml'), 'utf8');
  expressions.push(...[...alerts.matchAll(/expr: (.*)/g)].map(([, expr]) => expr));
  assert.ok(expressions.length > 10);
  for (const expr of expressions) {
    const names = expr.match(/\b(?:dietesp|process|nodejs)_\w+/g) ?? [];
    assert.ok(names.length > 0, expr);
    for (const name of names) assert.ok(families.has(name), `${expr}: ${name}`);
  }
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text });
  if (promtool.error !== undefined) t.diagnostic('promtool is not installed: its check was skipped');
  // Names of prom-client's own metrics are not all as promtool wants them.
  else assert.doesNotMatch(String(promtool.stdout) + String(promtool.stderr), /^dietesp_.*|error while linting/m);
});

test('events: hello, rates, log lines; who comes back gets what was missed', async () => {
  const read = async (headers: Record<string, string>, where: string, until: RegExp): Promise<string> => {
    const cut = new AbortController();
    const response = await fetch(`${url}${where}`, { headers: { ...AUTHORIZED, ...headers }, signal: cut.signal });
    let text = '';
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (until.test(text)) break;
    }
    cut.abort();
    return text;
  };
  const first = await read({}, '/api/v1/events', /event: rates\n/);
  const id = /^id: (\S+)\nevent: hello\ndata: \{"run":"\w+","missed":false,"packets":false\}/.exec(first)![1];
  await ask(`/api/v1/peers/${NAME}/disconnect`, { method: 'POST' });
  const second = await read({ 'Last-Event-ID': id }, '/api/v1/events', /event: down\n.*\n/);
  assert.ok(second.includes(`"peer":${JSON.stringify(PEER)}`), second);
  assert.match(await read({ 'Last-Event-ID': 'abc-1' }, '/api/v1/events', /hello/), /"missed":true/);
  // The sensor comes back.
  await read({ 'Last-Event-ID': id }, '/api/v1/events', /event: up\n.*\n/);
});

test('connections that say nothing, or little by little, keep nobody out who has the token', async () => {
  const many = process.env.DIETESP_LONG === '1' ? 10000 : 500;
  const { port: httpPort } = new URL(url);
  const open = new Set<Socket>();
  for (let made = 0; made < many; made += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => {
        return new Promise<void>((resolve) => {
          const socket = connect(Number(httpPort), '127.0.0.1', () => {
            socket.write(
              i % 2 === 0
                ? 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '
                : 'POST /api/v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nx',
            );
            resolve();
          });
          open.add(socket);
          socket.on('error', () => resolve());
          socket.on('close', () => open.delete(socket));
          socket.resume();
        });
      }),
    );
  }
  const status = await ask('/api/v1/status');
  assert.equal(status.status, 200);
  const metrics = (await ask('/metrics')).text;
  assert.ok(Number(/^dietesp_http_connections (\d+)$/m.exec(metrics)![1]) <= 64);
  assert.ok(Number(/^dietesp_http_connections_crowded_total (\d+)$/m.exec(metrics)![1]) > 0);
  while (open.size > 64) await new Promise((resolve) => setTimeout(resolve, 20));
  // Packets and IKE go on.
  assert.equal((await run('peers', '--json')).code, 0);
  const [probed] = await talk(['{"cmd":"probe"}'], 1);
  assert.equal(probed.ok, true, String(probed.problem));
  const huge = await ask('/healthz', { headers: { 'X-Long': 'x'.repeat(20000) } }).catch(() => ({ status: 431 }));
  assert.equal(huge.status, 431);
  for (const socket of open) socket.destroy();
});

test('SIGTERM: the socket is gone, and a reader of events is let go', async () => {
  const response = await fetch(`${url}/api/v1/events`, { headers: AUTHORIZED });
  const read = response.text().catch(() => '');
  gateway.child.kill('SIGTERM');
  await new Promise((resolve) => gateway.child.once('close', resolve));
  await read;
  assert.equal(statSync(SOCKET, { throwIfNoEntry: false }), undefined);
});
