// Turns SA files into the core's attributes and SA parameters. It reads, checks and converts the whole file before anything
// starts, and reports all errors at once, each with its line.

import { refuse } from '../../../../core/base/refuse.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import { isEespConfig } from '../../../../core/eesp/any.ts';
import type { EespConfig } from '../../../../core/eesp/sa.ts';
import { ALL_SSKDFS } from '../../../../core/eesp/sskdf.ts';
import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import { type DfPolicy, dfClear, dfCopy } from '../../../../core/esp/df.ts';
import { defaultConfig, type SaConfig } from '../../../../core/esp/sa.ts';
import { createSubspaceSuite } from '../../../../core/esp/subspaces.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import { SPI_MIN } from '../../../../core/wire/esp.ts';
import { addressLimit, addressOctets } from '../addresses.ts';
import { type ConfigDocument, FILE_MAX, parseConfig, readText } from '../document.ts';
import { CommandError, errorText, FieldError, type FieldPath, isRefusal } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import { commonWithToday, fromJuly2023, JULY_2023_NAMES, JULY_2023_ONLY } from './july2023.ts';
import { refuseOtherKind } from './kind.ts';
import { loadSaLog, SA_LOG_MAX } from './sa-log.ts';
import { ALIASES, SA_LIST, SA_OBJECT, SA_PROPERTIES } from './schema.ts';
import { validate } from './validate.ts';

/** One SA of a file: what `createSa` takes, and where it came from. */
export interface LoadedSa {
  /** `name` of the file, or `sa` and its number. */
  name: string;
  /** The attributes of Diet-ESP; those of `config`. */
  attributes: A.Attributes;
  /** For `createSa`; it holds the keys. */
  config: SaConfig;
  /** Places an error about a field (a Refusal of the core, a FieldError without a file) at the field's line. */
  locate(error: unknown): CommandError;
}

type Values = Record<string, unknown>;

// The schema has checked that a value is one of these names.
const MODES: Record<string, A.IpsecMode> = { tunnel: A.MODE_TUNNEL, transport: A.MODE_TRANSPORT };
const TRAILERS: Record<string, A.EspTrailer> = { Optional: A.TRAILER_OPTIONAL, Mandatory: A.TRAILER_MANDATORY };
export const ECN_ACTIONS = { not_compressed: A.CDA_NOT_COMPRESSED, lower: A.CDA_LOWER } as const;
export const DSCP_ACTIONS = { ...ECN_ACTIONS, sa: A.CDA_SA } as const;
export const FLOW_LABEL_ACTIONS = { ...ECN_ACTIONS, generated: A.CDA_GENERATED, zero: A.CDA_ZERO } as const;

/** Octets of a string of hexadecimal digits. */
export function hexOctets(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** The suite called `name` in the vectors. */
export function suiteNamed(name: string): Suite {
  const suite = ALL_SUITES.find((candidate) => candidate.name === name);
  if (suite === undefined) {
    const known = ALL_SUITES.map((one) => one.name);
    refuse('esp_encr', name, `must be one of ${known.join(', ')}${didYouMean(name, known)}`);
  }
  return suite;
}

function address(field: string, text: string, version?: number): Uint8Array {
  const octets = addressOctets(text);
  if (octets === undefined) refuse(field, text, addressLimit(text, 'an IP address'));
  if (version !== undefined && octets.length !== (version === 4 ? 4 : 16)) {
    refuse(field, text, `must be an IPv${version} address (ts_ip_version)`);
  }
  return octets;
}

function range(field: string, pair: unknown, version: number): [Uint8Array, Uint8Array] {
  const length = version === 4 ? 4 : 16;
  if (!Array.isArray(pair)) return [new Uint8Array(length), new Uint8Array(length).fill(255)];
  return [address(`${field}[0]`, pair[0], version), address(`${field}[1]`, pair[1], version)];
}

/** Fills in the schema's defaults. */
function withDefaults(values: Values): Values {
  const full: Values = { ...values };
  for (const [name, property] of Object.entries(SA_PROPERTIES)) {
    if (full[name] === undefined && property.default !== undefined) full[name] = property.default;
  }
  return full;
}

/** Attributes of checked values. Throws Error("field: value: limit"). */
export function toAttributes(values: Values): A.Attributes {
  const sa = withDefaults(values);
  const version = sa.ts_ip_version as number;
  const mode = MODES[sa.ipsec_mode as string];
  const [srcStart, srcEnd] = range('ts_ip_src', sa.ts_ip_src, version);
  const [dstStart, dstEnd] = range('ts_ip_dst', sa.ts_ip_dst, version);
  const [portSrcStart, portSrcEnd] = sa.ts_port_src as number[];
  const [portDstStart, portDstEnd] = sa.ts_port_dst as number[];
  const tunnel = (sa.tunnel_ip ?? undefined) as string[] | undefined;
  if (mode === A.MODE_TUNNEL && tunnel === undefined) refuse('tunnel_ip', '(missing)', 'is required in tunnel mode');
  if (mode === A.MODE_TRANSPORT && tunnel !== undefined) {
    refuse('tunnel_ip', tunnel.join(', '), 'must be absent in transport mode');
  }
  return {
    iipcProfile: sa.iipc_enabled === false ? A.IIPC_NOT_COMPRESSED : A.IIPC_DIET_ESP,
    iipcRuleId: sa.rule_id === null ? -1 : (sa.rule_id as number),
    dscpCda: DSCP_ACTIONS[sa.dscp_cda as keyof typeof DSCP_ACTIONS],
    ecnCda: ECN_ACTIONS[sa.ecn_cda as keyof typeof ECN_ACTIONS],
    flowLabelCda: FLOW_LABEL_ACTIONS[sa.flow_label_cda as keyof typeof FLOW_LABEL_ACTIONS],
    dscpList: sa.dscp_list as number[],
    tsIpVersion: version as A.IpVersion,
    tsIpSrcStart: srcStart,
    tsIpSrcEnd: srcEnd,
    tsIpDstStart: dstStart,
    tsIpDstEnd: dstEnd,
    tsProto: sa.ts_proto as number,
    tsPortSrcStart: portSrcStart,
    tsPortSrcEnd: portSrcEnd,
    tsPortDstStart: portDstStart,
    tsPortDstEnd: portDstEnd,
    alignment: sa.alignment as A.Alignment,
    espTrailer: TRAILERS[sa.esp_trailer as string],
    ipsecMode: mode,
    tunnelSrc: tunnel === undefined ? new Uint8Array(0) : address('tunnel_ip[0]', tunnel[0]),
    tunnelDst: tunnel === undefined ? new Uint8Array(0) : address('tunnel_ip[1]', tunnel[1]),
    espSpi: Number.parseInt((sa.esp_spi as string).replace(/^0x/i, ''), 16),
    espSpiLsb: sa.esp_spi_lsb as number,
    espSnLsb: sa.esp_sn_lsb as number,
    esn: sa.esn === true ? 1 : 0,
  };
}

/** DF of the outer IPv4 header by its name in files; null: set. */
export function dfNamed(name: string): DfPolicy | null {
  return name === 'clear' ? dfClear : name === 'copy' ? dfCopy : null;
}

/** Keys, counters and limits of checked values. Throws Error("field: value: limit"). */
export function toConfig(attributes: A.Attributes, values: Values): SaConfig {
  const sa = withDefaults(values);
  const next = BigInt('0x' + (sa.esp_sn as string).replace(/^0x/i, ''));
  if (next === 0n) refuse('esp_sn', sa.esp_sn as string, 'must be >= 1');
  if (attributes.esn === 0 && next > 0xffffffffn) refuse('esp_sn', sa.esp_sn as string, 'must be <= ffffffff');
  if (attributes.espSpi < SPI_MIN) refuse('esp_spi', sa.esp_spi as string, 'must be >= 100 (hexadecimal)');
  const last = next - 1n;
  const life = sa.lifetime as Record<string, number>;
  const config = defaultConfig(attributes, suiteNamed(sa.esp_encr as string));
  config.key = hexOctets(sa.key as string);
  config.salt = hexOctets(sa.salt as string);
  config.authKey = hexOctets(sa.akey as string);
  config.snHi = Number(last >> 32n);
  config.snLo = Number(last & 0xffffffffn);
  config.replayWindow = sa.replay_window as number;
  config.softPackets = life.soft_packets ?? 0;
  config.hardPackets = life.hard_packets ?? 0;
  config.softBytes = life.soft_bytes ?? 0;
  config.hardBytes = life.hard_bytes ?? 0;
  config.softTime = (life.soft_seconds ?? 0) * 1000;
  config.hardTime = (life.hard_seconds ?? 0) * 1000;
  config.df = dfNamed(sa.df as string);
  config.anyRemote = sa.any_remote === true ? 1 : 0;
  return config;
}

/** As toConfig, with what only a key log says of an SA: that it has subspaces, or is one of EESP. Throws as toConfig does. */
export function toLogged(attributes: A.Attributes, values: Values): SaConfig {
  const config = toConfig(attributes, values);
  if (values.subspaces !== undefined) config.suite = createSubspaceSuite(config.suite, values.subspaces as number);
  if (values.eesp === undefined) return config;
  const { sskdf: name, key_length: keyLength, sn, max_id: maxId } = values.eesp as Values;
  const sskdf = ALL_SSKDFS.find((one) => one.name === name) ?? null;
  if (sskdf === null && name !== '') refuse('eesp.sskdf', String(name), 'is unknown');
  const eesp = { sskdf, keyLength: Number(keyLength), hasSn: sn === true, maxId: Number(maxId), session: 0 };
  // Without numbers there is no window.
  const eespConfig: EespConfig = { ...config, replayWindow: eesp.hasSn ? config.replayWindow : 0, eesp };
  return eespConfig;
}

/** True for an SA of EESP, or with subspaces. */
export function isOtherFormat({ config }: LoadedSa): boolean {
  return config.suite.subspaces !== undefined || isEespConfig(config);
}

/** Replaces other spellings by the names of the schema. */
function normalise(document: ConfigDocument, values: Values, path: FieldPath): void {
  for (const [other, name] of Object.entries(ALIASES)) {
    if (values[other] === undefined) continue;
    if (values[name] === undefined) {
      document.alias([...path, name], other);
      values[name] = values[other];
    } else {
      document.keep(document.error([...path, other], '', `${name} is given too`));
    }
    delete values[other];
  }
}

/** The attributes of an SA in the names of today or of July 2023, which are refused where they do not belong. */
function attributesOf(document: ConfigDocument, values: Values, path: FieldPath): A.Attributes {
  const misplaced = (name: string, limit: string): void => document.keep(document.error([...path, name], '', limit));
  if (values.names !== 'july_2023') {
    for (const name of JULY_2023_ONLY) if (values[name] !== undefined) misplaced(name, 'needs names: july_2023');
    return toAttributes(values);
  }
  for (const [name, old] of Object.entries(JULY_2023_NAMES)) {
    if (values[name] === undefined) continue;
    misplaced(name, old === '' ? 'has no counterpart in July 2023' : `is ${old} with names: july_2023`);
  }
  return fromJuly2023(values, toAttributes(commonWithToday(values)));
}

/** `ts_ip_src[0]` and `lifetime.soft_packets` of the core, by the names of a file. */
function stepsOf(name: string, values: Values): FieldPath {
  const [first, ...rest] = name.split(/[.[\]]+/).filter((step) => step !== '');
  const own = first === 'iipc_profile' ? 'iipc_enabled' : first;
  const named = values.names === 'july_2023' ? JULY_2023_NAMES[own] || own : own;
  return [named, ...rest.map((step) => (/^\d+$/.test(step) ? Number(step) : step))];
}

/** Reads every SA of a parsed file. Throws a FieldError, or FieldErrors with all that is wrong. */
export function readSas(document: ConfigDocument): LoadedSa[] {
  const { data } = document;
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    throw document.error([], '', 'must be an object with one SA, or with `sas`, a list of them');
  }
  refuseOtherKind(document, 'sa');
  const file = data as Values;
  const isList = Object.hasOwn(file, 'sas');
  const listed: unknown[] = Array.isArray(file.sas) ? file.sas : [];
  const at = (index: number): FieldPath => (isList ? ['sas', index] : []);
  (isList ? listed : [file]).forEach((values, index) => {
    if (typeof values === 'object' && values !== null) normalise(document, values as Values, at(index));
  });
  validate(document, isList ? SA_LIST : SA_OBJECT, file, []);
  const entries = (isList ? listed : [file]) as (Values | undefined)[];
  const loaded = entries.flatMap((values, index): LoadedSa[] => {
    if (values === undefined) return [];
    const path = at(index);
    const locate = (error: unknown): CommandError => {
      if (error instanceof FieldError && error.line === 0) {
        return document.error([...path, ...error.path], error.value, error.limit);
      }
      if (error instanceof CommandError) return error;
      if (!isRefusal(error)) return document.error(path, '', errorText(error));
      return document.error([...path, ...stepsOf(error.field, values)], error.value, error.limit);
    };
    try {
      const attributes = attributesOf(document, values, path);
      const name = (values.name as string | undefined) ?? `sa${index + 1}`;
      return [{ name, attributes, config: toConfig(attributes, values), locate }];
    } catch (error) {
      const located = locate(error);
      if (!(located instanceof FieldError)) throw located;
      document.keep(located);
      return [];
    }
  });
  document.finish();
  return loaded;
}

/** Loads the SAs of a file; throws as readSas does. Those of a key log that are of EESP, or have subspaces, are left out. */
export function loadSaFile(file: string): LoadedSa[] {
  return loadAnySaFile(file).filter((sa) => !isOtherFormat(sa));
}

/** Loads all SAs of a file, also those of EESP, and with subspaces, of a key log. */
export function loadAnySaFile(file: string): LoadedSa[] {
  const text = readText(file, SA_LOG_MAX);
  const logged = loadSaLog(file, text, (values) => {
    const attributes = toAttributes(values);
    return { attributes, config: toLogged(attributes, values) };
  });
  return logged ?? readSas(parseConfig(file, text.length > FILE_MAX ? readText(file) : text));
}
