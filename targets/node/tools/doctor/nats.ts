// Whether the NATS servers of a cluster are reached. Nothing is sent: a server speaks first.

import { greet } from './connect.ts';
import { absent, type Finding, ok, type Wants, warning } from './finding.ts';

const PORT = 4222;
/** What a server says first. */
const GREETING = 'INFO {';
const VERSION = /"version":"([^"]{1,32})"/;

export async function natsFindings({ nats }: Wants): Promise<Finding[]> {
  const seen = await Promise.all(
    nats.map(async ({ name }) => {
      const { protocol, hostname, port } = new URL(name);
      const host = hostname.replace(/^\[(.*)\]$/, '$1');
      const { problem, words } = await greet(host, port === '' ? PORT : Number(port), true);
      if (problem !== '') return { problem, text: '' };
      if (words.startsWith(GREETING)) return { problem: '', text: `NATS ${VERSION.exec(words)?.[1] ?? ''}`.trim() };
      // With `handshake_first` it says nothing before TLS.
      if (words === '' && protocol === 'tls:') return { problem: '', text: 'answers' };
      return { problem: 'somebody answers, but not as NATS does', text: '' };
    }),
  );
  // A cluster goes on without some of its servers.
  const hasOne = seen.some(({ problem }) => problem === '');
  return nats.map(({ name, field }, index) => {
    const { problem, text } = seen[index];
    if (problem === '') return ok(name, text);
    return hasOne ? warning(name, problem, field) : absent(name, true, problem, field);
  });
}
