/* JerryScript's hooks over spans of octets. Below one octet there is nothing to do, and no offset is checked. */

#include <string.h>

#include "jerry_call.h"
#include "spans.h"

/* The octets that an argument and the next one, its offset, describe. */
static uint8_t *span(Call *call, jerry_length_t argument, const char *name, const char *offset, size_t length) {
  return range(call, argument, name, whole(call, argument + 1, offset, MOST), length);
}

HOOK(copy) {
  CALL;
  const size_t length = span_length(call, 4);
  if (length > 0) {
    uint8_t *to = span(call, 0, "to", "toOffset", length);
    const uint8_t *from = span(call, 2, "from", "fromOffset", length);
    if (!failed(call)) span_copy(to, from, length, values[0] == values[2]);
  }
  return finish(call, jerry_undefined());
}

HOOK(fill) {
  CALL;
  const size_t length = span_length(call, 2);
  const size_t value = whole(call, 3, "value", 255);
  if (length > 0) {
    uint8_t *buffer = span(call, 0, "buffer", "offset", length);
    if (!failed(call)) memset(buffer, (int)value, length);
  }
  return finish(call, jerry_undefined());
}

HOOK(equal) {
  CALL;
  const size_t length = span_length(call, 4);
  bool is_equal = true;
  if (length > 0) {
    const uint8_t *a = span(call, 0, "a", "aOffset", length);
    const uint8_t *b = span(call, 2, "b", "bOffset", length);
    is_equal = !failed(call) && span_equal(a, b, length);
  }
  return finish(call, jerry_boolean(is_equal));
}

HOOK(difference) {
  CALL;
  const size_t length = span_length(call, 5);
  long found = -1;
  if (length > 0) {
    const uint8_t *a = span(call, 0, "a", "aOffset", length);
    const uint8_t *b = span(call, 2, "b", "bOffset", length);
    const uint8_t *mask = range(call, 4, "mask", 0, length);
    if (!failed(call)) found = span_difference(a, b, mask, length);
  }
  return finish(call, jerry_number((double)found));
}

HOOK(sum) {
  CALL;
  const size_t length = span_length(call, 2);
  uint32_t sum = whole(call, 3, "sum", MOST);
  if (length > 0) {
    const uint8_t *buffer = span(call, 0, "buffer", "offset", length);
    if (!failed(call)) sum += span_sum(buffer, length);
  }
  return finish(call, jerry_number((double)sum));
}

HOOK(fcs) {
  CALL;
  const size_t length = span_length(call, 2);
  uint16_t fcs = 0;
  if (length > 0) {
    const uint8_t *buffer = span(call, 0, "buffer", "offset", length);
    if (!failed(call)) fcs = span_fcs(0, buffer, length);
  }
  return finish(call, jerry_number((double)fcs));
}

const Hook JERRY_SPANS[SPAN_HOOKS] = {
    {"copy", hook_copy}, {"fill", hook_fill}, {"equal", hook_equal}, {"difference", hook_difference},
    {"sum", hook_sum},   {"fcs", hook_fcs},
};
