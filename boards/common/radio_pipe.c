/* The radio pipe on a UART: 0xA7, a length of 5..127, then the frame. The interrupt handler receives octets. */

#include "board.h"
#include "radio.h"
#include "system.h"

#define SFD 0xa7
/* A frame is given up when its next octet does not come within this time. */
#define GAP_MS 200
/* A transmitter is stuck when it takes no octet for this time. */
#define STUCK_MS 500

static enum { HUNT, LENGTH, FRAME } state;
static uint8_t filled, wanted;
/* NULL: the frame is dropped, as no slot was free at its start. */
static uint8_t *slot;
static uint32_t last;

void radio_octet(uint8_t octet) {
  const uint32_t now = system_milliseconds();
  if (state != HUNT && now - last > GAP_MS) {
    radio_state.interrupted++;
    state = HUNT;
  }
  last = now;
  if (state == HUNT) {
    if (octet == SFD) state = LENGTH;
  } else if (state == LENGTH) {
    if (octet >= FRAME_MIN && octet <= FRAME_MAX) {
      wanted = octet;
      filled = 0;
      slot = radio_slot();
      state = FRAME;
    } else if (octet != SFD) {
      state = HUNT;
    }
  } else {
    if (slot != NULL) slot[filled] = octet;
    filled++;
    if (filled < wanted) return;
    state = HUNT;
    if (slot == NULL) radio_state.dropped++;
    else radio_store(wanted, 0);
  }
}

void radio_poll(void) {}

bool radio_pending(void) { return false; }

void radio_tune(const RadioPlace *place) { (void)place; }

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
  if (!good) radio_state.stuck++;
  return good;
}
