// `dietesp radio` against OpenThread's simulated co-processor: what answers, whether it works, energy on channels, and frames as tshark
// reads them. Which radio the options name.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Duplex } from 'node:stream';
import { before, test } from 'node:test';
import { putFcs } from '../../core/wire/ieee802154.ts';
import { onPath } from '../../targets/build/engines.ts';
import { checkRadio } from '../../targets/node/host/radio/config.ts';
import { interfacesOf, messagesOf } from '../../targets/node/host/radio/linux/nl802154.ts';
import { readCapture } from '../../targets/node/host/radio/pcap.ts';
import { pipeOctets } from '../../targets/node/host/radio/pipe.ts';
import { createUartRadio, type UartLine } from '../../targets/node/host/radio/uart.ts';
import { commandLine, createSpinelRadio } from '../../targets/node/index-radio.ts';
import { checkRadioEnd, type Step } from '../../targets/node/tools/radio/check.ts';
import { foundWpan, listText, whoAnswers } from '../../targets/node/tools/radio/list.ts';
import { radioOf } from '../../targets/node/tools/radio/place.ts';
import { dietesp, scratch } from '../cli/run.ts';
import { freePorts } from '../support/free-ports.ts';
import { packageMissing } from '../support/packages.ts';
import { INTERFACES, PHYS } from './wpan-dump.ts';

const skip =
  onPath('ot-rcp') === undefined
    ? "ot-rcp is not on PATH: OpenThread's simulated co-processor (platform simulation, OT_RCP; tested: 3ae741f95)"
    : false;
const files = scratch();
const PAN = 0xabcd;

before(async () => {
  // The air of the simulated ones: a multicast group on the loopback, from this port on.
  process.env.PORT_BASE = String(await freePorts(10));
});

/** A data frame to all in the PAN, from 0x0001. */
function frame(sequence: number, payload: string): Uint8Array {
  const octets = Buffer.concat([
    Buffer.from([0x41, 0x98, sequence, 0xcd, 0xab, 0xff, 0xff, 1, 0]),
    Buffer.from(payload),
  ]);
  const whole = new Uint8Array(octets.length + 2);
  whole.set(octets);
  putFcs(whole, 0, octets.length);
  return whole;
}

test('list: who answers', { skip }, async () => {
  const { answer, text } = await whoAnswers(commandLine(['ot-rcp', '1']));
  assert.equal(answer, 'spinel');
  assert.match(text, /^OPENTHREAD\/.*SIMULATION.*, Spinel 4\.\d+, API \d+, EUI-64 [0-9a-f]{16}$/);
  assert.equal((await whoAnswers(commandLine(['ot-rcp-none', '1']))).answer, 'busy');
  const { code, stdout } = await dietesp('radio', 'list', '--no-ask', '--json');
  assert.equal(code, 0);
  // Whatever this machine has.
  for (const { kind, name } of JSON.parse(stdout) as { kind: string; name: string }[]) {
    assert.ok(['serial', 'linux'].includes(kind) && name !== '');
  }
});

test('list: interfaces of Linux, from what its kernel said', () => {
  const attributes = (text: string) => messagesOf(Buffer.from(text, 'hex')).map((message) => message.attributes);
  const found = interfacesOf(PHYS.flatMap(attributes), attributes(INTERFACES)).map((one) =>
    foundWpan(one, one.name === 'wpan0' ? false : undefined),
  );
  const [monitor, , , wpan0] = listText(found).split('\n');
  assert.equal(monitor, 'monitor1 (linux, monitor of phy1) channel 26');
  assert.match(
    wpan0,
    /^wpan0 \(linux, node of phy0\) channel 26, PAN 1234, short address 0000, EUI-64 [0-9a-f]{16}, down: ip link set wpan0 up$/,
  );
});

test('test and scan', { skip }, async () => {
  const [works, energy, silent] = await Promise.all([
    dietesp('radio', 'test', '--command', 'ot-rcp 2', '--channel', '20', '--json'),
    dietesp('radio', 'scan', '--command', 'ot-rcp 3', '--time', '5', '--json'),
    dietesp('radio', 'test', '--command', 'ot-rcp 5', '--channel', '21', '--peer', '0007'),
  ]);
  const { isGood, steps } = JSON.parse(works.stdout) as { isGood: boolean; steps: { name: string; verdict: string }[] };
  assert.deepEqual([works.code, isGood], [0, true], works.stdout + works.stderr);
  assert.deepEqual(
    steps.filter(({ verdict }) => verdict === 'good').map(({ name }) => name),
    ['open', 'firmware', 'versions', 'capabilities', 'EUI-64', 'receiver', 'transmitter', 'noise', 'frame to all'],
  );
  const levels = JSON.parse(energy.stdout) as { channel: number; rssi: number }[];
  assert.deepEqual(
    levels.map(({ channel }) => channel),
    Array.from({ length: 16 }, (_, i) => 11 + i),
  );
  assert.ok(levels.every(({ rssi }) => rssi >= -128 && rssi < 0));
  // Nobody is there.
  assert.equal(silent.code, 1);
  assert.match(silent.stdout, /^bad {3}frame to the peer: nobody acknowledged it$/m);
});

test('sniff: frames on the channel of the options, in a file that tshark reads', { skip }, async () => {
  const config = files.file(
    'gateway.yaml',
    `radios: [{ name: air, spinel: { command: [ot-rcp, "6"], channel: 11 }, panId: 1 }]
pool: ["2001:db8:1::/64"]
connection: { localId: fqdn:gateway, auth: { psk: secret } }
`,
  );
  const path = files.path('sniffed.pcapng');
  const args = ['radio', 'sniff', '--config', config, '--radio', 'air', '--channel', '20', '--count', '3'];
  const sniffing = dietesp(...args, '--write', path);
  let isOver = false;
  void sniffing.then(() => {
    isOver = true;
  });
  const sender = createSpinelRadio({
    line: commandLine(['ot-rcp', '7']),
    channel: 20,
    panId: PAN,
    shortAddress: 1,
    extendedAddress: null,
  });
  try {
    await sender.ready;
    for (let sequence = 0; !isOver; sequence = (sequence + 1) & 0xff) {
      const { sent } = sender.counters;
      const octets = frame(sequence, 'sniffed');
      sender.transmit(octets, 0, octets.length);
      while (sender.counters.sent === sent && !isOver) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    sender.close();
    await sender.closed;
  }
  const { code, stderr } = await sniffing;
  assert.equal(code, 0, stderr);
  const records = [...readCapture(path)];
  assert.equal(records.length, 3);
  for (const { data } of records) assert.ok(Buffer.from(data).includes('sniffed'));
  if (packageMissing('tshark') !== false) return;
  const fields = ['wpan.dst_pan', 'wpan.src16', 'wpan.fcs_ok', 'wpan-tap.ch_num', 'wpan-tap.rss'];
  const shark = spawnSync('tshark', ['-n', '-r', path, '-T', 'fields', ...fields.flatMap((one) => ['-e', one])], {
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(shark.status, 0, shark.stderr);
  const rows = shark.stdout.trim().split('\n');
  assert.equal(rows.length, 3);
  for (const row of rows) assert.match(row, /^0xabcd\t0x0001\t(1|True)\t20\t-\d+(\.\d+)?$/);
});

test('test of a UART: octets that are no frames, and frames with a wrong FCS, are no board', async () => {
  const seen: Step[] = [];
  const check = (octets: Uint8Array): Promise<boolean> => {
    const line: UartLine = {
      listens: false,
      open(onStream) {
        const stream = new Duplex({ read() {}, write: (_octets, _encoding, done) => done() });
        onStream(stream);
        stream.push(octets);
        return async () => void stream.destroy();
      },
    };
    const radio = checkRadio({ radio: createUartRadio({ line }), panId: PAN }, ['radio'], 'radio');
    return checkRadioEnd(radio, null, { warn() {}, log() {} }, (step) => void seen.push(step));
  };
  const good = frame(1, 'good');
  const bad = good.slice();
  bad[bad.length - 1] ^= 1;
  const piped = (octets: Uint8Array): Uint8Array => pipeOctets(octets, 0, octets.length)!;
  const noise = Buffer.from('U-Boot 2026.10');
  const results = await Promise.all([
    check(Buffer.concat([noise, piped(bad)])),
    check(Buffer.concat([noise, piped(good)])),
  ]);
  assert.deepEqual(results, [false, true]);
  assert.deepEqual(
    seen
      .slice(-2)
      .map(({ verdict, text }) => [verdict, text])
      .sort(),
    [
      [
        'bad',
        'no valid one: 14 octets outside of frames, 1 frames with a wrong FCS; is it a board, and is the baud rate right?',
      ],
      ['good', '1 for this PAN in 1000 ms'],
    ],
  );
});

test('a program that ends before it answers is an error at once', async () => {
  const { code, stdout } = await dietesp('radio', 'test', '--command', `${process.execPath} -v`);
  assert.equal(code, 1);
  assert.match(stdout, /^bad {3}open: /);
});

test('which radio the options name: the channel counts for every kind that has one', () => {
  const file = (radio: string): string =>
    files.file(
      'place.yaml',
      `radios: [{ ${radio}, panId: 1 }]\npool: ["2001:db8:1::/64"]\nconnection: { localId: fqdn:g, auth: { psk: s } }\n`,
    );
  const radio = (text: string) => radioOf({ config: file(text), channel: 15 });
  assert.equal(radio('linux: { interface: wpan0, channel: 26 }').linux?.channel, 15);
  assert.equal(radio('linux: { interface: wpan0 }').linux?.channel, 15);
  assert.equal(radio('spinel: { path: /dev/ttyACM0 }').spinel?.channel, 15);
  assert.equal(radio('zep: {}').zep?.channel, 15);
  assert.throws(() => radio('uart: { path: /dev/ttyACM0 }'), /: --channel: a board behind a UART has its own$/);
  assert.deepEqual(radioOf({ linux: 'wpan1', channel: 12 }).linux, { interface: 'wpan1', channel: 12 });
  assert.throws(() => radioOf({ uart: '/dev/ttyACM0', channel: 12 }), /--channel: a board/);
  assert.throws(
    () => radioOf({ linux: 'a/b' }),
    /^CommandError: --linux: a\/b: must be the name of a network interface/,
  );
});
