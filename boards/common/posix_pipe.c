/* The radio of a Linux program: the radio pipe on a unix socket at which a gateway's radio listens. */

#include "posix.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"
#include "system.h"

/* A radio that takes no frame for this time is given up. */
#define STUCK_MS 500

int posix_radio = -1;

/* Says why there is no radio, once until there is one. */
static void lost(const char *why) {
  static bool is_told;
  if (why != NULL && !is_told) fprintf(stderr, "radio: %s: %s\n", posix_radio_name, why);
  is_told = why != NULL;
}

static void close_radio(const char *why) {
  close(posix_radio);
  posix_radio = -1;
  lost(why);
}

const char *posix_radio_problem(void) {
  return strlen(posix_radio_name) >= sizeof((struct sockaddr_un *)0)->sun_path ? "is too long" : NULL;
}

void posix_radio_open(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, posix_radio_name, strlen(posix_radio_name) + 1);
  posix_radio = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (posix_radio >= 0 && connect(posix_radio, (const struct sockaddr *)&address, sizeof address) == 0) {
    lost(NULL);
  } else {
    close_radio(strerror(errno));
  }
}

static void send_octets(const uint8_t *octets, size_t length) {
  while (posix_radio >= 0 && length > 0) {
    const ssize_t sent = send(posix_radio, octets, length, MSG_NOSIGNAL);
    if (sent >= 0) {
      octets += sent;
      length -= (size_t)sent;
      continue;
    }
    struct pollfd one = {.fd = posix_radio, .events = POLLOUT};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      close_radio(strerror(errno));
    } else if (poll(&one, 1, STUCK_MS) == 0) {
      /* A part of the frame may be out already. Only a new stream starts clean. */
      close_radio("takes no more");
    }
  }
}

/* Sends a frame whole. Without a stream nobody hears it. */
bool radio_put(uint8_t octet) {
  static uint8_t frame[FRAME_MAX + 2];
  static size_t filled;
  frame[filled++] = octet;
  if (filled > 1 && filled == frame[1] + 2U) {
    send_octets(frame, filled);
    filled = 0;
  }
  return true;
}

void posix_radio_take(void) {
  uint8_t octets[512];
  const ssize_t length = recv(posix_radio, octets, sizeof octets, 0);
  for (ssize_t i = 0; i < length; i++) radio_octet(octets[i]);
  if (length == 0) close_radio("closed");
  if (length < 0 && errno != EAGAIN && errno != EINTR) close_radio(strerror(errno));
}
