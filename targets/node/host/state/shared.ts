// What gateways need that share their records, beside the records.

/** A group whose owner is gone. */
export interface Orphan {
  id: string;
  session: string;
  /** By what its packets are known (`belongs`). */
  hints: string[];
}

/** Hears what a survey finds, as soon as it is read. */
export interface Survey {
  /** A group whose owner is gone. */
  orphan(one: Orphan): void;
  /** Hints of one that lives at another gateway, or has no owner; absent: such records are not opened. */
  other?(hints: string[]): void;
}

/** What gateways that share records need beside them. */
export interface SharedState {
  /** Says of which group a record is, before it is written first, and by what packets of it are known. */
  belongs(key: string, group: string, hints: string[]): void;
  groupOf(key: string): string | undefined;
  /** True while this gateway may send and take packets. */
  isHeld(): boolean;
  /** Groups are another gateway's now. Set by the gateway. */
  lost: (groups: string[]) => void;
  /** Reads all groups of others, in slices that leave the event loop free. */
  survey(survey: Survey): Promise<void>;
  /** Takes a group whose owner was `session`: its records, or null where it has another owner now, or is no more. */
  take(id: string, session: string): Promise<Map<string, Uint8Array> | null>;
  /** Groups of this gateway. */
  count(): number;
  counters: { taken: number; lost: number };
}

/** Messages between the gateways of a cluster, sealed (host/cluster/letters.ts). */
export interface Letters {
  /** False: it was not sent. That it was is no promise that it comes. */
  send(to: string, octets: Uint8Array): boolean;
  /** Called for each that came, once, with the session that sent it. Set by the gateway. */
  take: (from: string, octets: Uint8Array) => void;
  /** Those that were not sealed with our key, came before, or are of a gateway that is not known. */
  counters: { refused: number };
}

/** What the gateway sees of its cluster. */
export interface ClusterView {
  /** Name of this gateway, and its place, 0 to 15. */
  name: string;
  index: number;
  /** It has its lease: it may send and take packets. */
  isHeld: boolean;
  /** IKE SAs of this gateway with what belongs to them; those that it took over, and lost to others. */
  groups: number;
  taken: number;
  lost: number;
  /** Renewals of the lease, those that failed, and sessions that others declared dead. */
  renewals: number;
  failures: number;
  ended: number;
  /** Other gateways; without the own lease, as they were last known. */
  others: { name: string; index: number; isLive: boolean }[];
}

/** The same with the place of this gateway among the others. */
export interface ClusterState extends SharedState {
  view(): ClusterView;
  /** Place of this gateway, 0 to 15. */
  index(): number;
  /** Places of the gateways that live, this one's among them. */
  live(): number[];
  /** The session of this gateway; '' while it has none. */
  session(): string;
  /** Sessions of the other gateways that live. */
  sessions(): string[];
  letters: Letters;
  /** Milliseconds of a lease. */
  lease: number;
  /** Runs `work` once, `time` ms from now; the result cancels it. */
  after(time: number, work: () => void): () => void;
  /** Milliseconds, monotonic. */
  now(): number;
  /** A session is over. Set by the gateway. */
  died: (session: string) => void;
  /** This gateway was declared dead, and has joined again. Set by the gateway. */
  rejoined: () => void;
}
