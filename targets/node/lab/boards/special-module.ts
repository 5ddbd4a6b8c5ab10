// Modules of specialised devices for programs of one's own, from the three kinds of files: a sensor with IKEv2, a device with SAs
// keyed by hand, IP packets of two SAs.

import type { Constants } from '../../../build/specialise/fold.ts';
import { type DeviceEngine, joinDevice } from '../../../build/specialise/image.ts';
import { type ModuleText, moduleText } from '../../../build/specialise/module-text.ts';
import type { PacketInput } from '../../../build/specialise/packet-facts.ts';
import { packetText } from '../../../build/specialise/packet-module.ts';
import type { Native } from '../../../build/specialise/profile-of.ts';
import { DEVICE_SEARCH } from '../../../build/specialise/sa-facts.ts';
import { kindOf } from '../../host/config/kind.ts';
import { readSas } from '../../host/config/sa.ts';
import { parseConfig } from '../../host/document.ts';
import { CommandError, isRefusal } from '../../host/errors.ts';
import { readDevice } from './device-file.ts';
import { locatorOf } from './refused.ts';
import { readSpecial } from './special.ts';

/** A module, and what goes with it. */
export interface SpecialModule extends ModuleText {
  /** `sensor`, `device`, `packets`: the global's name, and the files'. */
  name: string;
  constants: Constants;
  /** What the module's `start` takes; null: the board's hook `provision` has it, see `dietesp provision`. */
  data: Uint8Array | null;
  /** The octets have keys. */
  hasKeys: boolean;
}

/** Octets of the longest inner packet. */
const LARGEST = 1280;

/** Two SAs of a file: the first goes out. */
async function packetsOf(file: string, text: string, native: Native, engine: DeviceEngine): Promise<SpecialModule> {
  const document = parseConfig(file, text);
  const sas = readSas(document);
  if (sas.length !== 2) throw document.error(['sas'], String(sas.length), 'must be two SAs: out, and in');
  const [{ config: out }, { config: back }] = sas;
  const input: PacketInput = { out, in: back, reserve: 0, search: DEVICE_SEARCH, maxPacket: LARGEST, native };
  try {
    return { ...(await packetText(input, engine)), name: 'packets', hasKeys: false };
  } catch (error) {
    throw isRefusal(error) ? locatorOf(sas, error).locate(error) : error;
  }
}

/** The module of a file, by its kind. Throws a CommandError at what is wrong in the file, and what no module can do. */
export async function specialModule(
  file: string,
  text: string,
  native: Native,
  engine: DeviceEngine,
): Promise<SpecialModule> {
  const kind = kindOf(parseConfig(file, text).data);
  if (kind === 'sa') return packetsOf(file, text, native, engine);
  if (kind === 'device') {
    const { constants, data } = readDevice(file, text, native, engine);
    const source = await joinDevice(constants, { entry: 'manual.entry.ts', events: 'manual-events.ts' });
    const files = ['manual.ts', 'esp.ts', 'link.ts'];
    const made = await moduleText(source, engine, 'device', files, ['received', 'done', 'reserve']);
    return { ...made, name: 'device', constants, data, hasKeys: true };
  }
  if (kind !== 'sensor') throw new CommandError(`${file}: ${kind}: must be the file of a sensor, a device, or two SAs`);
  const { constants } = readSpecial(file, text, native, engine);
  const source = await joinDevice({ ...constants, engine }, { entry: 'sensor.entry.ts' });
  const made = await moduleText(source, engine, 'sensor', ['sensor.entry.ts', 'app.ts']);
  return { ...made, name: 'sensor', constants, data: null, hasKeys: false };
}
