// A gateway like `dietesp gateway --config gateway.yaml`: radios, IKE with a pre-shared key, and packets to a UDP server on
// this host.

import { createGateway, type Gateway, loadGatewayFile } from 'dietesp/node/gateway';

/** Opens what the file names and listens until `close`. */
export async function startGateway(file: string): Promise<Gateway> {
  const gateway = await createGateway(loadGatewayFile(file).config);
  gateway.on('peer', (address) => console.log('gateway: heard', address));
  return gateway;
}
