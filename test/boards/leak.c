/* The MPS2 board with a spy. Its "random numbers" say whether the inverted octets of the last sent frame are on the stack:
   in its free part, or in a part that the hook did not write. */

#define board_hardware_random mps2_random
#define radio_put mps2_radio_put
#include "../../boards/common/mps2.c"
#undef board_hardware_random
#undef radio_put

extern uint8_t __stack_bottom[];

static uint8_t needle[256];
static uint8_t length;
static int at = -2;

bool radio_put(uint8_t octet) {
  if (at == -1) length = octet;
  if (at >= 0) needle[at] = octet ^ 0xff;
  at++;
  if (at == length && at > 0) at = -2;
  return true;
}

/* Leaves it there, to see that the spy sees. */
static __attribute__((noinline)) void plant(void) {
  volatile uint8_t left[sizeof needle];
  for (int i = 0; i < length; i++) left[i] = needle[i];
  (void)left;
}

bool board_hardware_random(uint8_t *out, size_t size) {
  /* From the bottom to the frame of the hook that called. */
  const uint8_t *top = (const uint8_t *)__builtin_frame_address(0) + 300;
  (void)out;
  if (size == 5) plant();
  for (const uint8_t *place = __stack_bottom; place + length <= top; place++) {
    int i = 0;
    while (i < length && place[i] == needle[i]) i++;
    if (i == length) return true;
  }
  return false;
}
