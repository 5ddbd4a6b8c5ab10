/* Between stm32f405.c and stm32f405_spi.c. */
#ifndef STM32F405_H
#define STM32F405_H

#ifdef RADIO_INT
/* The interrupt of INT's line: EXTI0 to EXTI4, EXTI9_5, EXTI15_10. */
#define RADIO_VECTOR (((RADIO_INT) & 15) < 5 ? 6 + ((RADIO_INT) & 15) : ((RADIO_INT) & 15) < 10 ? 23 : 40)

void radio_begin_pins(void);
void radio_edge(void);
#endif

#endif
