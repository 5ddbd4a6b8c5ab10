// Numbers that IANA has not assigned, as files override them.

import { ATTRIBUTE_SUBSPACES, TRANSFORM_SUBSPACES } from '../../../../core/ike/codec/private-numbers.ts';
import { integer, object } from './properties.ts';

/** `privateNumbers`. */
export const NUMBERS = object('Private numbers', 'Numbers without an IANA assignment.', {
  hcpProposal: integer('HCP_PROPOSAL', 'Notify type.', 40960, 65535, 53735),
  ehcSupported: integer('EHC_SUPPORTED', 'Notify type.', 40960, 65535, 53733),
  ehcUnacceptableParameter: integer('EHC_UNACCEPTABLE_PARAMETER', 'Notify type.', 40960, 65535, 53734),
  optimizedRekeySupported: integer('OPTIMIZED_REKEY_SUPPORTED', 'Notify type.', 40960, 65535, 50400),
  optimizedRekey: integer('OPTIMIZED_REKEY', 'Notify type.', 40960, 65535, 50401),
  childSaPfsInfoSupported: integer('CHILD_SA_PFS_INFO_SUPPORTED', 'Notify type.', 40960, 65535, 50600),
  dscp: integer('DSCP', 'Notify type.', 40960, 65535, 50410),
  tsDscp: integer('TS_DSCP', 'Traffic selector type.', 241, 255, 241),
  eespProtocol: integer('EESP', 'Security Protocol Identifier.', 201, 255, 201),
  eespSskdf: integer('SSKDF', 'Transform type of the key derivation of Sub SAs.', 241, 254, 242),
  eespSn: integer('64-bit sequential numbers', 'Transform of the type Sequence Numbers.', 1024, 65535, 1024),
  eespSnNone: integer('No sequence numbers', 'Transform of that type.', 1024, 65535, 1025),
  eespMaxSubSaId: integer('EESP_MAX_SUB_SA_ID', 'Notify type.', 40960, 65535, 50430),
  eespMaxCryptOffset: integer('EESP_MAX_CRYPT_OFFSET', 'Notify type.', 40960, 65535, 50431),
  subspaces: integer('Subspaces', 'Transform ID of Type 5.', 1024, 65535, TRANSFORM_SUBSPACES),
  subspaceCount: integer('Number of subspaces', 'Attribute Type.', 16384, 32767, ATTRIBUTE_SUBSPACES),
  lmapAndPtbSupported: integer('LMAP_AND_PTB_SUPPORTED', 'Notify type.', 40960, 65535, 50420),
  lmap: integer('LMAP', 'Notify type.', 40960, 65535, 50421),
  ptb: integer('PTB', 'Notify type.', 40960, 65535, 50422),
  iipcProfile: integer('IIPC_PROFILE', 'Notify type: rules for CoAP.', 40960, 65535, 50460),
  iipcCoap: integer('iipc_profile', 'Its value for rules for CoAP.', 2, 255, 240),
  separateTransports: integer('SEPARATE_TRANSPORTS', 'Notify type.', 40960, 65535, 50440),
});
