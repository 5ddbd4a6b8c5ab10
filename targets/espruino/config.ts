// The configuration in the board's Storage: `desp.blb` is the provisioning blob, `desp.jsn` says where the radio is.
// `dietesp flash` writes both.

import type { EspruinoRadio } from './board.ts';
import { pinOf, readJson, readStored, serialOf, spiOf } from './globals.ts';
import { createPipe } from './pipe.ts';
import { createEspruinoMrf24j40 } from './radio.ts';

/** Where the radio is: `path` or `serial` of a pipe, or `spi` and pins of an MRF24J40. */
export interface RadioSettings {
  /** Linux: a terminal device. */
  path?: string;
  /** A UART and its speed, e.g. Serial1. */
  serial?: string;
  baud?: number;
  spi?: string;
  sck?: string;
  miso?: string;
  mosi?: string;
  cs?: string;
  irq?: string;
  reset?: string;
}

/** Further settings of the MRF24J40. */
export interface RadioAddress {
  channel: number;
  panId: number;
  shortAddress: number;
  extendedAddress: Uint8Array;
}

const SPI_BAUD = 8000000;

export function storedBlob(): string {
  return readStored('desp.blb');
}

export function storedSettings(): RadioSettings {
  const settings = readJson('desp.jsn') as RadioSettings | undefined;
  if (settings === undefined) throw new Error('desp.jsn: (missing): no radio; dietesp flash writes it');
  return settings;
}

function need(name: string, value: string | undefined): string {
  if (value === undefined) throw new Error('desp.jsn: ' + name + ': (missing)');
  return value;
}

/** Sets up the configured radio. */
export function createRadio(settings: RadioSettings, address: RadioAddress): EspruinoRadio {
  if (settings.spi === undefined) {
    const serial = serialOf(settings.serial === undefined ? 'Serial1' : settings.serial);
    const options = settings.path === undefined ? {} : { path: settings.path };
    serial.setup(settings.baud === undefined ? 115200 : settings.baud, options);
    return createPipe(serial);
  }
  const spi = spiOf(settings.spi);
  spi.setup({
    sck: pinOf(need('sck', settings.sck)),
    miso: pinOf(need('miso', settings.miso)),
    mosi: pinOf(need('mosi', settings.mosi)),
    baud: SPI_BAUD,
  });
  return createEspruinoMrf24j40({
    spi: spi,
    cs: pinOf(need('cs', settings.cs)),
    irq: pinOf(need('irq', settings.irq)),
    reset: settings.reset === undefined ? null : pinOf(settings.reset),
    channel: address.channel,
    panId: address.panId,
    shortAddress: address.shortAddress,
    extendedAddress: address.extendedAddress,
  });
}
