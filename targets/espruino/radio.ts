// The radio for a module's user: the MRF24J40 with Espruino's clock, delay and setWatch.

import type { EspruinoRadio } from './board.ts';
import { createClock } from './board.ts';
import { clock, watchFalling } from './globals.ts';
import { createMrf24j40 } from './mrf24j40.ts';
import type { Mrf24j40, Mrf24j40Options } from './mrf24j40-api.ts';

/** Busy-waits, because a timer is too slow. */
function delay(ms: number): void {
  const end = clock() + ms;
  while (clock() < end) {
    // Until then.
  }
}

/** Sets up the chip and watches INT. `reset`, `now` and `delay` are optional. */
export function createEspruinoMrf24j40(options: Mrf24j40Options): Mrf24j40 & EspruinoRadio {
  const radio = createMrf24j40({
    spi: options.spi,
    cs: options.cs,
    irq: options.irq,
    reset: options.reset === undefined ? null : options.reset,
    channel: options.channel,
    panId: options.panId,
    shortAddress: options.shortAddress,
    extendedAddress: options.extendedAddress,
    now: options.now === undefined ? createClock() : options.now,
    delay: options.delay === undefined ? delay : options.delay,
  });
  watchFalling(options.irq, radio.interrupt);
  return radio;
}
