/* The radio of a Linux program as a chip that takes whole frames and acknowledges by itself: each datagram of a UDP socket on
   the loopback address is a frame, with its signal strength before it where it comes in. radio=PORT. The chip waits ACK_MS for an
   acknowledgement and does not repeat. `board.tune` says for whom it acknowledges. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "board.h"
#include "posix.h"
#include "radio.h"
#include "spans.h"
#include "system.h"

#define ACK_MS 50

const bool radio_acknowledges = true;
int posix_radio = -1;

static RadioPlace place;
static bool is_waiting;
static uint8_t sequence;
static uint32_t since;

const char *posix_radio_problem(void) { return atoi(posix_radio_name) > 0 ? NULL : "must be a port"; }

void posix_radio_open(void) {
  const struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)atoi(posix_radio_name)),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  posix_radio = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connect(posix_radio, (const struct sockaddr *)&address, sizeof address) != 0) exit(2);
}

void radio_tune(const RadioPlace *wanted) {
  place = *wanted;
  /* It makes the program's port known. */
  if (send(posix_radio, "tuned", 5, 0) != 5) fprintf(stderr, "tune: %s\n", strerror(errno));
}

static void acknowledge(uint8_t number) {
  uint8_t ack[5] = {2, 0, number, 0, 0};
  const uint16_t fcs = span_fcs(0, ack, 3);
  ack[3] = (uint8_t)fcs;
  ack[4] = (uint8_t)(fcs >> 8);
  if (send(posix_radio, ack, sizeof ack, 0) < 0) fprintf(stderr, "ack: %s\n", strerror(errno));
}

/* Frames to its short address alone, and broadcasts. */
static bool is_for_us(const uint8_t *frame) {
  const unsigned pan = frame[3] | (unsigned)frame[4] << 8, address = frame[5] | (unsigned)frame[6] << 8;
  return (frame[1] >> 2 & 3) == 2 && pan == place.pan_id && (address == place.short_address || address == 0xffff);
}

void posix_radio_take(void) {
  uint8_t octets[256];
  const ssize_t length = recv(posix_radio, octets, sizeof octets, 0);
  if (length < 6) return;
  const uint8_t *frame = octets + 1;
  if ((frame[0] & 7) == 2) {
    if (!is_waiting || frame[2] != sequence) return;
    is_waiting = false;
    radio_sent(RADIO_SENT);
    return;
  }
  if (!is_for_us(frame)) return;
  if ((frame[0] & 0x20) != 0) acknowledge(frame[2]);
  radio_received(frame, (size_t)length - 1, (int8_t)octets[0]);
}

void radio_poll(void) {
  if (!is_waiting || system_milliseconds() - since < ACK_MS) return;
  is_waiting = false;
  radio_sent(RADIO_NOT_ACKNOWLEDGED);
}

bool radio_pending(void) { return false; }

bool radio_send(const uint8_t *frame, size_t length) {
  if (send(posix_radio, frame, length, 0) < 0) return false;
  is_waiting = (frame[0] & 0x20) != 0;
  sequence = frame[2];
  since = system_milliseconds();
  if (!is_waiting) radio_sent(RADIO_SENT);
  return true;
}
