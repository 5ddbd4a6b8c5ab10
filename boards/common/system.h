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

/* radio_pipe.c: an octet from the radio's UART, called in its interrupt handler. */
void radio_octet(uint8_t octet);
/* radio.c */
bool radio_ready(void);

/* A radio that takes whole frames has, instead of radio_put and radio_octet, a file with radio_poll and radio_pending
   (radio.h), radio_tune (board.h) and these: */
/* True: the chip acknowledges frames for its addresses, waits for the acknowledgement of its own frames and repeats them. */
extern const bool radio_acknowledges;
/* Begins to send a frame, MHR to FCS; a chip that makes the FCS leaves out the last two octets. When it has ended, radio_sent
   is called. A chip that does CSMA-CA does it now. False: it can't now. */
bool radio_send(const uint8_t *frame, size_t length);

/* radio_frames.c: the end of what radio_send began, and a received frame, MHR to FCS, with its signal strength in dBm (0:
   unknown). Called from radio_poll or in an interrupt handler, but not from both. */
typedef enum { RADIO_SENT, RADIO_CHANNEL_BUSY, RADIO_NOT_ACKNOWLEDGED, RADIO_STUCK } RadioEnd;
void radio_sent(RadioEnd end);
void radio_received(const uint8_t *frame, size_t length, int8_t rssi);
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
