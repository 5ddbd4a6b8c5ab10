// The radio that a tool works with: one of a file, or one that options name.

import { readGateway } from '../../gateway/file.ts';
import { kindOf } from '../../host/config/kind.ts';
import { parseConfig, readText } from '../../host/document.ts';
import { CommandError, FieldError } from '../../host/errors.ts';
import { checkRadio } from '../../host/radio/config.ts';
import { hostPort } from '../../host/radio/kinds.ts';
import type { CheckedRadio, RadioConfig } from '../../host/radio/settings.ts';
import { readSensor } from '../../sensor/file.ts';

/** Options that name a radio. */
export interface Place {
  /** Of a gateway or a sensor. */
  config?: string;
  /** Name of a radio of that file; default the first. */
  radio?: string;
  /** Serial port, or `HOST:PORT`. */
  spinel?: string;
  /** A program and its arguments, between blanks. */
  command?: string;
  /** Serial port of a board. */
  uart?: string;
  /** Own `ADDRESS:PORT`. */
  zep?: string;
  /** Network interface of Linux. */
  linux?: string;
  baud?: number;
  channel?: number;
  pan?: number;
}

const NAMES = ['config', 'spinel', 'command', 'uart', 'zep', 'linux'] as const;
/** Kinds whose channel a host sets, or looks at. */
const TUNED = ['spinel', 'zep', 'linux'] as const;

function radiosOf(file: string): RadioConfig[] {
  const text = readText(file);
  const kind = kindOf(parseConfig(file, text).data);
  if (kind === 'sensor') {
    const { radio } = readSensor(file, text);
    return radio === null ? [] : [{ name: 'radio', ...radio }];
  }
  if (kind === 'gateway') return readGateway(file, text).config.radios;
  throw new CommandError(`${file}: must be a file of a gateway or a sensor`);
}

/** The radio on another channel. */
function onChannel(radio: RadioConfig, channel: number | undefined): RadioConfig {
  if (channel === undefined) return radio;
  const kind = TUNED.find((name) => radio[name] !== undefined);
  if (kind === undefined) throw new CommandError('--channel: a board behind a UART has its own', 2);
  return { ...radio, [kind]: { ...radio[kind], channel } };
}

function given(place: Place): RadioConfig {
  const { spinel, command, uart, zep, linux, baud, pan } = place;
  const line = { ...(baud === undefined ? {} : { baud }) };
  const panId = pan ?? 0xfffe;
  if (spinel !== undefined) {
    const isPort = !spinel.startsWith('/') && hostPort(spinel) !== null;
    return { spinel: { ...(isPort ? { tcp: spinel } : { path: spinel, ...line }) }, panId };
  }
  if (command !== undefined) return { spinel: { command: command.trim().split(/\s+/) }, panId };
  if (uart !== undefined) return { uart: { path: uart, ...line }, panId };
  if (linux !== undefined) return { linux: { interface: linux }, panId };
  const own = hostPort(zep!);
  if (own === null) throw new CommandError(`--zep: ${zep}: must be ADDRESS:PORT`, 2);
  return { zep: { address: own.host, port: own.port }, panId };
}

/** The one radio that the options name. Throws a CommandError, or what the file says. */
export function radioOf(place: Place): CheckedRadio {
  const named = NAMES.filter((name) => place[name] !== undefined);
  if (named.length !== 1) {
    const all = NAMES.map((name) => `--${name}`).join(', ');
    throw new CommandError(`${all}: ${named.length === 0 ? '(missing)' : named.join(' and ')}: one of them`, 2);
  }
  if (place.config === undefined) {
    if (place.radio !== undefined) throw new CommandError('--radio: needs --config', 2);
    try {
      return checkRadio(onChannel(given(place), place.channel), [named[0]], 'radio');
    } catch (error) {
      // The field is that of a file, which is not there.
      if (!(error instanceof FieldError)) throw error;
      throw new CommandError([`--${named[0]}`, error.value, error.limit].filter((part) => part !== '').join(': '), 2);
    }
  }
  const radios = radiosOf(place.config).map((radio, index) => ({ ...radio, name: radio.name ?? `radio${index}` }));
  const found = place.radio === undefined ? radios[0] : radios.find(({ name }) => name === place.radio);
  if (found === undefined) {
    const names = radios.map(({ name }) => name).join(', ');
    throw new CommandError(
      `${place.radio === undefined ? '' : `--radio: ${place.radio}: `}${place.config}: the radios are ${names === '' ? 'none' : names}`,
    );
  }
  return checkRadio(onChannel(found, place.channel), ['radio'], 'radio');
}
