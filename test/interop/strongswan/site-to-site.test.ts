// docs/recipes/site-to-site.md: its files between two namespaces. A sensor's readings go through the gateway's interface into a
// tunnel of strongSwan, and the answers come back.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { sourceRoot } from '../../../targets/build/root.ts';
import { filesOf } from '../../docs/tutorial.ts';
import { type Charon, startCharon } from './charon.ts';
import { tunMissing } from './gateway.ts';
import { command, type Namespace, openSite, spawnIn, strongswanMissing } from './namespaces.ts';
import { type Program, startProgram } from './program.ts';

const FAR = '2001:db8:9::1';
const PORT = 5683;

/** A server of the other site: the answer 2.04 for each confirmable POST, and a line for each. */
const SERVER = `
  const socket = require('node:dgram').createSocket('udp6');
  socket.on('message', (octets, from) => {
    console.log(from.address + ' ' + octets.subarray(octets.indexOf(0xff) + 1));
    const size = octets[0] & 15;
    const head = Buffer.of(0x60 | size, 0x44, octets[2], octets[3]);
    socket.send(Buffer.concat([head, octets.subarray(4, 4 + size)]), from.port, from.address);
  });
  socket.bind(${PORT}, '${FAR}', () => console.log('ready'));
`;

test('docs/recipes/site-to-site.md: readings reach a server behind the tunnel', {
  skip: strongswanMissing() || tunMissing(),
}, async () => {
  const markdown = readFileSync(join(sourceRoot(), 'docs', 'recipes', 'site-to-site.md'), 'utf8');
  const files = new Map(filesOf(markdown));
  const site = await openSite();
  const { gateway: near, device: far, folder } = site;
  const run = async (space: Namespace, script: string): Promise<void> => {
    const ended = await command('ip', ['netns', 'exec', space.name, 'sh', '-e', '-c', script]);
    assert.equal(ended.code, 0, ended.stderr);
  };
  const placed = (name: string): string =>
    files.get(name)!.replaceAll('192.0.2.1', near.outer[4]).replaceAll('192.0.2.2', far.outer[4]);
  const daemons: Charon[] = [];
  const programs: Program[] = [];
  try {
    await run(near, 'sysctl -qw net.ipv6.conf.all.forwarding=1');
    await run(far, `ip addr add ${FAR}/64 dev lo nodad`);
    const server = spawnIn(far, process.execPath, ['-e', SERVER]);
    let served = '';
    server.stdout!.setEncoding('utf8').on('data', (text: string) => {
      served += text;
    });

    const config = (name: string): object => parse(files.get(name)!) as object;
    const gateway = startProgram(near, folder, 'gateway', config('gateway.yaml'), []);
    programs.push(gateway);
    await gateway.event('its start', ({ event }) => event === 'started');
    for (const [space, name] of [
      [far, 'far.conf'],
      [near, 'near.conf'],
    ] as const) {
      const charon = await startCharon(site, { name, space, log: { ike: 1, chd: 1 } });
      daemons.push(charon);
      const file = join(folder, `swanctl-${name}`);
      writeFileSync(file, placed(name));
      const loaded = await charon.swanctl('--load-all', '--noprompt', '--file', file);
      assert.equal(loaded.code, 0, loaded.stdout + loaded.stderr);
    }
    const tunnel = await daemons[1].initiate('sensors');
    assert.equal(tunnel.code, 0, tunnel.stdout + daemons[1].log());

    const sensor = startProgram(near, folder, 'sensor', config('sensor.yaml'), []);
    programs.push(sensor);
    await sensor.event('the SA', ({ event }) => event === 'established');
    for (let i = 0; i < 3; i++) {
      const { outcome } = await sensor.ask({ cmd: 'send' });
      assert.equal(outcome, 'acknowledged', gateway.log());
    }
    const address = String((await sensor.ask({ cmd: 'status' })).address);
    const lines = served.split('\n').filter((line) => line.startsWith(address));
    assert.equal(lines.length, 3, served);
    const [{ children }] = await daemons[1].sas();
    assert.ok(children[0].packetsOut >= 3 && children[0].packetsIn >= 3, JSON.stringify(children));
  } finally {
    for (const program of programs) await program.stop('SIGTERM');
    for (const charon of daemons) await charon.stop('SIGKILL');
    await site.close();
  }
});
