// Certificate authorities for tests, made with the command line of OpenSSL in a folder of their own.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type KeyKind = 'ed25519' | 'p256' | 'p384' | 'rsa' | 'rsa1024' | 'p521';

export interface Issued {
  name: string;
  /** Files in PEM: the certificate, with those of its issuers below the root behind it, and the private key. */
  certificate: string;
  chain: string;
  key: string;
  der: Buffer;
}

export interface CertificateOptions {
  kind?: KeyKind;
  /** The issuer; absent: itself. */
  by?: Issued;
  /** Lines of an extension section; default by `isCa`. */
  extensions?: string[];
  isCa?: boolean;
  /** `DNS:a.test`. */
  names?: string;
  /** As openssl writes times, YYYYMMDDHHMMSSZ. */
  from?: string;
  until?: string;
  digest?: string;
}

export interface Pki {
  folder: string;
  issue(name: string, options?: CertificateOptions): Issued;
  /** A CRL of `by` with these revoked; a file in PEM. */
  crl(name: string, by: Issued, revoked: readonly Issued[], days?: string): string;
  close(): void;
}

const KINDS: Record<KeyKind, string[]> = {
  ed25519: ['-algorithm', 'ed25519'],
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa1024: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
};

export function openPki(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'dietesp-pki-'));
  let serial = 4096;
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    const ended = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (ended.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${ended.stderr}`);
  };
  /** The `ca` command's configuration and data base for one issuer. */
  function desk(by: Pick<Issued, 'name'>, extensions: readonly string[]): string {
    const base = `${by.name}-index`;
    try {
      readFileSync(at(base));
    } catch {
      writeFileSync(at(base), '');
      writeFileSync(at(`${base}.attr`), 'unique_subject = no\n');
      writeFileSync(at(`${base}-crl`), '1000\n');
    }
    const file = `${by.name}-${++serial}.cnf`;
    const serialFile = `${by.name}-serial`;
    writeFileSync(at(serialFile), serial.toString(16).padStart(4, '0') + '\n');
    const lines = [
      '[ca]',
      'default_ca = own',
      '[own]',
      `database = ${base}`,
      `serial = ${serialFile}`,
      `crlnumber = ${base}-crl`,
      'new_certs_dir = .',
      'default_md = default',
      'policy = any',
      'x509_extensions = ext',
      '[any]',
      'commonName = supplied',
      '[ext]',
      ...extensions,
    ];
    writeFileSync(at(file), lines.join('\n') + '\n');
    return file;
  }
  return {
    folder,
    issue(name, options = {}) {
      const { kind = 'p256', by, isCa = false } = options;
      const key = `${name}.key`;
      const usual = isCa
        ? ['basicConstraints = critical,CA:TRUE', 'keyUsage = critical,keyCertSign,cRLSign']
        : ['basicConstraints = CA:FALSE', 'keyUsage = critical,digitalSignature'];
      const names = options.names === undefined ? [] : [`subjectAltName = ${options.names}`];
      openssl('genpkey', ...KINDS[kind], '-out', key);
      openssl('req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', `${name}.csr`, '-config', '/dev/null');
      const config = desk(by ?? { name }, [...(options.extensions ?? usual), ...names]);
      const issuer = by === undefined ? ['-selfsign', '-keyfile', key] : ['-cert', by.certificate, '-keyfile', by.key];
      const [from, until] = [options.from ?? '20200101000000Z', options.until ?? '20991231235959Z'];
      const digest = options.digest === undefined ? [] : ['-md', options.digest];
      const times = ['-startdate', from, '-enddate', until, ...digest];
      const out = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-batch', '-notext'];
      openssl('ca', '-config', config, ...issuer, ...times, ...out);
      const pem = readFileSync(at(`${name}.crt`), 'latin1');
      const above = by === undefined ? '' : readFileSync(by.chain, 'latin1');
      // A root is not sent.
      writeFileSync(at(`${name}.chain`), by === undefined ? '' : pem + above);
      const der = Buffer.from(pem.replace(/-----[^-]*-----|\s/g, ''), 'base64');
      return { name, certificate: at(`${name}.crt`), chain: at(`${name}.chain`), key: at(key), der };
    },
    crl(name, by, revoked, days = '30') {
      const config = desk(by, []);
      const signer = ['-config', config, '-cert', by.certificate, '-keyfile', by.key];
      for (const { certificate } of revoked) openssl('ca', ...signer, '-revoke', certificate);
      openssl('ca', ...signer, '-gencrl', '-crldays', days, '-out', `${name}.crl`);
      return at(`${name}.crl`);
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
