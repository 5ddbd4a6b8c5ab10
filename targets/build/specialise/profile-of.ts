// The profile of a sensor with IKEv2, and the octets of one device of it.

import { refuse } from '../../../core/base/refuse.ts';
import { MODE_TRANSPORT } from '../../../core/dietesp/attributes.ts';
import { defaultConfig, type SaConfig } from '../../../core/esp/sa.ts';
import { attributesOf } from '../../../core/ike/child/install.ts';
import { CP_INTERNAL_IP6_ADDRESS } from '../../../core/ike/codec/numbers.ts';
import type { PrivateNumbers } from '../../../core/ike/codec/private-numbers.ts';
import { type IkePolicy, NAT_OFF } from '../../../core/ike/state/policy.ts';
import { BLOB_MAX } from '../../board/blob-codes.ts';
import { type AppInput, appFacts, appMaxPayload } from './app-facts.ts';
import { blobSize, profileHash } from './blob-of.ts';
import { dscpOf, espFacts } from './esp-facts.ts';
import { ikeFacts } from './ike-facts.ts';
import { fixPolicy } from './ike-fix.ts';
import { layOut, type Specialised } from './layout.ts';
import { linkFacts } from './link-facts.ts';
import { DEVICE_SEARCH } from './sa-facts.ts';

/** What a sensor's file says of one device. Addresses are octets, times milliseconds. */
export interface SensorInput {
  policy: IkePolicy;
  numbers: PrivateNumbers;
  retryTime: number;
  retryMax: number;
  panId: number;
  /** Link-layer addresses, 2 or 8 octets. */
  ownLink: Uint8Array;
  gatewayLink: Uint8Array;
  /** Outer addresses. */
  outer: Uint8Array;
  gateway: Uint8Array;
  contexts: Uint8Array;
  ackWait: number;
  /** Inner address; null: the gateway gives it, or it is the outer one. */
  inner: Uint8Array | null;
  /** The server of readings, and the own port. */
  server: Uint8Array;
  serverPort: number;
  ownPort: number;
  app: AppInput;
}

/** Where the device's cryptography comes from. */
export interface Native {
  ccm: boolean;
  hmac: boolean;
  x25519: boolean;
  /** ECDH over P-256; as signatures. */
  p256?: boolean;
  /** Signatures; there is no portable code for them in a device. */
  ed25519?: boolean;
}

const PROTO_UDP = 17;
/** Octets of the longest datagram that comes in fragments: an answer of a gateway. */
const REASSEMBLY = 560;

/**
 * The policy's SA is for the datagrams of its readings: one address and one port at each end. On a radio there are neither
 * fragments of IKE nor NAT.
 */
function withPorts(policy: IkePolicy, input: SensorInput): IkePolicy {
  const { child } = policy;
  const local = { ...child.local[0], protocol: PROTO_UDP, startPort: input.ownPort, endPort: input.ownPort };
  const remote = { ...child.remote[0], protocol: PROTO_UDP, startPort: input.serverPort, endPort: input.serverPort };
  if (policy.requestAddress !== 0 && input.inner === null) {
    local.start = new Uint8Array(16);
    local.end = new Uint8Array(16).fill(255);
  }
  return { ...policy, fragmentSize: 0, nat: NAT_OFF, child: { ...child, local: [local], remote: [remote] } };
}

/** Constants and octets of a device with these native parts. */
function madeOf(input: SensorInput, native: Native, engine: string): Specialised {
  if (input.policy.requestAddress !== 0 && input.policy.requestAddress !== CP_INTERNAL_IP6_ADDRESS) {
    refuse('request_address', input.policy.requestAddress, 'must be none or ipv6');
  }
  const isBehind = Buffer.compare(input.server, input.gateway) !== 0;
  if (input.policy.child.mode === MODE_TRANSPORT && isBehind) {
    refuse('child.mode', 'transport', 'must be tunnel: the server is behind the gateway');
  }
  const policy = withPorts(input.policy, input);
  const fixed = fixPolicy(policy, native.p256 === true);
  const { child } = fixed.policy;
  const own = input.inner ?? (policy.requestAddress === 0 ? input.outer : new Uint8Array(16));
  const suite = child.suites[0];
  const side = (isUp: boolean): SaConfig => {
    const one = (address: Uint8Array, port: number) => {
      return { protocol: PROTO_UDP, startPort: port, endPort: port, start: address, end: address };
    };
    const agreed = {
      local: one(own, input.ownPort),
      remote: one(input.server, input.serverPort),
      mode: child.mode,
      compression: fixed.choice,
      dscpList: child.compression?.dscpList ?? [],
      esn: child.esp[0].sn[0],
      spiOut: 256,
      spiIn: 256,
    };
    const config = defaultConfig(attributesOf(agreed, isUp, input.outer, input.gateway), suite);
    config.replayWindow = child.replayWindow;
    config.softPackets = child.rekeyPackets;
    return config;
  };
  const out = side(true);
  const facts = [
    espFacts({
      out,
      in: side(false),
      own,
      peer: input.server,
      flows: [{ ownPort: input.ownPort, peerPort: input.serverPort }],
      maxPayload: appMaxPayload(input.app),
      reserve: 0,
      search: DEVICE_SEARCH,
    }),
    linkFacts({
      ...input,
      dscp: dscpOf(out.attributes),
      fragmentsOut: true,
      fragmentsIn: true,
      reassembly: REASSEMBLY,
      ike: true,
    }),
    ikeFacts({
      policy,
      numbers: input.numbers,
      retryTime: input.retryTime,
      retryMax: input.retryMax,
      ed25519: native.ed25519 === true,
      p256: native.p256 === true,
    }),
    appFacts(input.app),
  ];
  return layOut(facts, {
    engine,
    nativeCcm: native.ccm,
    nativeHmac: native.hmac,
    nativeX25519: native.x25519,
  });
}

/** Constants and octets. Throws a Refusal for what a specialised device does not have. */
export function profileOf(input: SensorInput, native: Native, engine: string): Specialised {
  const { constants, data } = madeOf(input, native, engine);
  const size = blobSize(data);
  if (size > BLOB_MAX)
    refuse('provision', `${size} octets`, `must be ${BLOB_MAX} at most: shorten identities and keys`);
  // The profile is what the file says, whether the board has all that it names or not: `provision` does not know the board.
  const named = native.p256 === true ? constants : madeOf(input, { ...native, p256: true }, engine).constants;
  return { constants: { ...constants, profileHash: profileHash(named) }, data };
}
