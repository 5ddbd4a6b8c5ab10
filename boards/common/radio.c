/* The radio pipe on a UART: 0xA7, a length of 5..127, then the frame. The interrupt handler receives octets and puts whole
   frames into a ring of slots. When no slot is free, the frame is dropped and counted. */

#include <string.h>

#include "board.h"
#include "system.h"

#define SFD 0xa7
#define SLOTS 8
/* A frame is given up when its next octet does not come within this time. */
#define GAP_MS 200
/* A transmitter is stuck when it takes no octet for this time. */
#define STUCK_MS 500

typedef struct {
  uint8_t length;
  uint8_t octets[FRAME_MAX];
} Slot;

static Slot slots[SLOTS];
static volatile uint8_t head, tail;

static enum { HUNT, LENGTH, FRAME } state;
static uint8_t filled, wanted;
/* The frame is dropped: no slot was free at its start. */
static bool dropping;
static uint32_t last;

/* Frames lost here. Nothing reads it yet but a debugger. */
volatile uint32_t radio_dropped, radio_interrupted, radio_stuck;

void radio_octet(uint8_t octet) {
  const uint32_t now = system_milliseconds();
  if (state != HUNT && now - last > GAP_MS) {
    radio_interrupted++;
    state = HUNT;
  }
  last = now;
  if (state == HUNT) {
    if (octet == SFD) state = LENGTH;
  } else if (state == LENGTH) {
    if (octet >= FRAME_MIN && octet <= FRAME_MAX) {
      wanted = octet;
      filled = 0;
      dropping = (uint8_t)(tail + 1) % SLOTS == head;
      state = FRAME;
    } else if (octet != SFD) {
      state = HUNT;
    }
  } else {
    if (!dropping) slots[tail].octets[filled] = octet;
    filled++;
    if (filled < wanted) return;
    state = HUNT;
    if (dropping) {
      radio_dropped++;
    } else {
      slots[tail].length = wanted;
      /* Store the frame before announcing it. */
      memory_barrier();
      tail = (uint8_t)(tail + 1) % SLOTS;
    }
  }
}

bool radio_ready(void) { return head != tail; }

int radio_receive(uint8_t *frame) {
  if (head == tail) return -1;
  const Slot *slot = &slots[head];
  const int length = slot->length;
  memory_barrier();
  memcpy(frame, slot->octets, (size_t)length);
  memory_barrier();
  head = (uint8_t)(head + 1) % SLOTS;
  return length;
}

static bool put(uint8_t octet) {
  const uint32_t start = system_milliseconds();
  while (!radio_put(octet)) {
    if (system_milliseconds() - start > STUCK_MS) return false;
  }
  return true;
}

bool radio_transmit(const uint8_t *frame, size_t length) {
  bool good = put(SFD) && put((uint8_t)length);
  for (size_t i = 0; good && i < length; i++) good = put(frame[i]);
  if (!good) radio_stuck++;
  return good;
}
