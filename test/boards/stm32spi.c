/* Pins and SPI of an MRF24J40 at an STM32F4 (boards/common/stm32f405_spi.c) on this machine, over registers in memory. Data
   written to the SPI come back inverted. Standard output: what was done, then the registers that are not zero. */

#include <stdio.h>
#include <string.h>

#include "../../boards/common/system.h"

static volatile uint32_t *model(uint32_t address);
#undef REGISTER
#define REGISTER(address) (*model(address))

#include "../../boards/common/stm32f405_spi.c"

static struct {
  uint32_t address;
  volatile uint32_t value;
} registers[64];
static int count;
static uint32_t clock_ms;
/* The SPI's data register was asked for: first to write, then to read. */
static bool is_written;

uint32_t system_milliseconds(void) { return clock_ms++; }

static volatile uint32_t *model(uint32_t address) {
  int i = 0;
  while (i < count && registers[i].address != address) i++;
  if (i == count) registers[count++].address = address;
  volatile uint32_t *value = &registers[i].value;
  if (address == SPI + 0x08) *value = SR_RECEIVED | SR_TX_EMPTY;
  if (address == SPI + 0x0c) {
    if (is_written) *value = ~*value & 0xff;
    is_written = !is_written;
  }
  return value;
}

int main(void) {
  uint8_t octets[4] = {0, 1, 0x80, 0xff};
  /* As on a chip after its reset: PA13 to PA15 and PB3, PB4 belong to the debugger. */
  REGISTER(0x40020000) = 0xa8000000;
  REGISTER(0x40020400) = 0x280;
  radio_begin_pins();
  spi_exchange(octets, sizeof octets);
  printf("%02x%02x%02x%02x\n", octets[0], octets[1], octets[2], octets[3]);
  printf("int %d", radio_interrupt_level());
  GPIO(RADIO_INT, IDR) = BIT(RADIO_INT);
  printf(" %d\n", radio_interrupt_level());
  const uint32_t before = clock_ms;
  radio_delay(3);
  printf("delay %s\n", clock_ms - before > 3 ? "long enough" : "too short");
  radio_edge();
  radio_reset_level(false);
  for (int i = 0; i < count; i++) printf("%08x %08x\n", (unsigned)registers[i].address, (unsigned)registers[i].value);
  return 0;
}
