// SA files -> attributes and SA parameters of the core. A file is read, checked against the schema and converted as a
// whole before anything starts; the first error stops it, with its line.

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { refuse } from '../../../../core/base/refuse.ts';
import * as A from '../../../../core/dietesp/attributes.ts';
import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import { defaultConfig, type SaConfig } from '../../../../core/esp/sa.ts';
import type { Suite } from '../../../../core/esp/suites.ts';
import { SPI_MIN } from '../../../../core/wire/esp.ts';
import { addressOctets } from '../addresses.ts';
import { type ConfigDocument, type Path, parseConfig, pathName, readText } from '../document.ts';
import { CommandError, errorText } from '../errors.ts';
import { commonWithToday, fromJuly2023, JULY_2023_NAMES, JULY_2023_ONLY } from './july2023.ts';
import { ALIASES, HEX_FIELDS, SA_PROPERTIES, SA_SCHEMA, SECRET_FIELDS } from './schema.ts';

/** One SA of a file: what `createSa` takes, and where it came from. */
export interface LoadedSa {
  /** `name` of the file, or `sa` and its number. */
  name: string;
  attributes: A.Attributes;
  config: SaConfig;
  /** Places an error that the core threw ("field: value: limit") at the field's line. */
  locate(error: unknown): CommandError;
}

type Values = Record<string, unknown>;

const MODES: Record<string, number> = { tunnel: A.MODE_TUNNEL, transport: A.MODE_TRANSPORT };
const TRAILERS: Record<string, number> = { Optional: A.TRAILER_OPTIONAL, Mandatory: A.TRAILER_MANDATORY };
const ACTIONS: Record<string, number> = {
  not_compressed: A.CDA_NOT_COMPRESSED,
  lower: A.CDA_LOWER,
  sa: A.CDA_SA,
  generated: A.CDA_GENERATED,
  zero: A.CDA_ZERO,
};

/** Octets of a string of hexadecimal digits. */
export function hexOctets(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** The suite called `name` in the vectors. */
export function suiteNamed(name: string): Suite {
  const suite = ALL_SUITES.find((candidate) => candidate.name === name);
  if (suite === undefined) refuse('esp_encr', name, 'must be one of ' + ALL_SUITES.map((s) => s.name).join(', '));
  return suite;
}

function address(field: string, text: string, version?: number): Uint8Array {
  const octets = addressOctets(text);
  if (octets === undefined) refuse(field, text, 'must be an IP address');
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
    dscpCda: ACTIONS[sa.dscp_cda as string],
    ecnCda: ACTIONS[sa.ecn_cda as string],
    flowLabelCda: ACTIONS[sa.flow_label_cda as string],
    dscpList: sa.dscp_list as number[],
    tsIpVersion: version,
    tsIpSrcStart: srcStart,
    tsIpSrcEnd: srcEnd,
    tsIpDstStart: dstStart,
    tsIpDstEnd: dstEnd,
    tsProto: sa.ts_proto as number,
    tsPortSrcStart: portSrcStart,
    tsPortSrcEnd: portSrcEnd,
    tsPortDstStart: portDstStart,
    tsPortDstEnd: portDstEnd,
    alignment: sa.alignment as number,
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
  config.anyRemote = sa.any_remote === true ? 1 : 0;
  return config;
}

let validator: ValidateFunction | undefined;

function validate(data: unknown): ErrorObject | undefined {
  validator ??= new Ajv({ strict: false, verbose: true }).compile(SA_SCHEMA);
  return validator(data) ? undefined : validator.errors?.find((error) => error.keyword !== 'if');
}

function valueText(path: Path, value: unknown): string {
  if (SECRET_FIELDS.includes(String(path[path.length - 1]))) {
    return typeof value === 'string' ? `(${value.length} digits)` : `(a ${typeof value})`;
  }
  if (value === undefined) return '(missing)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? text.slice(0, 57) + '...' : text;
}

function schemaError(document: ConfigDocument, problem: ErrorObject, given: Map<Values, Record<string, string>>) {
  const path: Path = [];
  let parent: unknown = document.data;
  for (const step of problem.instancePath.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(parent) ? Number(key) : (given.get(parent as Values)?.[key] ?? key));
    parent = (parent as Values)?.[key];
  }
  if (problem.keyword === 'additionalProperties') {
    const field = [...path, String(problem.params.additionalProperty)];
    return document.error(field, `${pathName(field)}: unknown field`);
  }
  if (problem.keyword === 'required') {
    const field = [...path, String(problem.params.missingProperty)];
    return document.error(path, `${pathName(field)}: (missing): is required`);
  }
  let rule = problem.message ?? problem.keyword;
  if (problem.keyword === 'enum') rule = `must be one of ${(problem.params.allowedValues as unknown[]).join(', ')}`;
  if (problem.keyword === 'pattern') {
    rule = (problem.parentSchema as { description?: string }).description ?? rule;
    rule = `must be: ${rule}`;
  }
  const name = pathName(path) || 'file';
  return document.error(path, `${name}: ${valueText(path, problem.data)}: ${rule}`);
}

/** Replaces other spellings by the names of the schema; hexadecimal fields become the text as written. */
function normalise(document: ConfigDocument, values: Values, path: Path, given: Record<string, string>): void {
  for (const [other, name] of Object.entries(ALIASES)) {
    if (values[other] === undefined) continue;
    if (values[name] !== undefined) throw document.error([...path, other], `${other}: ${name} is given too`);
    values[name] = values[other];
    delete values[other];
    given[name] = other;
  }
  for (const field of HEX_FIELDS) {
    if (typeof values[field] === 'number') values[field] = document.source([...path, field]);
  }
}

/** The attributes of an SA in the names of today or of July 2023, which are refused where they do not belong. */
function attributesOf(document: ConfigDocument, values: Values, path: Path): A.Attributes {
  if (values.names !== 'july_2023') {
    for (const name of JULY_2023_ONLY) {
      if (values[name] !== undefined) throw document.error([...path, name], `${name}: needs names: july_2023`);
    }
    return toAttributes(values);
  }
  for (const [name, old] of Object.entries(JULY_2023_NAMES)) {
    if (values[name] === undefined) continue;
    const instead = old === '' ? 'has no counterpart in July 2023' : `is ${old} with names: july_2023`;
    throw document.error([...path, name], `${name}: ${instead}`);
  }
  return fromJuly2023(values, toAttributes(commonWithToday(values)));
}

/** Reads every SA of a parsed file. */
export function readSas(document: ConfigDocument): LoadedSa[] {
  const data = document.data as Values | null;
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    throw document.error([], 'file: must be an object with one SA, or with `sas`, a list of them');
  }
  const list = Array.isArray(data.sas);
  const entries = list ? (data.sas as Values[]) : [data];
  const given = new Map<Values, Record<string, string>>();
  entries.forEach((values, index) => {
    if (values === null || typeof values !== 'object') return;
    const names: Record<string, string> = {};
    given.set(values, names);
    normalise(document, values, list ? ['sas', index] : [], names);
  });
  const problem = validate(data);
  if (problem !== undefined) throw schemaError(document, problem, given);

  return entries.map((values, index) => {
    const path: Path = list ? ['sas', index] : [];
    const locate = (error: unknown): CommandError => {
      if (error instanceof CommandError) return error;
      const text = errorText(error);
      const named = /^([a-z_]+)((?:\.[a-z_]+)?)((?:\[\d+\])?)(?=:)/.exec(text);
      if (named === null) return document.error(path, text);
      let name = named[1] === 'iipc_profile' ? 'iipc_enabled' : named[1];
      if (values.names === 'july_2023') name = JULY_2023_NAMES[name] || name;
      const field: Path = [...path, given.get(values)?.[name] ?? name];
      if (named[2] !== '') field.push(named[2].slice(1));
      if (named[3] !== '') field.push(Number(named[3].slice(1, -1)));
      return document.error(field, pathName(field) + text.slice(named[0].length));
    };
    try {
      const attributes = attributesOf(document, values, path);
      const name = (values.name as string | undefined) ?? `sa${index + 1}`;
      return { name, attributes, config: toConfig(attributes, values), locate };
    } catch (error) {
      throw locate(error);
    }
  });
}

/** Loads the SAs of a file; throws a CommandError `file:line: field: value: limit` at the first error. */
export function loadSaFile(file: string): LoadedSa[] {
  return readSas(parseConfig(file, readText(file)));
}
