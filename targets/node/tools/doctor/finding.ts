// What a look at this host found.

export type Verdict = 'ok' | 'warn' | 'missing' | 'off';

export interface Finding {
  /** What was looked at. */
  name: string;
  /** `missing`: something that the file needs is not there. `off`: not there, and nothing needs it. */
  verdict: Verdict;
  /** What was seen. */
  seen: string;
  /** What it is for, or what to type; '' where all is well. */
  help: string;
}

/** Something that a field names. */
export interface Wanted {
  name: string;
  field: string;
}

/** What a configuration wants of its host. Without a file: what any configuration could want. */
export interface Wants {
  /** The file, or '' for none. */
  file: string;
  tun: boolean;
  /** IP protocol 50: raw sockets. */
  raw: boolean;
  mtu: boolean;
  /** Serial ports of radios. */
  serial: Wanted[];
  /** Network interfaces of Linux that are radios. */
  interfaces: Wanted[];
  /** Programs that are radios. */
  programs: Wanted[];
  /** Port servers behind which radios are: `HOST:PORT`. */
  portServers: Wanted[];
  /** Servers of a cluster: `nats://HOST:PORT`. Empty: there is no cluster. */
  nats: Wanted[];
  /** Folder of captures and octets that they may take; null: none. */
  captures: { path: string; most: number } | null;
  /** UDP and TCP ports to be bound: protocol, address, port, and field. */
  ports: { protocol: 'udp' | 'tcp'; address: string; port: number; field: string }[];
  /** Octets of socket buffers. */
  socketBuffer: number;
  /** Descriptors. */
  files: number;
  /** The state's directory, or '' where none is wanted. */
  state: string;
}

export function ok(name: string, seen: string): Finding {
  return { name, verdict: 'ok', seen, help: '' };
}

/** Something that is not there: `missing` where it is wanted, else `off`. */
export function absent(name: string, isWanted: boolean, seen: string, help: string): Finding {
  return { name, verdict: isWanted ? 'missing' : 'off', seen, help };
}

export function warning(name: string, seen: string, help: string): Finding {
  return { name, verdict: 'warn', seen, help };
}
