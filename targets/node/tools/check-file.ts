// Checks a file of any kind and reports all its errors.

import { addInbound, createEndpoint } from '../../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../../core/esp/full-parts.ts';
import { createSa } from '../../../core/esp/sa.ts';
import { addConfigured, createAssociations } from '../gateway/associations.ts';
import { checkGatewayConfig, type GatewayConfig } from '../gateway/config.ts';
import { readGateway } from '../gateway/file.ts';
import { type FileKind, kindOf } from '../host/config/kind.ts';
import { warnOfOwnKeys } from '../host/config/own-keys.ts';
import { type LoadedSa, readSas } from '../host/config/sa.ts';
import { refusalsOf, refuseAll } from '../host/config/sa-check.ts';
import { parseConfig, readText } from '../host/document.ts';
import { CommandError, type Fault, FieldError, faultsOf } from '../host/errors.ts';
import { createFastProvider } from '../host/provider/fast.ts';
import { readDevice } from '../lab/boards/device-file.ts';
import { readSensor } from '../sensor/file.ts';
import { gatewaySummary, saSummary, sensorSummary } from './summary.ts';

export interface CheckedFile {
  file: string;
  kind: FileKind;
  /** What the file says; '' where it is refused. */
  summary: string;
  errors: Fault[];
  warnings: string[];
}

/** Reads the SAs and has the core check each, and whether a receiver can tell them apart. */
function checkSas(file: string, text: string): Pick<CheckedFile, 'summary' | 'warnings'> {
  const document = parseConfig(file, text);
  const sas = readSas(document);
  warnOfOwnKeys(document);
  const provider = createFastProvider();
  refuseAll(sas.flatMap((sa) => refusalsOf(provider, sa)));
  const endpoint = createEndpoint(FULL_PARTS, provider);
  const overlaps: FieldError[] = [];
  for (const { config, locate } of sas) {
    const sa = createSa(FULL_PARTS, provider, config);
    try {
      addInbound(endpoint, sa);
    } catch (error) {
      const located = locate(error);
      if (!(located instanceof FieldError)) throw located;
      overlaps.push(located);
    }
  }
  refuseAll(overlaps);
  return { summary: saSummary(file, sas), warnings: document.warnings };
}

/** What the start of a gateway would refuse of SAs that are set up by hand. */
function checkManualSas(config: GatewayConfig): void {
  const provider = createFastProvider();
  refuseAll(
    config.sas.flatMap(({ config: one, locate }) => {
      return locate === undefined ? [] : refusalsOf(provider, { config: one, locate: locate as LoadedSa['locate'] });
    }),
  );
  const sas = createAssociations(createEndpoint(FULL_PARTS, provider));
  const errors: Error[] = [];
  addConfigured(sas, config.sas, checkGatewayConfig(config).directions, (error) => errors.push(error));
  sas.clear();
  const other = errors.find((error) => !(error instanceof FieldError));
  if (other !== undefined) throw other;
  refuseAll(errors as FieldError[]);
}

/** Checks `file`; `kind` undefined: by its fields. Throws a CommandError where the file cannot be read. */
export function checkFile(file: string, kind?: FileKind): CheckedFile {
  const text = readText(file);
  const checked: CheckedFile = { file, kind: kind ?? 'gateway', summary: '', errors: [], warnings: [] };
  try {
    checked.kind = kind ?? kindOf(parseConfig(file, text).data);
    if (checked.kind === 'sa') Object.assign(checked, checkSas(file, text));
    else if (checked.kind === 'sensor') {
      const loaded = readSensor(file, text);
      checked.summary = sensorSummary(loaded);
      checked.warnings = loaded.warnings;
    } else if (checked.kind === 'device') {
      const { data, warnings } = readDevice(file, text, { ccm: false, hmac: false, x25519: false }, '');
      checked.summary = `${file}: good\na device, ${data.length} octets of its own\n`;
      checked.warnings = warnings;
    } else {
      const loaded = readGateway(file, text);
      checkManualSas(loaded.config);
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
