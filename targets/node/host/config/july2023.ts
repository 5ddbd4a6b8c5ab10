// Attribute names of July 2023 in SA files with `names: july_2023` (core/dietesp/legacy.ts maps their values). The marker is
// needed because `esp_spi_lsb: 1` meant 8 bits then and means 1 bit today.

import type { Attributes } from '../../../../core/dietesp/attributes.ts';
import { fromEhcContext } from '../../../../core/dietesp/legacy.ts';

type Values = Record<string, unknown>;

/** Names that exist only there. */
export const JULY_2023_ONLY = ['ts_flow_label', 'ts_proto_list', 'ts_dsp_list'];

/** Names of both that mean something else there. */
const CHANGED = ['alignment', 'esp_spi_lsb', 'esp_sn_lsb'];

/** What the two have in common, to be read with today's names. */
export function commonWithToday(values: Values): Values {
  const common = { ...values };
  for (const name of [...JULY_2023_ONLY, ...CHANGED]) delete common[name];
  return common;
}

/** The attributes of `values`, of which `common` are those that mean the same today. Throws "field: value: limit". */
export function fromJuly2023(values: Values, common: Attributes): Attributes {
  const octets = (name: string) => (values[name] as number | undefined) ?? 4;
  return fromEhcContext({
    ...common,
    alignment: (values['alignment'] as 8 | 32 | undefined) ?? 32,
    espSpiLsb: octets('esp_spi_lsb'),
    espSnLsb: octets('esp_sn_lsb'),
    tsFlowLabel: values['ts_flow_label'] !== false,
    tsProtoList: (values['ts_proto_list'] as number[] | undefined) ?? [],
    tsDspList: (values['ts_dsp_list'] as number[] | undefined) ?? null,
  });
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
