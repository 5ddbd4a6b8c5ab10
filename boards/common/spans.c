/* Spans of octets. */

#include "spans.h"

#include <string.h>

void span_copy(uint8_t *to, const uint8_t *from, size_t length, bool is_same) {
  if (is_same || to <= from || to >= from + length) {
    memmove(to, from, length);
  } else {
    for (size_t i = 0; i < length; i++) to[i] = from[i];
  }
}

bool span_equal(const uint8_t *a, const uint8_t *b, size_t length) {
  /* No early end: the time must not tell where they differ. */
  uint8_t difference = 0;
  for (size_t i = 0; i < length; i++) difference |= a[i] ^ b[i];
  return difference == 0;
}

long span_difference(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t length) {
  for (size_t i = length; i > 0; i--) {
    if (((a[i - 1] ^ b[i - 1]) & mask[i - 1]) != 0) return (long)i - 1;
  }
  return -1;
}

uint32_t span_sum(const uint8_t *octets, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) sum += (uint32_t)octets[i] << 8 | octets[i + 1];
  return length % 2 == 0 ? sum : sum + ((uint32_t)octets[length - 1] << 8);
}

/* By nibbles, see core/base/spans.ts. */
uint16_t span_fcs(uint16_t crc, const uint8_t *octets, size_t length) {
  for (size_t i = 0; i < length; i++) {
    crc ^= octets[i];
    crc = (uint16_t)(crc >> 4 ^ (crc & 15) * 0x1081);
    crc = (uint16_t)(crc >> 4 ^ (crc & 15) * 0x1081);
  }
  return crc;
}
