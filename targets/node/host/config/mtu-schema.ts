// The schema of `mtu` in both files.

import { FLOOR_FOUR, FLOOR_SIX, PATH_MTU_TIME } from '../../../../core/esp/path-mtu.ts';
import { flag, integer, object, oneOf, seconds } from './properties.ts';
import type { Property } from './schema.ts';

/** The largest outer packet whose inner one the program has room for. */
const REASSEMBLED_MAX = 4096;
const LINK_MAX = 65535;

/** The field of both files. */
export const MTU: Property = object(
  'MTU detection',
  'Peers tell each other of fragments. `{}` switches it on: docs/mtu.md.',
  {
    adapt: flag('Adapt', 'Inner packets follow what the peer tells; false: it is only shown.', true),
    detect: flag('Detect', 'Tell the peer of fragments; needs root rights (CAP_NET_RAW) and the package koffi.', true),
    link: integer(
      'Link',
      'MTU of the interface towards the peers; default what the system says.',
      FLOOR_FOUR,
      LINK_MAX,
      undefined,
      'octets',
    ),
    reassembled: integer(
      'Reassembled',
      'Largest outer packet that is taken, in fragments or whole.',
      FLOOR_FOUR,
      REASSEMBLED_MAX,
      REASSEMBLED_MAX,
      'octets',
    ),
    df: oneOf(
      'DF',
      '"Don\'t fragment" of IPv4 around ESP in UDP; system: as it does, on Linux set. Clear needs the package koffi.',
      ['clear', 'system'],
      'clear',
    ),
    mss: flag('MSS', 'Lower the MSS of TCP through the network interface to what fits.', false),
    six: flag('IPv6', 'Tell of fragments of IPv6 too, which only the peer itself can have made.', true),
    threshold: integer('Threshold', 'Packets in fragments before the peer is told.', 1, 1000000, 1),
    every: seconds('Pause', 'Seconds between two notifies to a peer.', 10, 0.1),
    again: seconds('Repetition', 'Seconds after which the same is told again, where fragments still come.', 60, 0.1),
    age: seconds('Age', 'Seconds after which what a peer told is forgotten.', PATH_MTU_TIME / 1000, 1),
    floor4: integer(
      'Floor, IPv4',
      'A peer that tells of smaller fragments is not followed below this.',
      68,
      LINK_MAX,
      FLOOR_FOUR,
      'octets',
    ),
    floor6: integer('Floor, IPv6', 'The same over IPv6.', FLOOR_SIX, LINK_MAX, FLOOR_SIX, 'octets'),
  },
);
