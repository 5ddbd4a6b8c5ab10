/* Frames from the radio wait in a ring of slots until the script takes them. When no slot is free, a frame is dropped and
   counted. radio_pipe.c or radio_frames.c fills it, perhaps in an interrupt handler. */

#include "radio.h"

#include <string.h>

#include "board.h"
#include "system.h"

#define SLOTS 8

typedef struct {
  uint8_t length;
  int8_t rssi;
  uint8_t octets[FRAME_MAX];
} Slot;

static Slot slots[SLOTS];
static volatile uint8_t head, tail;

Radio radio_state;

uint8_t *radio_slot(void) { return (uint8_t)(tail + 1) % SLOTS == head ? NULL : slots[tail].octets; }

void radio_store(size_t length, int8_t rssi) {
  slots[tail].length = (uint8_t)length;
  slots[tail].rssi = rssi;
  /* Store the frame before announcing it. */
  memory_barrier();
  tail = (uint8_t)(tail + 1) % SLOTS;
}

bool radio_ready(void) { return head != tail || radio_pending(); }

int radio_receive(uint8_t *frame) {
  radio_poll();
  if (head == tail) return -1;
  const Slot *slot = &slots[head];
  const int length = slot->length;
  memory_barrier();
  memcpy(frame, slot->octets, (size_t)length);
  radio_state.rssi = slot->rssi;
  memory_barrier();
  head = (uint8_t)(head + 1) % SLOTS;
  return length;
}
