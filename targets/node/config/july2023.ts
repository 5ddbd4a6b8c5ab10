// Attribute names of July 2023 (draft-mglt-ipsecme-diet-esp-10, "EHC context") in SA files, on `names: july_2023`:
// lengths of SPI and SN in octets, one list for DSCP and ECN, a list of protocols. The marker is needed because
// `esp_spi_lsb: 1` means 8 bits there and 1 bit today. What has no counterpart today is refused.

import { refuse } from '../../../core/dietesp/attributes.ts';

type Values = Record<string, unknown>;

/** Names that exist only there. */
export const JULY_2023_ONLY = ['ts_flow_label', 'ts_proto_list', 'ts_dsp_list'];

const OCTETS_MAX = 4;

/** Octets to bits; the default is the whole field. */
function bits(values: Values, field: string): number {
  const octets = (values[field] as number | undefined) ?? OCTETS_MAX;
  if (octets > OCTETS_MAX) refuse(field, octets, `must be <= ${OCTETS_MAX} (octets, with names: july_2023)`);
  return octets * 8;
}

/** 0 for any protocol: the list is missing or has 0 in it. */
function protocol(list: number[] | undefined): number {
  if (list === undefined || list.length === 0 || list.includes(0)) return 0;
  const [first, ...others] = new Set(list);
  if (others.length > 0) refuse('ts_proto_list', list.join(', '), 'must be one protocol, or have 0 in it');
  return first;
}

/** The same SA in today's names. Throws Error("field: value: limit"). */
export function fromJuly2023(values: Values): Values {
  const alignment = values['alignment'] ?? 32;
  if (alignment !== 8 && alignment !== 32) refuse('alignment', String(alignment), 'must be 8 or 32 (names: july_2023)');
  // DSCP and ECN in one octet; without a list both are those of the outer header.
  const classes = values['ts_dsp_list'] as number[] | undefined;
  const mapped: Values = {
    ...values,
    alignment,
    esp_spi_lsb: bits(values, 'esp_spi_lsb'),
    esp_sn_lsb: bits(values, 'esp_sn_lsb'),
    flow_label_cda: values['ts_flow_label'] === false ? 'not_compressed' : 'lower',
    ts_proto: protocol(values['ts_proto_list'] as number[] | undefined),
    dscp_cda: classes === undefined ? 'lower' : 'sa',
    dscp_list: classes === undefined ? [] : [...new Set(classes.map((value) => value >>> 2))],
    ecn_cda: classes === undefined ? 'lower' : 'not_compressed',
    esp_trailer: 'Optional',
  };
  for (const name of JULY_2023_ONLY) delete mapped[name];
  return mapped;
}

/** Fields of today that must not stand beside the old names, with the old name of each. */
export const JULY_2023_NAMES: Record<string, string> = {
  flow_label_cda: 'ts_flow_label',
  ts_proto: 'ts_proto_list',
  dscp_cda: 'ts_dsp_list',
  dscp_list: 'ts_dsp_list',
  ecn_cda: 'ts_dsp_list',
  esp_trailer: '',
};
