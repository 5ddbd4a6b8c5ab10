// SA files: their meaning, and every error with file, line, field, value and limit.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { refuse } from '../../core/base/refuse.ts';
import * as A from '../../core/dietesp/attributes.ts';
import { addressOctets, addressText } from '../../targets/node/host/addresses.ts';
import { type LoadedSa, loadSaFile, readSas } from '../../targets/node/host/config/sa.ts';
import { SA_PROPERTIES } from '../../targets/node/host/config/schema.ts';
import { parseConfig } from '../../targets/node/host/document.ts';
import { CommandError } from '../../targets/node/host/errors.ts';
import { dietesp, EXAMPLES, isOneLine, scratch } from './run.ts';

const files = scratch();

const BASE = `# a comment
ipsec_mode: tunnel
tunnel_ip: ["2001:db8:a::1", "2001:db8:a::2"]
esp_spi: 112233a7
esp_encr: AES_CCM_8_IIV
key: 000102030405060708090a0b0c0d0e0f
salt: a0a1a2
`;

function load(text: string, file = 'sa.yaml'): LoadedSa[] {
  return readSas(parseConfig(file, text));
}

function messageOf(text: string, file?: string): string {
  try {
    load(text, file);
  } catch (error) {
    return (error as Error).message;
  }
  return '(accepted)';
}

test('omitted fields have the defaults of the draft', () => {
  const [{ attributes, config, name }] = load(BASE);
  assert.equal(name, 'sa1');
  assert.equal(attributes.alignment, 64);
  assert.equal(attributes.espSpiLsb, 32);
  assert.equal(attributes.espSnLsb, 32);
  assert.equal(attributes.dscpCda, A.CDA_NOT_COMPRESSED);
  assert.equal(attributes.flowLabelCda, A.CDA_NOT_COMPRESSED);
  assert.equal(attributes.espTrailer, A.TRAILER_OPTIONAL);
  assert.equal(attributes.iipcProfile, A.IIPC_DIET_ESP);
  assert.equal(attributes.iipcRuleId, -1);
  assert.equal(attributes.tsIpVersion, 6);
  assert.deepEqual(attributes.tsIpSrcStart, new Uint8Array(16));
  assert.deepEqual(attributes.tsIpDstEnd, new Uint8Array(16).fill(255));
  assert.equal(attributes.tsPortDstEnd, 65535);
  assert.equal(attributes.espSpi, 0x112233a7);
  // The first packet carries 1.
  assert.equal(config.snHi, 0);
  assert.equal(config.snLo, 0);
  assert.equal(config.replayWindow, 64);
  assert.equal(config.hardPackets, 0);
});

test('every field arrives where it belongs', () => {
  const [{ attributes, config }] = load(`${BASE}esn: true
esp_sn: "100000000"
lifetime: { soft_packets: 1, hard_packets: 2, soft_bytes: 3, hard_bytes: 4, soft_seconds: 5, hard_seconds: 6 }
replay_window: 128
any_remote: true
ts_ip_version: 4
ts_ip_src: [10.0.0.0, 10.0.0.255]
dscp_cda: sa
dscp_list: [46, 0]
`);
  assert.equal(attributes.esn, 1);
  assert.equal(config.snHi, 0);
  assert.equal(config.snLo, 0xffffffff);
  assert.deepEqual(
    [config.softPackets, config.hardPackets, config.softBytes, config.hardBytes, config.softTime, config.hardTime],
    [1, 2, 3, 4, 5000, 6000],
  );
  assert.equal(config.replayWindow, 128);
  assert.equal(config.anyRemote, 1);
  assert.deepEqual(Array.from(attributes.tsIpSrcEnd), [10, 0, 0, 255]);
  assert.deepEqual(attributes.dscpList, [46, 0]);
});

test('hexadecimal fields may look like numbers', () => {
  const text = BASE.replace('112233a7', '11223344').replace(/^key: .*$/m, 'key: 00010203040506070809101112131415');
  const [{ attributes, config }] = load(`${text}esp_sn: 105\n`);
  assert.equal(attributes.espSpi, 0x11223344);
  assert.equal(config.key.length, 16);
  assert.equal(config.key[15], 0x15);
  assert.equal(config.snLo, 0x104);
  assert.equal(load(`${BASE}esp_sn: 1e5\n`)[0].config.snLo, 0x1e4);
  assert.equal(load(`${BASE}esp_sn: 0x20\n`)[0].config.snLo, 0x1f);
});

test('names of revision -10 are accepted', () => {
  const [{ attributes }] = load(`${BASE}dscp_action: lower\necn_action: lower\nflow_label_action: zero\n`);
  assert.deepEqual(
    [attributes.dscpCda, attributes.ecnCda, attributes.flowLabelCda],
    [A.CDA_LOWER, A.CDA_LOWER, A.CDA_ZERO],
  );
  assert.equal(
    messageOf(`${BASE}dscp_cda: lower\ndscp_action: lower\n`),
    'sa.yaml:9: dscp_action: dscp_cda is given too',
  );
  assert.match(messageOf(`${BASE}dscp_action: other\n`), /^sa\.yaml:8: dscp_action: other: must be one of not_comp/);
});

test('names of July 2023', () => {
  const july = `${BASE}names: july_2023\n`;
  const [{ attributes: initial }] = load(july);
  assert.deepEqual([initial.alignment, initial.espSpiLsb, initial.espSnLsb, initial.tsProto], [32, 32, 32, 0]);
  assert.deepEqual([initial.dscpCda, initial.ecnCda, initial.flowLabelCda], [A.CDA_LOWER, A.CDA_LOWER, A.CDA_LOWER]);
  const [{ attributes }] = load(
    `${july}esp_spi_lsb: 1\nesp_sn_lsb: 2\nts_flow_label: false\nts_proto_list: [17]\nts_dsp_list: [184, 185, 40]\nalignment: 8\n`,
  );
  assert.deepEqual([attributes.alignment, attributes.espSpiLsb, attributes.espSnLsb], [8, 8, 16]);
  assert.deepEqual(
    [attributes.tsProto, attributes.flowLabelCda, attributes.dscpCda],
    [17, A.CDA_NOT_COMPRESSED, A.CDA_SA],
  );
  assert.deepEqual(attributes.dscpList, [46, 10]);
  assert.equal(attributes.ecnCda, A.CDA_NOT_COMPRESSED);
  assert.equal(load(`${july}ts_proto_list: [6, 0]\n`)[0].attributes.tsProto, 0);
  const wrong: [string, string][] = [
    ['esp_spi_lsb: 8', 'esp_spi_lsb: 8: must be 0..4 octets'],
    ['alignment: 64', 'alignment: 64: must be 8 or 32'],
    ['ts_proto_list: [6, 17]', 'ts_proto_list: 17: must be one protocol, or have 0 in it'],
    ['ts_proto: 17', 'ts_proto: is ts_proto_list with names: july_2023'],
    ['esp_trailer: Mandatory', 'esp_trailer: has no counterpart in July 2023'],
    ['ts_flow_label: yes', 'ts_flow_label: yes: must be true or false'],
  ];
  for (const [line, message] of wrong) assert.equal(messageOf(`${july}${line}\n`), `sa.yaml:9: ${message}`);
  // Without the marker nobody has to guess what a length means.
  assert.equal(messageOf(`${BASE}ts_flow_label: true\n`), 'sa.yaml:8: ts_flow_label: needs names: july_2023');
});

const WRONG: [string, RegExp][] = [
  ['esp_spi_lsb: 40', /^sa\.yaml:8: esp_spi_lsb: 40: must be 0\.\.32$/],
  ['esp_spi_lsb: -1', /^sa\.yaml:8: esp_spi_lsb: -1: must be 0\.\.32$/],
  ['esp_sn_lsb: eight', /^sa\.yaml:8: esp_sn_lsb: eight: must be an integer$/],
  ['esp_sn_lsb: 8.5', /^sa\.yaml:8: esp_sn_lsb: 8\.5: must be an integer$/],
  ['esn: no', /^sa\.yaml:8: esn: no: must be true or false$/],
  ['alignment: 24', /^sa\.yaml:8: alignment: 24: must be one of 8, 16, 32, 64$/],
  [
    'esp_trailer: optional',
    /^sa\.yaml:8: esp_trailer: optional: must be one of Optional, Mandatory; did you mean `Optional`\?$/,
  ],
  ['ts_ip_version: 5', /^sa\.yaml:8: ts_ip_version: 5: must be one of 4, 6$/],
  ['ts_proto: 256', /^sa\.yaml:8: ts_proto: 256: must be 0\.\.255$/],
  ['ts_port_src: [0, 65536]', /^sa\.yaml:8: ts_port_src\[1\]: 65536: must be 0\.\.65535$/],
  ['ts_port_src:\n  - 0\n  - 65536', /^sa\.yaml:10: ts_port_src\[1\]: 65536: must be 0\.\.65535$/],
  ['ts_port_src: [1]', /^sa\.yaml:8: ts_port_src: \[1\]: must have 2 entries$/],
  ['ts_ip_src: ["::1", "::g"]', /^sa\.yaml:8: ts_ip_src\[1\]: ::g: must be an IP address$/],
  [
    'ts_ip_src: ["fe80::1%eth0", "::1"]',
    /^sa\.yaml:8: ts_ip_src\[0\]: fe80::1%eth0: must be an IP address without a zone \(%eth0\)$/,
  ],
  ['ts_ip_src: ["10.0.0.1", "10.0.0.2"]', /^sa\.yaml:8: ts_ip_src\[0\]: 10\.0\.0\.1: must be an IPv6 address/],
  ['ts_ip_src: ["010.0.0.1", "10.0.0.2"]', /^sa\.yaml:8: ts_ip_src\[0\]: 010\.0\.0\.1: must be an IP address$/],
  ['esp_sn: xyz', /^sa\.yaml:8: esp_sn: xyz: must be 1 to 16 hexadecimal digits/],
  ['esp_sn: 0', /^sa\.yaml:8: esp_sn: 0: must be >= 1$/],
  ['esp_sn: "100000000"', /^sa\.yaml:8: esp_sn: 100000000: must be <= ffffffff$/],
  ['lifetime: { soft_packets: -1 }', /^sa\.yaml:8: lifetime\.soft_packets: -1: must be 0\.\.9007199254740991$/],
  ['lifetime: { packets: 1 }', /^sa\.yaml:8: lifetime\.packets: unknown field$/],
  ['esp_spi_lbs: 8', /^sa\.yaml:8: esp_spi_lbs: unknown field; did you mean `esp_spi_lsb`\?$/],
  ['alignment: 8\nalignment: 16', /^sa\.yaml:9: Map keys must be unique$/],
  ['dscp_list: [64]', /^sa\.yaml:8: dscp_list\[0\]: 64: must be 0\.\.63$/],
  ['replay_window: 33', /^sa\.yaml:8: replay_window: 33: must be one of 0, 32, 64, /],
  ['rule_id: 256', /^sa\.yaml:8: rule_id: 256: must be 0\.\.255$/],
];

for (const [line, message] of WRONG) {
  test(`refused: ${line.replaceAll('\n', ' ')}`, () => {
    assert.match(messageOf(`${BASE}${line}\n`), message);
  });
}

test('missing fields, wrong documents', () => {
  assert.equal(
    messageOf('esp_spi: "100"\n'),
    'sa.yaml:1: esp_encr: (missing): is required\nsa.yaml:1: tunnel_ip: (missing): is required in tunnel mode',
  );
  assert.match(messageOf(BASE.replace(/^tunnel_ip.*\n/m, '')), /^sa\.yaml:\d+: tunnel_ip: \(missing\): is required in/);
  assert.match(messageOf('- 1\n'), /^sa\.yaml:1: file: must be an object/);
  assert.match(messageOf(''), /^sa\.yaml:1: is empty$/);
  assert.match(messageOf('a: [1,\n'), /^sa\.yaml:\d+: /);
  assert.match(messageOf('sas: []\n'), /^sa\.yaml:1: sas: \(a list\): must have 1 or more entries$/);
  assert.match(messageOf('sas:\n  - 5\n'), /^sa\.yaml:2: sas\[0\]: \(hidden\): must be an object$/);
  assert.match(
    messageOf('sas:\n  - esp_spi: a000\n    esp_encr: X\n    ipsec_mode: transport\n'),
    /^sa\.yaml:3: sas\[0\]\.esp_encr: X: must be one of/,
  );
});

test('reserved SPIs are refused', () => {
  assert.match(messageOf(BASE.replace('112233a7', 'ff')), /^sa\.yaml:4: esp_spi: ff: must be >= 100 \(hexadecimal\)$/);
});

test('keys do not appear in messages', () => {
  const message = messageOf(BASE.replace('0a0b0c0d0e0f', '0a0b0c0d0e0'));
  assert.match(message, /^sa\.yaml:6: key: \(31 characters\): must be/);
});

test('JSON has lines too', () => {
  const text =
    '{\n\t"esp_spi": "112233a7",\n\t"ipsec_mode": "transport", "esp_encr": "AES_CCM_8",\n\t"esp_spi_lsb": 33\n}\n';
  assert.equal(messageOf(text, 'sa.json'), 'sa.json:4: esp_spi_lsb: 33: must be 0..32');
  assert.match(messageOf('{"esp_spi": "1",\n "esp_spi": "2"}', 'sa.json'), /^sa\.json:2: Map keys must be unique$/);
});

/** Where an error of the core about a field is put. */
function located(sa: LoadedSa, field: string, value: number): string {
  try {
    return refuse(field, value, 'reason');
  } catch (error) {
    return sa.locate(error).message;
  }
}

test('an error of the core is put at its field', () => {
  const [sa] = load(`${BASE}esp_spi_lsb: 7\n`);
  assert.equal(located(sa, 'esp_spi_lsb', 7), 'sa.yaml:8: esp_spi_lsb: 7: reason');
  const pair = load(`sas:\n  -\n${BASE.replace(/^(?=.)/gm, '    ')}    alignment: 8\n`);
  assert.equal(located(pair[0], 'alignment', 8), 'sa.yaml:10: sas[0].alignment: 8: reason');
});

test('addresses as text and octets', () => {
  const pairs = ['::', '::1', '2001:db8::1:0:0:1', 'fe80::ff:fe00:1', '1:2:3:4:5:6:7:8', '192.0.2.1', '1:0:0:2::'];
  for (const text of pairs) assert.equal(addressText(addressOctets(text)!), text);
  assert.equal(addressText(addressOctets('::ffff:192.0.2.1')!), '::ffff:c000:201');
  for (const text of ['', '1', '1.2.3', '::1/64', 'fe80::1%1', ' ::1', '1.2.3.4 '])
    assert.equal(addressOctets(text), undefined);
});

test('every example loads', () => {
  // Those of gateways, sensors and devices have tests of their own.
  const names = readdirSync(EXAMPLES).filter(
    (name) => /\.(yaml|json)$/.test(name) && !/^(device|gateway|many-peers|sensor-|grafana|prometheus)/.test(name),
  );
  assert.ok(names.length >= 4);
  for (const name of names) assert.ok(loadSaFile(join(EXAMPLES, name)).length > 0, name);
});

test('whatever a file says, it loads or is refused with its name and a line', () => {
  const names = [...Object.keys(SA_PROPERTIES), 'sas', 'dscp_action', 'x'];
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('ff', 'lower', 'sa', 'AES_CCM_8', 'july_2023', 0, 8, 17, 64));
  const text = (data: unknown): void => {
    try {
      assert.ok(load(JSON.stringify(data)).length > 0);
    } catch (error) {
      assert.ok(error instanceof CommandError, String((error as Error).stack));
      assert.match(error.message, /^(sa\.yaml:\d+: [^\n]+(\n|$))+$/);
    }
  };
  const base = { ...(parseConfig('base', BASE).data as object), key: '000102030405060708090a0b0c0d0e0f' };
  fc.assert(
    fc.property(fc.constantFrom(...names), value, (name, changed) => text({ ...base, [name]: changed })),
    {
      numRuns: 2000,
    },
  );
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), value), text), { numRuns: 1000 });
  fc.assert(fc.property(fc.array(fc.dictionary(fc.constantFrom(...names), value)), (sas) => text({ sas })));
  fc.assert(
    fc.property(fc.string(), (garbage) => {
      assert.match(messageOf(garbage), /^sa\.yaml:\d+: |^sa\.yaml: /);
    }),
  );
});

test('the command line tells it in one line and exits 1', async () => {
  const text = readFileSync(join(EXAMPLES, 'tunnel.yaml'), 'utf8').replace('esp_spi_lsb: 0', 'esp_spi_lsb: 40');
  const file = files.file('wrong.yaml', text);
  const { code, stdout, stderr } = await dietesp('rules', '--sa', file);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.ok(isOneLine(stderr), stderr);
  assert.equal(stderr, `error: ${file}:7: esp_spi_lsb: 40: must be 0..32\n`);
});

test('what only the core can judge has a line too', async () => {
  const text = readFileSync(join(EXAMPLES, 'tunnel.yaml'), 'utf8').replace('esp_spi_lsb: 0', 'esp_spi_lsb: 7');
  const file = files.file('sum.yaml', text);
  const { code, stderr } = await dietesp('rules', '--sa', file);
  assert.equal(code, 1);
  assert.ok(isOneLine(stderr), stderr);
  assert.ok(
    stderr.startsWith(`error: ${file}:7: esp_spi_lsb: `) || stderr.startsWith(`error: ${file}:9: esp_sn_lsb: `),
    stderr,
  );
});

test('a missing file is named', async () => {
  const { code, stderr } = await dietesp('rules', '--sa', files.path('none.yaml'));
  assert.equal(code, 1);
  assert.equal(stderr, `error: ${files.path('none.yaml')}: no such file or directory\n`);
});
