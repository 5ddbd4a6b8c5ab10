// tun-offload.test.ts runs this in two network namespaces: a server that answers with what it got, and a client that asks by lines
// of its input, `udp FAMILY` or `tcp FAMILY OCTETS`, and says whether that is what it sent.

import { createHash } from 'node:crypto';
import { createConnection, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { loadDatagrams } from '../../targets/node/host/io/load-datagrams.ts';
import { createRandom } from '../../targets/node/host/radio/random.ts';
import { ADDRESS } from '../hostile/path.ts';

const PORT = 7001;
const BURST = 64;
const BUFFERS = { octets: 4194304, warn: () => {} };
const datagrams = await loadDatagrams('auto', () => {});
const print = (line: unknown): void =>
  void process.stdout.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
const digest = (octets: Uint8Array): Buffer => createHash('sha256').update(octets).digest();

async function serve(): Promise<void> {
  for (const family of ['4', '6'] as const) {
    const socket = await datagrams.open(ADDRESS.b[family], PORT, BUFFERS, {
      taken(octets, offset, length, remote, port) {
        socket.send(octets.subarray(offset, offset + length), remote, port);
      },
      unsent() {},
      lost() {},
      failed() {},
    });
  }
  createServer({ allowHalfOpen: true }, (connection: Socket) => {
    const hash = createHash('sha256');
    connection.on('data', (octets) => hash.update(octets));
    connection.on('end', () => connection.end(hash.digest()));
  }).listen(PORT, '::', () => print('ready'));
}

/** Bursts of equal datagrams, and a shorter one: they go as one, and come back as one. */
async function udp(family: '4' | '6'): Promise<void> {
  const random = createRandom(11);
  const remote = addressOctets(ADDRESS.b[family])!;
  let got: Buffer[] = [];
  let done: () => void = () => {};
  const socket = await datagrams.open(ADDRESS.a[family], 0, BUFFERS, {
    taken(octets, offset, length) {
      got.push(Buffer.from(octets.subarray(offset, offset + length)));
      if (got.length === BURST) done();
    },
    unsent() {},
    lost() {},
    failed() {},
  });
  let same = true;
  let sent = 0;
  for (let n = 0; n < 10; n++) {
    const burst = Array.from({ length: BURST }, (_, i) =>
      Buffer.from(Uint8Array.from({ length: i === BURST - 1 ? 77 : 100 + 100 * n }, () => random.next() * 256)),
    );
    const came = new Promise<void>((resolve) => {
      done = resolve;
    });
    got = [];
    for (const one of burst) socket.send(one, remote, PORT);
    sent += burst.length;
    await came;
    if (!burst.every((one, i) => one.equals(got[i]))) same = false;
  }
  await socket.close();
  print({ sent, same });
}

function tcp(family: '4' | '6', size: number): void {
  const octets = Buffer.alloc(size);
  const random = createRandom(size);
  for (let i = 0; i + 4 <= size; i += 4) octets.writeUInt32LE(Math.floor(random.next() * 4294967296), i);
  const got: Buffer[] = [];
  const connection = createConnection({ host: ADDRESS.b[family], port: PORT, allowHalfOpen: true });
  connection.end(octets);
  connection.on('data', (one) => got.push(one));
  connection.on('end', () => print({ same: digest(octets).equals(Buffer.concat(got)) }));
}

if (process.argv[2] === 'server') await serve();
else print('ready');
createInterface(process.stdin)
  .on('line', (line) => {
    const [what, family, size] = line.split(' ') as [string, '4' | '6', string];
    if (what === 'udp') void udp(family);
    else tcp(family, Number(size));
  })
  .on('close', () => process.exit(0));
