// A host with IKE for an application, on a radio (radio-host.ts) or on UDP sockets (udp-host.ts): inner IP packets in and out,
// and the uplink that keeps the SAs.

import type { Provider } from '../../../core/crypto/provider.ts';
import type { Uplink, UplinkConfig } from '../../../core/device/uplink.ts';
import type { Endpoint } from '../../../core/esp/endpoint.ts';
import type { Pairs } from '../../../core/esp/pairs.ts';
import type { Lanes } from '../host/lanes.ts';
import type { Pollable } from '../host/radio/radio.ts';

/** The largest inner packet. */
export const INNER_MAX = 1280;

export interface IkeHostConfig {
  provider: Provider;
  ike: UplinkConfig;
  /** Outer addresses, 4 or 16 octets. */
  local: Uint8Array;
  remote: Uint8Array;
  /** Takes an inner packet, packet[0..length); valid during the call. */
  inner(packet: Uint8Array, length: number, now: number): void;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Called when something came in from outside, so that nextTimeout may have changed. */
  wake(): void;
  /** One of several Child SAs is missing, and is asked for in `wait` ms. */
  missing?(name: string, wait: number): void;
  /** The gateway does not know what tells further Child SAs apart. */
  declined?(what: 'dscp' | 'resources'): void;
}

/** A sensor's IKE and ESP over a radio or UDP. */
export interface IkeHost extends Pollable {
  /** IKE and the attempts to connect. */
  uplink: Uplink;
  /** ESP: counters. */
  endpoint: Endpoint;
  /** The SAs, live. */
  sas: Pairs;
  /** Which SA takes a packet. */
  lanes: Lanes;
  /** Protects and sends an inner IP packet: 0 or more, or a drop code. */
  send(packet: Uint8Array, length: number): number;
  /** Octets that an inner packet may have on the path to the gateway; 0: nothing is known (mtu.ts). */
  limit(): number;
  /** Counters of the link, by name. */
  link(): Record<string, number>;
  /** Closes the radio or the sockets. */
  close(): Promise<void>;
}
