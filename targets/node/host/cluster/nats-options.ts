// Where the servers of NATS are, and how a gateway shows who it is: what the library is told of it.

import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { ConnectionOptions } from '@nats-io/transport-node';
import { CommandError } from '../errors.ts';
import { readOctets } from '../read-file.ts';
import type { NatsConfig } from './nats-config.ts';

const SECRET_MAX = 65536;
const LIBRARIES = '@nats-io/transport-node, @nats-io/jetstream and @nats-io/kv';

/** What the packages export. */
type Libraries = typeof import('@nats-io/transport-node') &
  typeof import('@nats-io/jetstream') &
  typeof import('@nats-io/kv');

/** The packages, which a gateway without a cluster need not have. */
export async function libraries(): Promise<Libraries> {
  try {
    const [transport, jetstream, kv] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
      import('@nats-io/kv'),
    ]);
    return { ...transport, ...jetstream, ...kv };
  } catch {
    throw new CommandError(
      `cluster: needs the packages ${LIBRARIES}: npm install ${LIBRARIES.replaceAll(/,| and/g, '')}`,
    );
  }
}

function read(file: string): Uint8Array {
  try {
    return readOctets(file, SECRET_MAX);
  } catch (error) {
    throw CommandError.from(file, error);
  }
}

/** Who this gateway says it is. Throws a CommandError that names the file where it can't be that. */
export function proofOf(config: NatsConfig, nats: Awaited<ReturnType<typeof libraries>>): ConnectionOptions {
  const text = (file: string): string => Buffer.from(read(file)).toString('utf8').trim();
  const { credentialsFile, nkeyFile, tokenFile, user, passwordFile } = config;
  if (tokenFile !== '') return { token: text(tokenFile) };
  if (passwordFile !== '') return { user, pass: text(passwordFile) };
  const file = credentialsFile || nkeyFile;
  if (file === '') return {};
  const authenticator =
    credentialsFile === '' ? nats.nkeyAuthenticator(Buffer.from(text(file))) : nats.credsAuthenticator(read(file));
  try {
    authenticator('nonce');
  } catch {
    throw new CommandError(
      `${file}: ${credentialsFile === '' ? 'is no seed of an NKey' : 'has no credentials of NATS'}`,
    );
  }
  return { authenticator };
}

/**
 * TLS, where the file asks for it. The library does so for no `tls://` by itself, and takes an address for `localhost`. So a
 * certificate has to be for the name, or for one of the file's addresses; and no server is connected to but those of the file.
 */
export function tlsOf({ servers, caFile, certificateFile, certificateKeyFile }: NatsConfig): ConnectionOptions {
  if (caFile === '' && certificateFile === '' && !servers.some((one) => one.startsWith('tls:'))) return {};
  const hosts = servers.map((one) => new URL(one).hostname.replace(/^\[|\]$/g, ''));
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  const check = (host: string, certificate: PeerCertificate): Error | undefined => {
    if (hosts.includes(host) || addresses.length === 0) return checkServerIdentity(host, certificate);
    const problems = addresses.map((one) => checkServerIdentity(one, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
  const tls = {
    ...(caFile === '' ? {} : { caFile }),
    ...(certificateFile === '' ? {} : { certFile: certificateFile, keyFile: certificateKeyFile }),
    checkServerIdentity: check,
  };
  return { tls, ignoreClusterUpdates: true };
}
