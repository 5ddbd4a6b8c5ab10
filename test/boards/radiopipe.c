/* The radio pipe's C on this machine. Commands are lines on standard input: `octets HEX` receives from the UART, `wait N`
   lets milliseconds pass, `take` takes a frame, `send HEX` transmits, `stick N` makes the transmitter take at most N octets,
   `count` prints the losses. */

#include <stdio.h>
#include <string.h>

#include "../../boards/common/radio.c"
#include "../../boards/common/radio_pipe.c"

static uint32_t clock_ms;
static long room = -1;

uint32_t system_milliseconds(void) {
  /* Whoever waits for the transmitter sees time pass. */
  if (room == 0) clock_ms++;
  return clock_ms;
}

bool radio_put(uint8_t octet) {
  if (room == 0) return false;
  if (room > 0) room--;
  printf("%02x", octet);
  return true;
}

int main(void) {
  char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned value;
    uint8_t frame[256];
    size_t length = 0;
    const char *hex = strchr(line, ' ');
    while (hex != NULL && length < sizeof frame && sscanf(hex + 1 + 2 * length, "%2x", &value) == 1) {
      frame[length++] = (uint8_t)value;
    }
    if (strncmp(line, "octets", 6) == 0) {
      for (size_t i = 0; i < length; i++) radio_octet(frame[i]);
    } else if (strncmp(line, "send", 4) == 0) {
      const bool good = radio_transmit(frame, length);
      printf(" %s\n", good ? "sent" : "stuck");
    } else if (sscanf(line, "wait %u", &value) == 1) {
      clock_ms += value;
    } else if (sscanf(line, "stick %ld", &room) == 1) {
      continue;
    } else if (strncmp(line, "take", 4) == 0) {
      const int got = radio_receive(frame);
      printf("%d ", got);
      for (int i = 0; i < got; i++) printf("%02x", frame[i]);
      printf("\n");
    } else {
      printf("dropped %u interrupted %u stuck %u\n", (unsigned)radio_state.dropped,
             (unsigned)radio_state.interrupted, (unsigned)radio_state.stuck);
    }
  }
  return 0;
}
