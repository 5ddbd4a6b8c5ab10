// Numbers that IANA has not assigned, from the private ranges, in a table that a configuration may override before it makes an
// endpoint. Only a peer that sent our Vendor ID, or that is configured for them, understands them.

/**
 * Numbers of MTU detection (ext/mtu.ts), apart because no board has them.
 *
 * @noSelf
 */
export interface MtuNumbers {
  /** Status notifies: both sides have them. */
  lmapAndPtbSupported: number;
  /** Fragments came. */
  lmap: number;
  /** Too large. */
  ptb: number;
}

/**
 * Numbers from private ranges, one for each meaning that IANA has not assigned yet. Both peers must use the same.
 *
 * @noSelf
 */
export interface PrivateNumbers extends Partial<MtuNumbers> {
  /** Status notifies. */
  hcpProposal: number;
  /** Diet-ESP in the form of its first drafts: offer and answer. */
  ehcSupported: number;
  /** Diet-ESP in that form: nothing of the offer is acceptable. */
  ehcUnacceptableParameter: number;
  /** Optimized rekeys: both sides can do them. */
  optimizedRekeySupported: number;
  /** Optimized rekeys: the request and its answer. */
  optimizedRekey: number;
  /** KE method of the first Child SA's rekeys is told (child-pfs-info). */
  childSaPfsInfoSupported: number;
  /** DSCP values that a side sends. */
  dscp: number;
  /** Traffic selector type. */
  tsDscp: number;
  /** IKE over TCP, ESP over UDP or IP. Absent: SEPARATE_TRANSPORTS; a board has no use for it. */
  separateTransports?: number;
  /** Transform ID of Sequence Numbers with subspaces; absent: TRANSFORM_SUBSPACES. */
  subspaces?: number;
  /** Attribute of that transform; absent: ATTRIBUTE_SUBSPACES. */
  subspaceCount?: number;
  /** Rules for CoAP under an SA: the status notify. Absent: N_IIPC_PROFILE. */
  iipcProfile?: number;
  /** The value of iipc_profile in it. Absent: IIPC_COAP. */
  iipcCoap?: number;
}

/** `PrivateNumbers.separateTransports` unless overridden. */
export const SEPARATE_TRANSPORTS = 50440;
/** Transform ID (Transform Type 5): 64 bits, 16 of Subspace ID and 48 of counter. No board knows it. */
export const TRANSFORM_SUBSPACES = 1026;
/** Attribute Type of its number of subspaces, in the form type and value. */
export const ATTRIBUTE_SUBSPACES = 16384;
/** `PrivateNumbers.iipcProfile` unless overridden. */
export const N_IIPC_PROFILE = 50460;
/** `PrivateNumbers.iipcCoap` unless overridden: the draft's own values of iipc_profile are 0 and 1. */
export const IIPC_COAP = 240;

/** The numbers used unless overridden; those of the optimized rekey are the ones of strongSwan's branch. */
export function privateNumbers(): PrivateNumbers {
  return {
    hcpProposal: 53735,
    ehcSupported: 53733,
    ehcUnacceptableParameter: 53734,
    optimizedRekeySupported: 50400,
    optimizedRekey: 50401,
    childSaPfsInfoSupported: 50600,
    dscp: 50410,
    tsDscp: 241,
  };
}

/** The numbers used unless overridden. */
export function mtuNumbers(): MtuNumbers {
  return { lmapAndPtbSupported: 50420, lmap: 50421, ptb: 50422 };
}

/** Numbers of EESP (ext/eesp.ts), apart because no board has them. */
export interface EespNumbers {
  /** Security Protocol Identifier. */
  eespProtocol: number;
  /** Transform type of the key derivation of Sub SAs; its low five bits are those of no other type. */
  eespSskdf: number;
  /** Transform of type Sequence Numbers: 64-bit sequential numbers. */
  eespSn: number;
  /** Transform of that type: none on the wire. */
  eespSnNone: number;
  /** Status notify: the largest Sub SA ID that the sender accepts. */
  eespMaxSubSaId: number;
  /** Status notify: the largest Crypt Offset. */
  eespMaxCryptOffset: number;
}

/** The numbers used unless overridden. */
export function eespNumbers(): EespNumbers {
  return {
    eespProtocol: 201,
    eespSskdf: 242,
    eespSn: 1024,
    eespSnNone: 1025,
    eespMaxSubSaId: 50430,
    eespMaxCryptOffset: 50431,
  };
}

/** The data of our Vendor ID payload: "dietesp1". */
export const VENDOR_ID = /* @__PURE__ */ [0x64, 0x69, 0x65, 0x74, 0x65, 0x73, 0x70, 0x31];
