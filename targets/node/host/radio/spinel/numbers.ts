// Numbers of Spinel [draft-rquattle-spinel-unified; OpenThread's list of properties]: those that a host of a radio co-processor
// needs. Behind each property is the form of its value (packed.ts).

/** Commands [§4]. */
export const CMD_NOOP = 0;
export const CMD_RESET = 1;
export const CMD_GET = 2;
export const CMD_SET = 3;
export const CMD_INSERT = 4;
export const CMD_REMOVE = 5;
export const CMD_IS = 6;
export const CMD_INSERTED = 7;
export const CMD_REMOVED = 8;

/** What RESET resets. Old firmware does not look at it. */
export const RESET_STACK = 2;

/** Properties of the core [§5]. */
export const PROP_LAST_STATUS = 0x00; // i
export const PROP_PROTOCOL_VERSION = 0x01; // ii
export const PROP_NCP_VERSION = 0x02; // U
export const PROP_INTERFACE_TYPE = 0x03; // i
export const PROP_CAPS = 0x05; // A(i)
export const PROP_HWADDR = 0x08; // E

/** Of the PHY. */
export const PROP_PHY_ENABLED = 0x20; // b
export const PROP_PHY_CHAN = 0x21; // C
export const PROP_PHY_CHAN_SUPPORTED = 0x22; // A(C)
export const PROP_PHY_TX_POWER = 0x25; // c, dBm
export const PROP_PHY_RSSI = 0x26; // c, dBm
export const PROP_PHY_RX_SENSITIVITY = 0x27; // c, dBm
export const PROP_RADIO_CAPS = 0x120b; // i

/** Of the MAC. */
export const PROP_MAC_SCAN_STATE = 0x30; // C
export const PROP_MAC_SCAN_MASK = 0x31; // A(C)
export const PROP_MAC_SCAN_PERIOD = 0x32; // S, milliseconds for each channel
export const PROP_MAC_LADDR = 0x34; // E
export const PROP_MAC_SADDR = 0x35; // S
export const PROP_MAC_PANID = 0x36; // S
export const PROP_MAC_RAW_STREAM_ENABLED = 0x37; // b
export const PROP_MAC_PROMISCUOUS_MODE = 0x38; // C
export const PROP_MAC_ENERGY_SCAN_RESULT = 0x39; // Cc
export const PROP_MAC_SRC_MATCH_ENABLED = 0x1303; // b
export const PROP_MAC_SRC_MATCH_SHORT_ADDRESSES = 0x1304; // A(S)
export const PROP_MAC_SRC_MATCH_EXTENDED_ADDRESSES = 0x1305; // A(E)

/** Streams. */
export const PROP_STREAM_DEBUG = 0x70; // U
export const PROP_STREAM_RAW = 0x71; // stream-raw.ts
export const PROP_STREAM_LOG = 0x74; // UD

/** Of a radio co-processor. */
export const PROP_RCP_API_VERSION = 0xb0; // i
export const PROP_RCP_MIN_HOST_API_VERSION = 0xb1; // i

/** Names of properties, for errors. */
export const PROP_NAMES: Record<number, string> = {
  [PROP_LAST_STATUS]: 'LAST_STATUS',
  [PROP_PROTOCOL_VERSION]: 'PROTOCOL_VERSION',
  [PROP_NCP_VERSION]: 'NCP_VERSION',
  [PROP_INTERFACE_TYPE]: 'INTERFACE_TYPE',
  [PROP_CAPS]: 'CAPS',
  [PROP_HWADDR]: 'HWADDR',
  [PROP_PHY_ENABLED]: 'PHY_ENABLED',
  [PROP_PHY_CHAN]: 'PHY_CHAN',
  [PROP_PHY_CHAN_SUPPORTED]: 'PHY_CHAN_SUPPORTED',
  [PROP_PHY_TX_POWER]: 'PHY_TX_POWER',
  [PROP_PHY_RSSI]: 'PHY_RSSI',
  [PROP_PHY_RX_SENSITIVITY]: 'PHY_RX_SENSITIVITY',
  [PROP_RADIO_CAPS]: 'RADIO_CAPS',
  [PROP_MAC_SCAN_STATE]: 'MAC_SCAN_STATE',
  [PROP_MAC_SCAN_MASK]: 'MAC_SCAN_MASK',
  [PROP_MAC_SCAN_PERIOD]: 'MAC_SCAN_PERIOD',
  [PROP_MAC_LADDR]: 'MAC_15_4_LADDR',
  [PROP_MAC_SADDR]: 'MAC_15_4_SADDR',
  [PROP_MAC_PANID]: 'MAC_15_4_PANID',
  [PROP_MAC_RAW_STREAM_ENABLED]: 'MAC_RAW_STREAM_ENABLED',
  [PROP_MAC_PROMISCUOUS_MODE]: 'MAC_PROMISCUOUS_MODE',
  [PROP_MAC_SRC_MATCH_ENABLED]: 'MAC_SRC_MATCH_ENABLED',
  [PROP_MAC_SRC_MATCH_SHORT_ADDRESSES]: 'MAC_SRC_MATCH_SHORT_ADDRESSES',
  [PROP_MAC_SRC_MATCH_EXTENDED_ADDRESSES]: 'MAC_SRC_MATCH_EXTENDED_ADDRESSES',
  [PROP_STREAM_RAW]: 'STREAM_RAW',
  [PROP_RCP_API_VERSION]: 'RCP_API_VERSION',
  [PROP_RCP_MIN_HOST_API_VERSION]: 'RCP_MIN_HOST_API_VERSION',
};

/** Values of LAST_STATUS [§6]. */
export const STATUS_OK = 0;
export const STATUS_FAILURE = 1;
export const STATUS_INVALID_STATE = 4;
export const STATUS_INVALID_COMMAND = 5;
export const STATUS_PARSE_ERROR = 9;
export const STATUS_BUSY = 12;
export const STATUS_PROP_NOT_FOUND = 13;
export const STATUS_NO_ACK = 17;
export const STATUS_CCA_FAILURE = 18;
export const STATUS_RESET_SOFTWARE = 114;
const STATUS_RESET_FIRST = 112;
const STATUS_RESET_LAST = 127;

const STATUS_NAMES: Record<number, string> = {
  0: 'OK',
  1: 'FAILURE',
  2: 'UNIMPLEMENTED',
  3: 'INVALID_ARGUMENT',
  4: 'INVALID_STATE',
  5: 'INVALID_COMMAND',
  6: 'INVALID_INTERFACE',
  7: 'INTERNAL_ERROR',
  9: 'PARSE_ERROR',
  10: 'IN_PROGRESS',
  11: 'NOMEM',
  12: 'BUSY',
  13: 'PROP_NOT_FOUND',
  14: 'DROPPED',
  16: 'CMD_TOO_BIG',
  17: 'NO_ACK',
  18: 'CCA_FAILURE',
  19: 'ALREADY',
  112: 'RESET_POWER_ON',
  113: 'RESET_EXTERNAL',
  114: 'RESET_SOFTWARE',
  115: 'RESET_FAULT',
  116: 'RESET_CRASH',
  117: 'RESET_ASSERT',
  118: 'RESET_OTHER',
  119: 'RESET_UNKNOWN',
  120: 'RESET_WATCHDOG',
};

/** `NO_ACK`, or `status 42`. */
export function statusText(status: number): string {
  return STATUS_NAMES[status] ?? `status ${status}`;
}

/** The co-processor has started anew. */
export function isReset(status: number): boolean {
  return status >= STATUS_RESET_FIRST && status <= STATUS_RESET_LAST;
}

/** Capabilities of CAPS. */
export const CAP_CONFIG_RADIO = 34;
export const CAP_RCP_API_VERSION = 64;
export const CAP_RCP_MIN_HOST_API_VERSION = 65;
export const CAP_MAC_RAW = 513;

/** Bits of RADIO_CAPS, least significant first. */
export const RADIO_CAPS = [
  'ack-timeout',
  'energy-scan',
  'transmit-retries',
  'csma-backoff',
  'sleep-to-tx',
  'transmit-security',
  'transmit-timing',
  'receive-timing',
  'rx-on-when-idle',
  'transmit-frame-power',
  'alternate-short-address',
];
export const RADIO_ACK_TIMEOUT = 1;
export const RADIO_ENERGY_SCAN = 2;
export const RADIO_TRANSMIT_RETRIES = 4;
export const RADIO_CSMA_BACKOFF = 8;

/** Values of MAC_PROMISCUOUS_MODE. */
export const PROMISCUOUS_OFF = 0;
export const PROMISCUOUS_FULL = 2;

/** Values of MAC_SCAN_STATE. */
export const SCAN_IDLE = 0;
export const SCAN_ENERGY = 2;

/** Flags of STREAM_RAW: what was received had a wrong FCS; it was sent, not received. */
export const RAW_SENT = 0x0001;
export const RAW_BAD_FCS = 0x0004;
