// The fields of both files about UDP, TCP and what carries IKE and ESP.

import { entries, flag, integer, object, oneOf, text } from './properties.ts';
import type { Property } from './schema.ts';

export const PORT = (title: string, initial: number): Property => integer(title, 'UDP port.', 0, 65535, initial);

export const UDP = object(
  'UDP',
  'A UDP address for IKE, and for ESP in UDP.',
  {
    address: text(
      'Address',
      'Own address, link-local with its zone (`fe80::1%eth0`); `::` and `0.0.0.0`: all, also those that come later.',
    ),
    port: PORT('IKE port', 500),
    natPort: PORT('Port with NAT', 4500),
  },
  ['address'],
);

const TCP = object(
  'TCP',
  'An address for IKE, and ESP, over TCP [RFC 9329].',
  {
    address: text('Address', 'Own address; `::` and `0.0.0.0`: all.'),
    port: integer('Port', 'TCP port.', 0, 65535, 4500),
  },
  ['address'],
);

/** Of both. */
export const ESP = oneOf(
  'Carrier of ESP',
  'udp: in UDP [RFC 3948]; auto: in IP protocol 50 where no NAT is found; raw: in IP protocol 50, and no NAT is looked for. The last two are for Linux, with root rights or CAP_NET_RAW and the package koffi.',
  ['udp', 'auto', 'raw'],
  'udp',
);

/** Of the gateway. */
export const TCP_PROPERTIES: Record<string, Property> = {
  esp: ESP,
  tcp: entries(
    'TCP',
    'Addresses at which IKE over TCP is heard, with ESP in the same connection, or in UDP at the same address of `udp`: docs/transports.md.',
    TCP,
    16,
  ),
  tcpConnections: integer(
    'TCP connections',
    'At a time; a quarter of them may be without an authenticated message.',
    4,
    65535,
    4096,
  ),
};

/** Of a sensor. */
export const TRANSPORT = oneOf(
  'Transport of IKE',
  'udp; separate: over TCP when the gateway can, with ESP in UDP; tcp: over TCP from the first message, with ESP in UDP where it arrives; tcp-only: all in TCP [RFC 9329]; auto: separate, and tcp where UDP is blocked. See docs/transports.md.',
  ['udp', 'separate', 'tcp', 'tcp-only', 'auto'],
  'udp',
);

/** Of both: MOBIKE. */
export const MOBIKE = flag(
  'MOBIKE',
  'An IKE SA over UDP, with ESP in UDP, may move to other addresses [RFC 4555]: docs/mobility.md.',
  false,
);

/** Of the gateway. */
export const REDIRECT = object(
  'Redirect',
  'Another gateway, for peers that follow [RFC 5685]: docs/mobility.md.',
  {
    to: text('Gateway', 'Its IP address, or its name.'),
    when: oneOf(
      'When',
      'draining: after the command `drain`, also peers that are connected; always: every new peer.',
      ['draining', 'always'],
      'draining',
    ),
  },
  ['to'],
);

/** Of a sensor. */
export const FOLLOW = entries(
  'Redirect',
  'IP addresses and names of gateways to which the gateway may send this sensor [RFC 5685]; absent: it follows nobody.',
  text('Gateway', 'IP address or name.'),
  16,
);
