/* The console: input lines from a ring that the interrupt handler fills, output of text, halt lines. */

#include <string.h>

#include "board.h"
#include "system.h"

#define RING 256

static uint8_t ring[RING];
static volatile uint16_t head, tail;
static volatile uint16_t lines;
static bool empty = true;
/* The current line ran out of room. Its rest is dropped even if room appears, so that the rest does not become a line. */
static bool is_cut;

static uint16_t next(uint16_t index) { return (uint16_t)((index + 1) % RING); }

static void store(uint8_t octet) {
  ring[tail] = octet;
  tail = next(tail);
}

void console_octet(uint8_t octet) {
  if (octet == '\r') octet = '\n';
  const bool is_end = octet == '\n';
  /* Ignores empty lines, so that CR LF ends one line. A line that found no room at its start is lost whole. */
  if (is_end && empty) {
    is_cut = false;
    return;
  }
  /* The last place is kept for a line's end: a line that is too long is cut. */
  const uint16_t after = next(tail);
  if (!is_end && (is_cut || after == head || next(after) == head)) {
    is_cut = true;
    return;
  }
  store(octet);
  empty = is_end;
  if (!is_end) return;
  is_cut = false;
  lines++;
}

bool console_ready(void) { return lines > 0; }

int board_command(uint8_t *out, size_t size) {
  if (lines == 0) return -1;
  size_t length = 0;
  for (;;) {
    const uint8_t octet = ring[head];
    head = next(head);
    if (octet == '\n') break;
    if (length < size) out[length++] = octet;
  }
  interrupts_off();
  lines--;
  interrupts_on();
  return (int)length;
}

#define STUCK_MS 500

void board_write(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    const uint32_t start = system_milliseconds();
    while (!console_put((uint8_t)text[i])) {
      /* Nobody listens: don't wait for the rest. */
      if (system_milliseconds() - start > STUCK_MS) return;
    }
  }
}

void board_print(const char *text, size_t length) {
  board_write(text, length);
  board_write("\n", 1);
}

void board_puts(const char *text) { board_print(text, strlen(text)); }

void board_halt(int code, const char *message) {
  board_puts(message);
  board_puts(code == HALT_MEMORY ? "halt 21 memory" : code == HALT_SCRIPT ? "halt 22 script error" : "halt 23 fault");
  board_exit(code);
}
