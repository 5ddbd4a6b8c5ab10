/* The provisioning area in flash, and where random octets come from. */

#include "board.h"
#include "semihosting.h"
#include "system.h"

size_t board_provision(const uint8_t **area) {
#if PROVISION_SIZE > 0
  *area = (const uint8_t *)PROVISION_ADDRESS;
  /* Erased flash is all ones; memory that stands in for flash in an emulator is all zeros. */
  const uint8_t first = **area;
  return first == 0xff || first == 0 ? 0 : PROVISION_SIZE;
#else
  *area = 0;
  return 0;
#endif
}

bool board_random(uint8_t *out, size_t length) {
  /* A test run's file comes first, which makes the run repeatable. */
  return semihosting_entropy(out, length) || board_hardware_random(out, length);
}
