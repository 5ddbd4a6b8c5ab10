// The registers of the MRF24J40 that the driver uses [Microchip DS39776C].

// Short addresses: 6 bits.
export const RXMCR = 0x00;
export const PANIDL = 0x01;
export const SADRL = 0x03;
export const EADR0 = 0x05;
export const RXFLUSH = 0x0d;
export const PACON2 = 0x18;
export const TXNCON = 0x1b;
export const WAKECON = 0x22;
export const TXSTAT = 0x24;
export const SOFTRST = 0x2a;
export const TXSTBL = 0x2e;
export const INTSTAT = 0x31;
export const INTCON = 0x32;
export const SLPACK = 0x35;
export const RFCTL = 0x36;
export const BBREG1 = 0x39;
export const BBREG2 = 0x3a;
export const BBREG6 = 0x3e;
export const CCAEDTH = 0x3f;

// Long addresses: 10 bits.
export const TX_FIFO = 0x000;
export const RFCON0 = 0x200;
export const RFCON1 = 0x201;
export const RFCON2 = 0x202;
export const RFCON3 = 0x203;
export const RFCON6 = 0x206;
export const RFCON7 = 0x207;
export const RFCON8 = 0x208;
export const SLPCON1 = 0x220;
export const RX_FIFO = 0x300;

// RXFLUSH
export const RX_FLUSH = 0x01;
// TXNCON
export const TX_TRIGGER = 0x01;
export const TX_ACK_REQUEST = 0x04;
// WAKECON
export const REGISTER_WAKE = 0x40;
export const IMMEDIATE_WAKE = 0x80;
// TXSTAT
export const TX_FAILED = 0x01;
export const TX_CHANNEL_BUSY = 0x20;
// SOFTRST
export const RESET_ALL = 0x07;
export const RESET_POWER = 0x04;
// INTSTAT, INTCON (in INTCON, 1 turns an interrupt off)
export const INT_TX = 0x01;
export const INT_RX = 0x08;
// SLPACK
export const SLEEP_NOW = 0x80;
// RFCTL
export const RF_RESET = 0x04;
// BBREG1
export const RX_OFF = 0x04;
