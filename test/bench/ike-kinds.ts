// What an established peer costs the gateway, by kind of object: `npm run bench -- kinds [--peers N]`.

import { growth, type Kinds } from './heap-kinds.ts';
import type { Figure } from './ike.ts';
import { scene } from './ike-scale.ts';

/** Peers before the first look, so that what the engine makes for code that runs often is there. */
const WARM = 400;

export async function benchIkeKinds(): Promise<Figure[]> {
  const at = process.argv.indexOf('--peers');
  const count = at < 0 ? 1000 : Number(process.argv[at + 1]);
  const { gateway, peers } = await scene(0);
  const kindsNow = async (): Promise<Kinds> => {
    await gateway.measure();
    return gateway.kinds();
  };
  await peers.connect(WARM);
  await kindsNow();
  await peers.connect(WARM);
  const before = await kindsNow();
  await peers.connect(count);
  const list = growth(before, await kindsNow(), count);
  peers.close();
  await gateway.leave();
  const sum = list.reduce((total, { each }) => total + each.octets, 0);
  return [
    { name: 'heap a peer (IKE SA and pair)', value: sum, unit: 'octets' },
    ...list.map(({ name, each }) => ({
      name: `  ${name}`,
      value: each.octets,
      unit: 'octets',
      beside: `${each.count.toFixed(2)} of them`,
    })),
  ];
}
