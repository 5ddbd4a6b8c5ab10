// An egress under load: its peer's packets come in fragments of a path of 1400 octets, or the peer has adapted to them. Two
// namespaces with two routers between (test/gateway/mtu/), as much traffic as they carry. The machine's busy time has the
// reassembly of the kernel, but also the sender and the routers; the process has decryption and the socket.

import { type MtuSite, missing, openMtuSite, type Program } from '../gateway/mtu/site.ts';
import type { Figure } from './ike.ts';

const SECONDS = 3;
const INNER_WHOLE = 1410;
const TMAP = 1334;
const TO = '10.2.0.1';
const PSK = 'a key for tests';

interface Load {
  packets: number;
  octets: number;
  cpu: number;
  busy: number;
  fragments: number;
  now: number;
}

interface Phase {
  /** Inner packets a second that arrived. */
  rate: number;
  megabits: number;
  /** Microseconds of the egress's process, and of the machine, a packet. */
  process: number;
  machine: number;
  fragments: number;
}

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function measure(egress: Program, ingress: Program, size: number): Promise<Phase> {
  await ingress.ask({ send: size, every: 1, burst: 16, to: TO });
  await wait(500);
  const before = (await egress.ask({ load: true })) as unknown as Load;
  await wait(SECONDS * 1000);
  const after = (await egress.ask({ load: true })) as unknown as Load;
  await ingress.ask({ stop: true });
  await wait(300);
  const packets = after.packets - before.packets;
  const seconds = (after.now - before.now) / 1000;
  return {
    rate: packets / seconds,
    megabits: ((after.octets - before.octets) * 8) / seconds / 1e6,
    process: (1000 * (after.cpu - before.cpu)) / packets,
    machine: (1000 * (after.busy - before.busy)) / packets,
    fragments: (after.fragments - before.fragments) / packets,
  };
}

function config(isIngress: boolean, adapt: boolean): Record<string, unknown> {
  const [own, peer] = isIngress ? ['10.1.0.1', TO] : [TO, '10.1.0.1'];
  const [localId, remoteId] = isIngress ? ['fqdn:g', 'fqdn:s'] : ['fqdn:s', 'fqdn:g'];
  const child = { esp: ['aes-gcm-16'], compression: { notify: 'none' }, local: [own], remote: [peer] };
  const connection = { localId, remoteId, auth: { psk: PSK }, child };
  const mtu = { adapt };
  if (!isIngress)
    return { udp: { address: '10.99.3.2' }, gateway: { address: '10.99.1.1' }, innerAddress: own, mtu, connection };
  const tun = { name: 'mtu0', addresses: [`${own}/32`], routes: [`${peer}/32`], mtu: 1500 };
  return { udp: [{ address: '10.99.1.1' }], tun, mtu, connection };
}

async function run(site: MtuSite): Promise<Figure[]> {
  const ingress = await site.start(site.ingress, 'ingress.ts');
  const egress = await site.start(site.egress, 'egress.ts');
  site.setMtu(1400);
  const phases: [string, Phase[]][] = [
    ['in fragments', []],
    ['adapted', []],
  ];
  for (let round = 0; round < 2; round++) {
    for (const [index, adapt] of [false, true].entries()) {
      await ingress.ask({ config: config(true, adapt) });
      await egress.ask({ config: config(false, adapt) });
      phases[index][1].push(await measure(egress, ingress, adapt ? TMAP : INNER_WHOLE));
    }
  }
  const mean = (list: Phase[], name: keyof Phase): number =>
    list.reduce((sum, one) => sum + one[name], 0) / list.length;
  const figures = phases.flatMap(([name, list]): Figure[] => [
    {
      value: mean(list, 'rate'),
      unit: 'packets/s',
      name: `${name}: inner packets that arrive`,
      beside: `${mean(list, 'fragments').toFixed(2)} fragments a packet`,
    },
    { value: mean(list, 'megabits'), unit: 'Mbit/s', name: `${name}: inner octets` },
    { value: mean(list, 'process'), unit: 'us/packet', name: `${name}: CPU of the egress` },
    {
      value: mean(list, 'machine'),
      unit: 'us/packet',
      name: `${name}: CPU of the machine, kernels and sender with it`,
    },
  ]);
  const ratio = (name: keyof Phase): number => mean(phases[1][1], name) / mean(phases[0][1], name);
  return [
    ...figures,
    { value: ratio('rate'), unit: 'x', name: 'packets/s, adapted against in fragments' },
    { value: ratio('machine'), unit: 'x', name: 'CPU of the machine a packet, adapted against in fragments' },
    { value: ratio('process'), unit: 'x', name: 'CPU of the egress a packet, adapted against in fragments' },
  ];
}

export async function benchMtu(): Promise<Figure[]> {
  const problem = missing();
  if (problem !== false) {
    process.stdout.write(`  skipped: ${problem}\n`);
    return [];
  }
  const site = await openMtuSite();
  try {
    return await run(site);
  } finally {
    await site.close();
  }
}
