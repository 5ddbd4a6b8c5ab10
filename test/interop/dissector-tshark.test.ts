// The dissector in tshark: what it shows of the vectors' packets is what `dietesp explain` says. What it cannot open is told, and
// nothing that comes in a packet is an error of Lua.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sourceRoot } from '../../targets/build/root.ts';
import { DISSECTOR, writeDissector } from '../../targets/build/wireshark.ts';
import { createKeyLog, SA_TABLE } from '../../targets/node/host/keylog.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { explainPacket } from '../../targets/node/tools/explain/explain.ts';
import { installDissector, uninstallDissector } from '../../targets/node/tools/wireshark.ts';
import { packageMissing } from '../support/packages.ts';

import { isChacha, known, loadedOf, octetsOf, root, tsharkRows } from './dissector-kit.ts';

const skip = packageMissing('tshark');

test('the dissector shows what explain says, and survives everything else', { skip }, async () => {
  const script = await writeDissector();
  const folder = join(root, 'keys');
  const log = createKeyLog(folder);
  for (const vector of known) log.sa(loadedOf(vector)[0].config, vector.id);
  const whole = known.map(({ wire }) => octetsOf(wire));
  const wrong = whole.map((packet) => packet.map((octet, i) => (i === packet.length - 1 ? octet ^ 1 : octet)));
  // Cut behind the outer header, its length made to fit: as far as the ICV, into it, and nothing at all.
  const cut = whole
    .filter((packet) => packet[0] >>> 4 === 6)
    .flatMap((packet) => {
      return [40, 41, 42, 48, packet.length - 1].map((length) => {
        const short = packet.slice(0, Math.min(length, packet.length));
        new DataView(short.buffer).setUint16(4, short.length - 40);
        return short;
      });
    });
  let seed = 1;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  const noise = Array.from({ length: 40 }, (_, i) => {
    const packet = whole[i % whole.length].slice();
    const outer = packet[0] >>> 4 === 6 ? 40 : 20;
    for (let at = outer + (i % 3); at < packet.length; at++) packet[at] = random() & 0xff;
    return packet;
  });
  // In UDP [RFC 3948]; an SPI whose first octets are zero would be IKE.
  const inUdp = whole
    .filter(
      (packet) => packet[0] >>> 4 === 6 && packet.length > 48 && packet.subarray(40, 44).some((octet) => octet !== 0),
    )
    .map((packet) => {
      const esp = packet.subarray(40);
      const made = new Uint8Array(packet.length + 8);
      made.set(packet.subarray(0, 40));
      made.set(esp, 48);
      made[6] = 17;
      const view = new DataView(made.buffer);
      view.setUint16(4, esp.length + 8);
      view.setUint16(40, 4500);
      view.setUint16(42, 4500);
      view.setUint16(44, esp.length + 8);
      return made;
    })
    .slice(0, 4);
  assert.equal(inUdp.length, 4);
  const all = [...whole, ...wrong, ...cut, ...noise, ...inUdp];
  const rows = tsharkRows(script, folder, all);
  for (const [i, row] of rows.slice(-inUdp.length).entries()) {
    assert.ok(
      known.some(({ id }) => id === row[0][0]),
      `in UDP, ${i}: ${row[6].join('; ')}`,
    );
  }
  assert.ok(known.some(isChacha));
  known.forEach((vector, i) => {
    const [sa, spi, names, values, sent, restored] = rows[i];
    const explained = explainPacket(loadedOf(vector), octetsOf(vector.wire), createFastProvider());
    assert.ok(
      known.some(({ id }) => id === sa[0]),
      vector.id,
    );
    assert.equal(Number(spi[0]), Number.parseInt(String(vector.sa.esp_spi).replace(/^0x/i, ''), 16), vector.id);
    assert.equal(Number(restored[0]), explained.totals.innerOctets, vector.id);
    const fields = explained.fields;
    const column = (cells: string[]): string[] => (fields.length === 0 ? [] : cells);
    assert.deepEqual(
      column(names),
      fields.map(({ header, field }) => `${header} ${field}`),
      vector.id,
    );
    assert.deepEqual(
      column(values),
      fields.map(({ value }) => value),
      vector.id,
    );
    assert.equal(sent.join(''), explained.residueBits, vector.id);
  });
  rows.forEach((row, i) => {
    assert.equal(row[7].join(''), '', `packet ${i}: ${row[6].join('; ')}`);
    if (i >= whole.length && i < 2 * whole.length) assert.match(row[6].join(' '), /SAs of the key log were tried: /);
  });
});

// What no endpoint of ours sends is among them: unknown attributes, lengths that are too large, and half an attribute.
const NOTIFIES = [
  ['HCP_PROPOSAL', '', ''],
  [
    'HCP_PROPOSAL',
    '0100000c' + '80000002' + '80060001' + '80090007',
    'proposal 1, Diet-ESP; dscp_cda: 2 (sa); esp_trailer: 1 (Optional); attribute 9: 7',
  ],
  ['HCP_PROPOSAL', '0200000c' + 'ffff0008' + '80040000' + '80040010', 'proposal 2, Diet-ESP; esp_spi_lsb: 0 to 16'],
  ['HCP_PROPOSAL', '01050002aabb' + '02000003800000', 'proposal 1, HCP 5; proposal 2, Diet-ESP; malformed'],
  ['HCP_PROPOSAL', '010000ff80000001', 'malformed'],
  ['HCP_PROPOSAL', '010000', 'malformed'],
  [
    'EHC_SUPPORTED',
    '0008' + '80000000' + '80010003',
    'proposal 1; ehc_context_id: 0 (Diet-ESP); alignment: 32 bits, 8 bits',
  ],
  [
    'EHC_SUPPORTED',
    '80020008' + '80038010' + '80040000' + '80070005',
    'esp_spi_lsb: 8; esp_sn_lsb: 0, bit 15; flow_label_cda: none; parameter 7: 5',
  ],
  ['EHC_SUPPORTED', '8001', 'malformed'],
  ['EHC_SUPPORTED', '00ff80010001', 'malformed'],
  ['DSCP', '0102', ''],
];

const CORE_END = '\nend)()\nlocal numbers = {';

/** A value as Lua's source. */
function luaValue(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaValue).join(',')}}`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, one]) => `[${JSON.stringify(name)}]=${luaValue(one)}`);
  return `{${entries.join(',')}}`;
}

// Wireshark has Lua 5.4 from 4.4 on. What it gives to the dissector (Proto, Field, Tvb) is not here.
test('what the dissector has of the core opens the same in Lua 5.4', { skip: packageMissing('lua5.4') }, async () => {
  const text = readFileSync(await writeDissector(), 'utf8');
  const folder = join(root, 'keys-54');
  const log = createKeyLog(folder);
  for (const vector of known) log.sa(loadedOf(vector)[0].config, vector.id);
  const sas = readFileSync(join(folder, SA_TABLE), 'utf8').split('\n');
  const adds = sas
    .filter((line) => line.startsWith('- '))
    .map((line) => `assert(context.add(${luaValue(JSON.parse(line.slice(2, line.lastIndexOf('}') + 1)))}) == "")`);
  const opens = known.map(({ wire }) => {
    const outer = wire.startsWith('6') ? 80 : 40;
    return `show("${wire.slice(0, outer)}", "${wire.slice(outer)}")`;
  });
  const script = [
    `${text.slice(0, text.indexOf(CORE_END))}\nend)()`,
    'local context = core.createContext()',
    'local function octets(text)',
    '  local all = core.octets(#text // 2)',
    '  for i = 0, all.length - 1 do all[i] = tonumber(text:sub(2 * i + 1, 2 * i + 2), 16) end',
    '  return all',
    'end',
    'local function show(header, esp)',
    '  local opened = context.open(octets(header), octets(esp), 0)',
    '  local inner = {}',
    '  for i = 0, opened.inner.length - 1 do inner[i + 1] = string.format("%02x", opened.inner[i]) end',
    '  print(opened.problem .. "|" .. table.concat(inner) .. "|" .. opened.residue)',
    'end',
    ...adds,
    ...opens,
    ...NOTIFIES.map(([name, data]) => `print(table.concat(core.notifyLines("${name}", octets("${data}")), "; "))`),
  ];
  const file = join(root, 'core.lua');
  writeFileSync(file, script.join('\n'), { mode: 0o600 });
  assert.equal(spawnSync('luac5.4', ['-p', join(sourceRoot(), DISSECTOR)]).status, 0);
  const run = spawnSync('lua5.4', [file], { encoding: 'utf8', timeout: 120000 });
  assert.equal(run.status, 0, run.stderr);
  const rows = run.stdout.split('\n').slice(0, -1);
  known.forEach((vector, i) => {
    const { residueBits } = explainPacket(loadedOf(vector), octetsOf(vector.wire), createFastProvider());
    assert.equal(rows[i], `|${vector.decompressed ?? vector.inner}|${residueBits}`, vector.id);
  });
  assert.deepEqual(
    rows.slice(known.length),
    NOTIFIES.map(([, , lines]) => lines),
  );
});

test('a key log that is broken, empty or absent is no error of Lua', { skip }, async () => {
  const script = await writeDissector();
  const folder = join(root, 'broken');
  const log = createKeyLog(folder);
  const wire = octetsOf(known[0].wire);
  assert.equal(tsharkRows(script, folder, [wire])[0][0][0], '');
  const lines = [
    '- {"name":',
    '- []',
    '- {"esp_spi":"zz","key":7}',
    '- "text"',
    `- ${'['.repeat(5000)}`,
    '\u0000\u0001',
  ];
  writeFileSync(join(folder, SA_TABLE), `${lines.join('\n')}\n`);
  log.sa(loadedOf(known[0])[0].config, 'good');
  const [row] = tsharkRows(script, folder, [wire]);
  assert.equal(row[0][0], 'good');
  assert.match(row[6].join(' '), /sas\.yaml: /);
});

test('install, again, over a foreign file, and uninstall', async () => {
  const script = await writeDissector();
  const folder = join(root, 'plugins', 'deep');
  assert.equal(installDissector(folder).did, 'installed');
  const { did, file } = installDissector(folder);
  assert.equal(did, 'nothing');
  assert.equal(statSync(file).size, statSync(script).size);
  writeFileSync(file, `${readFileSync(script, 'utf8').split('\n')[0]}\n`);
  assert.equal(installDissector(folder).did, 'updated');
  assert.equal(uninstallDissector(folder).did, true);
  assert.equal(uninstallDissector(folder).did, false);
  writeFileSync(file, '-- mine\n');
  assert.throws(() => installDissector(folder), /dietesp\.lua: is not of dietesp/);
  assert.throws(() => uninstallDissector(folder), /dietesp\.lua: is not of dietesp/);
  assert.equal(readFileSync(file, 'utf8'), '-- mine\n');
});
