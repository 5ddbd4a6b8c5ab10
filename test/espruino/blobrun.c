// Runs the X25519 blob under qemu-arm (Linux system calls, no C library). Standard input, numbers little endian:
//
//   where (4): offset of the blob in its page | length (4) | blob | records: rounds (4) | scalar (32) | point (32)
//
// It prints 32 octets for each record: X25519 after so many rounds of [RFC 7748 §5.2] (scalar, point <- result, scalar).

#include <stddef.h>
#include <stdint.h>

typedef void x25519_function(uint8_t *out, const uint8_t *scalar, const uint8_t *point);

static long call(long number, long a, long b, long c, long d, long e, long f)
{
  register long r7 __asm__("r7") = number;
  register long r0 __asm__("r0") = a;
  register long r1 __asm__("r1") = b;
  register long r2 __asm__("r2") = c;
  register long r3 __asm__("r3") = d;
  register long r4 __asm__("r4") = e;
  register long r5 __asm__("r5") = f;
  __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
  return r0;
}

static void leave(int code)
{
  for (;;) call(1, code, 0, 0, 0, 0, 0);
}

// False at the end of the input.
static int take(uint8_t *to, uint32_t length)
{
  uint32_t done = 0;
  while (done < length) {
    long n = call(3, 0, (long)(to + done), (long)(length - done), 0, 0, 0);
    if (n <= 0) return 0;
    done += (uint32_t)n;
  }
  return 1;
}

static uint32_t number(const uint8_t *p)
{
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void _start(void)
{
  uint8_t head[8];
  // Odd addresses: whatever the alignment of a buffer is.
  uint8_t room[4 + 65 + 33];
  if (!take(head, 8)) leave(2);
  uint32_t where = number(head), length = number(head + 4);
  if (where + length > 8192 || (where & 1) != 0) leave(3);
  // mmap2: 8192 octets to read, write and run.
  uint8_t *page = (uint8_t *)call(192, 0, 8192, 7, 0x22, -1, 0);
  if ((unsigned long)page > 0xfffff000u) leave(4);
  if (!take(page + where, length)) leave(5);
  x25519_function *x25519 = (x25519_function *)(uintptr_t)(page + where + 1);
  uint8_t *record = room + 1, *out = room + 4 + 65;
  while (take(record, 68)) {
    uint8_t *scalar = record + 4, *point = record + 36;
    for (uint32_t rounds = number(record); rounds > 0; rounds--) {
      x25519(out, scalar, point);
      if (rounds > 1)
        for (int i = 0; i < 32; i++) {
          point[i] = scalar[i];
          scalar[i] = out[i];
        }
    }
    if (call(4, 1, (long)out, 32, 0, 0, 0) != 32) leave(6);
  }
  leave(0);
}
