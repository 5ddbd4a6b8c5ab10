// What strangers can do to a log: nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOctets } from '../../targets/node/host/addresses.ts';
import { createBounded, sourceOf } from '../../targets/node/host/bounded.ts';
import { coapEnds, explainCoap } from '../../targets/node/host/explain/coap.ts';
import { createLog } from '../../targets/node/host/log.ts';

test('a line stays one line, and a terminal obeys nothing of it', () => {
  const lines: string[] = [];
  const time = () => 0;
  const text = 'one\r\ntwo\u001b[2Jthree\u009b31m\u2028four\u0000\u202efive\u2066\u{e0001}';
  createLog({ sink: (line) => void lines.push(line), time })('info', 'ike', text);
  createLog({ sink: (line) => void lines.push(line), time, format: 'json' })('info', 'ike', () => text, { peer: text });
  assert.equal(lines[0], '1970-01-01T00:00:00.000Z info ike: one two [2Jthree 31m four five ');
  assert.doesNotMatch(lines[1], /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.equal(JSON.parse(lines[1]).message, text);
});

test('one source takes no room from others, all strangers have a limit, and so has everything', () => {
  let now = 0;
  const lines: string[] = [];
  const log = createLog({ sink: (line) => void lines.push(line.slice(25)), time: () => 0 });
  const bounded = createBounded(log, () => now);
  for (let i = 0; i < 1660; i++) bounded.log('warn', 'ike', 'unknown', 'flood', {}, 'a');
  bounded.log('warn', 'ike', 'unknown', 'other', {}, 'b');
  assert.deepEqual(lines.splice(0), ['warn ike: flood', 'warn ike: flood', 'warn ike: flood', 'warn ike: other']);
  for (let i = 0; i < 1660; i++) bounded.log('warn', 'ike', 'unknown', 'many', {}, `source ${i}`);
  assert.equal(lines.splice(0).length, 6);
  for (let i = 0; i < 1660; i++) bounded.peer('info', 'ike', 'up', 'up', {}, `peer ${i}`);
  assert.equal(lines.splice(0).length, 100);
  // 110 of 2000 lines at once are gone.
  for (let i = 0; i < 3000; i++) bounded.line('info', 'gateway', 'own');
  assert.equal(lines.splice(0).length, 1890);
  bounded.line('debug', 'gateway', 'not written: the level is info');
  now = 1000;
  bounded.poll(now);
  assert.deepEqual(lines.splice(0).sort(), [
    'info ike: up: 1560 more lines suppressed',
    'warn gateway: of all kinds: 1110 more lines suppressed',
    'warn ike: unknown: 3311 more lines suppressed',
  ]);
  assert.equal(bounded.suppressed(), 1560 + 3311 + 1110);
  for (let i = 0; i < 3000; i++) bounded.line('info', 'gateway', 'own');
  assert.equal(lines.length, 100);
});

test('sources are addresses, and networks of the Internet', () => {
  const of = (text: string) => sourceOf(addressOctets(text)!);
  assert.equal(of('2001:db8::1'), of('2001:db8::2:3'));
  assert.notEqual(of('2001:db8::1'), of('2001:db8:0:1::1'));
  assert.notEqual(of('fd00::1'), of('fd00::2'));
  assert.notEqual(of('192.0.2.1'), of('192.0.2.2'));
});

test('a flood of lines at `debug` takes no room from a warning for the same reason', () => {
  let now = 0;
  const lines: string[] = [];
  const log = createLog({ level: 'warn', sink: (line) => void lines.push(line.slice(25)), time: () => 0 });
  const bounded = createBounded(log, () => now);
  for (let i = 0; i < 1000; i++) bounded.log('debug', 'ike', 'AUTHENTICATION_FAILED', 'unknown');
  for (let i = 0; i < 5; i++) bounded.log('warn', 'ike', 'AUTHENTICATION_FAILED', `wrong key ${i}`);
  bounded.log('warn', 'esp', 'AUTHENTICATION_FAILED', 'elsewhere');
  assert.ok(bounded.nextTimeout() >= 0);
  now = 1000;
  bounded.poll(now);
  assert.deepEqual(lines, [
    'warn ike: wrong key 0',
    'warn ike: wrong key 1',
    'warn ike: wrong key 2',
    'warn esp: elsewhere',
    'warn ike: AUTHENTICATION_FAILED: 2 more lines suppressed',
  ]);
  assert.equal(bounded.nextTimeout(), -1);
});

test('options of CoAP in a capture are shown with nothing that a terminal obeys', () => {
  const path = '\u001b[2J\u202e\n<b>';
  const octets = Buffer.from(path);
  // POST, Message ID 1, Uri-Path [RFC 7252 §3].
  const message = Buffer.concat([
    Buffer.from([0x40, 2, 0, 1, 0xb0 | octets.length]),
    octets,
    Buffer.from('ff31', 'hex'),
  ]);
  const values = explainCoap(coapEnds([path], true), message, 0).fields.flatMap(({ value, tv }) => [value, tv]);
  assert.ok(values.includes('\\u{1b}[2J\\u{202e}\\u{a}<b>'), values.join('|'));
  assert.doesNotMatch(values.join(''), /[\p{Cc}\p{Cf}]/u);
});
