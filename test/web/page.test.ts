// The gateway's page in Chromium: the demo with its packets, and a gateway with 10,000 peers whose names are hostile. One browser
// for all. axe-core looks for what keeps people out.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { onPath } from '../../targets/build/engines.ts';
import { createRunning } from '../../targets/node/gateway/commands/running.ts';
import type { Gateway } from '../../targets/node/gateway/gateway.ts';
import { pageAssets } from '../../targets/node/gateway/http/page.ts';
import { type HttpServer, openHttp } from '../../targets/node/gateway/http/server.ts';
import type { ListQuery } from '../../targets/node/gateway/list-views.ts';
import { loadSaFile } from '../../targets/node/host/config/sa.ts';
import { createLogHub } from '../../targets/node/host/log-hub.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { createTaker } from '../../targets/node/tools/explain/explain.ts';
import { xrayPage } from '../../targets/node/tools/explain/html.ts';
import { EXAMPLES, ROOT } from '../cli/run.ts';
import { DIETESP } from '../support/command.ts';
import { packageMissing } from '../support/packages.ts';

const skip = packageMissing('chromium');
const PEERS = 10000;
const TOKEN = 'a-token-of-the-test-1234';
const HOSTILE = '<img src=x onerror="document.title=1">';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const WAIT = { timeout: 60000 };

let profile = '';
let browser: BrowserContext;
const problems: string[] = [];
const running: { server?: HttpServer; demo?: ChildProcess } = {};

before(async () => {
  if (skip !== false) return;
  profile = mkdtempSync(join(tmpdir(), 'dietesp-chromium-'));
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: onPath('chromium')!,
    args: ['--no-sandbox', ...quiet, '--disable-component-update', '--disable-sync'],
    viewport: { width: 1280, height: 900 },
  });
});
after(async () => {
  running.demo?.kill('SIGKILL');
  await browser?.close();
  await running.server?.close();
  if (profile !== '') rmSync(profile, { recursive: true, force: true });
});

/** A page whose errors are kept; what is said of a lost connection or a wrong token is no error. */
async function open(url: string): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // Of a peer that is gone the gateway says so.
    const isGone = message.text().includes('404') && message.location().url.includes('/api/v1/peers/');
    if (message.type() === 'error' && !isGone && !/401|ERR_(CONNECTION|EMPTY|INCOMPLETE)/.test(message.text())) {
      problems.push(message.text());
    }
  });
  await page.goto(url);
  return page;
}

/** What axe finds wrong, with where. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 120)}`));
  });
}

/** A gateway that has nothing but peers. */
function manyPeers(): Gateway {
  const names = [HOSTILE, ...Array.from({ length: PEERS - 1 }, (_, i) => `fqdn:sensor${String(i).padStart(5, '0')}`)];
  const items = names.sort().map((peer, i) => ({
    peer,
    connection: 'sensors',
    state: 'established',
    remote: `fd00::${i.toString(16)}`,
    remotePort: 500,
    address: '',
    radio: 'air',
    signal: { rssi: -71, noise: null, lqi: 200, channel: 26 },
    up: i,
    heard: 1,
    packetsIn: i,
    packetsOut: i,
    octetsIn: 0,
    octetsOut: 0,
    drops: 0,
    ikeSas: [],
    children: 1,
  }));
  const traffic = { inner: 0, esp: 0, uncompressed: 0 };
  const counters = {
    radios: [],
    esp: { sent: 0, received: 0, octetsSent: traffic, octetsReceived: traffic, drops: {}, search: null },
    drops: {},
    sas: 2 * PEERS,
    ike: { up: PEERS, halfOpen: 0 },
    neighbours: { known: 0, lost: 0 },
    draining: false,
    suppressedLines: 0,
  };
  return {
    on: () => {},
    counters: () => counters,
    peers({ limit = 100, cursor = '', search = '', peer }: ListQuery) {
      const all = items.filter((one) => one.peer.includes(search) && (peer === undefined || one.peer === peer));
      const rest = all.filter((one) => one.peer > cursor);
      const shown = rest.slice(0, limit);
      return { items: shown, next: rest.length > limit ? shown.at(-1)!.peer : null, total: all.length };
    },
    ikeSasOf: () => [],
    saPage: () => ({ items: [], next: null, total: 0 }),
  } as unknown as Gateway;
}

async function serve(port: number): Promise<HttpServer> {
  const gateway = createRunning(manyPeers(), createLogHub({ level: 'error' }), { version: '1.2.3', file: '' });
  const rest = { token: TOKEN, tokenFile: '', hosts: [], packets: false, peerMetrics: 0 };
  return openHttp(gateway, {
    config: { address: '127.0.0.1', port, ...rest },
    token: TOKEN,
    assets: await pageAssets(),
    metrics: () => ({ type: 'text/plain', text: async () => '' }),
  });
}

test('the demo: an X-ray at once, by click and in the dark; a peer is rekeyed and disconnected', {
  skip,
  timeout: 180000,
}, async () => {
  const args = ['demo', '--web', '--sensors', '1', '--interval', '300'];
  const demo = spawn(process.execPath, [...DIETESP, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  running.demo = demo;
  let text = '';
  demo.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  // Two parts may come in one turn of the event loop.
  while (!/http:\S+\n/.test(text)) await once(demo.stdout, 'data');
  const page = await open(/http:\S+/.exec(text)![0]);
  // Nobody clicked.
  await page.waitForSelector('#xray .strip-diet', WAIT);
  assert.doesNotMatch(page.url(), /token/);
  await page.waitForSelector('#packets li:nth-child(4)', WAIT);
  await page.click('#packets-pause');
  await page.click('#packets li:last-child button');
  await page.waitForSelector('#packets [aria-current]', WAIT);
  // A CoAP reading of 18 octets: what docs/results.md counts.
  const sizes = await page.$$eval('#xray .sizes tbody tr', (rows) => rows.map(({ textContent }) => textContent));
  assert.deepEqual(sizes, ['In clear66', 'Ordinary ESP124', 'Diet-ESP68', 'Diet-ESP on 6LoWPAN31']);
  await page.click('#xray .field-list summary');
  const spi = await page.textContent('#xray tr[data-field]:has(th:text-is("ESP SPI")) td:nth-of-type(4)');
  assert.match(spi!, /^part The low 8 bits are sent/);
  assert.deepEqual(await faults(page), []);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await page.setViewportSize({ width: 320, height: 700 });
  assert.deepEqual(await faults(page), []);
  const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  assert.equal(wide, 0, 'nothing is wider than 320 pixels');
  assert.ok((await page.screenshot()).length > 10000);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.click('[data-peer="keyid:61"]');
  await page.waitForSelector('#peer table tbody tr', WAIT);
  await page.click('[data-action=rekey]');
  await page.waitForSelector('#notice:text("Rekey: keyid:61: done")', WAIT);
  await page.click('[data-action=disconnect]');
  await page.click('#confirm-no');
  await page.click('[data-action=disconnect]');
  assert.deepEqual(await faults(page), []);
  await page.click('#confirm-yes');
  await page.waitForSelector('#notice:text-matches("keyid:61")', WAIT);
  // It may be over before the page notices.
  const exited = once(demo, 'exit');
  demo.kill('SIGINT');
  await page.waitForSelector('#connection.is-lost', WAIT);
  await exited;
  await page.close();
  assert.deepEqual(problems, []);
});

test('10,000 peers: few rows in the page, the last one is reached, and a hostile name is text', {
  skip,
  timeout: 180000,
}, async () => {
  running.server = await serve(0);
  const page = await open(`${running.server.url}/`);
  // A wrong token is refused, and asked for again.
  await page.fill('#token', 'wrong-token-of-the-test');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#login-problem:text("does not take this token")', WAIT);
  assert.deepEqual(await faults(page), []);
  await page.fill('#token', TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#peers-rows [data-peer]', WAIT);
  await page.waitForSelector('#packets-note:text("http.packets")', WAIT);
  const most = (await page.evaluate(`(async () => {
    const scroll = document.getElementById('peers-scroll');
    let rows = 0;
    for (;;) {
      scroll.scrollTop = scroll.scrollHeight;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const all = [...document.querySelectorAll('#peers-rows [data-peer]')];
      rows = Math.max(rows, all.length);
      if (all.at(-1)?.dataset.peer === 'fqdn:sensor0${PEERS - 2}') return rows;
    }
  })()`)) as number;
  assert.match((await page.textContent('#peers-rows .c-signal'))!, /^-71 dBm$/);
  assert.ok(most < 60, `${most} rows`);
  await page.fill('#search', '<img');
  await page.waitForSelector('#peers-count:text("1 found")', WAIT);
  await page.click('#peers-rows [data-peer]');
  assert.equal(await page.textContent('#peer h3'), HOSTILE);
  assert.equal(await page.$('img'), null);
  assert.equal(await page.title(), 'Diet-ESP gateway');
  assert.deepEqual(await faults(page), []);
  // It comes back without a click.
  const { port } = new URL(running.server.url);
  await running.server.close();
  await page.waitForSelector('#connection.is-lost', WAIT);
  running.server = await serve(Number(port));
  await page.waitForSelector('#connection.is-live', WAIT);
  await page.close();
  assert.deepEqual(problems, []);
});

test('explain --html: a link shows a packet, and what is pointed at is marked everywhere', {
  skip,
  timeout: 180000,
}, async () => {
  const octets = Uint8Array.from(
    Buffer.from(
      '60000000000c114020010db800000000000000000000123420010db800000000000000000000567813891194000c0043162e002a',
      'hex',
    ),
  );
  const taker = createTaker(loadSaFile(join(EXAMPLES, 'tunnel.yaml')), createFastProvider());
  const packets = [1, 2].map((number) => ({ number, octets, problem: '' }));
  const page = await open('about:blank');
  await page.setContent(xrayPage('x', packets, taker, 1).html);
  const seen = () => page.evaluate(`[...document.querySelectorAll('.packet')].map((one) => one.offsetHeight > 0)`);
  assert.deepEqual(await seen(), [true, false]);
  await page.click('a[href="#packet-2"]');
  assert.deepEqual(await seen(), [false, true]);
  await page.focus('#packet-2 tr[data-field="7"]');
  const marked = (await page.evaluate(
    `[...document.querySelectorAll('#packet-2 span[data-field="7"]')].map((one) => getComputedStyle(one).outlineStyle)`,
  )) as string[];
  assert.deepEqual([...new Set(marked)], ['solid']);
  assert.deepEqual(await faults(page), []);
  await page.close();
  assert.deepEqual(problems, []);
});
