/* What a board gives to the engines' glue: the C side of the global object `board`. One image runs one script. */
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
/* Secure random octets; false: there is no source, or it is exhausted, and `out` is not to be used. */
bool board_random(uint8_t *out, size_t length);
/* Returns after `ms`, or as soon as a frame or a console line is there; negative: no time limit. */
void board_wait(int64_t ms);
/* Text as it is to the console. */
void board_write(const char *text, size_t length);
/* One line to the console. */
void board_print(const char *text, size_t length);
void board_puts(const char *text);
/* The next console line without its end, cut at `size`; its length, or -1. */
int board_command(uint8_t *out, size_t size);
/* The provisioning area and its size in octets; 0 where it is erased or where there is none. */
size_t board_provision(const uint8_t **area);
/* The end, to QEMU or a debugger. Without either at rest; after HALT_* a restart some seconds later. */
void board_exit(int code) __attribute__((noreturn));
void board_restart(void) __attribute__((noreturn));
/* Peak of static data, heap and stack in octets, or -1. */
long board_memory(void);

/* Largest extent so far of what malloc gives out from, in octets. */
size_t system_heap_peak(void);

/* One frame to the radio; `length` is FRAME_MIN..FRAME_MAX. False: the radio is stuck, the frame is lost and counted. */
bool radio_transmit(const uint8_t *frame, size_t length);
/* The next frame received, its length, or -1. `frame` has room for FRAME_MAX octets. */
int radio_receive(uint8_t *frame);

/* The peak of what the engine's allocator gave out, or -1; the glue has it. */
long engine_heap_peak(void);
/* The peak of RAM that the engine took beside static data and stack, with what its allocator lost, or -1. */
long engine_memory(void);
/* Runs the script; the exit code. */
int engine_run(void);

/* The script, in flash: text, byte code or snapshot; `script` is 8-aligned. */
extern const uint8_t script[];
extern const size_t script_length;

/* Why a script ends early, as console lines `halt CODE WORD`; also the exit codes. */
#define HALT_ENTROPY 20
#define HALT_MEMORY 21
#define HALT_SCRIPT 22
#define HALT_FAULT 23
/* Prints `message` and the halt line, and ends. */
void board_halt(int code, const char *message) __attribute__((noreturn));

#endif
