// A gateway as `dietesp gateway --config gateway.yaml` runs it: radios, IKE with a pre-shared key, packets out to a UDP
// server on this host.

import { createGateway, type Gateway, loadGatewayFile } from 'dietesp/node/gateway';

/** Opens what the file names and listens until `close`. */
export async function startGateway(file: string): Promise<Gateway> {
  const gateway = await createGateway(loadGatewayFile(file).config);
  gateway.on('peer', (address) => console.log('gateway: heard', address));
  return gateway;
}
