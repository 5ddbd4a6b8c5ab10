// The fields of a gateway's file about its cluster (docs/cluster.md).

import { integer, list, object, text } from './properties.ts';
import type { Property } from './schema.ts';

const FILE = (title: string, description: string): Property =>
  text(title, description, { pattern: '.', mustBe: 'the name of a file' });
const NAME: Partial<Property> = {
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  mustBe: '1 to 64 letters, digits, `_` or `-`',
};

export const CLUSTER: Property = object(
  'Cluster',
  'Gateways that share their SAs in NATS JetStream, in place of `state`; needs `stateKey`. See docs/cluster.md.',
  {
    servers: list('Servers', 'Of NATS, `nats://host:4222` or `tls://host:4222`.', { type: 'string' }, 16),
    bucket: text('Bucket', 'Of key-value; made where it is missing.', { ...NAME, default: 'dietesp' }),
    name: text('Name', 'Of this gateway in the cluster; no other has it.', NAME),
    replicas: integer('Replicas', 'Servers that have each record: 3, or 1 in a laboratory.', 1, 5, 3),
    lease: {
      title: 'Lease',
      description:
        'After this time without its store a gateway is silent, and others take over. The same at all gateways.',
      type: 'number',
      minimum: 1,
      maximum: 60,
      default: 3,
      unit: 's',
    },
    credentialsFile: FILE('Credentials', 'File of NATS credentials (`.creds`).'),
    nkeyFile: FILE('NKey', 'File of the seed of an NKey.'),
    tokenFile: FILE('Token', 'File of a token.'),
    user: text('User', 'Of NATS, with `passwordFile`.', { pattern: '.', mustBe: 'a name' }),
    passwordFile: FILE('Password', 'File of the password of `user`.'),
    caFile: FILE('CA', 'Certificates (PEM) by which the servers are verified; default those of the system.'),
    certificateFile: FILE('Certificate', 'Of this gateway (PEM), for TLS.'),
    certificateKeyFile: FILE('Key of the certificate', 'Its private key (PEM).'),
  },
  ['servers', 'name'],
);
