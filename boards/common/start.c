/* Start of a Cortex-M image: vector table, data and bss, the stack's high-water mark, the SysTick clock, faults.
   A board's own file gives board_init and the handlers of its interrupts, in section .vectors.board. */

#include "board.h"
#include "semihosting.h"
#include "system.h"

extern uint8_t __stack_bottom[], __stack_top[], __data_start[], __data_end[], __data_load[], __bss_start[], __bss_end[];
extern uint8_t __static_ram[], FLASH_ORIGIN[];

#define PAINT 0x5ac3a55aU

#define SYST_CSR REGISTER(0xe000e010)
#define SYST_RVR REGISTER(0xe000e014)
#define SYST_CVR REGISTER(0xe000e018)
#define SCB_ICSR REGISTER(0xe000ed04)
#define SCB_AIRCR REGISTER(0xe000ed0c)
#define ICSR_PENDSTSET (1U << 26)
#define CSR_COUNTFLAG (1U << 16)

static volatile uint32_t milliseconds;
static volatile uint32_t milliseconds_high;

static void systick_handler(void) {
  milliseconds++;
  if (milliseconds == 0) milliseconds_high++;
}

/* The core pushes r0-r3, r12, lr, pc and xpsr on an exception. */
#define FRAME_OCTETS 32

__attribute__((used)) static void system_fault(uint32_t *frame) {
  /* Without a debugger the semihosting instruction faults: the call fails, and the program continues after it. */
  const uintptr_t at_frame = (uintptr_t)frame;
  const bool is_inside = at_frame >= (uintptr_t)__stack_bottom + FRAME_OCTETS &&
                         at_frame + FRAME_OCTETS <= (uintptr_t)__stack_top;
  if (is_inside) {
    const uint16_t *at = (const uint16_t *)(frame[6] & ~1U);
    /* A jump outside memory: reading there again would lock up the core. */
    const bool is_code = (uintptr_t)at >= (uintptr_t)FLASH_ORIGIN && (uintptr_t)at < (uintptr_t)__data_load;
    if (is_code && *at == 0xbeab) {
      frame[0] = 0xffffffff;
      frame[6] += 2;
      return;
    }
  }
  board_halt(HALT_FAULT, is_inside ? "hardware fault" : "stack overflow");
}

/* Switches to a stack of its own if the other one has overflowed. */
static uint8_t fault_stack[512] __attribute__((aligned(8), used));

__attribute__((naked)) static void fault_handler(void) {
  __asm volatile(
      "mov r0, sp\n"
      "ldr r1, =__stack_bottom + 32\n"
      "cmp r0, r1\n"
      "bhs 1f\n"
      "ldr r1, =fault_stack + 512\n"
      "mov sp, r1\n"
      "1: b system_fault\n");
}

static void spurious_handler(void) { board_halt(HALT_FAULT, "interrupt without handler"); }

void reset_handler(void);

typedef struct {
  uint8_t *stack;
  Handler system[15];
} SystemVectors;

__attribute__((section(".vectors"), used)) static const SystemVectors vectors = {
    __stack_top,
    {reset_handler, spurious_handler, fault_handler, fault_handler, fault_handler, fault_handler, 0, 0, 0, 0,
     spurious_handler, spurious_handler, 0, spurious_handler, systick_handler},
};

static void zero(uint8_t *from, uint8_t *to) {
  for (uint32_t *at = (uint32_t *)from; at < (uint32_t *)to; at++) *at = 0;
}

static void start_clock(void) {
  SYST_RVR = board_clock / 1000 - 1;
  SYST_CVR = 0;
  SYST_CSR = 7;
}

__attribute__((used)) static void start(void) {
  const uint32_t *from = (const uint32_t *)__data_load;
  for (uint32_t *at = (uint32_t *)__data_start; at < (uint32_t *)__data_end; at++) *at = *from++;
  zero(__bss_start, __bss_end);
  board_init();
  start_clock();
  interrupts_on();
  board_exit(engine_run());
}

/* Paints the stack before the first function uses it. */
__attribute__((naked)) void reset_handler(void) {
  __asm volatile(
      "cpsid i\n"
      "ldr r0, =__stack_bottom\n"
      "ldr r1, =__stack_top\n"
      "mov sp, r1\n"
      "ldr r2, =0x5ac3a55a\n"
      "1: str r2, [r0], #4\n"
      "cmp r0, r1\n"
      "blo 1b\n"
      "b start\n");
}

size_t system_stack_peak(void) {
  const uint32_t *at = (const uint32_t *)__stack_bottom;
  while (at < (const uint32_t *)__stack_top && *at == PAINT) at++;
  return (size_t)(__stack_top - (const uint8_t *)at);
}

long board_memory(void) {
  const long heap = engine_memory();
  return heap < 0 ? -1 : (long)((size_t)__static_ram + system_stack_peak()) + heap;
}

uint64_t board_now(void) {
  uint32_t high, low;
  do {
    high = milliseconds_high;
    low = milliseconds;
  } while (high != milliseconds_high);
  return ((uint64_t)high << 32) | low;
}

uint32_t system_milliseconds(void) { return milliseconds; }

uint64_t board_ticks(void) {
  interrupts_off();
  uint64_t now = ((uint64_t)milliseconds_high << 32) | milliseconds;
  uint32_t left = SYST_CVR;
  /* The counter has wrapped, but the interrupt has not run yet. */
  if ((SCB_ICSR & ICSR_PENDSTSET) != 0) {
    left = SYST_CVR;
    now++;
  }
  interrupts_on();
  return now * (board_clock / 1000) + (board_clock / 1000 - 1 - left);
}

void board_wait(int64_t ms) {
  const uint64_t end = ms < 0 ? UINT64_MAX : board_now() + (uint64_t)ms;
  for (;;) {
    /* WFI wakes on a pending interrupt even with interrupts off, so none is missed between the test and the sleep. */
    interrupts_off();
    if (radio_ready() || console_ready() || board_now() >= end) break;
    __asm volatile("dsb\nwfi" ::: "memory");
    interrupts_on();
    __asm volatile("isb" ::: "memory");
  }
  interrupts_on();
}

/* Counts wraps of the counter without interrupts, so that a fault's handler can wait too. */
static void pause_ms(uint32_t ms) {
  start_clock();
  while (ms > 0) {
    if ((SYST_CSR & CSR_COUNTFLAG) != 0) ms--;
  }
}

/* After lack of memory, a fault or a failed source of randomness the board restarts, so that nobody can stop it for good
   from outside. The delay keeps it from doing nothing but restart. */
#define RESTART_MS 10000

void board_exit(int code) {
  semihosting_exit(code);
  /* On hardware: keep silent on air. */
  interrupts_off();
  if (code >= HALT_ENTROPY) {
    pause_ms(RESTART_MS);
    board_restart();
  }
  for (;;) __asm volatile("wfi");
}

void board_restart(void) {
  __asm volatile("dsb" ::: "memory");
  SCB_AIRCR = 0x05fa0004;
  for (;;) __asm volatile("nop");
}
