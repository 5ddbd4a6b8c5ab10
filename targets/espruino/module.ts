// The module `dietesp`: a sensor with IKEv2 from a provisioning blob, a device with SAs keyed by hand, radios.

import { aesCcm } from '../../core/crypto/ccm.ts';
import type { Board } from '../board/hooks.ts';
import { createNativeCcm } from '../board/native.ts';
import { createCcmHook } from './ccm.ts';
import { createEspruinoDevice, type DeviceOptions, type EspruinoDevice } from './device.ts';
import { moduleExports } from './exported.ts';
import { createPipe } from './pipe.ts';
import { createEspruinoMrf24j40 } from './radio.ts';
import { blobOf, createSensor } from './sensor.ts';

function createDevice(options: DeviceOptions): EspruinoDevice {
  const ccm = createCcmHook();
  return createEspruinoDevice(options, ccm === null ? aesCcm : createNativeCcm({ ccm: ccm } as Board));
}

const api = moduleExports();
api.start = createSensor;
api.device = createDevice;
api.mrf24j40 = createEspruinoMrf24j40;
api.pipe = createPipe;
api.blob = blobOf;
