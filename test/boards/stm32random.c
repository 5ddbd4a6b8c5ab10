/* The random numbers of boards/common/stm32f405.c on this machine, over a model of the chip's registers. Commands are lines
   on standard input: `words N...` sets the next words, before zeros; `status N` sets the status from now on, `status N after
   M` after M words were read; `random N` prints octets, or `none`. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../boards/common/system.h"

static volatile uint32_t *model(uint32_t address);
#undef REGISTER
#define REGISTER(address) (*model(address))

#define RECORD_ADDRESS 0U
#define RECORD_SIZE 0
#include "../../boards/common/stm32f405.c"

void console_octet(uint8_t octet) { (void)octet; }
void radio_octet(uint8_t octet) { (void)octet; }

static uint32_t words[256];
static int count, taken, change_at = -1;
static uint32_t status = 1, changed;

static volatile uint32_t *model(uint32_t address) {
  static volatile uint32_t value;
  value = 0;
  if (address == RNG + 4) value = change_at >= 0 && taken >= change_at ? changed : status;
  if (address == RNG + 8) value = taken < count ? words[taken++] : 0;
  return &value;
}

int main(void) {
  char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *at = strchr(line, ' ');
    if (strncmp(line, "words", 5) == 0) {
      for (char *word = strtok(at, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        words[count++] = (uint32_t)strtoul(word, NULL, 16);
      }
    } else if (strncmp(line, "status", 6) == 0) {
      unsigned value = 0;
      int after;
      if (sscanf(line, "status %x after %d", &value, &after) == 2) {
        changed = value;
        change_at = after;
      } else {
        status = value;
        change_at = -1;
      }
    } else {
      uint8_t out[64];
      const size_t length = (size_t)atoi(at);
      if (!board_hardware_random(out, length)) {
        printf("none");
        fflush(stdout);
      } else {
        for (size_t i = 0; i < length; i++) printf("%02x", out[i]);
      }
      printf("\n");
    }
  }
  return 0;
}
