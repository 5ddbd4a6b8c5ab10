// Checks a file of any kind and reports all its errors.

import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { createSa } from '../../../core/esp/sa.ts';
import { readGateway } from '../gateway/file.ts';
import { readSas } from '../host/config/sa.ts';
import { parseConfig, readText } from '../host/document.ts';
import { CommandError, type Fault, FieldError, FieldErrors, faultsOf } from '../host/errors.ts';
import { createFastProvider } from '../host/provider/fast.ts';
import { readSensor } from '../sensor/file.ts';
import { gatewaySummary, saSummary, sensorSummary } from './summary.ts';

export const FILE_KINDS = ['gateway', 'sensor', 'sa'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export interface CheckedFile {
  file: string;
  kind: FileKind;
  /** What the file says; '' where it is refused. */
  summary: string;
  errors: Fault[];
  warnings: string[];
}

/** Fields that only one kind has. */
const TELLING: Record<FileKind, string[]> = {
  sa: ['sas', 'esp_spi', 'esp_encr', 'ts_ip_version', 'ipsec_mode'],
  sensor: ['radio', 'gateway', 'server', 'innerAddress', 'interval', 'board'],
  gateway: ['radios', 'peers', 'pool', 'flows', 'tun', 'neighbours', 'connection'],
};

/** The kind of a file by its fields; a gateway's where they do not tell. `sas` of a gateway names a file. */
export function kindOf(data: unknown): FileKind {
  const fields = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
  const has = (kind: FileKind): number => TELLING[kind].filter((name) => fields[name] !== undefined).length;
  if (typeof fields.sas === 'string') return 'gateway';
  return has('sa') > 0 ? 'sa' : has('sensor') > has('gateway') - 1 && has('sensor') > 0 ? 'sensor' : 'gateway';
}

/** Reads the SAs and has the core check each: every SA's first refusal is told. */
function checkSas(file: string, text: string): string {
  const sas = readSas(parseConfig(file, text));
  const provider = createFastProvider();
  const errors = sas.flatMap(({ config, locate }) => {
    try {
      createSa(FULL_PARTS, provider, config);
      return [];
    } catch (error) {
      const located = locate(error);
      return located instanceof FieldError ? [located] : [];
    }
  });
  if (errors.length > 0) throw new FieldErrors(errors);
  return saSummary(file, sas);
}

/** Checks `file`; `kind` undefined: by its fields. Throws a CommandError where the file cannot be read. */
export function checkFile(file: string, kind?: FileKind): CheckedFile {
  const text = readText(file);
  const checked: CheckedFile = { file, kind: kind ?? 'gateway', summary: '', errors: [], warnings: [] };
  try {
    checked.kind = kind ?? kindOf(parseConfig(file, text).data);
    if (checked.kind === 'sa') checked.summary = checkSas(file, text);
    else if (checked.kind === 'sensor') {
      const loaded = readSensor(file, text);
      checked.summary = sensorSummary(loaded);
      checked.warnings = loaded.warnings;
    } else {
      const loaded = readGateway(file, text);
      checked.summary = gatewaySummary(loaded);
      checked.warnings = loaded.warnings;
    }
  } catch (error) {
    const faults = faultsOf(error);
    if (faults.length === 0) throw error instanceof CommandError ? error : CommandError.from(file, error);
    checked.errors = faults.map(({ file: own, line, path, value, limit }) => ({ file: own, line, path, value, limit }));
  }
  return checked;
}
