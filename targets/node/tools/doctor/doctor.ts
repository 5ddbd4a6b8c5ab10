// `dietesp doctor`: what this host lacks for a gateway, or for the gateway of one file. It looks, and changes nothing but that it
// opens each port for a moment.

import type { Finding, Wants } from './finding.ts';
import { forwardingFindings, limitFindings, portFindings, rightFindings } from './host.ts';
import { clockFinding, cryptoFinding, nodeFinding, packageFindings } from './program.ts';
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
    stateFinding(wants),
  ];
}
