// A device with IKEv2 as a sensor has it: pre-shared key, X25519, AES-CCM-8, HCP_PROPOSAL, optimized rekeys, session
// resumption, downgrade prevention; a radio link (no NAT, no IKE fragments). `npm run size` measures this bundle.

import { aesCcm8Iiv, sensorConfig } from '../../core/board.ts';
import { aesCcm } from '../../core/crypto/ccm.ts';
import { hmacSha256 } from '../../core/crypto/hmac.ts';
import { createPortable, type Random } from '../../core/crypto/portable.ts';
import { createPortableKe } from '../../core/crypto/portable-asymmetric.ts';
import type { DeviceUpper } from '../../core/device.ts';
import { MODE_TUNNEL } from '../../core/dietesp/attributes.ts';
import { downgradePrevention } from '../../core/ike/ext/downgrade.ts';
import { hcp } from '../../core/ike/ext/hcp.ts';
import { headerCompression } from '../../core/ike/ext/negotiate.ts';
import { optimizedRekeys } from '../../core/ike/ext/optrekey.ts';
import { privateNumbers } from '../../core/ike/ext/private.ts';
import { resumption, ticketRequest } from '../../core/ike/ext/resume.ts';
import { vendorId } from '../../core/ike/ext/vendor.ts';
import { ikeCcm8 } from '../../core/ike/suites.ts';
import { createIkeDevice, type IkeDevice } from '../../core/ikedevice.ts';
import type { Phy } from '../../core/link/mac.ts';
import type { UplinkEvents } from '../../core/uplink.ts';

/** `own`, `peer`: inner addresses; `outer`, `gateway`: those of the tunnel; 16 octets each. */
export function createSensor(
  phy: Phy,
  upper: DeviceUpper,
  events: UplinkEvents,
  random: Random,
  psk: Uint8Array,
  id: Uint8Array,
  own: Uint8Array,
  peer: Uint8Array,
  outer: Uint8Array,
  gateway: Uint8Array,
): IkeDevice {
  const base = sensorConfig(createPortable([aesCcm, hmacSha256], random), phy, upper);
  return createIkeDevice({
    provider: base.provider,
    parts: base.parts,
    phy: phy,
    upper: upper,
    panId: base.panId,
    shortAddress: 2,
    extendedAddress: base.extendedAddress,
    gateway: base.gateway,
    address: own,
    contexts: base.contexts,
    reassembly: base.reassembly,
    echo: null,
    maxSize: base.maxSize,
    queue: 2,
    ackWait: base.ackWait,
    outer: outer,
    peer: gateway,
    inner: null,
    ike: {
      asymmetric: createPortableKe(random),
      policy: {
        name: 'gateway',
        ike: [{ protocol: 1, ciphers: [14], keyBits: [128], prf: [5], integ: [], ke: [31], sn: [] }],
        ciphers: [ikeCcm8],
        localId: { type: 11, data: id },
        remoteId: null,
        nameRemote: true,
        localAuth: 2,
        remoteAuth: 2,
        psk: psk,
        privateKey: new Uint8Array(0),
        publicKey: new Uint8Array(0),
        ppk: null,
        child: {
          name: 'readings',
          esp: [{ protocol: 3, ciphers: [29], keyBits: [128], prf: [], integ: [], ke: [], sn: [0] }],
          suites: [aesCcm8Iiv],
          mode: MODE_TUNNEL,
          local: [{ protocol: 0, startPort: 0, endPort: 65535, start: own, end: own }],
          remote: [{ protocol: 0, startPort: 0, endPort: 65535, start: peer, end: peer }],
          narrow: false,
          notify: hcp,
          compression: { proposals: [], required: false, dscpList: [] },
          dscp: null,
          replayWindow: 32,
          rekeyTime: 0,
          rekeyPackets: 0,
        },
        requestAddress: 0,
        transcript: true,
        fragmentSize: 0,
        nat: 0,
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
      },
      extensions: [vendorId, downgradePrevention, optimizedRekeys, headerCompression, ticketRequest],
      numbers: privateNumbers(),
      intermediate: null,
      resumption: resumption,
      reassembly: null,
      keylog: false,
      retryTime: 10000,
      retryMax: 600000,
      events: events,
    },
  });
}
