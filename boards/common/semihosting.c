/* Arm semihosting: exit code, command line, and the file that stands in for an entropy source in tests. */

#include "semihosting.h"

#include <string.h>

#define SYS_OPEN 0x01
#define SYS_READ 0x06
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT 0x18
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026
#define RUN_TIME_ERROR 0x20023
#define OPEN_READ_BINARY 1

#define PATH_MAX_OCTETS 200

static int call(int operation, const void *arguments) {
  register int r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = arguments;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
  return r0;
}

void semihosting_exit(int code) {
  const uintptr_t extended[2] = {APPLICATION_EXIT, (uintptr_t)code};
  call(SYS_EXIT_EXTENDED, extended);
  /* An old debugger knows success and failure only. */
  call(SYS_EXIT, (const void *)(uintptr_t)(code == 0 ? APPLICATION_EXIT : RUN_TIME_ERROR));
}

/* Handle of the entropy file: -1 none, -2 not looked for yet. */
static int handle = -2;

static int open_entropy(void) {
  static char line[PATH_MAX_OCTETS + 64];
  const uintptr_t get[2] = {(uintptr_t)line, sizeof line - 1};
  if (call(SYS_GET_CMDLINE, get) != 0) return -1;
  char *path = strstr(line, "entropy=");
  if (path == NULL) return -1;
  path += 8;
  size_t length = strcspn(path, " ");
  if (length == 0 || length > PATH_MAX_OCTETS) return -1;
  path[length] = 0;
  const uintptr_t open[3] = {(uintptr_t)path, OPEN_READ_BINARY, length};
  return call(SYS_OPEN, open);
}

bool semihosting_entropy(uint8_t *out, size_t length) {
  if (handle == -2) handle = open_entropy();
  if (handle < 0) return false;
  const uintptr_t read[3] = {(uintptr_t)handle, (uintptr_t)out, length};
  /* The call returns the number of octets that it did not read. */
  return call(SYS_READ, read) == 0;
}
