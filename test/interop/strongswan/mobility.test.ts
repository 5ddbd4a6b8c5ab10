// MOBIKE [RFC 4555] and redirects [RFC 5685] with strongSwan: either side moves while packets go on, each side sends the other to
// another gateway.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CASES, type Case } from './cases.ts';
import { until } from './charon.ts';
import { tunMissing } from './gateway.ts';
import { command, type Namespace, strongswanMissing } from './namespaces.ts';
import { ECHO_PORT } from './ours.ts';
import { connectionOf, type Line, type Program, startProgram } from './program.ts';
import { charonFor, isTelling, type Lab, openLab } from './runner.ts';
import { CHILD, CONNECTION, type Setup, setups } from './setup.ts';

const skip = strongswanMissing();

let opened: Promise<Lab> | undefined;
after(async () => (await opened)?.close());

const caseOf = (initiator: 'ours' | 'charon', connection: Case['connection']): Case => {
  const found = CASES.find((entry) => entry.initiator === initiator && entry.outcome === 'established')!;
  return { ...found, steps: [], family: 4, inner: 4, connection, compression: 'none', subspaces: 0 };
};

/** The device's side has another address of its link, and the first no more. */
async function move(space: Namespace, from: string, to: string): Promise<void> {
  const script = `ip -n ${space.name} addr del ${from}/24 dev ${space.link}; ip -n ${space.name} addr add ${to}/24 dev ${space.link}`;
  assert.equal((await command('sh', ['-e', '-c', script])).code, 0);
}

async function address(space: Namespace, how: 'add' | 'del', which: string): Promise<void> {
  assert.equal((await command('ip', ['-n', space.name, 'addr', how, `${which}/24`, 'dev', space.link])).code, 0);
}

const sensorOf = (setup: Setup, more: object): Program => {
  const config = {
    connection: connectionOf(setup),
    udp: { address: '0.0.0.0', port: 500, natPort: 4500 },
    gateway: { address: setup.remoteAddress },
    innerAddress: setup.space.inner[4],
    ...more,
  };
  return startProgram(setup.space, setup.site.folder, 'sensor', config, ['--echo', String(ECHO_PORT)]);
};

const gatewayOf = (setup: Setup, address: string, tun: string, more: object): Program => {
  const config = {
    peers: [connectionOf(setup)],
    udp: [{ address }],
    tun: { name: tun, addresses: [], routes: tun === 'dietesp0' ? [setup.peer.net[4]] : [] },
    ...more,
  };
  return startProgram(setup.space, setup.site.folder, 'gateway', config, []);
};

/** An echo from the sensor's inner address comes back, at last. */
async function echoes(sensor: Program, to: string): Promise<void> {
  await until(
    'an echo',
    async () => {
      const answer = await sensor.tell({ cmd: 'send', to, port: ECHO_PORT, text: 'moving', wait: 1000 });
      return answer['answer'] === 'moving' ? true : undefined;
    },
    20000,
  );
}

/** Runs, and shows both logs where something goes wrong. */
async function told(logs: () => string[], run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error) error.message += `\n${logs().join('\n---\n')}`;
    throw error;
  }
}

const tail = (log: string): string => log.split('\n').filter(isTelling).slice(-60).join('\n');

test('ours moves: the IKE SA and its Child SA go on from another address', { skip }, async () => {
  opened ??= openLab();
  const lab = await opened;
  const { ours, charon: theirs } = setups(caseOf('ours', { mobike: true }), lab.site);
  const charon = await charonFor(theirs);
  const sensor = sensorOf(ours, { mobike: true });
  const there = theirs.space.inner[4];
  const own = ours.localAddress;
  try {
    await told(
      () => [tail(charon.log()), sensor.log()],
      async () => {
        await sensor.event('established', ({ event }) => event === 'established');
        await echoes(sensor, there);
        const before = (await charon.sas())[0]!;
        await move(ours.space, own, '10.99.0.3');
        await sensor.event('moved', ({ event, local }) => event === 'moved' && local === '10.99.0.3');
        await echoes(sensor, there);
        const [sa, ...more] = await until('charon to follow', async () => {
          const sas = await charon.sas();
          return sas[0]?.values['remote-host'] === '10.99.0.3' ? sas : undefined;
        });
        assert.deepEqual([more.length, sa!.spiI, sa!.children[0]!.spiIn], [0, before.spiI, before.children[0]!.spiIn]);
        assert.match(charon.log(), /N\(UPD_SA_ADDR\)/);
        // It works afterwards: charon's own exchanges come to the new address.
        await charon.rekey({ ike: CONNECTION });
        await sensor.event('rekeyed', ({ event }) => event === 'rekeyed');
        await echoes(sensor, there);
      },
    );
  } finally {
    await sensor.stop();
    await charon.stop();
    await move(ours.space, '10.99.0.3', own);
  }
});

test('charon moves: ours asks it at its new address, and follows', { skip: skip || tunMissing() }, async () => {
  opened ??= openLab();
  const lab = await opened;
  const { ours, charon: theirs } = setups(caseOf('charon', { mobike: true, local_addrs: '%any' }), lab.site);
  const charon = await charonFor(theirs, { net: 1, knl: 1 });
  const gateway = gatewayOf(ours, ours.localAddress, 'dietesp0', { mobike: true });
  const own = theirs.localAddress;
  const [here, there] = [theirs.space.inner[4], ours.space.inner[4]];
  const works = (): Promise<true> =>
    until(
      'an echo',
      async () => ((await lab.device.udpEcho(here, there, ECHO_PORT, 64, 1)).received === 1 ? true : undefined),
      20000,
    );
  try {
    await told(
      () => [tail(charon.log()), gateway.log()],
      async () => {
        await gateway.event('started', ({ event }) => event === 'started');
        assert.equal((await charon.initiate(CHILD)).code, 0);
        await works();
        const before = (await charon.sas())[0]!;
        await move(theirs.space, own, '10.99.0.3');
        await until(
          'an update',
          () => (/N\(UPD_SA_ADDR\)[\s\S]*N\(COOKIE2\)/.test(charon.log()) ? true : undefined),
          20000,
        );
        await works();
        const views = (await gateway.ask({ cmd: 'status' }))['sas'] as Line[];
        assert.match(JSON.stringify(views), /10\.99\.0\.3/);
        const sas = await charon.sas();
        assert.deepEqual([sas.length, sas[0]!.spiI], [1, before.spiI]);
        await gateway.ask({ cmd: 'rekey-child' });
        await works();
      },
    );
  } finally {
    await gateway.stop();
    await charon.stop();
    await move(theirs.space, '10.99.0.3', own);
  }
});

test('ours is drained: charon goes to another gateway, at once and from then on', {
  skip: skip || tunMissing(),
}, async () => {
  opened ??= openLab();
  const lab = await opened;
  const { ours, charon: theirs } = setups(caseOf('charon', {}), lab.site);
  await address(ours.space, 'add', '10.99.0.4');
  const charon = await charonFor(theirs);
  const first = gatewayOf(ours, ours.localAddress, 'dietesp1', { redirect: { to: '10.99.0.4' } });
  const second = gatewayOf(ours, '10.99.0.4', 'dietesp0', {});
  const isUp = ({ event }: Line): boolean => event === 'up';
  try {
    await told(
      () => [tail(charon.log()), first.log(), second.log()],
      async () => {
        for (const one of [first, second]) await one.event('started', ({ event }) => event === 'started');
        assert.equal((await charon.initiate(CHILD)).code, 0);
        await first.event('up', isUp);
        assert.equal((await first.ask({ cmd: 'drain' }))['told'], 1);
        await second.event('up', isUp);
        await until('the first to be left', async () =>
          ((await first.ask({ cmd: 'status' }))['sas'] as Line[]).length === 0 ? true : undefined,
        );
        assert.equal(
          (await lab.device.udpEcho(theirs.space.inner[4], ours.space.inner[4], ECHO_PORT, 64, 1)).received,
          1,
        );
        assert.equal((await charon.terminate({ ike: CONNECTION })).code, 0);
        // A new one is sent away before anything else.
        assert.equal((await charon.initiate(CHILD)).code, 0);
        await until('another', () => (second.events.filter(isUp).length === 2 ? true : undefined));
        assert.equal(first.events.filter(isUp).length, 1);
        assert.match(charon.log(), /IKE_SA_INIT response 0 \[ N\(REDIR\) \]/);
        assert.match(charon.log(), /N\(REDIR_FROM\)/);
      },
    );
  } finally {
    await Promise.all([first.stop(), second.stop()]);
    await charon.stop();
    await address(ours.space, 'del', '10.99.0.4');
  }
});

test('charon sends ours to another address', { skip }, async () => {
  opened ??= openLab();
  const lab = await opened;
  const entry = caseOf('ours', { local_addrs: '%any' });
  const { ours, charon: theirs } = setups(entry, lab.site);
  await address(theirs.space, 'add', '10.99.0.4');
  const charon = await charonFor(theirs);
  const sensor = sensorOf(ours, { redirect: ['10.99.0.4'] });
  try {
    await told(
      () => [tail(charon.log()), sensor.log()],
      async () => {
        const up = (count: number): Promise<true> =>
          until(`${count} times up`, () =>
            sensor.events.filter(({ event }) => event === 'established').length === count ? true : undefined,
          );
        await up(1);
        await charon.swanctl('--redirect', '--ike', CONNECTION, '--gateway', '10.99.0.4');
        await up(2);
        await echoes(sensor, theirs.space.inner[4]);
        const [sa, ...more] = await until('one IKE SA', async () => {
          const sas = await charon.sas();
          return sas.length === 1 ? sas : undefined;
        });
        assert.deepEqual([more.length, sa!.values['local-host']], [0, '10.99.0.4']);
        assert.match(charon.log(), /N\(REDIR_FROM\)/);
        assert.ok(!sensor.events.some(({ event }) => event === 'ended'));
      },
    );
  } finally {
    await sensor.stop();
    await charon.stop();
    await address(theirs.space, 'del', '10.99.0.4');
  }
});
