// Names of fields, and the clauses on how Diet-ESP treats them, for people. Clauses are those of
// draft-ietf-ipsecme-diet-esp-10 (§6.1 inner packet, §6.2 trailer). Names in capitals are points that the draft leaves open
// (core/dietesp/README.md).

import * as F from '../../../../core/wire/fid.ts';

export interface FieldText {
  /** As in the RFC of the header. */
  name: string;
  /** The name of its residue in the vectors, where it differs. */
  residue?: string;
  /** Section of the draft, or resolution. */
  clause: string;
  /** How the value is shown. */
  show: 'number' | 'hex' | 'address';
}

const IIPC = '§6.1';
const TEXTS = new Map<number, FieldText>();

function put(fid: number, name: string, clause: string, show: FieldText['show'] = 'number'): void {
  TEXTS.set(fid, { name, clause, show });
}

put(F.FID_IPV6_VERSION, 'Version', `${IIPC}, VER-FL`);
put(F.FID_IPV6_DSCP, 'DSCP', `${IIPC} (dscp_cda)`);
put(F.FID_IPV6_ECN, 'ECN', `${IIPC} (ecn_cda)`);
put(F.FID_IPV6_FLOW_LABEL, 'Flow Label', `${IIPC} (flow_label_cda)`, 'hex');
put(F.FID_IPV6_PAYLOAD_LENGTH, 'Payload Length', `${IIPC}, PLEN-NC`);
put(F.FID_IPV6_NEXT_HEADER, 'Next Header', `${IIPC} (ts_proto)`);
put(F.FID_IPV6_HOP_LIMIT, 'Hop Limit', `${IIPC}, HOPLIMIT`);
put(F.FID_IPV6_SRC, 'Source Address', `${IIPC} (ts_ip_src)`, 'address');
put(F.FID_IPV6_DST, 'Destination Address', `${IIPC} (ts_ip_dst)`, 'address');

put(F.FID_IPV4_VERSION, 'Version', `${IIPC}`);
put(F.FID_IPV4_IHL, 'IHL', `${IIPC}, HDR-EXTENT`);
put(F.FID_IPV4_DSCP, 'DSCP', `${IIPC} (dscp_cda)`);
put(F.FID_IPV4_ECN, 'ECN', `${IIPC} (ecn_cda)`);
put(F.FID_IPV4_TOTAL_LENGTH, 'Total Length', `${IIPC}`);
put(F.FID_IPV4_ID, 'Identification', `${IIPC} (flow_label_cda)`, 'hex');
put(F.FID_IPV4_FLAGS, 'Flags', `${IIPC}, IPV4-FLAGS`);
put(F.FID_IPV4_FRAGMENT_OFFSET, 'Fragment Offset', `${IIPC}, IPV4-FLAGS`);
put(F.FID_IPV4_TTL, 'Time to Live', `${IIPC}, HOPLIMIT`);
put(F.FID_IPV4_PROTOCOL, 'Protocol', `${IIPC} (ts_proto)`);
put(F.FID_IPV4_CHECKSUM, 'Header Checksum', `${IIPC}`, 'hex');
put(F.FID_IPV4_SRC, 'Source Address', `${IIPC} (ts_ip_src)`, 'address');
put(F.FID_IPV4_DST, 'Destination Address', `${IIPC} (ts_ip_dst)`, 'address');

put(F.FID_UDP_SRC_PORT, 'Source Port', `${IIPC} (ts_port_src)`);
put(F.FID_UDP_DST_PORT, 'Destination Port', `${IIPC} (ts_port_dst)`);
put(F.FID_UDP_LENGTH, 'UDP Length', `${IIPC}, UDP-LEN`);
put(F.FID_UDP_CHECKSUM, 'UDP Checksum', `${IIPC}, UDP-ZERO`, 'hex');

put(F.FID_UDPLITE_SRC_PORT, 'Source Port', `${IIPC} (ts_port_src)`);
put(F.FID_UDPLITE_DST_PORT, 'Destination Port', `${IIPC} (ts_port_dst)`);
put(F.FID_UDPLITE_COVERAGE, 'Checksum Coverage', `${IIPC}, UDPLITE-COV`);
put(F.FID_UDPLITE_CHECKSUM, 'UDP-Lite Checksum', `${IIPC}`, 'hex');

put(F.FID_TCP_SRC_PORT, 'Source Port', `${IIPC} (ts_port_src)`);
put(F.FID_TCP_DST_PORT, 'Destination Port', `${IIPC} (ts_port_dst)`);
put(F.FID_TCP_SEQUENCE, 'Sequence Number', `${IIPC}, TCP-REST`, 'hex');
put(F.FID_TCP_ACKNOWLEDGMENT, 'Acknowledgment Number', `${IIPC}, TCP-REST`, 'hex');
put(F.FID_TCP_DATA_OFFSET, 'Data Offset', `${IIPC}, TCP-REST`);
put(F.FID_TCP_RESERVED, 'Reserved', `${IIPC}, TCP-REST`);
put(F.FID_TCP_FLAGS, 'Flags', `${IIPC}, TCP-REST`, 'hex');
put(F.FID_TCP_WINDOW, 'Window', `${IIPC}, TCP-REST`);
put(F.FID_TCP_CHECKSUM, 'TCP Checksum', `${IIPC}`, 'hex');
put(F.FID_TCP_URGENT, 'Urgent Pointer', `${IIPC}, TCP-REST`);

put(F.FID_SCTP_SRC_PORT, 'Source Port', `${IIPC} (ts_port_src)`);
put(F.FID_SCTP_DST_PORT, 'Destination Port', `${IIPC} (ts_port_dst)`);
put(F.FID_SCTP_TAG, 'Verification Tag', `${IIPC}`, 'hex');
put(F.FID_SCTP_CHECKSUM, 'SCTP Checksum', `${IIPC}, SCTP-CRC`, 'hex');

put(F.FID_ESP_SPI, 'SPI', 'EEC (esp_spi_lsb), MSB4', 'hex');
put(F.FID_ESP_SN, 'Sequence Number', 'EEC (esp_sn_lsb), SN-RECOVERY', 'hex');
put(F.FID_ESP_PADDING, 'Padding, Pad Length', '§6.2 (alignment, esp_trailer), OPT-ALIGN');
put(F.FID_ESP_NEXT_HEADER, 'Next Header', '§6.2 (esp_trailer), OPT-NH-ORDER');

/** What is known of a field identifier. */
export function fieldText(fid: number): FieldText {
  return TEXTS.get(fid) ?? { name: `field ${fid}`, clause: '', show: 'hex' };
}
