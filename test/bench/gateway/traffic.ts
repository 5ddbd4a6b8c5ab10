// Traffic of one peer through a candidate: prebuilt packets that wire.c sends, and what became of them.

import { join } from 'node:path';
import type { Agent } from '../../interop/strongswan/agent.ts';
import { command, type Site } from '../../interop/strongswan/namespaces.ts';
import type { PeerCommand } from './peer.ts';

const LIMIT_MS = 120000;

/** `in`: from the peer to what is behind the candidate. */
export type Way = 'in' | 'out';

/** A peer in the site's namespace `device`. */
export interface Ends {
  agent: Agent<PeerCommand>;
  /** Its IPv4 addresses. */
  outer: string;
  inner: string;
  /** Inner UDP port of both sides: no other peer's. */
  port: number;
  /** Of its files. */
  name: string;
}

export interface Traffic {
  count: number;
  /** Octets of an inner packet. */
  size: number;
  /** Packets a second; 0: as fast as `window` packets on their way allow. */
  rate: number;
  window: number;
  /** Packets that the sender's system gets as one. */
  run: number;
}

export interface Passed {
  sent: number;
  came: number;
  seconds: number;
  /** Packets that came behind a later one of their SA; of `out` alone. */
  overtaken: number;
}

const fileOf = (site: Site, name: string, what: string): string => join(site.folder, `${what}-${name}`);

/** Makes the packets of `pass`. */
export async function prepare(site: Site, way: Way, peer: Ends, { count, size }: Traffic): Promise<void> {
  const file = fileOf(site, peer.name, 'packets');
  const plain = { count, size, port: peer.port };
  if (way === 'out') await peer.agent.ask({ op: 'payloads', file, count, size }, 60000);
  else await peer.agent.ask({ op: 'packets', file, ...plain, from: peer.inner, to: site.gateway.inner[4] }, 60000);
}

/** Sends the packets of `prepare`, and says how many came. */
export async function send(wire: string, site: Site, way: Way, peer: Ends, traffic: Traffic): Promise<Passed> {
  const { gateway, device } = site;
  const [own, port] = [gateway.inner[4], String(peer.port)];
  const sockets =
    way === 'in'
      ? [device.name, peer.outer, '4500', gateway.outer[4], '4500', gateway.name, own, port]
      : [gateway.name, own, port, peer.inner, port, device.name, peer.outer, '4500'];
  const [file, kept] = [fileOf(site, peer.name, 'packets'), fileOf(site, peer.name, 'kept')];
  const how = [String(traffic.rate), String(traffic.window), kept, String(traffic.run)];
  const ended = await command(wire, [file, ...sockets, ...how], process.env, LIMIT_MS);
  if (ended.code !== 0) throw new Error(`wire: ${ended.stderr}`);
  const [sent, came, octets, seconds] = ended.stdout.split(' ').map(Number);
  if (came === 0) throw new Error('nothing came');
  if (way === 'in' && octets !== came * (traffic.size - 28)) throw new Error(`${came} payloads, ${octets} octets`);
  return { sent, came, seconds, overtaken: 0 };
}

/** Opens the packets that came to the peer. Throws where one was wrong. */
export async function check(site: Site, peer: Ends, size: number, passed: Passed): Promise<Passed> {
  const file = fileOf(site, peer.name, 'kept');
  const { right, all, wrong, late } = await peer.agent.ask<{
    right: number;
    all: number;
    wrong: string[];
    late: number;
  }>({ op: 'check', file, size });
  if (all !== passed.came || right !== all) throw new Error(`${right} of ${all} were right; ${wrong.join('; ')}`);
  return { ...passed, overtaken: late };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >>> 1];
}
