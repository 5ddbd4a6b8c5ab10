// The file of a device with SAs keyed by hand: what a specialised device without IKE is made from.

import { SENSOR_PROPERTIES } from './ike-files.ts';
import { entries, flag, integer, object, text } from './properties.ts';
import type { Property } from './schema.ts';

const PORT = (title: string): Property => integer(title, 'UDP port.', 0, 65535);

const { radio, gateway } = SENSOR_PROPERTIES;

export const DEVICE_PROPERTIES: Record<string, Property> = {
  radio: {
    ...object('Radio', 'Addresses on IEEE 802.15.4.', {
      panId: radio.properties!.panId,
      shortAddress: radio.properties!.shortAddress,
      extendedAddress: radio.properties!.extendedAddress,
      ackWait: radio.properties!.ackWait,
    }),
  },
  address: text('Outer address', 'IPv6 address of the device.'),
  contexts: SENSOR_PROPERTIES.contexts,
  gateway: object(
    'Gateway',
    'Where it is.',
    { address: text('Address', 'Outer IPv6 address.'), link: gateway.properties!.link },
    ['address', 'link'],
  ),
  sas: text('SAs', 'An SA file (`dietesp schema sa`) with two SAs: one from `address`, one to it.'),
  flows: entries(
    'Flows',
    'Ports that payloads go between; default: the one pair that the SAs have.',
    object('Flow', 'A pair of ports.', { port: PORT('Own port'), peerPort: PORT('Port of the peer') }, [
      'port',
      'peerPort',
    ]),
    16,
  ),
  maxPayload: integer('Payload', 'Octets of the longest payload.', 1, 1024, 64),
  fragments: flag('Fragments', 'Packets may be longer than a frame, both ways.', false),
  reserve: integer(
    'Reservation',
    'Sequence numbers that may be used for one word to storage; inbound 8 at most. Default: 128, or as many as a gateway follows ' +
      '([which](specialised.md#restarts)).',
    1,
    65536,
  ),
};

/** JSON Schema of a device's file; docs/config-device.md is made from it. */
export const DEVICE_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Diet-ESP device',
  description: 'What `dietesp build --specialise --config` reads for a device with SAs keyed by hand.',
  type: 'object',
  additionalProperties: false,
  required: ['radio', 'address', 'gateway', 'sas'],
  properties: DEVICE_PROPERTIES,
};
