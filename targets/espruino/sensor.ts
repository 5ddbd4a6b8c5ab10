// A sensor with IKEv2 on Espruino: the application of every board (targets/board/app.ts), from a blob and a radio.

import { createApp } from '../board/app.ts';
import type { BlobFields } from '../board/blob-fields.ts';
import { createKeeper } from '../board/keep.ts';
import { blobOf as octetsOfBlob } from '../board/write-blob.ts';
import { createAppRunner, createEspruinoBoard } from './board.ts';
import { createCryptoHooks } from './crypto.ts';
import type { StartOptions } from './exported.ts';
import { namesOf } from './globals.ts';
import { createEspruinoAsymmetric, createEspruinoProvider } from './provider.ts';
import type { EspruinoSensor } from './running.ts';

/** A blob's octets, from any form that StartOptions allows. */
export function blobOf(provision: Uint8Array | string | BlobFields): Uint8Array {
  return octetsOfBlob(provision, namesOf);
}

/** Starts a sensor. It prints on the console what is wrong with its blob, see targets/board/start.ts. */
export function createSensor(options: StartOptions): EspruinoSensor {
  const hooks = createCryptoHooks(options.random === undefined ? null : options.random);
  const espruino = createEspruinoBoard(hooks, {
    radio: options.radio,
    blob: blobOf(options.provision),
    print: options.print === undefined ? null : options.print,
    restart: options.restart === undefined ? null : options.restart,
    record: options.record === undefined ? '' : options.record,
  });
  const provider = createEspruinoProvider(hooks);
  const app = createApp(espruino.board, 'espruino', provider, createEspruinoAsymmetric(hooks), createKeeper);
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
