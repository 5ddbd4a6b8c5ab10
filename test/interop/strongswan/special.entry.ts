// A specialised device on UDP: IKE and ESP of one profile. Its link is special-link.ts, its application special-events.ts.

import { D } from '../../../targets/special/data.ts';
import { espSend } from '../../../targets/special/esp.ts';
import { espReceive } from '../../../targets/special/esp-in.ts';
import {
  ikeClose,
  ikeConnect,
  ikeNext,
  ikePoll,
  ikeProbe,
  ikeReceive,
  ikeRekey,
  ikeRekeyIke,
} from '../../../targets/special/ike/ike.ts';
import { S } from '../../../targets/special/ike/ike-state.ts';

export const device = {
  D: D,
  S: S,
  connect: ikeConnect,
  close: ikeClose,
  poll: ikePoll,
  next: ikeNext,
  rekey: ikeRekey,
  rekeyIke: ikeRekeyIke,
  probe: ikeProbe,
  takeIke: ikeReceive,
  takeEsp: espReceive,
  send: espSend,
};
