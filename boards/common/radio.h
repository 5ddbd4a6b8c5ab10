/* Between the ring of received frames (radio.c) and what fills it: radio_pipe.c, an octet stream, or radio_frames.c, for
   chips that take whole frames. */
#ifndef RADIO_H
#define RADIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A debugger reads it. */
typedef struct {
  /* Received frames for which no slot was free; received frames that stopped; sent ones without an end. */
  uint32_t dropped, interrupted, stuck;
  /* Frames that the chip sent; that it could not take; for which the channel was never free; that nobody acknowledged.
     Received frames of impossible length. */
  uint32_t sent, refused, busy, not_acknowledged, bad_length;
  /* Signal strength in dBm of the frame that the script took last; 0: unknown. */
  int8_t rssi;
} Radio;

extern Radio radio_state;

/* Room for FRAME_MAX octets of the next received frame, or NULL: there is none. */
uint8_t *radio_slot(void);
/* The slot holds a frame. */
void radio_store(size_t length, int8_t rssi);

/* What fills the ring gives these two. */
/* Looks whether the chip has something, and takes it. Not called in an interrupt handler. */
void radio_poll(void);
/* True: radio_poll has something to do. Called with interrupts off. */
bool radio_pending(void);

#endif
