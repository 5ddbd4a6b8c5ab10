// The application of a board with Espruino: the sensor configured in its Storage (config.ts). The command `restart` starts it
// again. On the console, type `dietesp.command('stats')` and the like.

import { readBlob } from '../board/blob.ts';
import type { EspruinoRadio } from './board.ts';
import { createRadio, storedBlob, storedSettings } from './config.ts';
import { boardName, createKeepAlive, engine, later, publish } from './globals.ts';
import type { EspruinoSensor } from './running.ts';
import { blobOf, createSensor } from './sensor.ts';

/** The file of the Storage with the session. */
const RECORD = 'desp.ses';

let radio: EspruinoRadio | null = null;
let sensor: EspruinoSensor | null = null;

/** The radio must know channel and addresses before the application reads them. */
function createRadioOf(blob: Uint8Array): EspruinoRadio {
  const config = readBlob(blob, blob.length).config;
  return createRadio(storedSettings(), {
    channel: config === null ? 26 : config.channel,
    panId: config === null ? 0xffff : config.panId,
    shortAddress: config === null ? 0xffff : config.shortAddress,
    extendedAddress: config === null ? new Uint8Array(8) : config.extendedAddress,
  });
}

function run(): void {
  const blob = blobOf(storedBlob());
  if (radio === null) radio = createRadioOf(blob);
  sensor = createSensor({ radio: radio, provision: blob, restart: restart, record: RECORD });
}

/** Nothing resets a Linux process. */
function restart(): void {
  const reboot = engine().reboot;
  if (boardName() === 'LINUX' || reboot === undefined) later(run);
  else reboot();
}

function command(line: string): boolean {
  return sensor === null ? false : sensor.command(line);
}

publish('dietesp', { command: command });
createKeepAlive(() => (sensor === null ? false : sensor.isOver()));
run();
