// Reads the cluster of a gateway's file.

import type { ClusterConfig } from '../cluster/open.ts';
import { CLUSTER } from './cluster-schema.ts';
import { entriesOf, type Field, fieldError, fileOf, filled, inside, keepError } from './field.ts';

const SERVER = /^(nats|tls):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/;
const FILES = [
  'credentialsFile',
  'nkeyFile',
  'tokenFile',
  'passwordFile',
  'caFile',
  'certificateFile',
  'certificateKeyFile',
] as const;
/** What shows who the gateway is, of which there can be one. */
const PROOFS = ['credentialsFile', 'nkeyFile', 'tokenFile', 'passwordFile'];
/** Of these a file has both, or none. */
const PAIRS = [
  ['certificateFile', 'certificateKeyFile'],
  ['user', 'passwordFile'],
];

/** `root`: the whole file. Undefined: there is no cluster, or something is wrong with it. */
export function clusterOf(root: Field): ClusterConfig | undefined {
  const field = inside(root, 'cluster');
  if (field.value === undefined) return undefined;
  const values = filled(field.value, CLUSTER.properties!);
  const servers = entriesOf(inside(field, 'servers'));
  if (servers.length === 0) keepError(field, fieldError(inside(field, 'servers'), 'must be one or more'));
  for (const one of servers) {
    if (!SERVER.test(String(one.value))) keepError(one, fieldError(one, 'must be nats://HOST:PORT or tls://HOST:PORT'));
  }
  const isTls = (one: Field): boolean => String(one.value).startsWith('tls:');
  const other = servers.find((one) => isTls(one) !== isTls(servers[0]));
  if (other !== undefined) keepError(other, fieldError(other, 'must be as the first: all with tls://, or none'));
  const given = PROOFS.filter((name) => inside(field, name).value !== undefined);
  if (given.length > 1) keepError(field, fieldError(inside(field, given[1]), `is not taken beside ${given[0]}`));
  for (const pair of PAIRS) {
    const lacking = pair.filter((name) => inside(field, name).value === undefined);
    if (lacking.length !== 1) continue;
    keepError(field, fieldError(inside(field, lacking[0]), `is required with the other of ${pair.join(' and ')}`));
  }
  if (inside(root, 'stateKey').value === undefined) {
    keepError(root, fieldError(inside(root, 'stateKey'), 'is required with cluster: all gateways have the same'));
  }
  for (const [name, why] of [
    ['state', 'is not taken beside cluster: SAs are in its store'],
    ['sas', 'is not taken beside cluster: manual SAs belong to one gateway'],
    ['tcp', 'is not taken beside cluster: what is on a connection cannot be taken over'],
  ]) {
    const beside = inside(root, name);
    if (beside.value !== undefined) keepError(beside, fieldError(beside, why));
  }
  for (const radio of entriesOf(inside(root, 'radios'))) {
    const [short, long] = [inside(radio, 'shortAddress'), inside(radio, 'extendedAddress')];
    if (short.value !== undefined || long.value !== undefined) continue;
    keepError(radio, fieldError(long, 'is required beside cluster, or shortAddress: all gateways have the same'));
  }
  if (root.document.hasError(['cluster']) || servers.length === 0) return undefined;
  const files = Object.fromEntries(
    FILES.map((name) => {
      const one = inside(field, name);
      return [name, one.value === undefined ? '' : fileOf(one)];
    }),
  ) as Record<(typeof FILES)[number], string>;
  return {
    ...files,
    servers: servers.map(({ value }) => String(value)),
    bucket: String(values.bucket),
    name: String(values.name),
    user: values.user === undefined ? '' : String(values.user),
    replicas: values.replicas as number,
    lease: (values.lease as number) * 1000,
  };
}
