// All of the core's IKE, for hosts with room.

import { fullExtensions } from '../../../core/device/full-extensions.ts';
import type { UplinkConfig } from '../../../core/device/uplink.ts';
import { fragmentation } from '../../../core/ike/codec/fragments.ts';
import { crashTaker } from '../../../core/ike/ext/crash-taker.ts';
import { createIntermediate } from '../../../core/ike/ext/ppk-intermediate.ts';
import { resumption } from '../../../core/ike/ext/resume.ts';
import { createRounds } from '../../../core/ike/setup/rounds.ts';
import { createNodeAsymmetric } from './provider/asymmetric.ts';

/** The parts of an uplink's configuration that do not depend on the peer. */
export function fullIke(): Pick<
  UplinkConfig,
  'asymmetric' | 'extensions' | 'intermediate' | 'resumption' | 'reassembly' | 'unprotected'
> {
  return {
    asymmetric: createNodeAsymmetric(),
    extensions: fullExtensions(),
    intermediate: createRounds([createIntermediate(null)]),
    resumption,
    reassembly: fragmentation,
    unprotected: crashTaker,
  };
}
