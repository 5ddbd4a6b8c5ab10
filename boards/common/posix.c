/* A board that is a Linux program: PROGRAM radio=SOCKET [provision=FILE] [state=FILE] [entropy=FILE]. Its radio is in another
   file (posix_pipe.c); the console is standard input and output. There are no interrupts: octets are read
   when the script waits or looks at the clock. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "posix.h"
#include "system.h"

#define USAGE 2
/* How often to look for an absent radio, and how long to wait for a reader of the console. */
#define CONNECT_MS 250
#define STUCK_MS 500

#ifdef HEAP_SIZE
/* JerryScript's heap; the linker is told its end. */
uint8_t __heap_start[HEAP_SIZE] __attribute__((aligned(16)));
#endif

static char **words;
const char *posix_radio_name;
static const char *entropy_path, *state_path;
static uint8_t area[PROVISION_SIZE];
static size_t area_length;
static int entropy = -1;
static uint64_t connected_at;
static bool is_console = true;

/* --- clock --- */

static uint64_t start;

static uint64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t system_milliseconds(void) { return (uint32_t)(clock_ms() - start); }

uint64_t board_ticks(void) { return 0; }

/* --- console --- */

static char out[512];
static size_t out_length;

static void flush(void) {
  for (size_t done = 0; done < out_length;) {
    const ssize_t written = write(STDOUT_FILENO, out + done, out_length - done);
    if (written >= 0) {
      done += (size_t)written;
    } else if (errno == EAGAIN) {
      struct pollfd one = {.fd = STDOUT_FILENO, .events = POLLOUT};
      poll(&one, 1, STUCK_MS);
    } else if (errno != EINTR) {
      break;
    }
  }
  out_length = 0;
}

bool console_put(uint8_t octet) {
  out[out_length++] = (char)octet;
  if (octet == '\n' || out_length == sizeof out) flush();
  return true;
}

/* --- input --- */

/* Reads octet by octet: input after a line waits outside until the script has taken the line. */
static void take_console(void) {
  uint8_t octet;
  const ssize_t length = read(STDIN_FILENO, &octet, 1);
  if (length == 1) console_octet(octet);
  if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) is_console = false;
}

static void open_radio(void) {
  connected_at = clock_ms();
  posix_radio_open();
}

/* Waits up to `ms` for input, and takes it. */
static void take(uint64_t ms) {
  const uint64_t now = clock_ms();
  if (posix_radio < 0 && now - connected_at >= CONNECT_MS) open_radio();
  if (posix_radio < 0 && ms > CONNECT_MS) ms = CONNECT_MS;
  if (ms > 60000) ms = 60000;
  for (;; ms = 0) {
    struct pollfd both[2] = {{.fd = posix_radio, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    if (!is_console || console_ready()) both[1].fd = -1;
    if (poll(both, 2, (int)ms) <= 0) return;
    if (both[0].revents != 0) posix_radio_take();
    if (both[1].revents != 0) take_console();
  }
}

uint64_t board_now(void) {
  take(0);
  return clock_ms() - start;
}

void board_wait(int64_t ms) {
  const uint64_t begin = clock_ms();
  const uint64_t end = ms < 0 ? UINT64_MAX : begin + (uint64_t)ms;
  flush();
  take(0);
  for (uint64_t now = begin; !radio_ready() && !console_ready() && now < end; now = clock_ms()) take(end - now);
}

/* --- randomness, provisioning, memory --- */

static bool read_all(int file, uint8_t *octets, size_t length) {
  while (length > 0) {
    const ssize_t got = file < 0 ? getrandom(octets, length, 0) : read(file, octets, length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    octets += got;
    length -= (size_t)got;
  }
  return true;
}

/* A test run names a file, which makes the run repeatable. */
bool board_random(uint8_t *octets, size_t length) { return read_all(entropy, octets, length); }

size_t board_provision(const uint8_t **at) {
  *at = area;
  return area_length == 0 || area[0] == 0xff || area[0] == 0 ? 0 : area_length;
}

/* --- the record: a file, replaced as a whole --- */

#define PATH_SIZE 4096

static bool write_all(int file, const uint8_t *octets, size_t length) {
  while (length > 0) {
    const ssize_t written = write(file, octets, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    octets += written;
    length -= (size_t)written;
  }
  return true;
}

/* The new name of a file is on the disk when its folder is. */
static bool sync_folder(char *path) {
  char *slash = strrchr(path, '/');
  if (slash != NULL) slash[slash == path ? 1 : 0] = 0;
  const int folder = open(slash == NULL ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return good;
}

bool board_save(const uint8_t *record, size_t length) {
  char path[PATH_SIZE];
  if (state_path == NULL) return false;
  snprintf(path, sizeof path, "%s.new", state_path);
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = file >= 0 && write_all(file, record, length) && fsync(file) == 0;
  if (file >= 0) close(file);
  good = good && rename(path, state_path) == 0;
  if (good) good = sync_folder(path);
  if (!good) fprintf(stderr, "state: %s: %s\n", state_path, strerror(errno));
  return good;
}

size_t board_load(uint8_t *out, size_t size) {
  const int file = state_path == NULL ? -1 : open(state_path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  while (file >= 0 && length < size) {
    const ssize_t got = read(file, out + length, size - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += (size_t)got;
  }
  if (file >= 0) close(file);
  return length;
}

/* Of the whole process with its libraries. (getrusage would give the peak of the process that started this one.) */
long board_memory(void) {
  FILE *status = fopen("/proc/self/status", "re");
  char line[128];
  long kilobytes = -1;
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (sscanf(line, "VmHWM: %ld kB", &kilobytes) == 1) break;
  }
  if (status != NULL) fclose(status);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

/* --- start and end --- */

void board_exit(int code) {
  flush();
  _exit(code);
}

void board_restart(void) {
  flush();
  execv("/proc/self/exe", words);
  fprintf(stderr, "restart: %s\n", strerror(errno));
  _exit(HALT_FAULT);
}

__attribute__((noreturn)) static void refuse(const char *name, const char *value, const char *why) {
  fprintf(stderr, "%s: %s: %s\n", name, value, why);
  _exit(USAGE);
}

static int open_file(const char *name, const char *path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) refuse(name, path, strerror(errno));
  return file;
}

static void read_area(const char *path) {
  const int file = open_file("provision", path);
  uint8_t more;
  for (;;) {
    const bool is_full = area_length == sizeof area;
    const ssize_t got =
        is_full ? read(file, &more, 1) : read(file, area + area_length, sizeof area - area_length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse("provision", path, strerror(errno));
    if (got == 0) break;
    if (is_full) refuse("provision", path, "is too large");
    area_length += (size_t)got;
  }
  close(file);
}

/* The value of `name=value`, or NULL. */
static const char *value_of(const char *word, const char *name) {
  const size_t length = strlen(name);
  return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

int main(int count, char **arguments) {
  words = arguments;
  start = clock_ms();
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < count; i++) {
    const char *value;
    if ((value = value_of(words[i], "radio")) != NULL) {
      posix_radio_name = value;
    } else if ((value = value_of(words[i], "provision")) != NULL) {
      read_area(value);
    } else if ((value = value_of(words[i], "entropy")) != NULL) {
      entropy_path = value;
    } else if ((value = value_of(words[i], "state")) != NULL) {
      state_path = value;
    } else {
      refuse("argument", words[i], "must be radio=SOCKET, provision=FILE, state=FILE or entropy=FILE");
    }
  }
  if (posix_radio_name == NULL) refuse("radio", "(missing)", "must be the path of a unix socket");
  if (posix_radio_problem() != NULL) refuse("radio", posix_radio_name, posix_radio_problem());
  if (state_path != NULL && strlen(state_path) + sizeof ".new" > PATH_SIZE) refuse("state", state_path, "is too long");
  if (entropy_path != NULL) entropy = open_file("entropy", entropy_path);
  open_radio();
  board_exit(engine_run());
}
