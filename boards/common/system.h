/* The functions between the parts of a bare-metal board. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the board's own file: */
/* Sets up clocks and UARTs. Called once, with interrupts off. */
void board_init(void);
/* Frequency of the core, and so of SysTick, in Hz. */
extern const uint32_t board_clock;
/* Sends one octet. False: the transmitter can't take it yet. */
bool console_put(uint8_t octet);
bool radio_put(uint8_t octet);
/* Random octets from hardware. False: there are none. */
bool board_hardware_random(uint8_t *out, size_t length);

/* Flash for record.c, in the board's own file. Erases the area from RECORD_ADDRESS + half * RECORD_SIZE / 2 to all ones.
   False: it can't. */
bool flash_erase(unsigned half);
/* Clears the bits of a word in flash that `word` has not. False: it can't. */
bool flash_program(uint32_t *at, uint32_t word);

/* radio.c: an octet from the radio's UART, called in its interrupt handler. */
void radio_octet(uint8_t octet);
bool radio_ready(void);
/* console.c: an octet from the console, called in its interrupt handler. */
void console_octet(uint8_t octet);
bool console_ready(void);

/* start.c */
uint32_t system_milliseconds(void);
/* Largest use of the stack so far, in octets. */
size_t system_stack_peak(void);

/* For the interrupt handlers of the board's own file, and their table. */
typedef void (*Handler)(void);

#ifdef __arm__
static inline void interrupts_off(void) { __asm volatile("cpsid i" ::: "memory"); }
static inline void interrupts_on(void) { __asm volatile("cpsie i" ::: "memory"); }
#else
/* A program has no interrupts; see posix.c. */
static inline void interrupts_off(void) {}
static inline void interrupts_on(void) {}
#endif

/* Keeps the compiler from moving reads and writes of memory across it. */
static inline void memory_barrier(void) { __asm volatile("" ::: "memory"); }

#define REGISTER(address) (*(volatile uint32_t *)(address))

#endif
