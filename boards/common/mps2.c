/* Arm MPS2 with the images AN385 and AN386: CMSDK UARTs. UART0 is the console, UART1 the radio pipe. */

#include <string.h>

#include "system.h"

#define UART0 0x40004000U
#define UART1 0x40005000U
#define DATA(uart) REGISTER((uart) + 0x00)
#define STATE(uart) REGISTER((uart) + 0x04)
#define CTRL(uart) REGISTER((uart) + 0x08)
#define INTSTATUS(uart) REGISTER((uart) + 0x0c)
#define BAUDDIV(uart) REGISTER((uart) + 0x10)
#define STATE_TX_FULL 1U
#define STATE_RX_FULL 2U
#define CTRL_TX_RX_AND_RX_INTERRUPT 0x0bU
#define INT_RX 2U

#define NVIC_ISER0 REGISTER(0xe000e100)

const uint32_t board_clock = 25000000;

/* Acknowledge first, then drain: in the other order, an octet that arrives between the two is never announced. */
static void console_handler(void) {
  INTSTATUS(UART0) = INT_RX;
  while ((STATE(UART0) & STATE_RX_FULL) != 0) console_octet((uint8_t)DATA(UART0));
}

static void radio_handler(void) {
  INTSTATUS(UART1) = INT_RX;
  while ((STATE(UART1) & STATE_RX_FULL) != 0) radio_octet((uint8_t)DATA(UART1));
}

/* Interrupts 0 and 2: UART0 and UART1 received an octet. */
__attribute__((section(".vectors.board"), used)) const Handler board_vectors[] = {console_handler, 0, radio_handler};

void board_init(void) {
  BAUDDIV(UART0) = 16;
  BAUDDIV(UART1) = 16;
  CTRL(UART0) = CTRL_TX_RX_AND_RX_INTERRUPT;
  CTRL(UART1) = CTRL_TX_RX_AND_RX_INTERRUPT;
  NVIC_ISER0 = 1U << 0 | 1U << 2;
}

static bool put(uint32_t uart, uint8_t octet) {
  if ((STATE(uart) & STATE_TX_FULL) != 0) return false;
  DATA(uart) = octet;
  return true;
}

bool console_put(uint8_t octet) { return put(UART0, octet); }

bool radio_put(uint8_t octet) { return put(UART1, octet); }

bool board_hardware_random(uint8_t *out, size_t length) {
  (void)out, (void)length;
  return false;
}

/* RAM below the provisioning area stands for flash: QEMU keeps it over a reset of the system, not over its own end. */

bool flash_erase(unsigned half) {
  memset((uint8_t *)(uintptr_t)RECORD_ADDRESS + half * (RECORD_SIZE / 2), 0xff, RECORD_SIZE / 2);
  return true;
}

bool flash_program(uint32_t *at, uint32_t word) {
  *at &= word;
  return true;
}
