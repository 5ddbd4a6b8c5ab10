// A sensor of one profile with IKEv2 on Espruino. It takes the options of the general module's `start`, but for the fields of a
// blob. `board` is a variable of the joined text, which this file sets.

import { haltWith } from '../board/halt.ts';
import type { Board } from '../board/hooks.ts';
import { NATIVE_CCM, NATIVE_HMAC, NATIVE_X25519 } from '../board/hooks.ts';
import { appIsOver, appNext, appStart, appStep } from '../special/app.ts';
import type { Profile } from '../special/profile.ts';
import { createEspruinoBoard, createRunner } from './board.ts';
import { createCryptoHooks } from './crypto.ts';
import type { StartOptions } from './exported.ts';
import type { EspruinoSensor } from './running.ts';

declare const P: Profile;
declare let board: Board;

export function octetsOfText(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < octets.length; i++) octets[i] = text.charCodeAt(i) & 0xff;
  return octets;
}

/** Starts the sensor. It prints on the console what is wrong with its blob. Throws where the board lacks what the build took as native. */
export function createSpecialSensor(options: StartOptions): EspruinoSensor {
  const hooks = createCryptoHooks(options.random === undefined ? null : options.random);
  const needed =
    (P.nativeCcm ? NATIVE_CCM : 0) + (P.nativeHmac ? NATIVE_HMAC : 0) + (P.nativeX25519 ? NATIVE_X25519 : 0);
  if ((hooks.native & needed) !== needed) throw new Error('native: ' + hooks.native + ': must have ' + needed);
  const espruino = createEspruinoBoard(hooks, {
    radio: options.radio,
    blob: typeof options.provision === 'string' ? octetsOfText(options.provision) : (options.provision as Uint8Array),
    print: options.print === undefined ? null : options.print,
    restart: options.restart === undefined ? null : options.restart,
    record: options.record === undefined ? '' : options.record,
  });
  board = espruino.board;
  const isOver = (): boolean => appIsOver || espruino.isStopped();
  appStart();
  const runner = createRunner({ step: appStep, nextTimeout: appNext }, options.radio, board.now, isOver, (problem) =>
    haltWith(board, problem),
  );
  espruino.onWork = runner.wake;
  return {
    command: espruino.command,
    stop: () => {
      runner.stop();
      espruino.board.exit(0);
    },
    isOver: isOver,
    lost: espruino.lost,
    native: hooks.native,
  };
}
