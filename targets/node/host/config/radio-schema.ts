// The fields of both files about a radio.

import { entries, flag, integer, list, object, text } from './properties.ts';

/** An IEEE 802.15.4 radio. */
export const RADIO = object(
  'Radio',
  'An IEEE 802.15.4 radio.',
  {
    name: text('Name', 'Default radio0, radio1, ...'),
    zep: object('ZEP', 'A virtual radio: frames in UDP.', {
      port: integer('Port', 'Own UDP port.', 0, 65535, 17754),
      address: text('Address', 'Own address.', { default: '127.0.0.1' }),
      peers: entries(
        'Peers',
        'Known from the start.',
        object(
          'Peer',
          'Where frames go.',
          {
            address: text('Address', 'IP address.'),
            port: integer('Port', 'UDP port.', 1, 65535, 17754),
          },
          ['address'],
        ),
      ),
      channel: integer('Channel', 'IEEE 802.15.4 channel.', 11, 26, 26),
      relay: flag('Relay', 'Pass frames of one peer on to the others.', false),
      maxPeers: integer('Peers remembered', 'The one silent for longest is forgotten first.', 1, 65535, 1024),
      riot: flag(
        'RIOT',
        'Peers are native nodes of RIOT: HELLO datagrams make them known, and the FCS of versions before May 2026 is taken.',
        false,
      ),
    }),
    spinel: object('Spinel', 'A radio co-processor (RCP) of OpenThread, such as a USB dongle: docs/radios.md.', {
      path: text('Path', 'Serial port. One of `path`, `tcp` and `command`.'),
      baud: integer('Bits a second', 'Of the serial port; USB has no need of it.', 300, 4000000, 115200),
      flowControl: flag('Flow control', 'RTS and CTS.', false),
      tcp: text('TCP', '`HOST:PORT` of a port server.'),
      command: list(
        'Command',
        'A program that speaks Spinel by its standard input and output, and its arguments.',
        { type: 'string' },
        32,
      ),
      channel: integer('Channel', 'IEEE 802.15.4 channel.', 11, 26, 26),
      txPower: integer('Power', 'Of the transmitter, in dBm; default: as the firmware has it.', -40, 30),
    }),
    uart: object(
      'UART',
      'A board whose radio is a UART.',
      {
        path: text('Path', 'Serial port.'),
        baud: integer('Bits a second', 'Of the serial port.', 300, 4000000, 115200),
      },
      ['path'],
    ),
    linux: object(
      'Linux',
      "An interface of Linux's IEEE 802.15.4 stack, with root rights or CAP_NET_RAW and the package koffi: docs/radios.md.",
      {
        interface: text('Interface', 'Its name: `wpan0`, or `monitor0` of type monitor.'),
        channel: integer('Channel', 'That it must be on; default: whatever it is on.', 0, 26),
      },
      ['interface'],
    ),
    panId: integer('PAN identifier', 'Of the network.', 0, 0xfffe),
    shortAddress: integer('Short address', 'Without it frames carry the extended address.', 0, 0xfffd),
    extendedAddress: text('EUI-64', '16 hexadecimal digits; default that of the device, else a random one.', {
      pattern: '^[0-9a-fA-F]{16}$',
      mustBe: '16 hexadecimal digits',
    }),
    queue: integer('Queue', 'Packets that can wait.', 1, 255, 32),
    neighbours: integer(
      'Frames remembered',
      'Neighbours whose last frame is remembered, to know a repetition.',
      1,
      524288,
      16384,
    ),
    reassemblies: integer('Datagrams', 'In reassembly at a time; default 1024 at a gateway, 8 at a sensor.', 1, 65535),
    reassemblyTime: {
      title: 'Reassembly',
      description: 'Milliseconds until an incomplete datagram is given up.',
      type: 'number',
      minimum: 1,
      maximum: 60000,
      default: 10000,
    },
    ackWait: {
      title: 'Acknowledgement',
      description: 'Milliseconds to wait for it.',
      type: 'number',
      minimum: 0.1,
      maximum: 10000,
    },
    maxSize: integer('Packet', 'Longest outer packet.', 40, 2047, undefined, 'octets'),
  },
  ['panId'],
);
