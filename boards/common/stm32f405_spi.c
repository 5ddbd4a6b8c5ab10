/* SPI1 or SPI2 of an STM32F405 or F407 with an MRF24J40. The pins come from board.json, as port * 16 + pin: RADIO_SCK, RADIO_MISO and
   RADIO_MOSI with alternate function 5, RADIO_CS, RADIO_INT; where they are wired RADIO_RESET, and RADIO_POWER, which switches
   the module's supply on. */

#include "mrf24j40.h"
#include "stm32f405.h"
#include "system.h"

#define RCC_AHB1ENR REGISTER(0x40023830)
#define RCC_APB1ENR REGISTER(0x40023840)
#define RCC_APB2ENR REGISTER(0x40023844)
#define RCC_SYSCFG (1U << 14)

#define GPIO(pin, offset) REGISTER(0x40020000U + 0x400U * ((pin) >> 4) + (offset))
#define BIT(pin) (1U << ((pin) & 15))
#define MODER 0x00
#define OSPEEDR 0x08
#define PUPDR 0x0c
#define IDR 0x10
#define BSRR 0x18
#define AFR 0x20
#define OUTPUT 1U
#define ALTERNATE 2U
#define PULL_UP 1U
#define FAST 2U
#define FUNCTION_SPI 5U

#if RADIO_SPI == 1
#define SPI 0x40013000U
#define SPI_CLOCK RCC_APB2ENR
#define SPI_ENABLE (1U << 12)
/* 84 MHz / 16: the chip takes 10 MHz. */
#define SPI_DIVISOR 3U
#elif RADIO_SPI == 2
#define SPI 0x40003800U
#define SPI_CLOCK RCC_APB1ENR
#define SPI_ENABLE (1U << 14)
/* 42 MHz / 8. */
#define SPI_DIVISOR 2U
#else
#error "RADIO_SPI must be 1 or 2"
#endif
#define SPI_CR1 REGISTER(SPI + 0x00)
#define SPI_SR REGISTER(SPI + 0x08)
#define SPI_DR REGISTER(SPI + 0x0c)
/* Master, on, with chip select by software. */
#define CR1_ON (1U << 2 | SPI_DIVISOR << 3 | 1U << 6 | 1U << 8 | 1U << 9)
#define SR_RECEIVED 1U
#define SR_TX_EMPTY 2U

#define EXTI_IMR REGISTER(0x40013c00)
#define EXTI_FTSR REGISTER(0x40013c0c)
#define EXTI_PR REGISTER(0x40013c14)
#define SYSCFG_EXTICR(line) REGISTER(0x40013808 + 4 * ((line) / 4))
#define NVIC_ISER(number) REGISTER(0xe000e100 + 4 * ((number) / 32))

#define TRIES 100000

static void set_level(unsigned pin, bool level) { GPIO(pin, BSRR) = level ? BIT(pin) : BIT(pin) << 16; }

/* Two bits of a register for a pin. */
static void set_mode(unsigned pin, unsigned offset, uint32_t value) {
  const unsigned shift = 2 * (pin & 15);
  GPIO(pin, offset) = (GPIO(pin, offset) & ~(3U << shift)) | value << shift;
}

static void begin_pin(unsigned pin) { RCC_AHB1ENR |= 1U << (pin >> 4); }

static void begin_output(unsigned pin, bool level) {
  begin_pin(pin);
  set_level(pin, level);
  set_mode(pin, MODER, OUTPUT);
}

static void begin_spi_pin(unsigned pin) {
  const unsigned shift = 4 * (pin & 7);
  const unsigned half = AFR + 4 * ((pin & 15) / 8);
  begin_pin(pin);
  GPIO(pin, half) = (GPIO(pin, half) & ~(15U << shift)) | FUNCTION_SPI << shift;
  set_mode(pin, OSPEEDR, FAST);
  set_mode(pin, MODER, ALTERNATE);
}

void radio_begin_pins(void) {
#ifdef RADIO_POWER
  begin_output(RADIO_POWER, true);
#endif
#ifdef RADIO_RESET
  begin_output(RADIO_RESET, true);
#endif
  begin_output(RADIO_CS, true);
  begin_spi_pin(RADIO_SCK);
  begin_spi_pin(RADIO_MISO);
  begin_spi_pin(RADIO_MOSI);
  SPI_CLOCK |= SPI_ENABLE;
  SPI_CR1 = CR1_ON;
  /* Without a module nothing must seem to be there. */
  begin_pin(RADIO_INT);
  set_mode(RADIO_INT, PUPDR, PULL_UP);
  RCC_APB2ENR |= RCC_SYSCFG;
  const unsigned line = RADIO_INT & 15, shift = 4 * (line & 3);
  SYSCFG_EXTICR(line) = (SYSCFG_EXTICR(line) & ~(15U << shift)) | (uint32_t)(RADIO_INT >> 4) << shift;
  EXTI_FTSR |= 1U << line;
  EXTI_IMR |= 1U << line;
  NVIC_ISER(RADIO_VECTOR) = 1U << RADIO_VECTOR % 32;
}

/* It has woken the processor, which then looks at the pin. */
void radio_edge(void) { EXTI_PR = 1U << (RADIO_INT & 15); }

/* Gives up where there is no SPI. */
static void wait_for(uint32_t bit) {
  for (int i = 0; i < TRIES && (SPI_SR & bit) == 0; i++) continue;
}

void spi_exchange(uint8_t *octets, size_t length) {
  set_level(RADIO_CS, false);
  for (size_t i = 0; i < length; i++) {
    wait_for(SR_TX_EMPTY);
    SPI_DR = octets[i];
    wait_for(SR_RECEIVED);
    octets[i] = (uint8_t)SPI_DR;
  }
  set_level(RADIO_CS, true);
}

bool radio_interrupt_level(void) { return (GPIO(RADIO_INT, IDR) & BIT(RADIO_INT)) != 0; }

void radio_reset_level(bool level) {
#ifdef RADIO_RESET
  set_level(RADIO_RESET, level);
#else
  (void)level;
#endif
}

void radio_delay(uint32_t ms) {
  const uint32_t start = system_milliseconds();
  while (system_milliseconds() - start <= ms) continue;
}
