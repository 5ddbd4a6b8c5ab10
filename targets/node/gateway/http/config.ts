// What the file and the command line say about HTTP.

/** HTTP of a gateway. */
export interface HttpConfig {
  /** Own address. */
  address: string;
  /** TCP port; 0: the system chooses. */
  port: number;
  /** What whoever asks has to know; '': in `tokenFile`. */
  token: string;
  /** File of the token; '': it is made beside the state. */
  tokenFile: string;
  /** Names by which the gateway may be called, beside IP addresses and `localhost`. */
  hosts: string[];
  /** Packets are shown, in clear. */
  packets: boolean;
  /** Peers with time series of their own, at most. */
  peerMetrics: number;
}

/** True for addresses that only this host reaches. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}
