// Every extension, for gateways and tools; a board lists the ones that it uses. The Vendor ID comes first, because it decides
// whether private numbers are valid. The DSCP notify precedes compression, which may index its list.

import { authMethods } from '../ike/ext/announce.ts';
import { crashTokens } from '../ike/ext/crash-taker.ts';
import { downgradePrevention } from '../ike/ext/downgrade.ts';
import { dscpNotify } from '../ike/ext/dscp-notify.ts';
import { headerCompression } from '../ike/ext/header-compression.ts';
import { natDetection } from '../ike/ext/nat.ts';
import { optimizedRekeys } from '../ike/ext/optimized-rekey.ts';
import { postQuantumKey } from '../ike/ext/ppk.ts';
import { ticketRequest } from '../ike/ext/resume.ts';
import { tfcNotSupported } from '../ike/ext/tfc.ts';
import { vendorId } from '../ike/ext/vendor.ts';
import type { Extension } from '../ike/state/ike.ts';

/**
 * Makes every extension of an initiator, in the order in which a message has their payloads. List only some of them for
 * a small bundle.
 */
export function fullExtensions(): Extension[] {
  return [
    vendorId,
    downgradePrevention,
    natDetection,
    postQuantumKey,
    optimizedRekeys,
    dscpNotify,
    headerCompression,
    ticketRequest,
    authMethods,
    crashTokens,
    tfcNotSupported,
  ];
}
