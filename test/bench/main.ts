// npm run bench: every published speed and memory figure. Compare ratios within one run: the machine's load moves the rest.

import { benchAh } from './ah.ts';
import { benchAsTable } from './as-table.ts';
import { benchClusterKill } from './cluster.ts';
import { benchClusterLoad } from './cluster-load.ts';
import { benchClusterSurvey } from './cluster-survey.ts';
import { benchCrypto } from './crypto.ts';
import { benchEesp } from './eesp.ts';
import { benchGateway } from './gateway.ts';
import { benchIkeAir, benchIkeHeap, benchIkeRate, type Figure } from './ike.ts';
import { benchIkeKinds } from './ike-kinds.ts';
import { benchIkeQuantum } from './ike-quantum.ts';
import { benchIkeScale } from './ike-scale.ts';
import { benchLists } from './lists.ts';
import { benchMac } from './mac.ts';
import { benchMtu } from './mtu.ts';
import { benchPeers } from './peers.ts';
import { benchCompression, benchHeap, benchPipeline, benchScale } from './pipeline.ts';
import { benchQos } from './qos.ts';
import { benchRadioCrowd } from './radio-crowd.ts';
import { benchResync } from './resync.ts';
import { benchRouter } from './router.ts';
import { benchSchc } from './schc.ts';
import { benchState } from './state.ts';
import { benchSubspaces } from './subspaces.ts';
import { benchTransports } from './transports.ts';
import { benchWorkers } from './workers.ts';

const groups: [string, () => Figure[] | Promise<Figure[]>][] = [
  ['heap', benchHeap],
  ['ike-heap', benchIkeHeap],
  ['compression', benchCompression],
  ['pipeline', benchPipeline],
  ['scale', benchScale],
  ['resync', benchResync],
  ['qos', benchQos],
  ['mac', benchMac],
  ['schc', benchSchc],
  ['crypto', benchCrypto],
  ['ike', benchIkeAir],
  ['ike-rate', benchIkeRate],
  ['ike-quantum', benchIkeQuantum],
  ['state', benchState],
  ['ike-scale', benchIkeScale],
  ['transports', benchTransports],
  ['peers', benchPeers],
  ['lists', benchLists],
  ['kinds', benchIkeKinds],
  ['subspaces', benchSubspaces],
  ['eesp', benchEesp],
  ['ah', benchAh],
  ['as-table', benchAsTable],
  ['mtu', benchMtu],
  ['gateway', benchGateway],
  ['workers', benchWorkers],
  ['cluster-kill', benchClusterKill],
  ['cluster-load', benchClusterLoad],
  ['cluster-survey', benchClusterSurvey],
  ['router', benchRouter],
  ['radio-crowd', benchRadioCrowd],
];
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
// `ike` is all of its groups.
const isWanted = (name: string): boolean => wanted.some((word) => name === word || name.startsWith(word + '-'));
for (const [name, run] of groups) {
  if (wanted.length > 0 && !isWanted(name)) continue;
  process.stdout.write('\n' + name + '\n');
  for (const { value, unit, name: what, beside } of await run()) {
    const number = Number.isInteger(value) ? String(value) : value.toFixed(2);
    const more = beside === undefined ? '' : '  (' + beside + ')';
    process.stdout.write('  ' + number.padStart(10) + ' ' + unit.padEnd(12) + ' ' + what + more + '\n');
  }
}
