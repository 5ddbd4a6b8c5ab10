// The module `dietesp`: a sensor with IKEv2 from a provisioning blob, a device with SAs keyed by hand, the radio driver.

import { aesCcm } from '../../core/crypto/ccm.ts';
import { createApp } from '../board/app.ts';
import type { Board } from '../board/hooks.ts';
import { createNativeCcm } from '../board/native.ts';
import { createAppRunner, createEspruinoBoard } from './board.ts';
import { createCcmHook } from './ccm.ts';
import { type CryptoHooks, createCryptoHooks } from './crypto.ts';
import { createEspruinoDevice, type DeviceOptions } from './device.ts';
import { moduleExports, type StartOptions } from './exported.ts';
import { namesOf } from './globals.ts';
import { createPipe } from './pipe.ts';
import { createEspruinoAsymmetric, createEspruinoProvider } from './provider.ts';
import { createEspruinoMrf24j40 } from './radio.ts';
import { type BlobFields, writeBlob } from './writeblob.ts';

/** A running sensor. */
/** @noSelf */
interface Sensor {
  /** A line of the console: `rekey`, `rekey-ike`, `delete`, `connect`, `send N`, `stats`, `restart`, `exit`. */
  command(line: string): boolean;
  stop(): void;
  isOver(): boolean;
  /** Frames lost because the application was too slow. */
  lost(): number;
  /** What is native: 1 AES-CCM, 2 HMAC-SHA-256, 4 X25519. */
  native: number;
}

function hooksOf(random: CryptoHooks['random'] | undefined): CryptoHooks {
  return createCryptoHooks(random === undefined ? null : random);
}

function blobOf(provision: Uint8Array | string | BlobFields): Uint8Array {
  const text = provision as string;
  if (text.charCodeAt !== undefined) {
    const octets = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
    return octets;
  }
  if ((provision as Uint8Array).length !== undefined) return provision as Uint8Array;
  return writeBlob(provision as BlobFields, namesOf(provision));
}

function createSensor(options: StartOptions): Sensor {
  const hooks = hooksOf(options.random);
  const espruino = createEspruinoBoard(hooks, {
    radio: options.radio,
    blob: blobOf(options.provision),
    print: options.print === undefined ? null : options.print,
    restart: options.restart === undefined ? null : options.restart,
  });
  const app = createApp(espruino.board, 'espruino', createEspruinoProvider(hooks), createEspruinoAsymmetric(hooks));
  const runner = createAppRunner(app, espruino, options.radio);
  return {
    command: espruino.command,
    stop: () => {
      runner.stop();
      espruino.board.exit(0);
    },
    isOver: () => app.isOver() || espruino.isStopped(),
    lost: espruino.lost,
    native: hooks.native,
  };
}

const api = moduleExports();
api.start = createSensor;
api.device = (options: DeviceOptions) => {
  const ccm = createCcmHook();
  return createEspruinoDevice(options, ccm === null ? aesCcm : createNativeCcm({ ccm: ccm } as Board));
};
api.mrf24j40 = createEspruinoMrf24j40;
api.pipe = createPipe;
api.blob = (fields: BlobFields) => writeBlob(fields, namesOf(fields));
