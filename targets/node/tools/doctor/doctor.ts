// `dietesp doctor`: what this host lacks for a gateway, or for the gateway of one file. It looks, and changes nothing but that it
// opens each port for a moment.

import { captureFindings } from './captures.ts';
import type { Finding, Wants } from './finding.ts';
import { forwardingFindings, limitFindings, portFindings, rightFindings } from './host.ts';
import { natsFindings } from './nats.ts';
import { clockFinding, cryptoFinding, nodeFinding, packageFindings } from './program.ts';
import { radioFindings } from './radios.ts';
import { stateFinding } from './state.ts';

export async function examine(wants: Wants): Promise<Finding[]> {
  return [
    nodeFinding(),
    cryptoFinding(),
    clockFinding(),
    ...(await packageFindings(wants)),
    ...rightFindings(wants),
    ...forwardingFindings(wants),
    ...(await portFindings(wants)),
    ...limitFindings(wants),
    ...(await radioFindings(wants)),
    ...(await natsFindings(wants)),
    // The SAs of a cluster are in its store.
    ...(wants.nats.length > 0 ? [] : [stateFinding(wants)]),
    ...captureFindings(wants),
  ];
}
