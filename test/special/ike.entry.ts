// IKE of a specialised device for tests: its functions, its books, the octets of the device.

import { D } from '../../targets/special/data.ts';
import {
  ikeClose,
  ikeConnect,
  ikeEstablished,
  ikeNext,
  ikePoll,
  ikeProbe,
  ikeReady,
  ikeReceive,
  ikeRekey,
  ikeRekeyIke,
  ikeSession,
  ikeSuspect,
  ikeTakeSession,
} from '../../targets/special/ike/ike.ts';
import { S } from '../../targets/special/ike/ike-state.ts';

export const device = {
  D: D,
  S: S,
  connect: ikeConnect,
  close: ikeClose,
  receive: ikeReceive,
  poll: ikePoll,
  next: ikeNext,
  isReady: ikeReady,
  isEstablished: ikeEstablished,
  rekey: ikeRekey,
  rekeyIke: ikeRekeyIke,
  probe: ikeProbe,
  suspect: ikeSuspect,
  session: ikeSession,
  takeSession: ikeTakeSession,
};
