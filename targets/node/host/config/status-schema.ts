// The fields of a gateway's file about the status socket and HTTP.

import { flag, integer, list, object, text } from './properties.ts';

/** What is taken where the file does not say. */
export const HTTP_ADDRESS = '127.0.0.1';
export const HTTP_PORT = 9460;

export const CONTROL = object('Status socket', 'Commands as JSON lines over a Unix domain socket: `dietesp status`.', {
  socket: text(
    'Socket',
    'Its path, relative to the file; `off`: none. Default: in the runtime directory of systemd, of root (/run/dietesp), or of the user.',
    { pattern: '.', mustBe: 'a path, or off' },
  ),
});

export const HTTP = object('HTTP', 'Status, commands, metrics and a page over HTTP. Omitted: none.', {
  address: text('Address', 'Own IP address. Others than those of this host only need `token` or `tokenFile`.', {
    default: HTTP_ADDRESS,
  }),
  port: integer('Port', 'TCP port; 0: the system chooses.', 0, 65535, HTTP_PORT),
  token: text('Token', 'What whoever asks has to know.', {
    pattern: '^[A-Za-z0-9._~+/-]{16,256}=*$',
    mustBe: '16 to 256 letters, digits, `-`, `.`, `_`, `~`, `+` or `/`',
    writeOnly: true,
  }),
  tokenFile: text(
    'Token file',
    'File with it, relative to this file. Default: made beside the state at the first start.',
    {
      pattern: '.',
      mustBe: 'the name of a file',
    },
  ),
  hosts: list(
    'Names',
    'Names by which it is called, beside IP addresses and `localhost`: `gateway.example`.',
    {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,253}$',
      mustBe: 'a name without a port',
    },
    16,
  ),
  packets: flag('Packets', 'The page shows packets in clear, a few a second, to whoever has the token.', false),
  peerMetrics: integer(
    'Series of peers',
    'Peers with series of their own in /metrics, at most; the first by identity.',
    0,
    1000,
    0,
  ),
});
