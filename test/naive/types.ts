// Shapes of the golden vectors (test/vectors/*.json) and the error of a refused packet.
// The naive implementation shares no code with core/: its errors must be independent ones.

export type Suite =
  | 'AES_CCM_8'
  | 'AES_CCM_8_IIV'
  | 'AES_CCM_16'
  | 'AES_GCM_16'
  | 'AES_GCM_16_IIV'
  | 'CHACHA20_POLY1305'
  | 'CHACHA20_POLY1305_IIV'
  | 'NULL_HMAC_SHA2_256_128'
  | 'AES_CBC_HMAC_SHA2_256_128';

/** One unidirectional SA, named as in the `sa` objects of the vectors. esp_sn is the number this packet carries, hex. */
export interface Sa {
  ipsec_mode: 'tunnel' | 'transport';
  ts_ip_version: 4 | 6;
  ts_ip_src?: [string, string] | null;
  ts_ip_dst?: [string, string] | null;
  ts_proto: number;
  ts_port_src: [number, number];
  ts_port_dst: [number, number];
  dscp_cda: 'not_compressed' | 'lower' | 'sa';
  dscp_list: number[];
  ecn_cda: 'not_compressed' | 'lower';
  flow_label_cda: 'not_compressed' | 'lower' | 'generated' | 'zero';
  tunnel_ip?: [string, string] | null;
  alignment: 8 | 16 | 32 | 64;
  esp_trailer: 'Mandatory' | 'Optional';
  esp_encr: Suite;
  key: string;
  salt?: string;
  akey?: string;
  esn: boolean;
  esp_spi: string;
  esp_spi_lsb: number;
  esp_sn: string;
  esp_sn_lsb: number;
  iipc_enabled: boolean;
  rule_id: number | null;
}

/** [field, value, bits]; a value above 2^53-1 is the string 0x... */
export type ResidueField = [string, number | string, number];

/** Every intermediate value of one packet; octet strings are lower-case hex. */
export interface VectorFields {
  residue: ResidueField[];
  residue_bits: string;
  pad_bits: number;
  iipc_output: string;
  clear_text: string;
  nonce: string | null;
  aad: string;
  iv: string;
  ciphertext: string;
  icv: string;
  eec_header: string;
  esp: string;
  wire: string;
  esp_len: number;
  std_esp_len: number;
  lossless: boolean;
  decompressed?: string;
}

export interface Vector extends VectorFields {
  id: string;
  title: string;
  depends_on: string[];
  note: string;
  sa: Sa;
  inner: string;
}

export type DropName =
  | 'short'
  | 'length'
  | 'version'
  | 'checksum'
  | 'selector'
  | 'no-rule'
  | 'residue'
  | 'too-long'
  | 'icv'
  | 'replay'
  | 'sequence'
  | 'exhausted'
  | 'trailer'
  | 'dummy';

/** A packet the compressor must refuse. `also`: other names that are just as right. */
export interface Refusal {
  id: string;
  title: string;
  sa: Sa;
  inner: string;
  drop: DropName;
  also?: DropName[];
}

/** A received packet that must be dropped; the packets of `before` are received first and accepted. */
export interface Rejection {
  id: string;
  title: string;
  sa: Sa;
  before?: string[];
  wire: string;
  drop: DropName;
  also?: DropName[];
}

/** A packet accepted although it is not what the compressor sent: changed on the path, or padded differently. */
export interface OnPath {
  id: string;
  title: string;
  note: string;
  sa: Sa;
  wire: string;
  decompressed: string;
}

export interface SnRow {
  T: string;
  received: string;
  esp_sn_lsb: number;
  window: number;
  esn: boolean;
  R: number;
  sn: string | null;
}

export interface VectorFile {
  meta: Record<string, unknown>;
  vectors: Vector[];
  refusals?: Refusal[];
  rejections?: Rejection[];
  on_path?: OnPath[];
  sn_recovery: SnRow[];
}

export class Dropped extends Error {
  drop: DropName;
  constructor(drop: DropName, why: string) {
    super(`${drop}: ${why}`);
    this.drop = drop;
  }
}

export function drop(name: DropName, why: string): never {
  throw new Dropped(name, why);
}
