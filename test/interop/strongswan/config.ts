// A charon's configuration as data, and its text: swanctl.conf(5), strongswan.conf(5). Their parser needs one `key = value`
// per line.

import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Issued } from '../../support/pki.ts';

export interface Section {
  [key: string]: string | number | boolean | Section;
}

/** A raw Ed25519 key pair [RFC 8032]. */
export interface KeyPair {
  /** PKCS #8 and SubjectPublicKeyInfo, PEM. */
  privatePem: string;
  publicPem: string;
  /** 32 octets each. */
  seed: Uint8Array;
  publicKey: Uint8Array;
}

export interface Party {
  /** FQDN, without a leading `@`. */
  id: string;
  /** Absent: PSK. */
  key?: KeyPair;
  /** Own certificate with its key; of the peer the root. */
  certificate?: Issued;
  root?: Issued;
}

export interface ChildConfig {
  name: string;
  /** Proposals in strongSwan's keywords, such as `aes128ccm8`; with a key exchange method: PFS when rekeyed. */
  esp: readonly string[];
  /** Traffic selectors of this side and of the peer: addresses, prefixes, `10.1.0.1[udp/5683]`. */
  local: readonly string[];
  remote: readonly string[];
  /** Further keys of connections.<conn>.children.<child>. */
  more?: Section;
}

export interface ConnectionConfig {
  name: string;
  /** Addresses outside the tunnel; `%any` is any. */
  localAddress: string;
  remoteAddress: string;
  ike: readonly string[];
  local: Party;
  /** A key's private half is not needed. */
  remote: Party;
  children: readonly ChildConfig[];
  /** Further keys of connections.<conn>, such as `dpd_delay`, `ppk_id`, `rekey_time`. */
  more?: Section;
}

export interface SharedSecret {
  /** Identities that it belongs to; of a PPK its PPK_ID. */
  ids: readonly string[];
  secret: Uint8Array;
}

export interface PeerConfig {
  connections: readonly ConnectionConfig[];
  psks?: readonly SharedSecret[];
  ppks?: readonly SharedSecret[];
  /** Addresses to give away: name of a pool to its prefix. */
  pools?: Record<string, string>;
}

const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key pair out of its seed of 32 octets, or a new one. */
export function ed25519(seed?: Uint8Array): KeyPair {
  const privateKey =
    seed === undefined
      ? generateKeyPairSync('ed25519').privateKey
      : createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return {
    privatePem: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    publicPem: String(publicKey.export({ format: 'pem', type: 'spki' })),
    seed: Uint8Array.from(privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)),
    publicKey: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)),
  };
}

/** The text of a section's inside. Throws on what the parser would not take as it is meant. */
export function sectionText(section: Section, indent = ''): string {
  let text = '';
  for (const [key, value] of Object.entries(section)) {
    if (!/^[\w.-]+$/.test(key)) throw new Error('configuration: key ' + key);
    if (typeof value === 'object') {
      text += indent + key + ' {\n' + sectionText(value, indent + '  ') + indent + '}\n';
      continue;
    }
    const word = value === true ? 'yes' : value === false ? 'no' : String(value);
    if (/[\n#{}="]/.test(word)) throw new Error('configuration: ' + key + ' = ' + word);
    text += indent + key + ' = ' + word + '\n';
  }
  return text;
}

function party(side: Party, file: string): Section {
  if (side.certificate !== undefined) return { id: side.id, auth: 'pubkey', certs: file + '.crt' };
  if (side.root !== undefined) return { id: side.id, auth: 'pubkey', cacerts: 'root.crt' };
  const auth: Section = side.key === undefined ? { auth: 'psk' } : { auth: 'pubkey', pubkeys: file };
  return { id: '@' + side.id, ...auth };
}

function child(config: ChildConfig): Section {
  return {
    mode: 'tunnel',
    esp_proposals: config.esp.join(', '),
    local_ts: config.local.join(', '),
    remote_ts: config.remote.join(', '),
    // Nothing happens but what a case asks for.
    rekey_time: 0,
    ...config.more,
  };
}

function connection(config: ConnectionConfig): Section {
  return {
    version: 2,
    local_addrs: config.localAddress,
    remote_addrs: config.remoteAddress,
    proposals: config.ike.join(', '),
    mobike: false,
    send_certreq: config.remote.root !== undefined,
    send_cert: config.local.certificate === undefined ? 'never' : 'always',
    rekey_time: 0,
    local: party(config.local, config.name + '-local.pub'),
    remote: party(config.remote, config.name + '-remote.pub'),
    children: Object.fromEntries(config.children.map((entry) => [entry.name, child(entry)])),
    ...config.more,
  };
}

function secret({ ids, secret }: SharedSecret): Section {
  const names = Object.fromEntries(ids.map((id, index) => ['id-' + index, id]));
  return { ...names, secret: '0x' + Buffer.from(secret).toString('hex') };
}

/** Files of a SWANCTL_DIR: path in it, to text. */
export function peerFiles(config: PeerConfig): Record<string, string> {
  const files: Record<string, string> = {};
  const secrets: Section = {};
  for (const [index, entry] of (config.psks ?? []).entries()) secrets['ike-' + index] = secret(entry);
  for (const [index, entry] of (config.ppks ?? []).entries()) secrets['ppk-' + index] = secret(entry);
  for (const { name, local, remote } of config.connections) {
    if (local.key !== undefined) {
      files['private/' + name + '.key'] = local.key.privatePem;
      files['pubkey/' + name + '-local.pub'] = local.key.publicPem;
    }
    if (local.certificate !== undefined) {
      const { chain, key } = local.certificate;
      const [own, ...above] = readFileSync(chain, 'latin1').split(/(?<=-----END CERTIFICATE-----\n)/);
      files['x509/' + name + '-local.pub.crt'] = own;
      for (const [index, pem] of above.filter((text) => text.trim() !== '').entries())
        files[`x509ca/middle${index}.crt`] = pem;
      files['private/' + name + '.key'] = readFileSync(key, 'latin1');
    }
    if (remote.root !== undefined) files['x509ca/root.crt'] = readFileSync(remote.root.certificate, 'latin1');
    if (remote.key !== undefined) files['pubkey/' + name + '-remote.pub'] = remote.key.publicPem;
  }
  const connections = Object.fromEntries(config.connections.map((entry) => [entry.name, connection(entry)]));
  const pools = Object.fromEntries(Object.entries(config.pools ?? {}).map(([name, addrs]) => [name, { addrs }]));
  files['swanctl.conf'] = sectionText({ connections, secrets, pools });
  return files;
}
