// An IKE SA as plain data: a copy, which contains nothing live and no keys.

import { type IkeSa, STATE_ESTABLISHED } from '../../../core/ike/state/sa.ts';
import { addressText } from '../host/addresses.ts';
import { carriersOf, type SaCarriers } from '../host/carrier.ts';
import { identityText } from '../host/config/ike-names.ts';
import type { PathView } from '../host/mtu/metrics.ts';
import { type ChildView, childView, spisOf } from '../host/sa-view.ts';
import { isStream } from './streams.ts';

/** An IKE SA, with no key and nothing live in it. */
export interface IkeSaView extends SaCarriers {
  /** Both SPIs, 32 hexadecimal digits: names this IKE SA in `askIke`. A rekey makes a new one. */
  id: string;
  /** The peer's identity, `fqdn:sensor1.example`; '' before it said one. */
  peer: string;
  /** Name of the connection of the configuration; '' before the peer said who it is. */
  connection: string;
  /** Where it stands. */
  state: 'negotiating' | 'established' | 'ending';
  /** 16 hexadecimal digits each. */
  spiI: string;
  /** SPI of the responder, 16 hexadecimal digits. */
  spiR: string;
  /** Name of the cipher; '' before one is agreed. */
  cipher: string;
  /** Outer address and port of the peer. */
  remote: string;
  /** UDP or TCP port of the peer. */
  remotePort: number;
  /** Inner address that the gateway gave, or ''. */
  address: string;
  /** Requests that this side has sent in this IKE SA. */
  requests: number;
  /** One of them waits for its answer, or for its turn. */
  isBusy: boolean;
  /** What is known of the path to the peer (`mtu` of the file); null: nothing. */
  mtu: PathView | null;
  /** Child SAs in use, the newest first. */
  children: ChildView[];
}

export function ikeSaView(sa: IkeSa, mtu: PathView | null): IkeSaView {
  const { spiI, spiR } = spisOf(sa);
  return {
    id: spiI + spiR,
    peer: sa.peerId.length === 0 ? '' : identityText(sa.peerIdType, sa.peerId),
    connection: sa.peerId.length === 0 ? '' : sa.policy.name,
    state: sa.state === STATE_ESTABLISHED ? 'established' : sa.setup === null ? 'ending' : 'negotiating',
    spiI,
    spiR,
    cipher: sa.cipher?.name ?? '',
    remote: addressText(sa.path.remote),
    remotePort: sa.path.remotePort,
    ...carriersOf(sa, isStream),
    address: sa.address.length === 0 ? '' : addressText(sa.address),
    requests: sa.nextId,
    isBusy: sa.request.length > 0 || sa.task !== null || sa.tasks.length > 0,
    mtu,
    children: sa.children.filter(({ retired }) => retired === 0).map(childView),
  };
}
