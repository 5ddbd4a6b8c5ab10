/* The system calls of newlib: memory from the heap that the linker script reserves. No files, no processes. */

#include <errno.h>
#include <sys/stat.h>

#include "board.h"
#include "system.h"

extern uint8_t __heap_start[], __heap_end[];

static uint8_t *top = __heap_start;
static uint8_t *peak = __heap_start;

void *_sbrk(ptrdiff_t more) {
  if (more > __heap_end - top || more < __heap_start - top) {
    errno = ENOMEM;
    return (void *)-1;
  }
  uint8_t *before = top;
  top += more;
  if (top > peak) peak = top;
  return before;
}

/* errno without newlib's own, which stands among a kilobyte of RAM. JerryScript needs nothing else there. */
int *__errno(void) {
  static int number;
  return &number;
}

size_t system_heap_peak(void) { return (size_t)(peak - __heap_start); }

int _write(int file, const char *text, int length) {
  (void)file;
  board_write(text, (size_t)length);
  return length;
}

static int refuse(void) {
  errno = ENOSYS;
  return -1;
}

int _read(int file, char *out, int length) {
  (void)file, (void)out, (void)length;
  return 0;
}

int _open(const char *path, int flags, int mode) {
  (void)path, (void)flags, (void)mode;
  return refuse();
}

int _close(int file) {
  (void)file;
  return refuse();
}

int _lseek(int file, int offset, int whence) {
  (void)file, (void)offset, (void)whence;
  return refuse();
}

int _fstat(int file, struct stat *status) {
  (void)file;
  status->st_mode = S_IFCHR;
  return 0;
}

int _isatty(int file) {
  (void)file;
  return 1;
}

int _kill(int process, int number) {
  (void)process, (void)number;
  return refuse();
}

int _getpid(void) { return 1; }

int _unlink(const char *path) {
  (void)path;
  return refuse();
}

int _link(const char *from, const char *to) {
  (void)from, (void)to;
  return refuse();
}

struct timeval;
int _gettimeofday(struct timeval *time, void *zone) {
  (void)time, (void)zone;
  return refuse();
}

struct tms;
int _times(struct tms *times) {
  (void)times;
  return refuse();
}

void _exit(int code) { board_exit(code); }

/* newlib asserts that it got memory for printing numbers. Its own assertion would link the standard streams. */
void __assert_func(const char *file, int line, const char *function, const char *what) {
  (void)file, (void)line, (void)function;
  board_halt(HALT_MEMORY, what);
}
