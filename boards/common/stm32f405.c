/* STM32F405 (Netduino Plus 2) and STM32F407. USART1 on PA9 and PA10 is the console, USART2 on PA2 and PA3 the radio pipe,
   both at 115200 bit/s; an MRF24J40 in the place of the pipe is in stm32f405_spi.c. The chip generates random numbers. It runs at 168 MHz from the internal oscillator, so that no
   crystal is needed. QEMU lacks the clocks and the random numbers: waits for them are bounded. */

#include "stm32f405.h"
#include "system.h"

#define RCC 0x40023800U
#define RCC_CR REGISTER(RCC + 0x00)
#define RCC_PLLCFGR REGISTER(RCC + 0x04)
#define RCC_CFGR REGISTER(RCC + 0x08)
#define RCC_AHB1ENR REGISTER(RCC + 0x30)
#define RCC_AHB2ENR REGISTER(RCC + 0x34)
#define RCC_APB1ENR REGISTER(RCC + 0x40)
#define RCC_APB2ENR REGISTER(RCC + 0x44)
#define CR_PLLON (1U << 24)
#define CR_PLLRDY (1U << 25)
#define FLASH 0x40023c00U
#define FLASH_ACR REGISTER(FLASH + 0x00)
#define FLASH_KEYR REGISTER(FLASH + 0x04)
#define FLASH_SR REGISTER(FLASH + 0x0c)
#define FLASH_CR REGISTER(FLASH + 0x10)
#define ACR_DATA_CACHE (1U << 10)
#define ACR_DATA_CACHE_RESET (1U << 12)
#define SR_BUSY (1U << 16)
/* OPERR, WRPERR, PGAERR, PGPERR, PGSERR. */
#define SR_ERRORS 0xf2U
#define CR_PROGRAM (1U << 0)
#define CR_SECTOR_ERASE (1U << 1)
/* 32 bits at a time: the supply has 2.7 V or more. */
#define CR_WORDS (2U << 8)
#define CR_START (1U << 16)
#define CR_LOCK (1U << 31)

#define GPIOA_MODER REGISTER(0x40020000)
#define GPIOA_AFRL REGISTER(0x40020020)
#define GPIOA_AFRH REGISTER(0x40020024)

#define USART1 0x40011000U
#define USART2 0x40004400U
#define SR(usart) REGISTER((usart) + 0x00)
#define DR(usart) REGISTER((usart) + 0x04)
#define BRR(usart) REGISTER((usart) + 0x08)
#define CR1(usart) REGISTER((usart) + 0x0c)
#define SR_OVERRUN (1U << 3)
#define SR_RECEIVED (1U << 5)
#define SR_TX_EMPTY (1U << 7)
/* UE, TE, RE, RXNEIE. */
#define CR1_ON (1U << 13 | 1U << 3 | 1U << 2 | 1U << 5)

#define RNG 0x50060800U
#define RNG_CR REGISTER(RNG + 0x00)
#define RNG_SR REGISTER(RNG + 0x04)
#define RNG_DR REGISTER(RNG + 0x08)
#define RNG_ENABLE (1U << 2)
#define RNG_READY 1U
/* Seed or clock error, now or earlier. */
#define RNG_ERRORS 0x66U

#define NVIC_ISER1 REGISTER(0xe000e104)

#define TRIES 100000

/* HSI of 16 MHz / 16 * 336 / 2 = 168 MHz; / 7 gives the random number generator 48 MHz. */
#define PLL (16U | 336U << 6 | 0U << 16 | 7U << 24)
/* APB1 at 42 MHz, APB2 at 84 MHz; the PLL clocks the core. */
#define BUSES (5U << 10 | 4U << 13)
#define FROM_PLL 2U
#define BAUD 115200U

const uint32_t board_clock = 168000000;

/* Reading the status first acknowledges the interrupt; each read of DR then takes one octet. */
static void receive(uint32_t usart, void (*take)(uint8_t)) {
  while ((SR(usart) & (SR_RECEIVED | SR_OVERRUN)) != 0) take((uint8_t)DR(usart));
}

static void console_handler(void) { receive(USART1, console_octet); }

#ifdef RADIO_INT
/* Interrupt 37, and INT's. */
__attribute__((section(".vectors.board"), used)) const Handler board_vectors[41] = {
    [37] = console_handler, [RADIO_VECTOR] = radio_edge};
#else
static void radio_handler(void) { receive(USART2, radio_octet); }

/* Interrupts 37 and 38. */
__attribute__((section(".vectors.board"), used)) const Handler board_vectors[39] = {
    [37] = console_handler, [38] = radio_handler};
#endif

static bool wait_for(uint32_t address, uint32_t bits) {
  for (int i = 0; i < TRIES; i++) {
    if ((REGISTER(address) & bits) != 0) return true;
  }
  return false;
}

static void start_clocks(void) {
  /* Five wait states at 168 MHz, prefetch and both caches. */
  FLASH_ACR = 5U | 7U << 8;
  RCC_PLLCFGR = PLL;
  RCC_CR |= CR_PLLON;
  if (wait_for(RCC, CR_PLLRDY)) RCC_CFGR = BUSES | FROM_PLL;
  RCC_AHB1ENR |= 1U << 0;
  RCC_AHB2ENR |= 1U << 6;
  RCC_APB1ENR |= 1U << 17;
  RCC_APB2ENR |= 1U << 4;
}

void board_init(void) {
  start_clocks();
  /* PA2, PA3, PA9, PA10: alternate function 7. */
  GPIOA_MODER = (GPIOA_MODER & ~0x003c00f0U) | 0x002800a0U;
  GPIOA_AFRL = (GPIOA_AFRL & ~0x0000ff00U) | 0x00007700U;
  GPIOA_AFRH = (GPIOA_AFRH & ~0x00000ff0U) | 0x00000770U;
  BRR(USART1) = 84000000U / BAUD;
  BRR(USART2) = 42000000U / BAUD;
  CR1(USART1) = CR1_ON;
  RNG_CR = RNG_ENABLE;
  NVIC_ISER1 = 1U << (37 - 32);
#ifdef RADIO_INT
  radio_begin_pins();
#else
  CR1(USART2) = CR1_ON;
  NVIC_ISER1 = 1U << (38 - 32);
#endif
}

static bool put(uint32_t usart, uint8_t octet) {
  if ((SR(usart) & SR_TX_EMPTY) == 0) return false;
  DR(usart) = octet;
  return true;
}

bool console_put(uint8_t octet) { return put(USART1, octet); }

#ifndef RADIO_INT
bool radio_put(uint8_t octet) { return put(USART2, octet); }
#endif

/* --- flash for record.c --- */

/* Sectors of 128 kB from 5 on. */
#define SECTOR_5 0x08020000U
#define SECTOR_SIZE 0x00020000U

#if RECORD_SIZE > 0
_Static_assert(RECORD_SIZE == 2 * SECTOR_SIZE, "two sectors");
_Static_assert(RECORD_ADDRESS >= SECTOR_5 && RECORD_ADDRESS % SECTOR_SIZE == 0, "sectors of 128 kB");
#endif

/* Opens the flash for `work`. QEMU has no flash controller: the register stays as it was. */
static bool flash_open(uint32_t work) {
  if ((FLASH_CR & CR_LOCK) != 0) {
    FLASH_KEYR = 0x45670123U;
    FLASH_KEYR = 0xcdef89abU;
  }
  FLASH_SR = SR_ERRORS;
  FLASH_CR = work;
  return FLASH_CR == work;
}

static bool flash_close(void) {
  const bool good = (FLASH_SR & SR_ERRORS) == 0;
  FLASH_CR = CR_LOCK;
  return good;
}

/* The core stands still while it reads from a flash that is busy: up to 2 s for an erased sector. Interrupts come late. */
static void flash_wait(void) {
  while ((FLASH_SR & SR_BUSY) != 0) continue;
}

bool flash_erase(unsigned half) {
  const uint32_t sector = 5 + (RECORD_ADDRESS - SECTOR_5) / SECTOR_SIZE + half;
  const uint32_t work = CR_SECTOR_ERASE | CR_WORDS | sector << 3;
  flash_wait();
  if (!flash_open(work)) return false;
  FLASH_CR = work | CR_START;
  flash_wait();
  /* The data cache may hold words of before. */
  const uint32_t acr = FLASH_ACR;
  FLASH_ACR = acr & ~ACR_DATA_CACHE;
  FLASH_ACR = (acr & ~ACR_DATA_CACHE) | ACR_DATA_CACHE_RESET;
  FLASH_ACR = acr;
  return flash_close();
}

bool flash_program(uint32_t *at, uint32_t word) {
  flash_wait();
  if (!flash_open(CR_PROGRAM | CR_WORDS)) return false;
  *(volatile uint32_t *)at = word;
  flash_wait();
  return flash_close();
}

static bool next_word(uint32_t *word) {
  if (!wait_for(RNG + 0x04, RNG_READY) || (RNG_SR & RNG_ERRORS) != 0) return false;
  *word = RNG_DR;
  /* Refuses an error in between, and zero: the chip gives zero when it has no number ready. */
  return (RNG_SR & RNG_ERRORS) == 0 && *word != 0;
}

bool board_hardware_random(uint8_t *out, size_t length) {
  static uint32_t last;
  static bool has_last, has_failed;
  /* The first word serves comparison only. A source that failed once stays failed until a reset. */
  if (!has_failed && !has_last) has_failed = !next_word(&last);
  has_last = true;
  for (size_t at = 0; at < length; at += 4) {
    uint32_t word;
    /* [FIPS 140-2 §4.9.2]: the same word twice means that the source has failed. */
    if (!has_failed) has_failed = !next_word(&word) || word == last;
    if (has_failed) return false;
    last = word;
    for (size_t i = 0; i < 4 && at + i < length; i++) out[at + i] = (uint8_t)(word >> (8 * i));
  }
  return true;
}
