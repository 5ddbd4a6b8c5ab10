// Counts the instructions of the X25519 blob on QEMU's Cortex-M4 (mps2-an386 -icount shift=0: an instruction is 1 ns,
// a tick of SysTick 40 ns). RECORDS is a file of scalar | point | expected result, 32 octets each. Prints a line per
// record, `ok` or `wrong` and the ticks in hexadecimal.

#include <stdint.h>

typedef void x25519_function(uint8_t *out, const uint8_t *scalar, const uint8_t *point);

// The blob stands at 2 modulo 4.
__asm__(".section .rodata\n.balign 4\n.byte 0, 0\nblob:\n.incbin \"" BLOB "\"\n"
        ".balign 4\nrecords:\n.incbin \"" RECORDS "\"\nrecords_end:\n.text");

extern const uint8_t blob[], records[], records_end[];
extern uint32_t stack_top[];

#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)

static void semihosting(uint32_t operation, const void *argument)
{
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void say(const char *word, uint32_t ticks)
{
  char line[32], *p = line;
  while (*word != 0) *p++ = *word++;
  *p++ = ' ';
  for (int shift = 28; shift >= 0; shift -= 4) *p++ = "0123456789abcdef"[(ticks >> shift) & 15];
  *p++ = '\n';
  *p = 0;
  semihosting(4, line);
}

static void reset(void)
{
  x25519_function *x25519 = (x25519_function *)(uintptr_t)((uintptr_t)blob | 1);
  SYST_RVR = 0xffffff;
  SYST_CVR = 0;
  SYST_CSR = 5;
  for (const uint8_t *record = records; record < records_end; record += 96) {
    uint8_t out[32];
    uint32_t before = SYST_CVR;
    x25519(out, record, record + 32);
    uint32_t ticks = (before - SYST_CVR) & 0xffffff;
    uint32_t different = 0;
    for (int i = 0; i < 32; i++) different |= out[i] ^ record[64 + i];
    say(different == 0 ? "ok" : "wrong", ticks);
  }
  semihosting(0x18, (const void *)0x20026);
  for (;;) {
  }
}

__attribute__((section(".vectors"), used)) const void *const vectors[] = { stack_top, (const void *)reset };
