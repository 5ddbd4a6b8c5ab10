/* Flash and record of a board with an STM32F4 (boards/common/record.c, stm32f405.c) on this machine, over a model of the chip's
   flash: programming clears bits, an erase takes a sector, both need the keys. Commands are lines on standard input: `save HEX`
   (`-`: no octets) prints 1, 0 or `cut`; `cut N BITS`: the power fails in operation N from now, which has changed those of its
   bits that BITS has; `load` prints the record; `counts` prints operations and erased sectors; `holds HEX` prints whether the
   octets are anywhere in flash. The chip stands still while it works, so that waiting takes no commands here. */

#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../boards/common/system.h"

static volatile uint32_t *model(uint32_t address);
#undef REGISTER
#define REGISTER(address) (*model(address))

#define RECORD_ADDRESS 0x080a0000U
#define RECORD_SIZE 0x00040000U
#include "../../boards/common/record.c"
#include "../../boards/common/stm32f405.c"

void console_octet(uint8_t octet) { (void)octet; }
void radio_octet(uint8_t octet) { (void)octet; }

#define WORDS (RECORD_SIZE / 4)

static uint32_t *flash;
static uint32_t truth[WORDS];
static uint32_t control = CR_LOCK, status, keys;
static long operations, erases, cut_at = -1;
static uint32_t cut_bits;
static jmp_buf power;
/* The chip was opened for programming, and no word was programmed since. */
static bool is_open;

/* The power fails in this operation: `mask` is what it has done. */
static uint32_t done_bits(void) {
  operations++;
  return cut_at == operations ? cut_bits : ERASED;
}

static void fail_if_cut(void) {
  if (cut_at != operations) return;
  cut_at = -1;
  control = CR_LOCK;
  keys = 0;
  is_open = false;
  memcpy(flash, truth, RECORD_SIZE);
  longjmp(power, 1);
}

/* Programs word `i`, if it was written to. True: it was. */
static bool settle_word(size_t i) {
  if (flash[i] == truth[i]) return false;
  truth[i] &= flash[i] | ~done_bits();
  flash[i] = truth[i];
  is_open = false;
  fail_if_cut();
  return true;
}

/* What the last accesses have done to the chip. A word is written next to the last one, as a rule. */
static void settle(void) {
  static size_t hint;
  if (is_open) {
    for (size_t i = hint; is_open && i < WORDS && i < hint + 8; i++) {
      if (settle_word(i)) hint = i;
    }
    for (size_t i = 0; is_open && i < WORDS; i++) {
      if (settle_word(i)) hint = i;
    }
  }
  if ((control & (CR_LOCK | CR_START)) == CR_START && (control & CR_SECTOR_ERASE) != 0) {
    const size_t first = ((control >> 3 & 15) - 9) * (WORDS / 2);
    const uint32_t bits = done_bits();
    for (size_t i = first; i < first + WORDS / 2; i++) truth[i] |= bits;
    erases++;
    control &= ~CR_START;
    memcpy(flash, truth, RECORD_SIZE);
    fail_if_cut();
  }
}

/* Registers that hold what is written: the next access shows what that was. */
static volatile uint32_t *model(uint32_t address) {
  static volatile uint32_t other, key, new_control, new_status;
  static uint32_t last;
  if (last == FLASH + 0x04) {
    if (key == 0x45670123U) keys = 1;
    else if (key == 0xcdef89abU && keys == 1) control &= ~CR_LOCK;
    else keys = 0;
  }
  if (last == FLASH + 0x0c && new_status != status) status &= ~new_status;
  if (last == FLASH + 0x10) {
    if ((control & CR_LOCK) == 0) control = new_control;
    is_open = (control & (CR_LOCK | CR_PROGRAM)) == CR_PROGRAM;
    if ((control & CR_LOCK) != 0) keys = 0;
  }
  last = address;
  if (address == FLASH + 0x0c) settle();
  other = 0;
  key = 0;
  new_control = control;
  new_status = status;
  if (address == FLASH + 0x04) return &key;
  if (address == FLASH + 0x0c) return &new_status;
  if (address == FLASH + 0x10) return &new_control;
  return &other;
}

static size_t octets_of(const char *text, uint8_t *out) {
  size_t length = 0;
  for (unsigned octet; sscanf(text + 2 * length, "%2x", &octet) == 1; length++) out[length] = (uint8_t)octet;
  return length;
}

int main(void) {
  static char line[4096];
  static uint8_t record[1024];
  flash = mmap((void *)(uintptr_t)RECORD_ADDRESS, RECORD_SIZE, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (flash != (void *)(uintptr_t)RECORD_ADDRESS) return 1;
  memset(flash, 0xff, RECORD_SIZE);
  memset(truth, 0xff, sizeof truth);
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strncmp(line, "save ", 5) == 0) {
      const size_t length = octets_of(line + 5, record);
      if (setjmp(power) == 0) printf("%d\n", board_save(record, length));
      else { printf("cut\n"); }
    } else if (strncmp(line, "cut ", 4) == 0) {
      long after;
      sscanf(line + 4, "%ld %x", &after, &cut_bits);
      cut_at = operations + after;
    } else if (strncmp(line, "load", 4) == 0) {
      const size_t length = board_load(record, sizeof record);
      printf(length == 0 ? "-" : "");
      for (size_t i = 0; i < length; i++) printf("%02x", record[i]);
      printf("\n");
    } else if (strncmp(line, "holds ", 6) == 0) {
      const size_t length = octets_of(line + 6, record);
      printf("%d\n", memmem(flash, RECORD_SIZE, record, length) != NULL);
    } else {
      printf("%ld %ld\n", operations, erases);
    }
    /* Written without leave. */
    if (memcmp(flash, truth, RECORD_SIZE) != 0) return 2;
    cut_at = strncmp(line, "cut ", 4) == 0 ? cut_at : -1;
  }
  return 0;
}
