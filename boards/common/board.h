/* The functions that a board gives to the engines' glue: the C side of the global object `board`. One image runs one
   script. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames of IEEE 802.15.4, MHR to FCS: shortest and longest. */
#define FRAME_MIN 5
#define FRAME_MAX 127

/* Milliseconds since start, monotonic. */
uint64_t board_now(void);
/* SysTick clock ticks since start; 0 where there is none. */
uint64_t board_ticks(void);
/* Secure random octets. False: there is no source, or it is exhausted; the caller must not use `out`. */
bool board_random(uint8_t *out, size_t length);
/* Returns after `ms`, or as soon as a frame or a console line arrives. Negative: no time limit. */
void board_wait(int64_t ms);
/* Writes text to the console as it is. */
void board_write(const char *text, size_t length);
/* One line to the console. */
void board_print(const char *text, size_t length);
void board_puts(const char *text);
/* Copies the next console line, without its line end, cut at `size`. Returns its length, or -1: there is none. */
int board_command(uint8_t *out, size_t size);
/* Points `area` to the provisioning area. Returns its size in octets; 0: it is erased, or there is none. */
size_t board_provision(const uint8_t **area);
/* Octets of the longest record, and what keeps one over a power cut. False: there is no place for it, or it failed, and the
   record of before may still be there. */
#define RECORD_MAX 512
bool board_save(const uint8_t *record, size_t length);
/* Copies the record that was saved last, cut at `size`. Returns its octets; 0: there is none. */
size_t board_load(uint8_t *out, size_t size);
/* Ends the program and tells QEMU or a debugger. Without either the board sleeps; after HALT_* it restarts some seconds later. */
void board_exit(int code) __attribute__((noreturn));
void board_restart(void) __attribute__((noreturn));
/* Peak of static data, heap and stack in octets, or -1. */
long board_memory(void);

/* Largest extent so far of malloc's memory, in octets. */
size_t system_heap_peak(void);

/* Sends one frame; `length` is FRAME_MIN..FRAME_MAX. False: the radio is stuck; the frame is lost and counted. */
bool radio_transmit(const uint8_t *frame, size_t length);
/* Copies the next received frame to `frame`, which has room for FRAME_MAX octets. Returns its length, or -1: there is none. */
int radio_receive(uint8_t *frame);

/* Channel and addresses of the radio. Extended addresses in canonical order; a short one of 0xffff is none. */
typedef struct {
  uint8_t channel;
  uint16_t pan_id, short_address;
  uint8_t extended_address[8];
} RadioPlace;
/* Called once, before the first frame. A radio behind a pipe knows its channel and takes all frames. */
void radio_tune(const RadioPlace *place);

/* The most memory that the engine's allocator gave out at a time, in octets, or -1. Each engine's glue defines it. */
long engine_heap_peak(void);
/* The most RAM that the engine took beside static data and stack, with its allocator's losses, in octets, or -1. */
long engine_memory(void);
/* Runs the script. Returns the exit code. */
int engine_run(void);

/* The script, in flash: text, byte code or snapshot; `script` is 8-aligned. */
extern const uint8_t script[];
extern const size_t script_length;

/* Why a script ends early: exit codes, and codes of the console lines `halt CODE WORD`. */
#define HALT_ENTROPY 20
#define HALT_MEMORY 21
#define HALT_SCRIPT 22
#define HALT_FAULT 23
/* Prints `message` and the halt line, and ends the program. */
void board_halt(int code, const char *message) __attribute__((noreturn));

#endif
