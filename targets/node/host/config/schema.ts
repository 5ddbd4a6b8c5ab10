// The JSON Schema of SA files. Validation, defaults, `dietesp schema` and the documentation come from it. Names are those of
// the draft's attributes for rule derivation [draft-ietf-ipsecme-diet-esp §5], spelt as in the golden vectors.

/** The part of JSON Schema that is used here. */
export interface Property {
  /** Name of the field in a few words. */
  title: string;
  /** What it does, in a sentence or two. */
  description: string;
  /** Type or types, as JSON Schema names them. */
  type?: string | string[];
  /** The value where the file has none; text where it is made at run time. */
  default?: unknown;
  /** The values that it may have. */
  enum?: readonly unknown[];
  /** Least value of a number. */
  minimum?: number;
  /** Largest value of a number. */
  maximum?: number;
  /** Regular expression that a text must match. */
  pattern?: string;
  /** Schema of an array's items. */
  items?: Record<string, unknown>;
  /** Least number of items. */
  minItems?: number;
  /** Largest number of items. */
  maxItems?: number;
  /** No item comes twice. */
  uniqueItems?: boolean;
  /** Schemas of an object's fields. */
  properties?: Record<string, Property>;
  /** False: other fields are errors. */
  additionalProperties?: boolean;
  /** Fields that must be there. */
  required?: readonly string[];
  /** A secret: no message shows it. */
  writeOnly?: boolean;
  /** What a value that fits `pattern` is, in words. */
  mustBe?: string;
  /** Unit of a number. */
  unit?: string;
  /** When the field must be there, where the schema alone cannot say it. */
  needed?: string;
}

const SUITES = [
  'AES_CCM_8_IIV',
  'AES_GCM_16_IIV',
  'CHACHA20_POLY1305_IIV',
  'AES_CCM_8',
  'AES_CCM_16',
  'AES_GCM_16',
  'CHACHA20_POLY1305',
  'NULL_HMAC_SHA2_256_128',
  'AES_CBC_HMAC_SHA2_256_128',
] as const;

/** 2^53 - 1: counters are doubles on every engine. */
const COUNT_MAX = 9007199254740991;
/** Milliseconds of `now` stay exact up to here. */
const SECONDS_MAX = 4294967295;

function limit(title: string, description: string, maximum: number): Property {
  return { title, description: `${description} 0: no limit.`, type: 'integer', minimum: 0, maximum, default: 0 };
}

function hex(title: string, description: string, most: number): Property {
  return {
    title,
    description,
    type: 'string',
    pattern: `^([0-9a-fA-F]{2}){0,${most}}$`,
    mustBe: `${most} octets at most, two hexadecimal digits each`,
    writeOnly: true,
    default: '',
  };
}

function portRange(side: string): Property {
  return {
    title: `${side} ports`,
    description: `First and last port of the traffic selector's ${side.toLowerCase()} side.`,
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: 65535 },
    minItems: 2,
    maxItems: 2,
    default: [0, 65535],
  };
}

function addressRange(side: string): Property {
  return {
    title: `${side} addresses`,
    description: `First and last address of the traffic selector's ${side.toLowerCase()} side; omitted: all addresses.`,
    type: 'array',
    items: { type: 'string' },
    minItems: 2,
    maxItems: 2,
  };
}

/** Names of July 2023 that today's draft does not have. */
const JULY_2023: Record<string, Property> = {
  ts_flow_label: {
    title: 'Flow label (July 2023)',
    description: 'true, or omitted: flow_label_cda lower; false: not_compressed. Only with names july_2023.',
    type: 'boolean',
  },
  ts_proto_list: {
    title: 'Protocols (July 2023)',
    description: 'One protocol, or a list with 0 for any. Only with names july_2023.',
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: 255 },
    maxItems: 256,
  },
  ts_dsp_list: {
    title: 'DSCP and ECN (July 2023)',
    description: 'Octets of DSCP and ECN; omitted: both lower. Only with names july_2023.',
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: 255 },
    minItems: 1,
    maxItems: 256,
  },
};
/** Attributes and parameters of one SA (one direction). */
export const SA_PROPERTIES: Record<string, Property> = {
  name: { title: 'Name', description: 'What reports call this SA.', type: 'string', default: '' },
  names: {
    title: 'Names',
    description:
      'july_2023: attributes of the EHC context of July 2023: esp_spi_lsb and esp_sn_lsb in octets, and ts_flow_label, ' +
      'ts_proto_list, ts_dsp_list in place of flow_label_cda, ts_proto, dscp_cda, dscp_list and ecn_cda.',
    type: 'string',
    enum: ['draft', 'july_2023'],
    default: 'draft',
  },
  ipsec_mode: {
    title: 'Mode',
    description: 'Tunnel mode compresses the inner IP header too.',
    type: 'string',
    enum: ['tunnel', 'transport'],
    default: 'tunnel',
  },
  tunnel_ip: {
    title: 'Outer addresses',
    description: 'Outer source and destination; required in tunnel mode, absent in transport mode.',
    type: 'array',
    items: { type: 'string' },
    minItems: 2,
    maxItems: 2,
  },
  esp_spi: {
    title: 'SPI',
    description: 'Security Parameters Index, 1 to 8 hexadecimal digits; 0..ff are reserved [RFC 4303 §2.1].',
    type: 'string',
    pattern: '^(0[xX])?[0-9a-fA-F]{1,8}$',
    mustBe: '1 to 8 hexadecimal digits',
  },
  esp_spi_lsb: {
    title: 'SPI bits on the wire',
    description: 'Low bits of the SPI that are sent; with esp_sn_lsb a multiple of 8.',
    type: 'integer',
    minimum: 0,
    maximum: 32,
    default: 32,
  },
  esp_sn: {
    title: 'Next sequence number',
    description: 'Sequence number of the next packet, hexadecimal; up to 64 bits with esn.',
    type: 'string',
    pattern: '^(0[xX])?[0-9a-fA-F]{1,16}$',
    mustBe: '1 to 16 hexadecimal digits',
    default: '1',
  },
  esp_sn_lsb: {
    title: 'Sequence number bits on the wire',
    description: 'Low bits of the sequence number that are sent; with esp_spi_lsb a multiple of 8.',
    type: 'integer',
    minimum: 0,
    maximum: 32,
    default: 32,
  },
  esn: {
    title: 'Extended sequence numbers',
    description: '64-bit sequence numbers [RFC 4303 §2.2.1].',
    type: 'boolean',
    default: false,
  },
  esp_encr: {
    title: 'Algorithm',
    description: 'Encryption transform (with its integrity algorithm); *_IIV has an implicit IV [RFC 8750].',
    type: 'string',
    enum: SUITES,
  },
  key: hex('Encryption key', 'Hexadecimal, without the salt.', 32),
  salt: hex('Salt', 'Hexadecimal: 4 octets for GCM and ChaCha20, 3 for CCM.', 4),
  akey: hex('Integrity key', 'Hexadecimal, 32 octets; suites with HMAC only.', 32),
  iipc_enabled: {
    title: 'Inner header compression',
    description: 'true: profile iipc_diet-esp; false: iipc_not_compressed.',
    type: 'boolean',
    default: true,
  },
  rule_id: {
    title: 'RuleID octet',
    description: 'Octet in front of the residue, for tests; null: none.',
    type: ['integer', 'null'],
    minimum: 0,
    maximum: 255,
    default: null,
  },
  dscp_cda: {
    title: 'DSCP',
    description: 'How the DSCP travels: sent, copied to the outer header, or from dscp_list.',
    type: 'string',
    enum: ['not_compressed', 'lower', 'sa'],
    default: 'not_compressed',
  },
  dscp_list: {
    title: 'DSCP values',
    description: 'Values for dscp_cda "sa".',
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: 63 },
    maxItems: 64,
    default: [],
  },
  ecn_cda: {
    title: 'ECN',
    description: 'How the ECN bits travel: sent, or copied to the outer header.',
    type: 'string',
    enum: ['not_compressed', 'lower'],
    default: 'not_compressed',
  },
  flow_label_cda: {
    title: 'Flow label',
    description: 'How the IPv6 Flow Label (IPv4: Identification) travels.',
    type: 'string',
    enum: ['not_compressed', 'lower', 'generated', 'zero'],
    default: 'not_compressed',
  },
  ts_ip_version: {
    title: 'IP version',
    description: 'Version of the packets that this SA carries.',
    type: 'integer',
    enum: [4, 6],
    default: 6,
  },
  ts_ip_src: addressRange('Source'),
  ts_ip_dst: addressRange('Destination'),
  ts_proto: {
    title: 'Protocol',
    description: 'Next Header of the packets; 0: any (then it is sent).',
    type: 'integer',
    minimum: 0,
    maximum: 255,
    default: 0,
  },
  ts_port_src: portRange('Source'),
  ts_port_dst: portRange('Destination'),
  alignment: {
    title: 'Alignment',
    description: 'Alignment of the clear text in bits.',
    type: 'integer',
    enum: [8, 16, 32, 64],
    default: 64,
  },
  esp_trailer: {
    title: 'Trailer',
    description: 'Mandatory keeps Pad Length and Next Header as in RFC 4303.',
    type: 'string',
    enum: ['Optional', 'Mandatory'],
    default: 'Optional',
  },
  df: {
    title: 'DF',
    description:
      '"Don\'t fragment" of a tunnel\'s outer IPv4 header; copy: as in an inner IPv4 packet, else set. Not where Identification carries the flow label (lower).',
    type: 'string',
    enum: ['set', 'clear', 'copy'],
    default: 'set',
  },
  replay_window: {
    title: 'Replay window',
    description: 'Packets; 0: no replay protection [RFC 4303 §3.4.3].',
    type: 'integer',
    enum: [0, 32, 64, 128, 256, 512, 1024, 2048, 4096],
    default: 64,
  },
  any_remote: {
    title: 'Any remote address',
    description: 'true: incoming packets are looked up without the remote address.',
    type: 'boolean',
    default: false,
  },
  lifetime: {
    title: 'Lifetime',
    description: 'Soft limits ask for a rekey, hard limits stop the SA [RFC 4301 §4.4.2.1].',
    type: 'object',
    additionalProperties: false,
    default: {},
    properties: {
      soft_packets: limit('Soft packets', 'Packets until a rekey is asked for.', COUNT_MAX),
      hard_packets: limit('Hard packets', 'Packets until the SA stops.', COUNT_MAX),
      soft_bytes: limit('Soft octets', 'Octets until a rekey is asked for.', COUNT_MAX),
      hard_bytes: limit('Hard octets', 'Octets until the SA stops.', COUNT_MAX),
      soft_seconds: limit('Soft time', 'Seconds until a rekey is asked for.', SECONDS_MAX),
      hard_seconds: limit('Hard time', 'Seconds until the SA stops.', SECONDS_MAX),
    },
  },
  ...JULY_2023,
};

/** One direction. */
export const SA_OBJECT: Property = {
  title: 'Security association',
  description: 'One direction.',
  type: 'object',
  required: ['esp_spi', 'esp_encr'],
  additionalProperties: false,
  properties: SA_PROPERTIES,
};

/** The schema of a file: one SA, or `sas`, a list of them. */
export const SA_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Diet-ESP security associations',
  description: 'One SA, or under `sas` a list of SAs (for instance both directions of a pair).',
  type: 'object',
  if: { required: ['sas'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: {
    properties: { sas: { type: 'array', minItems: 1, maxItems: 1024, items: { $ref: '#/definitions/sa' } } },
    additionalProperties: false,
  },
  else: { $ref: '#/definitions/sa' },
  definitions: { sa: SA_OBJECT },
};

/** A file with a list of SAs. */
export const SA_LIST = {
  type: 'object',
  additionalProperties: false,
  required: ['sas'],
  properties: {
    sas: {
      title: 'SAs',
      description: 'A list of SAs.',
      type: 'array',
      minItems: 1,
      maxItems: 1024,
      items: SA_OBJECT as unknown as Record<string, unknown>,
    },
  },
};

/** Names of revision -10 and the name used here. */
export const ALIASES: Record<string, string> = {
  dscp_action: 'dscp_cda',
  ecn_action: 'ecn_cda',
  flow_label_action: 'flow_label_cda',
};
