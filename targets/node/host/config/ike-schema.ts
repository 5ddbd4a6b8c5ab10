// The JSON Schema of the connection, which the files of `dietesp gateway` and `dietesp sensor` share: who the two sides are,
// how they prove it, what they propose. Validation, defaults, `dietesp schema` and the documentation come from it.
// Algorithms have the names of core/esp/suites.ts and core/ike/crypto/suites.ts; lower case and `-` work too.

import { COAP_PATHS } from '../../../../core/dietesp/coap-set.ts';
import { EESP_MAX_ID } from '../../../../core/eesp/format.ts';
import { ALL_SUITES } from '../../../../core/esp/all-suites.ts';
import { ALL_IKE_CIPHERS } from '../../../../core/ike/crypto/all-suites.ts';
import { DSCP_FIELDS, dscpValues, LABEL } from './dscp-schema.ts';
import { entries, flag, integer, list, object, oneOf, seconds, text } from './properties.ts';
import type { Property } from './schema.ts';

const COUNT_MAX = 9007199254740991;

/** `AES_CCM_8_IIV`, and `aes-ccm-8-iiv`. */
export function algorithmNames(names: string[]): string[] {
  return names.map((name) => name.toLowerCase().replaceAll('_', '-'));
}

/** Names of ESP suites; AES also with 256-bit keys. */
export const ESP_NAMES = algorithmNames(
  ALL_SUITES.flatMap(({ name }) => (name.startsWith('AES') ? [name, `${name}_256`] : [name])),
);
/** Short names of the IKE ciphers with HMAC; the others are called as in the core. */
export const IKE_SHORT: Record<string, string> = {
  'aes-cbc-sha256': 'AES_CBC_HMAC_SHA2_256_128',
  'aes-cbc-256-sha256': 'AES_CBC_256_HMAC_SHA2_256_128',
};
export const IKE_NAMES = [...algorithmNames(ALL_IKE_CIPHERS.map(({ name }) => name)), ...Object.keys(IKE_SHORT)];
export const ATTRIBUTE_NAMES = [
  'dscp_cda',
  'ecn_cda',
  'flow_label_cda',
  'alignment',
  'esp_spi_lsb',
  'esp_sn_lsb',
  'esp_trailer',
] as const;

const algorithm = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,40}$', mustBe: 'the name of an algorithm' };
const HEX_SECRET = {
  pattern: '^([0-9a-fA-F]{2})+$',
  mustBe: 'hexadecimal digits, two for each octet',
  writeOnly: true,
};
const keMethod = { type: 'string', pattern: '^[A-Za-z0-9-]{1,80}$', mustBe: 'the name of a key exchange' };
const KE_TEXT =
  'In order of preference: x25519, p256, mlkem512, mlkem768, mlkem1024; or several with - between them, such as ' +
  'x25519-mlkem768 [RFC 9370]: docs/post-quantum.md.';

const IDENTITY = '`fqdn:name`, `keyid:0102` (hexadecimal), `keyid:"text"`, `ipv6:2001:db8::1` or `ipv4:192.0.2.1`';

const SELECTOR = object('Selector', 'What may be the address, protocol and port of one side.', {
  ip: text(
    'Addresses',
    'A prefix `2001:db8::/64`, a range `2001:db8::1-2001:db8::9`, one address, `any` (both versions), `any4`, `any6`, ' +
      'or `dynamic`: the inner address that was given by the gateway, else the outer one.',
    { default: 'any' },
  ),
  proto: {
    title: 'Protocol',
    description: '`any`, `udp`, `tcp`, `icmpv6`, `icmp`, `sctp`, `udplite` or a number.',
    type: ['string', 'integer'],
    minimum: 0,
    maximum: 255,
    default: 'any',
  },
  ports: {
    title: 'Ports',
    description: '`any`, `opaque`, one port, or first and last: `[5683, 5684]`.',
    type: ['string', 'integer', 'array'],
    minimum: 0,
    maximum: 65535,
    items: { type: 'integer', minimum: 0, maximum: 65535 },
    minItems: 2,
    maxItems: 2,
    default: 'any',
  },
});

function selectors(side: string): Property {
  return {
    ...entries(
      `Selectors of ${side}`,
      `Addresses, protocols and ports of ${side}; a text is one with any protocol.`,
      SELECTOR,
      16,
    ),
    minItems: 1,
    items: { ...(SELECTOR as unknown as Record<string, unknown>), type: ['object', 'string'] },
  };
}

function attribute(title: string, values: string): Property {
  return {
    title,
    description: `${values}; a list: any of them; \`any\`: every value; omitted: as \`any\`.`,
    type: ['string', 'integer', 'array'],
    items: { type: ['string', 'integer'] },
    minItems: 1,
    maxItems: 16,
  };
}

const COMPRESSION: Record<string, Property> = {
  notify: oneOf(
    'Notify',
    'hcp: HCP_PROPOSAL [draft-ietf-ipsecme-ikev2-diet-esp-extension]; ehc: EHC_SUPPORTED of June 2023; none: plain ESP.',
    ['hcp', 'ehc', 'none'],
    'hcp',
  ),
  required: flag(
    'Required',
    'true: without agreement on compression there is no Child SA; false: plain ESP then.',
    false,
  ),
  proposals: {
    ...entries(
      'Proposals',
      'What is accepted, in order of preference. Omitted: the most frugal values.',
      object('Proposal', 'Values of the attributes for rule derivation.', {
        dscp_cda: attribute('DSCP', '`not_compressed`, `lower` or `sa`'),
        ecn_cda: attribute('ECN', '`not_compressed` or `lower`'),
        flow_label_cda: attribute('Flow label', '`not_compressed`, `lower`, `generated` or `zero`'),
        alignment: attribute('Alignment', '8, 16, 32 or 64 bits'),
        esp_spi_lsb: attribute('SPI bits on the wire', '0 to 32, or `0..16`'),
        esp_sn_lsb: attribute('Sequence number bits on the wire', '0 to 32, or `8..16`'),
        esp_trailer: attribute('Trailer', '`Optional` or `Mandatory`'),
      }),
      16,
    ),
    minItems: 1,
  },
  dscp_list: list('DSCP values', 'For `dscp_cda: sa`; the same on both sides.', dscpValues, 64),
  coap: object(
    'Rules for CoAP',
    'CoAP messages are compressed by rules that both sides have, beside Diet-ESP; omitted: not at all. See docs/coap-profile.md.',
    {
      paths: {
        ...list(
          'Paths',
          'Rules are made for these paths of the server, such as `reading`; the first is the one that readings are posted to.',
          { type: 'string' },
          COAP_PATHS,
        ),
        minItems: 1,
      },
      rules: text('Rules', 'A file with SCHC rules of your own in JSON or CBOR, in place of `paths`.', {
        pattern: '.',
        mustBe: 'the name of a file',
      }),
      required: flag(
        'Required',
        'true: without agreement on the rules there is no Child SA; false: Diet-ESP alone.',
        false,
      ),
    },
  ),
};

/** `esn` for proposals with subspaces alone. */
export const ESN_NONE = 'none';
const SUBSPACES: Property = {
  title: 'Subspaces',
  description:
    'Counters that an SA may have, each with a replay window of its own (docs/subspaces.md); a list: any of these, in order ' +
    'of preference. As responder: this or fewer. 0: none.',
  type: ['integer', 'array'],
  minimum: 0,
  maximum: 65536,
  items: { type: 'integer', minimum: 1, maximum: 65536 },
  minItems: 1,
  maxItems: 8,
  default: 0,
};

const EESP = object(
  'EESP',
  'Experimental: [EESP](eesp.md) over UDP, with the AEADs of `esp`; `{}` switches it on. Peers without it get ESP.',
  {
    required: flag('Required', 'true: no ESP. A peer without EESP gets no Child SA.', false),
    prefer: flag('Prefer', 'false: ESP where the peer has both.', true),
    sequenceNumbers: oneOf(
      'Sequence numbers',
      'off: none in the packets, and no replay protection; it needs an AEAD without `-iiv`.',
      ['on', 'off'],
      'on',
    ),
    sskdf: oneOf(
      'Key derivation of Sub SAs',
      'none: one key, and no Sub SAs; either: as the peer has it.',
      ['hkdf-sha2-256', 'either', 'none'],
      'hkdf-sha2-256',
    ),
    maxSubSa: integer('Sub SAs', 'Largest Sub SA ID that this side accepts.', 0, EESP_MAX_ID, 0),
    subSa: integer(
      'Own Sub SA',
      'Sub SA ID that this side sends with, or the largest that the peer accepts.',
      0,
      EESP_MAX_ID,
      0,
    ),
    perClass: flag('Sub SAs by class', 'true: the class of the inner DSCP is the Sub SA ID, not `subSa`.', false),
  },
);

/** Most Child SAs with the same selectors. */
export const RESOURCES_MAX = 64;

const CHILD: Record<string, Property> = {
  esp: {
    ...list('ESP algorithms', `In order of preference: ${ESP_NAMES.join(', ')}.`, algorithm, 16),
    minItems: 1,
    default: ['aes-ccm-8-iiv', 'aes-gcm-16-iiv', 'aes-ccm-8', 'aes-gcm-16'],
  },
  ke: {
    ...list('Key exchange of rekeys', `For perfect forward secrecy; empty: none. ${KE_TEXT}`, keMethod, 4),
    default: [],
  },
  esn: oneOf(
    'Extended sequence numbers',
    '64-bit sequence numbers: not, only, or either; none: only `subspaces`.',
    ['off', 'on', 'both', ESN_NONE],
    'off',
  ),
  subspaces: SUBSPACES,
  mode: oneOf('Mode', 'Tunnel mode compresses the inner IP header too.', ['tunnel', 'transport'], 'tunnel'),
  local: selectors('this side'),
  remote: selectors('the peer'),
  selectors: oneOf(
    'Selectors of an SA',
    'pair: the first pair of `local` and `remote` that the peer allows; lists: all of them, 16 on each side at most, where Diet-ESP is not agreed. See docs/selectors.md.',
    ['pair', 'lists'],
    'pair',
  ),
  narrow: flag('Narrowing', 'false: the peer must take the selectors as they are.', true),
  compression: object('Compression', 'Negotiation of Diet-ESP.', COMPRESSION),
  eesp: EESP,
  ...DSCP_FIELDS,
  perResource: integer(
    'Resources',
    'Child SAs with the same selectors, for as many workers of the peers [RFC 9611]; twice as many are taken. 0: one. See docs/per-resource.md.',
    0,
    RESOURCES_MAX,
    0,
  ),
  df: oneOf(
    'DF',
    '"Don\'t fragment" of a tunnel\'s outer IPv4 header; copy: as in an inner IPv4 packet, else set.',
    ['set', 'clear', 'copy'],
    'set',
  ),
  replayWindow: {
    title: 'Replay window',
    description: 'Packets; 0: no replay protection.',
    type: 'integer',
    enum: [0, 32, 64, 128, 256, 512, 1024, 2048, 4096],
    default: 64,
  },
  rekey: seconds('Rekey', 'Seconds after which a Child SA is rekeyed; 0: never.', 14400),
  rekeyPackets: integer('Packets', 'Packets after which a Child SA is rekeyed; 0: no limit.', 0, COUNT_MAX, 0),
};

// EESP is for all Child SAs of a connection.
const { eesp: _eesp, ...CHILD_OWN } = CHILD;

const IKE: Record<string, Property> = {
  proposals: {
    ...list('IKE ciphers', `In order of preference: ${IKE_NAMES.join(', ')}.`, algorithm, 16),
    minItems: 1,
    default: ['aes-ccm-8', 'aes-gcm-16', 'aes-ccm-16'],
  },
  ke: {
    ...list('Key exchange', KE_TEXT, keMethod, 4),
    minItems: 1,
    default: ['x25519', 'p256'],
  },
  fragmentSize: integer(
    'Fragments',
    'Largest IKE message before it is sent in fragments [RFC 7383], in octets; 0: never.',
    0,
    65535,
    1280,
  ),
  nat: oneOf('NAT', 'Detection of NAT: auto, off, or force UDP encapsulation.', ['auto', 'off', 'force'], 'auto'),
  downgradePrevention: flag('Downgrade prevention', 'Authenticate the whole of IKE_SA_INIT.', true),
  initialContact: flag('Initial contact', 'Say that this is the only IKE SA.', true),
  announceAuth: flag(
    'Announce authentication',
    'Tell the peer what this side can verify [RFC 9593]: 10 octets more for a pre-shared key, 18 for Ed25519, 273 for certificates.',
    false,
  ),
  counterSync: flag(
    'Synchronise counters',
    'Let a gateway that goes on with an SA ask for higher sequence numbers [RFC 6311]: 16 octets more. For sensors that send several packets a second; a gateway that has no workers takes part where its peer asks.',
    false,
  ),
  nameRemote: flag('Name the peer', 'The initiator sends IDr; a peer with one identity needs it not.', true),
  nonceSize: integer('Nonce', 'Octets.', 16, 256, 32),
  retransmit: seconds('Repetition', 'Seconds until a request is repeated, doubled each time.', 2, 0.01),
  tries: integer('Tries', 'How often a request is sent at most.', 1, 20, 6),
  dpd: seconds('Liveness', 'Seconds of silence until the peer is asked; 0: never.', 300),
  rekey: seconds('Rekey', 'Seconds after which the IKE SA is rekeyed; 0: never.', 86400),
  reauth: seconds('New authentication', 'Seconds; 0: never.', 0),
};

const fileName = { type: 'string', minLength: 1 };

const PRIVATE_KEY = text(
  'Private key',
  'Of this side: PEM or the name of a file, Ed25519, P-256, P-384 or RSA; of Ed25519 64 hexadecimal digits do as well.',
  { writeOnly: true },
);
const CERTIFICATE = text(
  'Certificate',
  'Of this side: a file with that of `privateKey` first, then those of its issuers, PEM.',
);

/** One connection: also the defaults of a gateway's peers. */
export const CONNECTION_PROPERTIES: Record<string, Property> = {
  localId: text('Identity of this side', IDENTITY + '.', { needed: 'yes' }),
  remoteId: text('Identity of the peer', `${IDENTITY}; \`*\`: any.`, { default: '*' }),
  auth: object(
    'Authentication',
    'Of both sides: `psk` or `pskHex`, `privateKey` and `publicKey`, or `certificate`, `privateKey` and `ca`; keys on one side and a pre-shared key on the other do as well.',
    {
      psk: text('Pre-shared key', 'As text.', {
        pattern: '.',
        mustBe: 'text of one character or more',
        writeOnly: true,
      }),
      pskHex: text('Pre-shared key', 'In hexadecimal.', HEX_SECRET),
      privateKey: PRIVATE_KEY,
      publicKey: text(
        'Public key',
        'Of the peer: PEM or the name of a file, Ed25519, P-256, P-384 or RSA; of Ed25519 64 hexadecimal digits do as well.',
      ),
      certificate: CERTIFICATE,
      furtherKeys: entries(
        'Further keys of this side',
        'Which one is used goes by what the peer announces and asks for; `privateKey` where that says nothing.',
        object('Further key', 'One more key.', { privateKey: PRIVATE_KEY, certificate: CERTIFICATE }, ['privateKey']),
        8,
      ),
      ca: list('CA certificates', 'Files with those that certificates of peers may end at, PEM or DER.', fileName, 32),
      crl: list('Revocation lists', 'Files with CRLs, PEM or DER; a reload reads them again.', fileName, 32),
      crlRequired: flag('CRL required', 'Without a CRL in force of its issuer a certificate is refused.', false),
    },
    [],
    'yes',
  ),
  ppk: object(
    'Post-quantum pre-shared key',
    '[RFC 8784, RFC 9867]',
    {
      id: text('PPK_ID', 'As text.', { pattern: '.', mustBe: 'text of one character or more' }),
      key: text('Key', 'Hexadecimal, at least 32 octets are advised.', HEX_SECRET),
      mandatory: flag('Mandatory', 'Without it there is no IKE SA.', false),
      intermediate: flag('In IKE_INTERMEDIATE', 'Protects the IKE SA itself [RFC 9867].', true),
    },
    ['id', 'key'],
  ),
  ike: object('IKE SA', 'Proposals and times of the IKE SA.', IKE),
  child: object('Child SA', 'Proposals, selectors and times of the Child SA.', CHILD),
  children: entries(
    'Further Child SAs',
    'Packets take the first one that their selectors fit, and `child` where none does. What an entry leaves out is as in `child`.',
    object('Further Child SA', 'One more Child SA.', {
      name: LABEL('Name', 'For logs and metrics; default 1, 2, ...'),
      ...CHILD_OWN,
    }),
    16,
  ),
  optimizedRekey: flag('Optimized rekey', 'Rekeys without SA and TS payloads.', true),
  openChildren: {
    title: 'Asks for further Child SAs',
    description:
      'This side asks for the further Child SAs of `children`, `dscpClasses` and `perResource`, and for those that are lost; one side of two does. Default: true at a sensor, false at a gateway.',
    type: 'boolean',
  },
  maxChildren: integer(
    'Child SAs',
    'At a time; default 8, and one more for each that is configured beside `child`.',
    1,
    1000,
  ),
  resumption: seconds('Resumption', 'Seconds that a ticket for session resumption lives [RFC 5723]; 0: none.', 86400),
  requestAddress: oneOf('Inner address', 'Ask the gateway for an inner address.', ['none', 'ipv6', 'ipv4'], 'none'),
  privateAlways: flag('Private numbers', 'Use them although the peer did not send our Vendor ID.', false),
};
