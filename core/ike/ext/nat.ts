// NAT detection and the move to UDP port 4500 [RFC 7296 §2.23, RFC 3948]. Without an IP network between the peers (on a radio
// link) the extension is omitted, or the policy says NAT_OFF.

import { equal } from '../../base/spans.ts';
import { findPayload, notifyDataAt, notifyDataSize, notifyType } from '../codec/message.ts';
import { N_NAT_DETECTION_DESTINATION_IP, N_NAT_DETECTION_SOURCE_IP, PAYLOAD_NOTIFY } from '../codec/numbers.ts';
import { addStatus } from '../codec/payloads.ts';
import { natHash } from '../exchange/addresses.ts';
import type { Extension } from '../state/ike.ts';
import type { Path } from '../state/path.ts';
import { NAT_FORCE, NAT_OFF } from '../state/policy.ts';
import { STEP_INIT_REQUEST, STEP_INIT_RESPONSE } from '../state/step.ts';

const NAT_PORT = 4500;

/** The path with both ports moved to 4500; unchanged if it does not use port 500. */
function encapsulated(path: Path): Path {
  return {
    local: path.local,
    localPort: path.localPort === 500 ? NAT_PORT : path.localPort,
    remote: path.remote,
    remotePort: path.remotePort === 500 ? NAT_PORT : path.remotePort,
    encapsulated: true,
    port: path.port,
    link: path.link,
  };
}

/**
 * NAT detection, and the change to UDP encapsulation that follows from it [RFC 7296 §2.23]. Both are governed by
 * `IkePolicy.nat`.
 */
export const natDetection: Extension = {
  add: (_ike, sa, step, _draft, w) => {
    if ((step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) || sa.policy.nat === NAT_OFF) return;
    const isRequest = step === STEP_INIT_REQUEST;
    const source = natHash(sa, isRequest, sa.path.local, sa.path.localPort);
    // A hash that never matches makes the peer use UDP.
    if (sa.policy.nat === NAT_FORCE) source[0] ^= 0xff;
    addStatus(w, N_NAT_DETECTION_SOURCE_IP, source);
    addStatus(w, N_NAT_DETECTION_DESTINATION_IP, natHash(sa, isRequest, sa.path.remote, sa.path.remotePort));
  },
  read: (_ike, sa, step, _draft, m) => {
    if ((step !== STEP_INIT_REQUEST && step !== STEP_INIT_RESPONSE) || sa.policy.nat === NAT_OFF) return 0;
    const isRequest = step === STEP_INIT_REQUEST;
    const p = m.payloads;
    let sources = 0;
    let sourceFits = false;
    let destinationFits = true;
    for (let i = findPayload(p, PAYLOAD_NOTIFY, 0); i >= 0; i = findPayload(p, PAYLOAD_NOTIFY, i + 1)) {
      const type = notifyType(m.buffer, p.at[i]);
      const isSource = type === N_NAT_DETECTION_SOURCE_IP;
      if (!isSource && type !== N_NAT_DETECTION_DESTINATION_IP) continue;
      const path = sa.path;
      const hash = isSource
        ? natHash(sa, isRequest, path.remote, path.remotePort)
        : natHash(sa, isRequest, path.local, path.localPort);
      const at = notifyDataAt(m.buffer, p.at[i]);
      const same = notifyDataSize(m.buffer, p.at[i], p.size[i]) === 20 && equal(m.buffer, at, hash, 0, 20);
      // A peer with several addresses sends a hash for each of them.
      if (isSource) {
        sources++;
        sourceFits = sourceFits || same;
      } else {
        destinationFits = same;
      }
    }
    if (sources === 0) return 0;
    sa.peerBehindNat = !sourceFits;
    sa.behindNat = !destinationFits;
    const float = sa.peerBehindNat || sa.behindNat || sa.policy.nat === NAT_FORCE;
    if (sa.initiator && float && !sa.path.encapsulated) sa.path = encapsulated(sa.path);
    return 0;
  },
};
