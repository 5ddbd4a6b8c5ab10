// The module `dietlite`: the data plane and the radio driver, without IKEv2. It needs native AES; for a board without it, use
// `device` of the module `dietesp`.

import type { Board } from '../board/hooks.ts';
import { createNativeCcm } from '../board/native.ts';
import { createCcmHook } from './ccm.ts';
import { createEspruinoDevice, type DeviceOptions, type EspruinoDevice } from './device.ts';
import { moduleExports } from './exported.ts';
import { createEspruinoMrf24j40 } from './radio.ts';

function createLite(options: DeviceOptions): EspruinoDevice {
  const ccm = createCcmHook();
  if (ccm === null) throw new Error('dietlite: no native AES on this board');
  return createEspruinoDevice(options, createNativeCcm({ ccm: ccm } as Board));
}

const api = moduleExports();
api.device = createLite;
api.mrf24j40 = createEspruinoMrf24j40;
