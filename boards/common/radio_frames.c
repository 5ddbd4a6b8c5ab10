/* Radios that take whole frames: chips beside the processor (mrf24j40.c) or in it. system.h says what their file gives. */

#include <string.h>

#include "board.h"
#include "radio.h"
#include "spans.h"
#include "system.h"

#define ACK_SIZE 5
#define FRAME_TYPE 7
#define FRAME_ACK 2
#define FRAME_ACK_REQUEST 0x20

static uint8_t sequence;
static bool is_under_way, wants_ack;

void radio_received(const uint8_t *frame, size_t length, int8_t rssi) {
  if (length < FRAME_MIN || length > FRAME_MAX) return;
  uint8_t *slot = radio_slot();
  if (slot == NULL) {
    radio_state.dropped++;
    return;
  }
  memcpy(slot, frame, length);
  radio_store(length, rssi);
}

/* The MAC above waits for an acknowledgement: it gets the one that the chip took. */
static void acknowledge(void) {
  uint8_t ack[ACK_SIZE] = {FRAME_ACK, 0, sequence, 0, 0};
  const uint16_t fcs = span_fcs(0, ack, ACK_SIZE - 2);
  ack[3] = (uint8_t)fcs;
  ack[4] = (uint8_t)(fcs >> 8);
  radio_received(ack, ACK_SIZE, 0);
}

void radio_sent(RadioEnd end) {
  if (!is_under_way) return;
  is_under_way = false;
  if (end == RADIO_SENT) {
    radio_state.sent++;
    if (wants_ack && radio_acknowledges) acknowledge();
  } else if (end == RADIO_CHANNEL_BUSY) {
    radio_state.busy++;
  } else if (end == RADIO_NOT_ACKNOWLEDGED) {
    radio_state.not_acknowledged++;
  } else {
    radio_state.stuck++;
  }
}

bool radio_transmit(const uint8_t *frame, size_t length) {
  radio_poll();
  /* The chip has acknowledged the frame already. */
  if (radio_acknowledges && (frame[0] & FRAME_TYPE) == FRAME_ACK) return true;
  if (is_under_way) {
    radio_state.refused++;
    return false;
  }
  wants_ack = (frame[0] & FRAME_ACK_REQUEST) != 0;
  sequence = frame[2];
  /* Some chips tell the end before radio_send returns. */
  is_under_way = true;
  if (radio_send(frame, length)) return true;
  is_under_way = false;
  radio_state.refused++;
  return false;
}
