// Every extension, for gateways and tools; a board lists the ones it uses. The Vendor ID comes first: whether private
// numbers count follows from it. The DSCP notify comes before the compression that may index its list.

import { addFragment, createFragments } from '../codec/fragments.ts';
import type { Extension, Reassembly } from '../state/ike.ts';
import { authMethods } from './announce.ts';
import { downgradePrevention } from './downgrade.ts';
import { dscpNotify } from './dscp-notify.ts';
import { natDetection } from './nat.ts';
import { headerCompression } from './negotiate.ts';
import { optimizedRekeys } from './optimized-rekey.ts';
import { postQuantumKey } from './ppk.ts';
import { ticketRequest } from './resume.ts';
import { vendorId } from './vendor.ts';

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
  ];
}

export const fragmentation: Reassembly = { create: createFragments, add: addFragment };
