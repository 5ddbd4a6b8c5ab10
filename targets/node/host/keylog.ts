// The key log: tables with which Wireshark and tshark decrypt, in a folder that WIRESHARK_CONFIG_DIR then names.
//
//   ikev2_decryption_table  SPIi,SPIr,SK_ei,SK_er,"cipher",SK_ai,SK_ar,"integrity"
//   esp_sa                  "IPv6","*","*","0xSPI","cipher","0xKEY","authentication","0xKEY"
//   sas.yaml                - {"name":"sensor-1 in 00001234","esp_spi":"00001234",...} # 2026-01-31T12:00:00.000Z
//
// The last one is an SA file, one SA a line: what `dietesp explain --sa`, `decompress --sa` and our dissector for Wireshark read.
// Nothing is taken out of it when an SA ends, because captures keep its packets.
//
// Whoever reads the tables can read all traffic, so only their owner may read the folder and its files (0700, 0600). SAs that
// Wireshark cannot decrypt get a comment instead of a key: ChaCha20-Poly1305, implicit IVs, and ESP whose SPI or sequence
// number is not whole on the wire. It does not know Diet-ESP: after a whole header it decrypts, and shows the residue.

import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isEespConfig } from '../../../core/eesp/any.ts';
import type { SaConfig } from '../../../core/esp/sa.ts';
import type { IkeCipher } from '../../../core/ike/crypto/suites.ts';
import type { ChildSa } from '../../../core/ike/state/child.ts';
import type { IkeSa } from '../../../core/ike/state/sa.ts';
import { appendTo, makeFolders } from './append.ts';
import { identityText } from './config/ike-names.ts';
import { SA_LOG_HEAD } from './config/sa-log.ts';
import { saValues } from './config/sa-values.ts';
import { CommandError } from './errors.ts';
import { createInARow } from './in-a-row.ts';

/** Keys of SAs, for a key log. The octets are valid during the call only. */
export interface KeyLog {
  /** SK_ei, SK_er (keys with salts), then integrity keys: octets[0..size). */
  ike(sa: IkeSa, octets: Uint8Array, size: number): void;
  /** A Child SA's two SAs. */
  esp(sa: IkeSa, outgoing: SaConfig, incoming: SaConfig): void;
  /** A Child SA has ended; absent: that is left out. */
  ended?(sa: IkeSa, child: ChildSa): void;
}

export const IKE_TABLE = 'ikev2_decryption_table';
export const ESP_TABLE = 'esp_sa';
export const SA_TABLE = 'sas.yaml';

const IKE_ENCR: Record<number, (bits: number) => string> = {
  12: (bits) => `AES-CBC-${bits} [RFC3602]`,
  14: (bits) => `AES-CCM-${bits} with 8 octet ICV [RFC5282]`,
  16: (bits) => `AES-CCM-${bits} with 16 octet ICV [RFC5282]`,
  20: (bits) => `AES-GCM-${bits} with 16 octet ICV [RFC5282]`,
};
const INTEG_HMAC = 12;
/** Flags of a CCM counter block whose counter has 4 octets: in front of the salt they make the nonce of AES-CTR. */
const CTR_FLAGS = '03';

function hex(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}

/** The line of an IKE SA. `octets`: SK_ei, SK_er (with salts), then SK_ai, SK_ar. */
export function ikeLine(spis: Uint8Array, cipher: IkeCipher, octets: Uint8Array): string {
  const spi = hex(spis);
  const name = IKE_ENCR[cipher.encr]?.(cipher.keyBits);
  if (name === undefined) return `# ${spi.slice(0, 16)},${spi.slice(16)}: ${cipher.name} is not decrypted`;
  const size = cipher.keyLength + cipher.saltLength;
  const auth = cipher.authKeyLength;
  const part = (from: number, length: number): string => hex(octets.subarray(from, from + length));
  const keys = [part(0, size), part(size, size), `"${name}"`, part(2 * size, auth), part(2 * size + auth, auth)];
  const integ = cipher.integ === INTEG_HMAC ? 'HMAC_SHA2_256_128 [RFC4868]' : 'NONE [RFC4306]';
  return [spi.slice(0, 16), spi.slice(16), ...keys, `"${integ}"`].join(',');
}

/** Encryption, its key, authentication, its key; or why there is nothing. */
function espColumns(config: SaConfig): string[] | string {
  const { suite, key, salt, authKey, attributes } = config;
  if (attributes.espSpiLsb !== 32 || attributes.espSnLsb !== 32) {
    return `${attributes.espSpiLsb} + ${attributes.espSnLsb} bits of SPI and SN on the wire`;
  }
  if (suite.subspaces !== undefined) return suite.name;
  if (isEespConfig(config)) return `EESP, ${suite.name},`;
  const hmac = ['HMAC-SHA-256-128 [RFC4868]', `0x${hex(authKey)}`];
  if (suite.encr === 11) return ['NULL', '', ...hmac];
  if (suite.encr === 12) return ['AES-CBC [RFC3602]', `0x${hex(key)}`, ...hmac];
  if (suite.encr === 20) return ['AES-GCM with 16 octet ICV [RFC4106]', `0x${hex(key)}${hex(salt)}`, 'NULL', ''];
  if (suite.encr === 14 || suite.encr === 16) {
    const unchecked = `ANY ${8 * suite.icvLength} bit authentication [no checking]`;
    return ['AES-CTR [RFC3686]', `0x${hex(key)}${CTR_FLAGS}${hex(salt)}`, unchecked, ''];
  }
  return suite.name;
}

/** The line of an SA. */
export function espLine(config: SaConfig): string {
  const spi = `0x${config.attributes.espSpi.toString(16).padStart(8, '0')}`;
  const columns = espColumns(config);
  if (typeof columns === 'string') return `# ${spi}: ${columns} is not decrypted`;
  const { tunnelSrc, tsIpSrcStart } = config.attributes;
  const family = (tunnelSrc.length > 0 ? tunnelSrc : tsIpSrcStart).length === 16 ? 'IPv6' : 'IPv4';
  return [family, '*', '*', spi, ...columns].map((column) => `"${column}"`).join(',');
}

/** The SPI as in messages of the log. */
function spiOf(spi: number): string {
  return spi.toString(16).padStart(8, '0');
}

/** The line of an SA in the SA file; without keys where an SA file has no words for it. */
export function saLine(config: SaConfig, name: string, time: string): string {
  const values = saValues(config);
  if (typeof values === 'string') return `# ${time} ${spiOf(config.attributes.espSpi)}: ${values}: is not in SA files`;
  return `- ${JSON.stringify({ name, ...values })} # ${time}`;
}

/** A key log of a program: what goes wrong there is told to `failed`, and stops nothing. */
export function besides(keylog: KeyLog, failed: (error: unknown) => void): KeyLog {
  const guarded = (write: () => void): void => {
    try {
      write();
    } catch (error) {
      failed(error);
    }
  };
  return {
    ike: (sa, octets, size) => guarded(() => keylog.ike(sa, octets, size)),
    esp: (sa, outgoing, incoming) => guarded(() => keylog.esp(sa, outgoing, incoming)),
    ended: (sa, child) => guarded(() => keylog.ended?.(sa, child)),
  };
}

/**
 * Opens (or makes) the folder; throws a CommandError that names it. Lines that cannot be written later are lost: looking on
 * stops nothing. `lost` is told how many are in a row, and why: of the first, the second, the fourth, ...
 */
export function createKeyLog(
  folder: string,
  lost: (lines: number, error: unknown) => void = () => {},
): KeyLog & { sa(config: SaConfig, name: string): void } {
  // Lines of each table that are missing since its last one; and what was lost in a row.
  const missing: Record<string, number> = {};
  const failures = createInARow();

  /** Adds a line to each of some tables. What one of them cannot take is lost there alone. */
  function append(...lines: [table: string, line: string][]): void {
    let problem: unknown;
    for (const [table, line] of lines) {
      const count = missing[table] ?? 0;
      const note = count > 0 ? `# ${count} lines are missing here\n` : '';
      try {
        appendTo(join(folder, table), Buffer.from(`${note}${line}\n`), 0o600);
        missing[table] = 0;
      } catch (error) {
        missing[table] = count + 1;
        problem = error;
      }
    }
    if (problem === undefined) {
      failures.good();
      return;
    }
    const told = failures.failed();
    if (told > 0) lost(told, problem);
  }
  try {
    makeFolders(folder, 0o700);
    for (const table of [IKE_TABLE, ESP_TABLE, SA_TABLE]) {
      const file = join(folder, table);
      const isNew = (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
      appendTo(file, Buffer.from(table === SA_TABLE && isNew ? SA_LOG_HEAD : ''), 0o600);
      chmodSync(file, 0o600);
    }
  } catch (error) {
    throw CommandError.from(folder, error);
  }
  const now = (): string => new Date().toISOString();
  function add(config: SaConfig, name: string): void {
    append([ESP_TABLE, espLine(config)], [SA_TABLE, saLine(config, name, now())]);
  }
  return {
    ike(sa, octets, size) {
      if (sa.cipher !== null) append([IKE_TABLE, ikeLine(sa.spis, sa.cipher, octets.subarray(0, size))]);
    },
    esp(sa, outgoing, incoming) {
      const peer = identityText(sa.peerIdType, sa.peerId);
      add(outgoing, `${peer} out ${spiOf(outgoing.attributes.espSpi)}`);
      add(incoming, `${peer} in ${spiOf(incoming.attributes.espSpi)}`);
    },
    ended(_sa, child) {
      append([SA_TABLE, `# ${now()} ended: ${spiOf(child.spiOut)} out, ${spiOf(child.spiIn)} in`]);
    },
    sa: add,
  };
}
