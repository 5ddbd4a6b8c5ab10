// The policy of a common sensor, to start from: change the object where yours differs.

import { KE_X25519 } from '../crypto/asymmetric.ts';
import { MODE_TUNNEL } from '../dietesp/attributes.ts';
import { aesCcm8Iiv } from '../esp/suites.ts';
import { hcp } from '../ike/child/hcp.ts';
import { AUTH_SHARED_KEY, ID_KEY_ID, PRF_HMAC_SHA2_256, PROTOCOL_ESP, PROTOCOL_IKE } from '../ike/codec/numbers.ts';
import type { Selector } from '../ike/codec/selectors.ts';
import { ikeCcm8 } from '../ike/crypto/suites.ts';
import { type IkePolicy, NAT_OFF } from '../ike/state/policy.ts';

function host(address: Uint8Array): Selector {
  return { protocol: 0, startPort: 0, endPort: 65535, start: address, end: address };
}

/**
 * A pre-shared key, X25519, AES-CCM-8 for IKE and (with implicit IV) for ESP in tunnel mode between the inner addresses
 * `own` and `peer` (16 octets each), Diet-ESP by HCP_PROPOSAL with every value on offer, optimized rekeys, downgrade
 * prevention, tickets for a day; a radio link without NAT and IKE fragments. `id` is the key ID; any gateway with the key is
 * accepted. Rekeys by time and probes are off, because a sensor that sleeps resumes instead.
 */
export function sensorPolicy(id: Uint8Array, psk: Uint8Array, own: Uint8Array, peer: Uint8Array): IkePolicy {
  const none = new Uint8Array(0);
  return {
    name: 'gateway',
    ike: [
      {
        protocol: PROTOCOL_IKE,
        ciphers: [ikeCcm8.encr],
        keyBits: [128],
        prf: [PRF_HMAC_SHA2_256],
        integ: [],
        ke: [KE_X25519],
        sn: [],
      },
    ],
    ciphers: [ikeCcm8],
    localId: { type: ID_KEY_ID, data: id },
    remoteId: null,
    nameRemote: true,
    localAuth: AUTH_SHARED_KEY,
    remoteAuth: AUTH_SHARED_KEY,
    psk: psk,
    privateKey: none,
    publicKey: none,
    ppk: null,
    child: {
      name: 'readings',
      esp: [
        {
          protocol: PROTOCOL_ESP,
          ciphers: [aesCcm8Iiv.encr],
          keyBits: [128],
          prf: [],
          integ: [],
          ke: [],
          sn: [0],
        },
      ],
      suites: [aesCcm8Iiv],
      mode: MODE_TUNNEL,
      local: [host(own)],
      remote: [host(peer)],
      narrow: false,
      notify: hcp,
      compression: { proposals: [], required: false, dscpList: [] },
      dscp: null,
      df: null,
      replayWindow: 32,
      rekeyTime: 0,
      rekeyPackets: 0,
    },
    requestAddress: 0,
    transcript: true,
    fragmentSize: 0,
    nat: NAT_OFF,
    optimizedRekey: true,
    ticketLifetime: 86400,
    privateAlways: false,
    initialContact: true,
    announce: [],
    maxChildren: 1,
    nonceSize: 16,
    retransmitTime: 2000,
    retransmitTries: 6,
    rekeyTime: 0,
    reauthTime: 0,
    dpdTime: 0,
  };
}
