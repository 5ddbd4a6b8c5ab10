// A metric of a gateway: its name, what it says, and where its values come from.

import type { HttpCounters } from '../http/server.ts';
import type { Page, PeerView } from '../list-views.ts';
import type { GatewayCounters } from '../views.ts';

/** What values come from. */
export interface Sources {
  counters: GatewayCounters;
  http: HttpCounters;
  /** Null: peers have no series of their own. */
  peers: Page<PeerView> | null;
  version: string;
}

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  name: string;
  help: string;
  labels?: readonly string[];
  isCounter: boolean;
  read(sources: Sources): Sample[];
}

export const one = (value: number): Sample[] => [{ labels: {}, value }];

/** A value for each direction. */
export function ways(out: number, into: number, labels: Record<string, string> = {}): Sample[] {
  return [
    { labels: { ...labels, direction: 'out' }, value: out },
    { labels: { ...labels, direction: 'in' }, value: into },
  ];
}

export function reasons(counts: Record<string, number>, labels: Record<string, string> = {}): Sample[] {
  return Object.entries(counts).map(([reason, value]) => ({ labels: { ...labels, reason }, value }));
}

export function counter(name: string, help: string, read: Family['read'], labels?: readonly string[]): Family {
  return { name: `dietesp_${name}_total`, help, labels, isCounter: true, read };
}

export function gauge(name: string, help: string, read: Family['read'], labels?: readonly string[]): Family {
  return { name: `dietesp_${name}`, help, labels, isCounter: false, read };
}
