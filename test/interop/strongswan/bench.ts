// Handshakes per second of strongSwan as responder, on one core: the charon's processor time from /proc over many handshakes,
// so that neither the initiator's share nor other load counts. (Debian has no load-tester plugin.) Here another charon
// initiates. `rateOf` measures a responder of ours, or charon with our initiator, in the same way.
//   node --import tsx test/interop/strongswan/bench.ts [handshakes]

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Charon, startCharon, until } from './charon.ts';
import type { ConnectionConfig, Party } from './config.ts';
import { openSite, type Site, strongswanMissing } from './namespaces.ts';

export interface Figure {
  name: string;
  value: number;
  unit: string;
}

const QUIET = { default: -1, ike: -1, chd: -1, cfg: -1 };
const SETTINGS = { dos_protection: false, retransmit_timeout: 4 };
const CLOCK_TICKS = 100;

/** Seconds of processor time, user and system, of a process so far; in ticks of 10 ms. */
export function processorSeconds(pid: number): number {
  const text = readFileSync('/proc/' + pid + '/stat', 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** Handshakes a second of the process `pid`, had it one core to itself, while `drive` makes `count` of them. */
export async function rateOf(pid: number, count: number, drive: () => Promise<void>): Promise<number> {
  const before = processorSeconds(pid);
  await drive();
  return count / (processorSeconds(pid) - before);
}

/** A charon that answers any identity, IKE SA and one Child SA each, and writes no log. */
export async function benchResponder(site: Site, ike: string, esp: string, psk: Uint8Array): Promise<Charon> {
  const charon = await startCharon(site, { name: 'responder', space: site.gateway, settings: SETTINGS, log: QUIET });
  await charon.load({
    connections: [
      {
        name: 'any',
        localAddress: site.gateway.outer[4],
        remoteAddress: '%any',
        ike: [ike],
        local: { id: 'gateway.test' },
        remote: { id: '*.device.test' },
        children: [{ name: 'net', esp: [esp], local: [site.gateway.net[4]], remote: [site.device.net[4]] }],
        more: { unique: 'never' },
      },
    ],
    psks: [{ ids: [], secret: psk }],
  });
  return charon;
}

/** `count` handshakes from a second charon, each with an identity of its own. */
async function drive(
  site: Site,
  responder: Charon,
  ike: string,
  esp: string,
  psk: Uint8Array,
  count: number,
): Promise<Charon> {
  const initiator = await startCharon(site, { name: 'initiator', space: site.device, settings: SETTINGS, log: QUIET });
  const connections: ConnectionConfig[] = [];
  for (let n = 0; n < count; n++) {
    const own: Party = { id: 'd' + n + '.device.test' };
    connections.push({
      name: 'c' + n,
      localAddress: site.device.outer[4],
      remoteAddress: site.gateway.outer[4],
      ike: [ike],
      local: own,
      remote: { id: 'gateway.test' },
      children: [
        {
          name: 'n' + n,
          esp: [esp],
          local: [site.device.inner[4] + '[udp/' + (1024 + n) + ']'],
          remote: [site.gateway.net[4]],
          more: { start_action: 'start' },
        },
      ],
    });
  }
  const established = async (): Promise<number> => {
    const stats = await responder.swanctl('--stats');
    return Number(/IKE_SAs: (\d+) total, 0 half-open/.exec(stats.stdout)?.[1] ?? -1);
  };
  await initiator.load({ connections, psks: [{ ids: [], secret: psk }] });
  await until(count + ' IKE SAs', async () => ((await established()) === count ? true : undefined), 120000);
  return initiator;
}

export async function benchCharon(count = 500): Promise<Figure[]> {
  const figures: Figure[] = [];
  const psk = new Uint8Array(32).fill(7);
  for (const [ike, esp] of [
    ['aes128ccm8-prfsha256-x25519', 'aes128ccm8'],
    ['aes128gcm16-prfsha256-ecp256', 'aes128gcm16'],
  ]) {
    const site = await openSite();
    try {
      const responder = await benchResponder(site, ike, esp, psk);
      let initiator: Charon | undefined;
      const value = await rateOf(responder.pid, count, async () => {
        initiator = await drive(site, responder, ike, esp, psk, count);
      });
      await until('a Child SA in each', async () => {
        const children = (await responder.sas()).flatMap((sa) => sa.children);
        return children.filter((child) => child.state === 'INSTALLED').length === count ? true : undefined;
      });
      figures.push({ name: 'strongSwan responder, ' + ike + ', ' + esp, value, unit: 'handshakes/s of one core' });
      await initiator?.stop();
      await responder.stop();
    } finally {
      await site.close();
    }
  }
  return figures;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = strongswanMissing();
  if (missing !== false) console.log('skipped: ' + missing);
  else {
    for (const { name, value, unit } of await benchCharon(Number(process.argv[2] ?? 500))) {
      console.log(name + ': ' + value.toFixed(0) + ' ' + unit);
    }
  }
}
