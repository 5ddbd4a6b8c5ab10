// A cache of the RPKI-to-Router protocol at a TCP port. The protocol has no protection of its own: the cache is on this machine, or
// the way to it is protected [RFC 8210 §9].

import { connect } from 'node:net';
import { errorText } from '../../host/errors.ts';
import { openRtr, type Rtr, type RtrConfig } from './rtr.ts';

/** Keeps the ROAs of the cache at `host` and `port`. */
export function openRtrOverTcp(
  { host, port }: { host: string; port: number },
  upper: Pick<RtrConfig, 'changed' | 'told'>,
): Rtr {
  return openRtr({
    ...upper,
    connect({ came, ended }) {
      const socket = connect({ host, port, keepAlive: true });
      let why = '';
      socket.on('data', came);
      socket.on('error', (error) => {
        why = `${host} port ${port}: ${errorText(error)}`;
      });
      socket.on('close', () => ended(why));
      return {
        send: (octets) => void socket.write(octets),
        close: () => socket.destroy(),
      };
    },
    after(time, work) {
      const timer = setTimeout(work, time).unref();
      return () => clearTimeout(timer);
    },
  });
}
