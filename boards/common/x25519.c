// X25519 [RFC 7748 §5] for Cortex-M: field elements are eight 32-bit words, only weakly reduced (below 2^255 + 2^23) until
// the end. 2^255 = 19 modulo p, so 2^256 = 38.
//
// Constant time: no branch, no index and no number of instructions depends on the scalar or the point. Cortex-M4's multiplier
// takes one cycle for any operands. Cortex-M3's 32 x 32 -> 64 bits takes 3 to 5 cycles, depending on the operands; no program
// can hide that.

#include "x25519.h"

#define WORDS 8

typedef uint32_t element[WORDS];

// a * b + *low + *high, which never exceeds 64 bits. The halves go to *low and *high.
static inline void multiply_add(uint32_t *low, uint32_t *high, uint32_t a, uint32_t b)
{
#if defined(__ARM_FEATURE_DSP) && !defined(X25519_PORTABLE)
  __asm__("umaal %0, %1, %2, %3" : "+r"(*low), "+r"(*high) : "r"(a), "r"(b));
#else
  uint64_t sum = (uint64_t)a * b + *low + *high;
  *low = (uint32_t)sum;
  *high = (uint32_t)(sum >> 32);
#endif
}

// r + top * 2^256, below 2^255 + 2^23 again; top is below 2^17.
static void reduce(uint32_t *r, uint32_t top)
{
  uint64_t carry = 19u * (2 * top + (r[WORDS - 1] >> 31));
  r[WORDS - 1] &= 0x7fffffff;
  for (int i = 0; i < WORDS; i++) {
    carry += r[i];
    r[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

static void add(uint32_t *r, const uint32_t *a, const uint32_t *b)
{
  uint64_t carry = 0;
  for (int i = 0; i < WORDS; i++) {
    carry += (uint64_t)a[i] + b[i];
    r[i] = (uint32_t)carry;
    carry >>= 32;
  }
  reduce(r, (uint32_t)carry);
}

// a - b + 2p, 2p = 2^256 - 38. Each word borrows 1 from the next, so that no step goes below zero.
static void subtract(uint32_t *r, const uint32_t *a, const uint32_t *b)
{
  uint64_t carry = 0x1ffffffdau;
  for (int i = 0; i < WORDS; i++) {
    carry += (uint64_t)a[i] - b[i];
    r[i] = (uint32_t)carry;
    carry = (carry >> 32) + 0x1fffffffeu;
  }
  reduce(r, (uint32_t)(carry - 0x1ffffffffu));
}

static void multiply_small(uint32_t *r, const uint32_t *a, uint32_t b)
{
  uint32_t carry = 0;
  for (int i = 0; i < WORDS; i++) {
    uint32_t low = 0;
    multiply_add(&low, &carry, a[i], b);
    r[i] = low;
  }
  reduce(r, carry);
}

static void multiply(uint32_t *r, const uint32_t *a, const uint32_t *b)
{
  uint32_t product[2 * WORDS];
  for (int i = 0; i < WORDS; i++) product[i] = 0;
  for (int i = 0; i < WORDS; i++) {
    uint32_t carry = 0;
    uint32_t x = a[i];
    uint32_t *row = product + i;
#define STEP(j) multiply_add(&row[j], &carry, x, b[j]);
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
#undef STEP
    row[WORDS] = carry;
  }
  uint32_t carry = 0;
  for (int i = 0; i < WORDS; i++) {
    uint32_t low = product[i];
    multiply_add(&low, &carry, product[i + WORDS], 38);
    r[i] = low;
  }
  reduce(r, carry);
}

// Exchanges a and b when bit is 1, not when it is 0.
static void swap(uint32_t bit, uint32_t *a, uint32_t *b)
{
  uint32_t mask = 0u - bit;
  for (int i = 0; i < WORDS; i++) {
    uint32_t x = mask & (a[i] ^ b[i]);
    a[i] ^= x;
    b[i] ^= x;
  }
}

// r = a^(2^n) b, n > 0; t is none of them.
static void squares(uint32_t *r, const uint32_t *a, int n, const uint32_t *b, uint32_t *t)
{
  multiply(t, a, a);
  for (int i = 1; i < n; i++) multiply(t, t, t);
  multiply(r, t, b);
}

static void read_words(uint32_t *to, const uint8_t *from)
{
  for (int i = 0; i < WORDS; i++, from += 4)
    to[i] = from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

struct state {
  element scalar, x1, x2, z2, x3, z3, e, f;
};

void x25519(uint8_t *out, const uint8_t *scalar, const uint8_t *point)
{
  struct state s;
  read_words(s.scalar, scalar);
  read_words(s.x1, point);
  s.x1[WORDS - 1] &= 0x7fffffff;
  s.scalar[0] &= 0xfffffff8;
  s.scalar[WORDS - 1] = (s.scalar[WORDS - 1] & 0x7fffffff) | 0x40000000;
  for (int i = 0; i < WORDS; i++) {
    s.x2[i] = i == 0;
    s.z2[i] = 0;
    s.x3[i] = s.x1[i];
    s.z3[i] = i == 0;
  }

  // The ladder; names as in [RFC 7748 §5].
  uint32_t last = 0;
  for (int t = 254; t >= 0; t--) {
    uint32_t bit = (s.scalar[t >> 5] >> (t & 31)) & 1;
    swap(bit ^ last, s.x2, s.x3);
    swap(bit ^ last, s.z2, s.z3);
    last = bit;
    add(s.e, s.x2, s.z2);
    subtract(s.x2, s.x2, s.z2);
    add(s.f, s.x3, s.z3);
    subtract(s.x3, s.x3, s.z3);
    multiply(s.x3, s.x3, s.e);
    multiply(s.f, s.f, s.x2);
    subtract(s.z3, s.x3, s.f);
    add(s.x3, s.x3, s.f);
    multiply(s.x3, s.x3, s.x3);
    multiply(s.z3, s.z3, s.z3);
    multiply(s.z3, s.z3, s.x1);
    multiply(s.e, s.e, s.e);
    multiply(s.f, s.x2, s.x2);
    multiply(s.x2, s.e, s.f);
    subtract(s.f, s.e, s.f);
    multiply_small(s.z2, s.f, 121665);
    add(s.z2, s.z2, s.e);
    multiply(s.z2, s.z2, s.f);
  }

  // Bit 0 of a clamped scalar is 0: nothing to swap back. z2^(p - 2), p - 2 = 2^255 - 21: 50 times the five bits 11111,
  // then 01011.
  squares(s.x3, s.z2, 1, s.z2, s.e);
  squares(s.x1, s.x3, 1, s.z2, s.e);
  squares(s.z3, s.z2, 2, s.x3, s.e);
  multiply(s.f, s.z2, s.z2);
  squares(s.f, s.f, 2, s.x3, s.e);
  squares(s.x1, s.x1, 2, s.x3, s.e);
  for (int i = 0; i < WORDS; i++) s.z3[i] = s.x1[i];
  for (int i = 0; i < 49; i++) squares(s.z3, s.z3, 5, s.x1, s.e);
  squares(s.z3, s.z3, 5, s.f, s.e);
  multiply(s.x2, s.x2, s.z3);

  // Bring it below 2^255; then subtract p if it is p or more.
  reduce(s.x2, 0);
  uint64_t carry = 19;
  for (int i = 0; i < WORDS; i++) carry = (carry + s.x2[i]) >> (i < WORDS - 1 ? 32 : 31);
  carry *= 19;
  for (int i = 0; i < WORDS; i++) {
    carry += s.x2[i];
    uint32_t word = (uint32_t)carry;
    if (i == WORDS - 1) word &= 0x7fffffff;
    for (int j = 0; j < 4; j++, word >>= 8) *out++ = (uint8_t)word;
    carry >>= 32;
  }

  volatile uint8_t *used = (volatile uint8_t *)&s;
  for (unsigned i = 0; i < sizeof s; i++) used[i] = 0;
  // The last product, still on the stack, is the secret: a product of zeros overwrites it.
  multiply(s.x2, s.x2, s.z3);
  used[0] = (uint8_t)s.x2[0];
}
