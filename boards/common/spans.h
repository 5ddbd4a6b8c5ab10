/* Spans of octets, as core/base/spans.ts has them. */
#ifndef SPANS_H
#define SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bit of `board.native` for spans. */
#define NATIVE_SPANS 16

/* `is_same`: both spans are of one buffer and may overlap. Other spans are copied octet by octet from the first, like a
   loop of the script, even if they are views of the same octets. */
void span_copy(uint8_t *to, const uint8_t *from, size_t length, bool is_same);
bool span_equal(const uint8_t *a, const uint8_t *b, size_t length);
/* Index of the last octet that differs under the mask, or -1. */
long span_difference(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t length);
/* Sum of the 16-bit words. An odd last octet is padded with zero. */
uint32_t span_sum(const uint8_t *octets, size_t length);
/* Continues the CRC-16 of ITU-T over more octets. `crc` is the FCS so far, at first 0. */
uint16_t span_fcs(uint16_t crc, const uint8_t *octets, size_t length);

#endif
