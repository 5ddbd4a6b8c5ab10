// Radios that Linux has a driver for, in a network namespace of their own: as octets, while the interface goes and comes, and
// under a gateway with its sensor. The interfaces are those of wpan-interface.ts. What Linux itself said on netlink is in
// wpan-dump.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { onPath } from '../../targets/build/engines.ts';
import { loadLinuxCalls } from '../../targets/node/host/radio/linux/calls.ts';
import { interfacesOf, listWpan, messagesOf } from '../../targets/node/host/radio/linux/nl802154.ts';
import { fitSettings } from '../../targets/node/host/radio/linux/radio.ts';
import { ROOT } from '../cli/run.ts';
import { namespaceMissing } from '../support/namespaces.ts';
import { packageMissing } from '../support/packages.ts';
import { gatewayRadio, runPair, sensorRadio } from './linux-pair.ts';
import { INTERFACES, PHYS } from './wpan-dump.ts';

function missing(): string | false {
  // The kernel's own stack would take an interface of type 804 for one of its own.
  if (existsSync('/sys/class/ieee802154')) return 'the kernel has a stack of its own for IEEE 802.15.4';
  return packageMissing('iproute2') || namespaceMissing();
}

const EXPECTED = [
  'monitor1 5 monitor phy1 0 26 65535 65535 8',
  'wpan1 3 node phy1 0 26 4660 1 8',
  'monitor0 4 monitor phy0 0 26 65535 65535 8',
  'wpan0 2 node phy0 0 26 4660 0 8',
];

/** The module simulates two radios that hear each other; one that is loaded already is somebody's. */
function hwsimMissing(): string | false {
  if (process.platform !== 'linux') return 'Linux not found';
  if (process.getuid?.() !== 0) return 'root rights not found';
  if (!existsSync(join(ROOT, 'node_modules', 'koffi'))) return 'the package koffi not found';
  for (const name of ['iwpan', 'modprobe', 'ip'])
    if (onPath(name) === undefined) return `the command ${name} not found`;
  if (existsSync('/sys/module/mac802154_hwsim')) return 'mac802154_hwsim is in use';
  const isThere = spawnSync('modprobe', ['--dry-run', 'mac802154_hwsim']).status === 0;
  return isThere ? false : 'the kernel module mac802154_hwsim not found';
}

const skip = missing();
const PHY_FOLDER = '/sys/class/ieee802154';
const DATA = '61980734120100020041';
const MAKE = '`iwpan dev` lists them, `iwpan phy phy0 interface add monitor0 type monitor` makes one';
let seen: Record<string, Record<string, unknown>>;

before(() => {
  if (skip !== false) return;
  const child = join(ROOT, 'test', 'radio', 'linux-child.ts');
  const script = `ip link set lo up && exec ${process.execPath} --import tsx ${child}`;
  const options = { cwd: ROOT, encoding: 'utf8', timeout: 120000 } as const;
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', 'sh', '-c', script], options);
  assert.equal(status, 0, stderr);
  seen = JSON.parse(stdout) as typeof seen;
});

test('what cannot be a radio is refused with what to type', { skip }, () => {
  assert.deepEqual(seen.refusals, [
    `there is no interface nosuch0; ${MAKE}`,
    `lo is the loopback, not one of IEEE 802.15.4; ${MAKE}`,
    `veth0 is an Ethernet interface, not one of IEEE 802.15.4; ${MAKE}`,
    'down0 is down: ip link set down0 up',
    'lowpan0 carries IP packets (6LoWPAN of Linux), not frames: take the wpan interface below it, or `udp` with `esp: raw` in place of a radio',
    'no packet socket: root rights, or CAP_NET_RAW, are needed',
    `node0 has frames for itself alone: take a monitor: iwpan phy phy0 interface add monitor0 type monitor`,
  ]);
});

test('a monitor: frames of both directions, those that are none, the interface down, gone and another', {
  skip,
}, () => {
  const { text, sent, received, states, whileDown, last, counters } = seen.monitor;
  assert.equal(text, 'monitor monitor0');
  assert.deepEqual(sent, [DATA, '020007', DATA], 'without FCS: the driver adds it');
  assert.deepEqual(received, [`${DATA}c517`, 127, '02000707c1', '02000707c1']);
  assert.deepEqual(states, ['lost', 'back', 'lost', 'back', 'lost']);
  assert.deepEqual(whileDown, [false, 'monitor0 is down, or gone', 1]);
  assert.deepEqual(last, [false, `monitor0 is an Ethernet interface, not one of IEEE 802.15.4; ${MAKE}`]);
  assert.deepEqual(counters, {
    sent: 3,
    received: 4,
    badFcs: 1,
    badLength: 3,
    overflow: 0,
    congested: 0,
    sendErrors: 0,
    unconnected: 1,
    opened: 3,
    errors: true,
    lost: 3,
    back: 2,
  });
});

test('a node: frames get their FCS, acknowledgements are the driver’s, frames end when they are handed over', {
  skip,
}, () => {
  assert.deepEqual(seen.node, {
    text: 'node wpan0',
    sent: [DATA, '4198083412ffff020041'],
    received: [`${DATA}c517`, 127],
    ends: [[7, 0]],
  });
});

for (const [name, kind] of [
  ['overMonitors', 'monitor'],
  ['overNodes', 'node'],
]) {
  test(`a gateway and a sensor from their files, each on a ${kind}, while the gateway's goes and comes`, {
    skip,
  }, () => {
    assert.deepEqual(seen[name], {
      problem: '',
      answers: ['one!', 'two '],
      radio: { kind: 'linux', isUp: true, text: `${kind} wpan0` },
      raw: null,
      events: ['roof lost', 'roof back'],
    });
  });
}

test('a gateway and a sensor above an interface of 6LoWPAN: zones, IKE in UDP, ESP in IP itself', { skip }, () => {
  const answers = ['one!', 'two '];
  assert.deepEqual(seen.overLowpan, { problem: '', answers, radio: null, raw: [true, true], events: [] });
});

const attributesOf = (hex: string) => messagesOf(Buffer.from(hex, 'hex')).map(({ attributes }) => attributes);

test('what Linux says of its radios and interfaces, whole and cut off', () => {
  const phys = PHYS.flatMap(attributesOf);
  const found = interfacesOf(phys, attributesOf(INTERFACES));
  assert.deepEqual(
    found.map(({ name, index, kind, phy, panId, shortAddress, extendedAddress }) =>
      [name, index, kind, `${phy.name} ${phy.page} ${phy.channel}`, panId, shortAddress, extendedAddress.length].join(
        ' ',
      ),
    ),
    EXPECTED,
  );
  const octets = Buffer.from(INTERFACES, 'hex');
  for (let length = 0; length <= octets.length; length++) {
    assert.ok(interfacesOf(phys, attributesOf(octets.toString('hex', 0, length))).length <= found.length);
  }
  // Lengths that lead nowhere end the reading.
  for (let at = 0; at < 64; at++) {
    for (const value of [0, 1, 3, 0xff]) {
      const wrong = Buffer.from(octets);
      wrong[at] = value;
      interfacesOf(phys, attributesOf(wrong.toString('hex')));
    }
  }
  assert.deepEqual(interfacesOf([], attributesOf(INTERFACES)), [], 'without their radio');
});

test('settings of the kernel that are not those of the file are refused with what to type', () => {
  const found = interfacesOf(PHYS.flatMap(attributesOf), attributesOf(INTERFACES));
  const [node, monitor] = ['wpan1', 'monitor1'].map((one) => found.find(({ name }) => name === one)!);
  const good = { interface: 'wpan1', channel: 26, panId: 0x1234, shortAddress: 1, extendedAddress: null };
  fitSettings(node, good);
  fitSettings(node, { ...good, extendedAddress: node.extendedAddress, shortAddress: 0xffff });
  fitSettings(monitor, { ...good, panId: 9, shortAddress: 9, extendedAddress: new Uint8Array(8) });
  const set = (command: string): string =>
    `and its radio takes no other frames: ip link set wpan1 down; ${command}; ip link set wpan1 up`;
  for (const [more, message] of [
    [{ channel: 11 }, 'wpan1 is on channel 26, and not 11: iwpan phy phy1 set channel 0 11'],
    [{ panId: 9 }, `wpan1: its PAN identifier is 1234, ${set('iwpan dev wpan1 set pan_id 0x0009')}`],
    [{ shortAddress: 9 }, `wpan1: its short address is 0001, ${set('iwpan dev wpan1 set short_addr 0x0009')}`],
    [
      { extendedAddress: Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 1) },
      `wpan1: its EUI-64 is another, ${set('ip link set wpan1 address 02:00:00:00:00:00:00:01')}`,
    ],
  ] as const) {
    assert.throws(() => fitSettings(node, { ...good, ...more }), { message });
  }
});

test('a gateway and a sensor on the kernel\u2019s own stack: nodes, then monitors', {
  skip: hwsimMissing(),
}, async (t) => {
  const type = (line: string): void => {
    const [command, ...words] = line.split(' ');
    const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
    assert.equal(status, 0, `${line}: ${stderr}`);
  };
  const before = existsSync(PHY_FOLDER) ? readdirSync(PHY_FOLDER) : [];
  type('modprobe mac802154_hwsim');
  t.after(() => type('modprobe -r mac802154_hwsim'));
  const phys = readdirSync(PHY_FOLDER).filter((name) => !before.includes(name));
  assert.equal(phys.length, 2);
  const interfaces = listWpan(await loadLinuxCalls());
  const links: string[] = [];
  for (const [index, phy] of phys.entries()) {
    const wpan = interfaces.find((one) => one.phy.name === phy)!.name;
    links.push(`linux: { interface: ${wpan}, channel: 26 }`);
    type(`iwpan phy ${phy} set channel 0 26`);
    type(`iwpan dev ${wpan} set pan_id 0x1234`);
    type(`iwpan dev ${wpan} set short_addr 0x000${index}`);
    type(`ip link set ${wpan} up`);
  }
  const answers = ['one!', 'two '];
  const nodes = await runPair(gatewayRadio(links[0]), sensorRadio(links[1]));
  assert.deepEqual([nodes.problem, nodes.answers, nodes.radio?.isUp], ['', answers, true]);
  for (const [index, phy] of phys.entries()) {
    type(`ip link set ${links[index].split(/[ ,]+/)[3]} down`);
    type(`iwpan phy ${phy} interface add dietesp${index} type monitor`);
    type(`ip link set dietesp${index} up`);
  }
  const [one, other] = [0, 1].map((index) => `linux: { interface: dietesp${index} }`);
  const monitors = await runPair(gatewayRadio(one), sensorRadio(other));
  assert.deepEqual([monitors.problem, monitors.answers], ['', answers]);
  assert.equal(monitors.radio?.text, `monitor dietesp0, ${phys[0]}, channel 26, page 0`);
});
