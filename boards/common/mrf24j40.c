/* Driver of the MRF24J40 on an SPI [Microchip DS39776C], as targets/espruino/mrf24j40.ts. The chip acknowledges data frames,
   filters by PAN and address, makes and checks the FCS, does CSMA-CA, waits for an acknowledgement and repeats a frame up to
   3 times. A transmission without an end is counted and resets the chip; so does a chip that does not answer, after a while. */

#include "mrf24j40.h"

#include <string.h>

#include "board.h"
#include "radio.h"
#include "system.h"

/* Short addresses: 6 bits. */
#define RXMCR 0x00
#define PANIDL 0x01
#define SADRL 0x03
#define EADR0 0x05
#define RXFLUSH 0x0d
#define PACON2 0x18
#define TXNCON 0x1b
#define WAKECON 0x22
#define TXSTAT 0x24
#define SOFTRST 0x2a
#define TXSTBL 0x2e
#define INTSTAT 0x31
#define INTCON 0x32
#define RFCTL 0x36
#define BBREG1 0x39
#define BBREG2 0x3a
#define BBREG6 0x3e
#define CCAEDTH 0x3f
/* Long addresses: 10 bits. */
#define TX_FIFO 0x000
#define RFCON0 0x200
#define RFCON1 0x201
#define RFCON2 0x202
#define RFCON3 0x203
#define RFCON6 0x206
#define RFCON7 0x207
#define RFCON8 0x208
#define SLPCON1 0x220
#define RX_FIFO 0x300

#define RX_FLUSH 0x01
#define TX_TRIGGER 0x01
#define TX_ACK_REQUEST 0x04
#define IMMEDIATE_WAKE 0x80
#define TX_FAILED 0x01
#define TX_CHANNEL_BUSY 0x20
#define RESET_ALL 0x07
/* INTSTAT, INTCON (in INTCON, 1 turns an interrupt off). */
#define INT_TX 0x01
#define INT_RX 0x08
#define RF_RESET 0x04
#define RX_OFF 0x04

#define FCS_SIZE 2
#define FRAME_ACK_REQUEST 0x20
#define PAN_COMPRESSION 0x40
/* Milliseconds until a transmission has ended, and between resets of a chip that does not answer: see TX_LIMIT there. */
#define TX_LIMIT_MS 250
/* Most questions to the chip whether its reset is over, 1 ms apart. */
#define RESET_TRIES 10
/* Value to write and read back, to see that there is a chip. */
#define PROBE 0x5a

const bool radio_acknowledges = true;

static RadioPlace place;
static bool is_there, is_sending;
/* When the transmission, or the wait for a chip that does not answer, began. */
static uint32_t since;
/* A long access: its address and the octets. Static, because the stack is short. */
static uint8_t octets[2 + 1 + 1 + FRAME_MAX + 2];

/* [§2.14] A short address: 0, 6 bits, 1 to write; a long one: 1, 10 bits, 1 to write, 4 bits of nothing. */
static uint8_t read_short(uint8_t address) {
  uint8_t both[2] = {(uint8_t)(address << 1), 0};
  spi_exchange(both, sizeof both);
  return both[1];
}

static void write_short(uint8_t address, uint8_t value) {
  uint8_t both[2] = {(uint8_t)(address << 1 | 1), value};
  spi_exchange(both, sizeof both);
}

static void exchange_long(uint16_t address, bool writes, size_t length) {
  octets[0] = (uint8_t)(0x80 | address >> 3);
  octets[1] = (uint8_t)((address << 5 & 0xe0) | (writes ? 0x10 : 0));
  spi_exchange(octets, 2 + length);
}

static void write_long(uint16_t address, uint8_t value) {
  octets[2] = value;
  exchange_long(address, true, 1);
}

static void apply_addresses(void) {
  write_short(PANIDL, (uint8_t)place.pan_id);
  write_short(PANIDL + 1, (uint8_t)(place.pan_id >> 8));
  write_short(SADRL, (uint8_t)place.short_address);
  write_short(SADRL + 1, (uint8_t)(place.short_address >> 8));
  for (uint8_t i = 0; i < 8; i++) write_short(EADR0 + i, place.extended_address[7 - i]);
}

static bool answers(void) {
  write_short(SOFTRST, RESET_ALL);
  for (int tries = 0; read_short(SOFTRST) != 0; tries++) {
    if (tries == RESET_TRIES) return false;
    radio_delay(1);
  }
  write_short(PANIDL, PROBE);
  return read_short(PANIDL) == PROBE;
}

static void reset(void) {
  is_sending = false;
  since = system_milliseconds();
  radio_reset_level(false);
  radio_delay(1);
  radio_reset_level(true);
  radio_delay(3);
  is_there = answers();
  if (!is_there) return;
  /* [§3.2, example 3-1] */
  write_short(PACON2, 0x98);
  write_short(TXSTBL, 0x95);
  write_long(RFCON1, 0x01);
  write_long(RFCON2, 0x80);
  write_long(RFCON3, 0x00);
  write_long(RFCON6, 0x90);
  write_long(RFCON7, 0x80);
  write_long(RFCON8, 0x10);
  write_long(SLPCON1, 0x21);
  /* Clear channel: energy below -69 dBm [§3.6]; RSSI behind each frame. */
  write_short(BBREG2, 0x80);
  write_short(CCAEDTH, 0x60);
  write_short(BBREG6, 0x40);
  /* Accept only frames for us with a correct FCS; the chip acknowledges them. */
  write_short(RXMCR, 0);
  apply_addresses();
  read_short(INTSTAT);
  write_short(INTCON, (uint8_t)~(INT_TX | INT_RX));
  write_short(WAKECON, IMMEDIATE_WAKE);
  /* [§3.4] A reset of the RF part takes the channel over. */
  write_long(RFCON0, (uint8_t)((place.channel - 11) << 4 | 3));
  write_short(RFCTL, RF_RESET);
  write_short(RFCTL, 0);
  radio_delay(1);
}

void radio_tune(const RadioPlace *wanted) {
  place = *wanted;
  reset();
}

/* The chip's scale: -90 dBm is 0, -35 dBm and more 255 [§3.6, figure 3-2]. */
static int8_t strength(uint8_t value) { return (int8_t)(-90 + value * 55 / 255); }

static void take_frame(void) {
  /* [§3.11] Keep new frames out of the FIFO while reading it. */
  write_short(BBREG1, RX_OFF);
  octets[2] = 0;
  exchange_long(RX_FIFO, false, 1);
  const size_t length = octets[2];
  if (length < FRAME_MIN || length > FRAME_MAX) {
    radio_state.bad_length++;
    write_short(RXFLUSH, RX_FLUSH);
    write_short(BBREG1, 0);
    return;
  }
  memset(octets + 2, 0, length + 2);
  /* The frame, LQI, RSSI. */
  exchange_long(RX_FIFO + 1, false, length + 2);
  write_short(BBREG1, 0);
  radio_received(octets + 2, length, strength(octets[2 + length + 1]));
}

static void end_transmission(void) {
  const uint8_t status = read_short(TXSTAT);
  if (!is_sending) return;
  is_sending = false;
  radio_sent((status & TX_FAILED) == 0         ? RADIO_SENT
             : (status & TX_CHANNEL_BUSY) != 0 ? RADIO_CHANNEL_BUSY
                                               : RADIO_NOT_ACKNOWLEDGED);
}

bool radio_pending(void) { return is_there && !radio_interrupt_level(); }

void radio_poll(void) {
  if (place.channel == 0) return;
  if (radio_pending()) {
    const uint8_t what = read_short(INTSTAT);
    if ((what & INT_RX) != 0) take_frame();
    if ((what & INT_TX) != 0) end_transmission();
  }
  if ((is_there && !is_sending) || system_milliseconds() - since < TX_LIMIT_MS) return;
  if (is_sending) radio_sent(RADIO_STUCK);
  reset();
}

/* Octets of an address with a mode of the frame control field [IEEE 802.15.4-2006 §7.2.1.1.6]. */
static size_t address_length(unsigned mode) { return mode == 3 ? 8 : mode == 2 ? 2 : 0; }

/* Octets of the MHR: the chip is told where the payload begins. */
static size_t header_length(const uint8_t *frame) {
  const size_t destination = address_length(frame[1] >> 2 & 3);
  const size_t source = address_length(frame[1] >> 6);
  size_t length = 3 + destination + source;
  if (destination > 0) length += 2;
  if (source > 0 && (frame[0] & PAN_COMPRESSION) == 0) length += 2;
  return length;
}

bool radio_send(const uint8_t *frame, size_t length) {
  if (!is_there || is_sending) return false;
  const size_t size = length - FCS_SIZE;
  octets[2] = (uint8_t)header_length(frame);
  octets[3] = (uint8_t)size;
  memcpy(octets + 4, frame, size);
  exchange_long(TX_FIFO, true, 2 + size);
  is_sending = true;
  since = system_milliseconds();
  write_short(TXNCON, TX_TRIGGER | ((frame[0] & FRAME_ACK_REQUEST) != 0 ? TX_ACK_REQUEST : 0));
  return true;
}
