/* What the MRF24J40's driver needs from the chip's own file. */
#ifndef MRF24J40_H
#define MRF24J40_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exchanges octets over SPI (mode 0, 10 MHz at most) with the radio selected; what comes in replaces what goes out. */
void spi_exchange(uint8_t *octets, size_t length);
/* INT, active low: its level. A falling edge must wake the processor. */
bool radio_interrupt_level(void);
/* RESET, active low; does nothing where it is not wired. */
void radio_reset_level(bool level);
/* Returns after at least `ms`. */
void radio_delay(uint32_t ms);

#endif
