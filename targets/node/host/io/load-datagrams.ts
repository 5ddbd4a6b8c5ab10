// Which UDP sockets there are here.

import { errorText } from '../errors.ts';
import type { Datagrams, UdpIo } from './datagrams.ts';
import { loadNativeSockets } from './native-socket.ts';
import { openNodeSocket } from './node-socket.ts';

const NODE: Datagrams = { kind: 'node', open: openNodeSocket, shared: null };

/** `told`: why it is node:dgram, where `auto` was asked for. */
export async function loadDatagrams(io: UdpIo, told: (why: string) => void): Promise<Datagrams> {
  if (io === 'node') return NODE;
  try {
    return await loadNativeSockets();
  } catch (error) {
    told(errorText(error));
    return NODE;
  }
}
