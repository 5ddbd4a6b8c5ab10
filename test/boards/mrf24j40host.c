/* The MRF24J40's driver of firmware on this machine. Its SPI, pins and clock are asked for on standard output, and answered on
   standard input: `s HEX` (exchange), `i` (INT), `r LEVEL` (RESET), `d MS` (delay), `c` (clock). Commands on standard input:
   `tune CHANNEL PAN SHORT EUI`, `send HEX`, `take`, `ready`, `state`. What they give begins with `=`. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../boards/common/mrf24j40.c"
#include "../../boards/common/radio.c"
#include "../../boards/common/radio_frames.c"
#include "../../boards/common/spans.c"

static char line[1024];

static void read_line(void) {
  fflush(stdout);
  if (fgets(line, sizeof line, stdin) == NULL) exit(0);
}

static size_t from_hex(const char *hex, uint8_t *out, size_t room) {
  size_t length = 0;
  unsigned value;
  while (length < room && sscanf(hex + 2 * length, "%2x", &value) == 1) out[length++] = (uint8_t)value;
  return length;
}

static void print_hex(const uint8_t *from, size_t length) {
  for (size_t i = 0; i < length; i++) printf("%02x", from[i]);
  printf("\n");
}

void spi_exchange(uint8_t *both, size_t length) {
  printf("s ");
  print_hex(both, length);
  read_line();
  if (from_hex(line, both, length) != length) exit(1);
}

bool radio_interrupt_level(void) {
  printf("i\n");
  read_line();
  return line[0] == '1';
}

void radio_reset_level(bool level) {
  printf("r %d\n", level);
  read_line();
}

void radio_delay(uint32_t ms) {
  printf("d %u\n", (unsigned)ms);
  read_line();
}

uint32_t system_milliseconds(void) {
  printf("c\n");
  read_line();
  return (uint32_t)strtoul(line, NULL, 10);
}

int main(void) {
  uint8_t frame[256];
  unsigned channel, pan, address;
  char eui[32];
  for (;;) {
    read_line();
    if (sscanf(line, "tune %u %x %x %16s", &channel, &pan, &address, eui) == 4) {
      RadioPlace wanted = {(uint8_t)channel, (uint16_t)pan, (uint16_t)address, {0}};
      from_hex(eui, wanted.extended_address, 8);
      radio_tune(&wanted);
      printf("=\n");
    } else if (strncmp(line, "send ", 5) == 0) {
      const size_t length = from_hex(line + 5, frame, sizeof frame);
      printf("=%d\n", radio_transmit(frame, length));
    } else if (strncmp(line, "take", 4) == 0) {
      const int length = radio_receive(frame);
      printf("=%d ", radio_state.rssi);
      print_hex(frame, length < 0 ? 0 : (size_t)length);
    } else if (strncmp(line, "ready", 5) == 0) {
      printf("=%d\n", radio_ready());
    } else {
      printf("=%u %u %u %u %u %u %u\n", radio_state.dropped, radio_state.stuck, radio_state.sent, radio_state.refused,
             radio_state.busy, radio_state.not_acknowledged, radio_state.bad_length);
    }
  }
}
