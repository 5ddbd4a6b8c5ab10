/* Arguments of JerryScript's hooks. */

#include "jerry_call.h"

#include <string.h>

/* Appends text and decimal digits to `out`. printf would cost two kilobytes of RAM. */
static char *add(char *out, const char *text) {
  const size_t length = strlen(text);
  memcpy(out, text, length + 1);
  return out + length;
}

static char *add_number(char *out, size_t number) {
  char digits[11] = "";
  char *first = digits + sizeof digits - 1;
  do {
    *--first = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return add(out, first);
}

void fail(Call *call, jerry_error_t kind, const char *name, const char *what) {
  if (failed(call)) return;
  call->kind = kind;
  add(add(add(call->problem, name), ": "), what);
}

/* Takes a number's integer from its bits: without an FPU, arithmetic of doubles costs several times as much. False: it is
   no integer of 32 bits. */
static bool integer(double number, int32_t *out) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  const int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
  *out = 0;
  if (bits << 1 == 0) return true;
  if (exponent < 0 || exponent > 30) return false;
  const uint64_t mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  if (mantissa << (12 + exponent) != 0) return false;
  const int32_t magnitude = (int32_t)(mantissa >> (52 - exponent));
  *out = bits >> 63 != 0 ? -magnitude : magnitude;
  return true;
}

static bool number_of(const Call *call, jerry_length_t argument, int32_t *out) {
  *out = -1;
  if (argument >= call->count || !jerry_value_is_number(call->values[argument])) return false;
  return integer(jerry_value_as_number(call->values[argument]), out);
}

size_t whole(Call *call, jerry_length_t argument, const char *name, uint32_t most) {
  int32_t value;
  if (number_of(call, argument, &value) && value >= 0 && (uint32_t)value <= most) return (size_t)value;
  char limit[48];
  add_number(add(limit, "must be a whole number of 0.."), most);
  fail(call, JERRY_ERROR_RANGE, name, limit);
  return 0;
}

size_t span_length(Call *call, jerry_length_t argument) {
  int32_t value;
  return number_of(call, argument, &value) && value <= 0 ? 0 : whole(call, argument, "length", MOST);
}

uint8_t *octets(Call *call, jerry_length_t argument, const char *name, size_t *size) {
  *size = 0;
  if (argument >= call->count || !jerry_value_is_typedarray(call->values[argument]) ||
      jerry_typedarray_type(call->values[argument]) != JERRY_TYPEDARRAY_UINT8) {
    fail(call, JERRY_ERROR_TYPE, name, "must be octets");
    return NULL;
  }
  jerry_size_t offset = 0;
  jerry_size_t length = 0;
  const jerry_value_t buffer = jerry_typedarray_buffer(call->values[argument], &offset, &length);
  uint8_t *data = jerry_arraybuffer_data(buffer);
  jerry_value_free(buffer);
  if (data == NULL && length > 0) {
    /* The engine allocates a buffer's octets at their first use. */
    fail(call, JERRY_ERROR_RANGE, name, "no memory for its octets, or detached");
    return NULL;
  }
  *size = length;
  return data + offset;
}

uint8_t *range(Call *call, jerry_length_t argument, const char *name, size_t offset, size_t length) {
  size_t size;
  uint8_t *data = octets(call, argument, name, &size);
  if (offset <= size && length <= size - offset) return data + offset;
  char text[64];
  char *end = add(add_number(text, length), " octets at ");
  add_number(add(add_number(end, offset), ": it has "), size);
  fail(call, JERRY_ERROR_RANGE, name, text);
  return NULL;
}
