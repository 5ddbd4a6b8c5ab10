// Packet modules as programs use them: made for an engine, loaded by a program of that engine, which sends a packet to itself.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { DROP_EXHAUSTED, DROP_NO_SA, DROP_SELECTOR, DROP_SHORT } from '../../core/base/drop.ts';
import { dropName } from '../../core/base/drop-name.ts';
import { addInbound, createEndpoint } from '../../core/esp/endpoint.ts';
import { FULL_PARTS } from '../../core/esp/full-parts.ts';
import { inbound } from '../../core/esp/inbound.ts';
import { createSa } from '../../core/esp/sa.ts';
import { aesCcm8Iiv, chacha20Poly1305 } from '../../core/esp/suites.ts';
import { ENGINES, engineMissing, runOn } from '../../targets/build/engines.ts';
import { outputFolder } from '../../targets/build/root.ts';
import type { PacketInput } from '../../targets/build/specialise/packet-facts.ts';
import { packetText } from '../../targets/build/specialise/packet-module.ts';
import { refusedSa } from '../../targets/build/specialise/sa-facts.ts';
import { provider } from '../core/support.ts';
import { packet, udp } from '../naive/packets.ts';
import { pairOf } from './manual-kit.ts';
import type { PacketModule } from './packet-case.ts';
import { keymatOf } from './packet-kit.ts';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const octets = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const OWN = octets('fd000000000000000000000000000002');
const PEER = octets('fd000000000000000000000000000001');
const OUTER = octets('20010db8000000000000000000000002');
const GATEWAY = octets('20010db8000000000000000000000001');

/** The same SA both ways, so that a module opens what it sent. */
function inputOf(change: (input: PacketInput) => void = () => {}): PacketInput {
  const { out } = pairOf(aesCcm8Iiv, OWN, PEER, OUTER, GATEWAY);
  const input = { out, in: out, reserve: 0, search: { wraps: 0, rate: 0 }, maxPacket: 1280 };
  change(input);
  return input;
}

const INNER = packet({ src: 'fd00::2', dst: 'fd00::1', hops: 64 }, udp(5683, 5683, Buffer.from('on every engine')));

const JAVASCRIPT = `
function octetsOf(text) {
  var octets = new Uint8Array(text.length / 2);
  for (var i = 0; i < octets.length; i++) octets[i] = parseInt(text.substr(2 * i, 2), 16);
  return octets;
}
function hexOf(octets, length) {
  var text = '';
  for (var i = 0; i < length; i++) text += (octets[i] < 16 ? '0' : '') + octets[i].toString(16);
  return text;
}
packets.start(octetsOf('DATA'));
packets.addSas(SPI, SPI, octetsOf('KEYS'), 0, 0);
var inner = octetsOf('INNER'), wire = new Uint8Array(300), back = new Uint8Array(300);
var length = packets.outbound(inner, 0, inner.length, wire, 0, 0);
print('wire ' + hexOf(wire, length));
length = packets.inbound(wire, 0, length, back, 0, 0);
print('back ' + hexOf(back, length));
print('counts ' + packets.counter(0) + ' ' + packets.counter(1));
`;

const LUA = `
local packets = dofile('FILE')
local function octetsOf(text)
  local octets = Uint8Array(#text // 2)
  for i = 0, octets.length - 1 do octets[i] = tonumber(text:sub(2 * i + 1, 2 * i + 2), 16) end
  return octets
end
local function hexOf(octets, length)
  local text = ''
  for i = 0, length - 1 do text = text .. string.format('%02x', octets[i]) end
  return text
end
packets.start(octetsOf('DATA'))
packets.addSas(SPI, SPI, octetsOf('KEYS'), 0, 0)
local inner, wire, back = octetsOf('INNER'), Uint8Array(300), Uint8Array(300)
local length = packets.outbound(inner, 0, inner.length, wire, 0, 0)
print('wire ' .. hexOf(wire, length))
length = packets.inbound(wire, 0, length, back, 0, 0)
print('back ' .. hexOf(back, length))
print('counts ' .. packets.counter(0) .. ' ' .. packets.counter(1))
`;

const folder = join(outputFolder('special'), 'modules');
const wires = new Set<string>();

for (const engine of ENGINES) {
  test(`a packet module on ${engine}`, { skip: engineMissing(engine) }, async () => {
    mkdirSync(folder, { recursive: true });
    const input = inputOf();
    input.out.key = octets('000102030405060708090a0b0c0d0e0f');
    input.out.salt = octets('a0a1a2');
    const { script, data } = await packetText(input, engine);
    assert.ok(!script.includes(hex(input.out.key)) && !script.includes('fd00'), 'no key, no address');
    const file = join(folder, engine + (engine === 'lua' ? '.lua' : engine === 'node' ? '.mjs' : '.js'));
    const program = (engine === 'lua' ? LUA : JAVASCRIPT)
      .replace('DATA', hex(data))
      .replaceAll('SPI', String(input.out.attributes.espSpi))
      .replace('KEYS', hex(keymatOf(input.out)))
      .replace('INNER', hex(INNER))
      .replace('FILE', file);
    let main = file;
    if (engine === 'node') {
      writeFileSync(file, script);
      main = join(folder, 'main.mjs');
      const head = `import * as packets from ${JSON.stringify(pathToFileURL(file).href)};\nconst print = console.log;\n`;
      writeFileSync(main, head + program);
    } else if (engine === 'lua') {
      writeFileSync(file, script);
      main = join(folder, 'main.lua');
      writeFileSync(main, program);
    } else writeFileSync(file, script + program);
    const { ok, stdout, stderr } = await runOn(engine, main, 60000);
    assert.ok(ok, stdout + stderr);
    const wire = /wire ([0-9a-f]+)/.exec(stdout)?.[1] ?? '';
    assert.match(stdout, new RegExp(`back ${hex(INNER)}\\s+counts 1 1`));
    wires.add(wire);
    // The general code opens it.
    const endpoint = createEndpoint({ ...FULL_PARTS, search: null }, provider);
    addInbound(endpoint, createSa(endpoint.parts, provider, input.out));
    const back = new Uint8Array(300);
    const size = inbound(endpoint, octets(wire), 0, wire.length / 2, back, 0, 0);
    assert.equal(hex(back.subarray(0, Math.max(size, 0))), hex(INNER));
    assert.equal(wires.size, 1, 'the same packet on every engine');
  });
}

test('types of a packet module', async () => {
  const { types, source } = await packetText(inputOf(), 'node');
  const file = ts.createSourceFile('packets.d.ts', types, ts.ScriptTarget.ES2022);
  const names = file.statements.map((statement) => (statement as ts.FunctionDeclaration).name?.text).sort();
  const expected = ['addSas', 'counter', 'inbound', 'isAgeing', 'isSuspect', 'newSpi', 'outbound', 'removePair'];
  assert.deepEqual(names, [...expected, 'resumeSas', 'retirePair', 'start']);
  for (const name of names) assert.match(source, new RegExp(`\\b${name}\\b`));
});

test('what a packet module does not have is refused when it is made, with its field', async () => {
  const cases: [string, (input: PacketInput) => void][] = [
    [
      'esp_encr: CHACHA20_POLY1305',
      (input) => {
        input.out.suite = chacha20Poly1305;
      },
    ],
    [
      'replay_window: 128',
      (input) => {
        input.out.replayWindow = 128;
      },
    ],
    [
      'lifetime.hard_bytes: 1000',
      (input) => {
        input.out.hardBytes = 1000;
      },
    ],
    [
      'max_packet: 70000',
      (input) => {
        input.maxPacket = 70000;
      },
    ],
    [
      'dscp_list: empty',
      (input) => {
        input.out.attributes.dscpCda = 2;
      },
    ],
    [
      'ts_port_src: ',
      (input) => {
        input.out.attributes.tsPortSrcStart = 6000;
      },
    ],
    [
      'esp_sn_lsb: 7',
      (input) => {
        input.out.attributes.espSnLsb = 7;
      },
    ],
    [
      'key: 32 octets: must be 16 octets',
      (input) => {
        input.out.key = new Uint8Array(32);
      },
    ],
    [
      'reserve: 1025: must be 1024 at most with esp_sn_lsb 8',
      (input) => {
        input.reserve = 1025;
      },
    ],
  ];
  const oneWay: typeof cases = [
    [
      'ts_proto: 136: must be 17',
      (input) => {
        input.in.attributes.tsProto = 136;
      },
    ],
    [
      'lifetime.hard_packets: 5: must be 0',
      (input) => {
        input.in.hardPackets = 5;
      },
    ],
    [
      'lifetime.hard_seconds: 2: must be 0',
      (input) => {
        input.in.hardTime = 2000;
      },
    ],
    [
      'replay_window: 128',
      (input) => {
        input.in.replayWindow = 128;
      },
    ],
  ];
  for (const [message, change] of oneWay) {
    const input = inputOf();
    input.in = structuredClone({ ...input.out, suite: null as never, df: null });
    input.in.suite = input.out.suite;
    change(input);
    await assert.rejects(packetText(input, 'node'), (error: Error) => {
      assert.equal(refusedSa(error), input.in, 'tells which direction');
      return error.message.startsWith(message);
    });
  }
  for (const [message, change] of cases) {
    await assert.rejects(packetText(inputOf(change), 'node'), (error: Error) => error.message.startsWith(message));
  }
});

test('a rekey of a packet module: the newest pair sends, the one before still takes packets, until it is removed', async () => {
  const { script, data } = await packetText(inputOf(), 'node');
  const url = `data:text/javascript,${encodeURIComponent(script)}`;
  const packets = (await import(url)) as PacketModule & { retirePair: (spi: number) => void };
  const [first, second] = [0x11110011, 0x22220022];
  const keys = (octet: number): Uint8Array => new Uint8Array(19).fill(octet);
  const send = (): Uint8Array => {
    const wire = new Uint8Array(300);
    const length = packets.outbound(INNER, 0, INNER.length, wire, 0, 0);
    assert.ok(length > 0, String(length));
    return wire.slice(0, length);
  };
  const take = (wire: Uint8Array): string => {
    const back = new Uint8Array(300);
    const size = packets.inbound(wire, 0, wire.length, back, 0, 0);
    return size < 0 ? dropName(size) : hex(back.subarray(0, size));
  };
  packets.start(data);
  packets.addSas(first, first, keys(1), 0, 0);
  const old = [send(), send(), send()];
  assert.equal(old[0][40], 0x11);
  assert.equal(take(old[0].slice()), hex(INNER));
  packets.addSas(second, second, keys(2), 0, 0);
  const wire = send();
  assert.equal(wire[40], 0x22);
  assert.equal(take(old[1].slice()), hex(INNER));
  assert.equal(take(wire.slice()), hex(INNER));
  assert.equal(take(wire.slice()), 'replay');
  packets.retirePair(second);
  assert.equal(send()[40], 0x11);
  packets.removePair(first);
  assert.equal(take(old[2].slice()), 'no-sa');
  assert.equal(packets.outbound(INNER, 0, INNER.length, new Uint8Array(300), 0, 0), DROP_SELECTOR);
});

test('numbers are reserved ahead by the hook of the program, on an engine with short names', async () => {
  const { script, data } = await packetText({ ...inputOf(), reserve: 16 }, 'duktape');
  const stored: number[][] = [];
  const upper = { reserve: (out: number, back: number) => stored.push([out, back]) };
  const packets = new Function('upper', `${script}\nreturn packets;`)(upper) as PacketModule;
  const keys = new Uint8Array(27);
  keys[26] = 100;
  packets.start(data);
  packets.addSas(0x11110011, 0x11110011, keys, 0, 0);
  const wire = new Uint8Array(300);
  for (let i = 0; i < 20; i++) packets.outbound(INNER, 0, INNER.length, wire, 0, 0);
  assert.deepEqual(stored, [
    [116, -1],
    [132, -1],
  ]);
});

test('octets that are not whole, or of another profile, are refused; packets are dropped until the right ones come', async () => {
  const { script, data, constants } = await packetText(inputOf(), 'duktape');
  const other = await packetText(
    inputOf((input) => {
      input.out.attributes.tsPortDstEnd = 5684;
    }),
    'duktape',
  );
  assert.match(String(constants.profileHash), /^[0-9a-f]{16}$/);
  const packets = new Function(`${script}\nreturn packets;`)() as PacketModule;
  const wire = new Uint8Array(300);
  const send = (length = INNER.length): number => packets.outbound(INNER, 0, length, wire, 0, 0);
  packets.addSas(0x11110011, 0x11110011, new Uint8Array(27), 0, 0);
  for (const octets of [new Uint8Array(0), data.slice(1), data.slice(0, -1), other.data]) {
    assert.equal(packets.start(octets), false);
    assert.equal(send(), DROP_NO_SA);
    assert.equal(packets.inbound(wire, 0, 80, new Uint8Array(300), 0, 0), DROP_NO_SA);
  }
  assert.equal(packets.start(data), true);
  assert.equal(send(INNER.length + 1), DROP_SHORT);
  assert.equal(packets.inbound(wire, 290, 20, new Uint8Array(300), 0, 0), DROP_SHORT);
  assert.equal(packets.counter(0), 0);
  assert.ok(send() > 0);
});

test('numbers of a packet module end at the largest, also those that storage gives back', async () => {
  const { script, data } = await packetText({ ...inputOf(), reserve: 16 }, 'duktape');
  const stored: number[][] = [];
  const upper = { reserve: (out: number, back: number) => stored.push([out, back]) };
  const packets = new Function('upper', `${script}\nreturn packets;`)(upper) as PacketModule;
  packets.start(data);
  packets.addSas(0x11110011, 0x11110011, new Uint8Array(27), 0, 0);
  packets.resumeSas(2 ** 32 - 3, 2 ** 32 - 3);
  const wire = new Uint8Array(300);
  const back = new Uint8Array(300);
  const length = packets.outbound(INNER, 0, INNER.length, wire, 0, 0);
  assert.equal(packets.inbound(wire, 0, length, back, 0, 0), INNER.length);
  assert.deepEqual(stored, [
    [2 ** 32 - 1, -1],
    [-1, 2 ** 32 - 1],
  ]);
  packets.resumeSas(2 ** 32 + 13, 2 ** 32 + 13);
  assert.equal(packets.outbound(INNER, 0, INNER.length, wire, 0, 0), DROP_EXHAUSTED);
});
