// Datagrams from port 0, which no ordinary socket sends: through a raw one of Python.

import { spawnSync } from 'node:child_process';

const CODE = `
import socket, struct, sys
try:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
except PermissionError:
    sys.exit(3)
if len(sys.argv) > 1:
    octets = bytes.fromhex(sys.argv[2])
    raw.sendto(struct.pack('!HHHH', 0, int(sys.argv[1]), 8 + len(octets), 0) + octets, ('127.0.0.1', 0))
`;

/** For a test's `skip` option: false, or why nothing can be sent from port 0 here. */
export function portZeroMissing(): string | false {
  const { status } = spawnSync('python3', ['-c', CODE], { timeout: 30000 });
  if (status === 0) return false;
  return status === 3 ? 'raw sockets need root' : 'no python3';
}

/** Sends a datagram from port 0 of the loopback to one of its ports. */
export function sendFromPortZero(port: number, octets: Uint8Array): void {
  const { status, stderr } = spawnSync('python3', ['-c', CODE, String(port), Buffer.from(octets).toString('hex')], {
    encoding: 'utf8',
    timeout: 30000,
  });
  if (status !== 0) throw new Error(`port 0: ${stderr}`);
}
