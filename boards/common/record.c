/* One small record that survives a power cut: a log in two halves of flash, each erased as a whole. An entry is

     head: octets of the record, and their complement | serial number | record | commit: the serial number's complement

   in words of 32 bits. The valid entry with the highest serial number is the record. The commit is written last, so a power
   cut in the middle of a write leaves the entry of before. Then all older entries are programmed to zero: they hold keys. A half
   is erased when the other one is full, once for many records. */

#include <string.h>

#include "board.h"
#include "system.h"

#if RECORD_SIZE > 0

#define HALF_WORDS (RECORD_SIZE / 8)
#define HEAD_WORDS 2
#define ERASED 0xffffffffU

static uint32_t *half_at(unsigned half) { return (uint32_t *)(uintptr_t)(RECORD_ADDRESS + half * (RECORD_SIZE / 2)); }

static size_t words_of(size_t octets) { return (octets + 3) / 4; }

/* The octets of the entry in the `left` words at `at`; -1: there is none, and nothing after it can be read. */
static int octets_at(const uint32_t *at, size_t left) {
  if (left < HEAD_WORDS + 1) return -1;
  const uint32_t octets = at[0] & 0xffff;
  if ((at[0] >> 16 ^ 0xffff) != octets || octets > RECORD_MAX) return -1;
  return words_of(octets) + HEAD_WORDS + 1 > left ? -1 : (int)octets;
}

static size_t entry_words(int octets) { return words_of((size_t)octets) + HEAD_WORDS + 1; }

static bool is_valid(const uint32_t *at, int octets) {
  const uint32_t serial = at[1];
  return serial != 0 && serial != ERASED && at[HEAD_WORDS + words_of((size_t)octets)] == ~serial;
}

typedef struct {
  /* The newest valid entry, or NULL. */
  const uint32_t *entry;
  unsigned half;
  /* Words that each half's entries take. */
  size_t used[2];
} Log;

static Log read_log(void) {
  Log log = {NULL, 0, {0, 0}};
  for (unsigned half = 0; half < 2; half++) {
    const uint32_t *at = half_at(half);
    size_t used = 0;
    for (int octets; (octets = octets_at(at + used, HALF_WORDS - used)) >= 0; used += entry_words(octets)) {
      const uint32_t *entry = at + used;
      if (!is_valid(entry, octets) || (log.entry != NULL && entry[1] < log.entry[1])) continue;
      log.entry = entry;
      log.half = half;
    }
    log.used[half] = used;
  }
  return log;
}

/* The next `words` words of a half are erased. */
static bool has_room(const Log *log, unsigned half, size_t words) {
  if (log->used[half] + words > HALF_WORDS) return false;
  const uint32_t *at = half_at(half) + log->used[half];
  for (size_t i = 0; i < words; i++) {
    if (at[i] != ERASED) return false;
  }
  return true;
}

static bool program(uint32_t *at, uint32_t word) {
  return flash_program(at, word) && *(volatile uint32_t *)at == word;
}

static bool write_entry(uint32_t *at, uint32_t serial, const uint8_t *record, size_t length) {
  if (!program(at, length | (~(uint32_t)length & 0xffff) << 16) || !program(at + 1, serial)) return false;
  at += HEAD_WORDS;
  for (size_t done = 0; done < length; done += 4) {
    uint32_t word = ERASED;
    memcpy(&word, record + done, length - done < 4 ? length - done : 4);
    if (!program(at++, word)) return false;
  }
  return program(at, ~serial);
}

/* Clears what all entries but `newest` hold. The heads stay, so that the log can be read on. */
static void wipe_older(const uint32_t *newest) {
  for (unsigned half = 0; half < 2; half++) {
    uint32_t *at = half_at(half);
    size_t used = 0;
    for (int octets; (octets = octets_at(at + used, HALF_WORDS - used)) >= 0; used += entry_words(octets)) {
      uint32_t *entry = at + used;
      for (size_t i = 1; entry != newest && i < entry_words(octets); i++) {
        if (entry[i] != 0) flash_program(entry + i, 0);
      }
    }
  }
}

bool board_save(const uint8_t *record, size_t length) {
  if (length > RECORD_MAX) return false;
  Log log = read_log();
  const size_t words = entry_words((int)length);
  const uint32_t serial = log.entry == NULL ? 1 : log.entry[1] + 1;
  unsigned half = log.half;
  if (serial == ERASED) return false;
  if (!has_room(&log, half, words)) {
    /* Without a record either half will do; else the other one, so that the record stays until the new one is there. */
    if (log.entry != NULL) half = 1 - half;
    if (!flash_erase(half)) return false;
    log.used[half] = 0;
    if (!has_room(&log, half, words)) return false;
  }
  uint32_t *at = half_at(half) + log.used[half];
  if (!write_entry(at, serial, record, length)) return false;
  wipe_older(at);
  return true;
}

size_t board_load(uint8_t *out, size_t size) {
  const Log log = read_log();
  if (log.entry == NULL) return 0;
  const size_t octets = log.entry[0] & 0xffff;
  if (octets < size) size = octets;
  memcpy(out, log.entry + HEAD_WORDS, size);
  return size;
}

#else

bool board_save(const uint8_t *record, size_t length) {
  (void)record, (void)length;
  return false;
}

size_t board_load(uint8_t *out, size_t size) {
  (void)out, (void)size;
  return 0;
}

#endif
