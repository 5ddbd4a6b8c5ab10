/* Numbers as text, and text as numbers, for Lua. Integers are exact. Other numbers have the form of "%.14g". They are scaled by
   powers of ten with a rounding for each factor, so the last of 14 digits may be one off where the exponent is beyond 22. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lua_port.h"

#define DIGITS 14
/* Powers of ten up to this one are exact. */
#define EXACT 22

static double power(int exponent) {
  double value = 1;
  for (; exponent > 0; exponent--) value *= 10;
  return value;
}

/* value * 10^exponent */
static double scale(double value, int exponent) {
  for (; exponent > EXACT; exponent -= EXACT) value *= power(EXACT);
  for (; exponent < -EXACT; exponent += EXACT) value /= power(EXACT);
  return exponent < 0 ? value / power(-exponent) : value * power(exponent);
}

static int print_digits(char *out, uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (int i = 0; i < count; i++) out[i] = digits[count - 1 - i];
  out[count] = 0;
  return count;
}

int lua_print_integer(char *out, LUA_INTEGER value) {
  if (value >= 0) return print_digits(out, (uint64_t)value);
  *out = '-';
  return 1 + print_digits(out + 1, -(uint64_t)value);
}

int lua_print_pointer(char *out, const void *pointer) {
  const char *hex = "0123456789abcdef";
  out[0] = '0';
  out[1] = 'x';
  const int count = (int)(2 * sizeof pointer);
  for (int i = 0; i < count; i++) out[2 + i] = hex[(uintptr_t)pointer >> 4 * (count - 1 - i) & 15];
  out[2 + count] = 0;
  return 2 + count;
}

/* A finite number above 0: its digits, as a whole number of DIGITS digits, and the exponent of the first. */
static uint64_t digits_of(double value, int *exponent) {
  int binary;
  frexp(value, &binary);
  /* log10(2) of 0.30103, one too small at most. */
  int first = (int)floor((binary - 1) * 0.30102999566398);
  if (scale(value, -first) >= 10) first++;
  uint64_t digits = (uint64_t)(scale(value, DIGITS - 1 - first) + 0.5);
  if (digits >= 100000000000000U) {
    digits /= 10;
    first++;
  }
  *exponent = first;
  return digits;
}

static int print_text(char *out, const char *text) {
  strcpy(out, text);
  return (int)strlen(text);
}

int lua_print_number(char *out, LUA_NUMBER value) {
  char *at = out;
  char digits[20];
  int exponent;
  if (signbit(value)) *at++ = '-';
  value = fabs(value);
  if (isnan(value)) return (int)(at - out) + print_text(at, "nan");
  if (isinf(value)) return (int)(at - out) + print_text(at, "inf");
  if (value == 0) return (int)(at - out) + print_text(at, "0");
  int count = print_digits(digits, digits_of(value, &exponent));
  while (count > 1 && digits[count - 1] == '0') count--;
  const int isScientific = exponent < -4 || exponent >= DIGITS;
  /* Digits before the point. */
  int whole = isScientific ? 1 : exponent + 1;
  if (whole <= 0) {
    *at++ = '0';
    *at++ = '.';
    for (; whole < 0; whole++) *at++ = '0';
    whole = -1;
  }
  for (int i = 0; i < count || i < whole; i++) {
    if (i == whole) *at++ = '.';
    *at++ = i < count ? digits[i] : '0';
  }
  if (isScientific) {
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    const int size = exponent < 0 ? -exponent : exponent;
    if (size < 10) *at++ = '0';
    at += print_digits(at, (uint64_t)size);
  }
  *at = 0;
  return (int)(at - out);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

LUA_NUMBER lua_read_number(const char *text, char **end) {
  const char *at = text;
  uint64_t digits = 0;
  int exponent = 0, some = 0;
  *end = (char *)(uintptr_t)text;
  while (*at == ' ' || (*at >= '\t' && *at <= '\r')) at++;
  const int isNegative = *at == '-';
  if (*at == '-' || *at == '+') at++;
  for (int isBehind = 0; is_digit(*at) || (*at == '.' && !isBehind); at++) {
    if (*at == '.') {
      isBehind = 1;
      continue;
    }
    some = 1;
    if (digits < 100000000000000000U) {
      digits = 10 * digits + (uint64_t)(*at - '0');
      exponent -= isBehind;
    } else {
      exponent += !isBehind;
    }
  }
  if (!some) return 0;
  if (*at == 'e' || *at == 'E') {
    const char *power_at = at + 1;
    const int isSmall = *power_at == '-';
    if (*power_at == '-' || *power_at == '+') power_at++;
    int number = 0;
    if (is_digit(*power_at)) {
      for (; is_digit(*power_at); power_at++) number = number < 9999 ? 10 * number + (*power_at - '0') : number;
      exponent += isSmall ? -number : number;
      at = power_at;
    }
  }
  *end = (char *)(uintptr_t)at;
  const double value = digits == 0 ? 0 : scale((double)digits, exponent < -400 ? -400 : exponent > 400 ? 400 : exponent);
  return isNegative ? -value : value;
}
