/* JerryScript's port: memory from the linker script's heap, and the console. No files, no time zone. */

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "jerryscript.h"
#include "jerryscript-port.h"

extern uint8_t __heap_start[], __heap_end[];

size_t jerry_context_octets;

void jerry_port_init(void) {}

void jerry_port_fatal(jerry_fatal_code_t code) {
  board_halt(code == JERRY_FATAL_OUT_OF_MEMORY ? HALT_MEMORY : HALT_SCRIPT, "JerryScript gives up");
}

void jerry_port_sleep(uint32_t sleep_time) { (void)sleep_time; }

size_t jerry_port_context_alloc(size_t context_size) {
  jerry_context_octets = context_size;
  return (size_t)(__heap_end - __heap_start);
}

struct jerry_context_t *jerry_port_context_get(void) { return (struct jerry_context_t *)__heap_start; }

void jerry_port_context_free(void) {}

void jerry_port_log(const char *message) { board_write(message, strlen(message)); }

void jerry_port_print_buffer(const jerry_char_t *text, jerry_size_t length) {
  board_write((const char *)text, length);
}

jerry_char_t *jerry_port_line_read(jerry_size_t *size) {
  *size = 0;
  return NULL;
}

void jerry_port_line_free(jerry_char_t *line) { (void)line; }

jerry_char_t *jerry_port_path_normalize(const jerry_char_t *path, jerry_size_t size) {
  (void)path, (void)size;
  return NULL;
}

void jerry_port_path_free(jerry_char_t *path) { (void)path; }

jerry_size_t jerry_port_path_base(const jerry_char_t *path) {
  (void)path;
  return 0;
}

jerry_char_t *jerry_port_source_read(const char *name, jerry_size_t *size) {
  (void)name;
  *size = 0;
  return NULL;
}

void jerry_port_source_free(jerry_char_t *source) { (void)source; }

int32_t jerry_port_local_tza(double unix_ms) {
  (void)unix_ms;
  return 0;
}

double jerry_port_current_time(void) { return (double)board_now(); }

/* For Math.random, which nothing secure uses. newlib's own takes a kilobyte of RAM. */
static uint32_t random_state = 1;

void srand(unsigned seed) { random_state = seed; }

int rand(void) {
  random_state = random_state * 1664525U + 1013904223U;
  return (int)(random_state >> 1);
}
