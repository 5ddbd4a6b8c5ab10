// tshark decrypts sessions with strongSwan with only our side's key log: IKE and ESP have good ICVs, and nothing is malformed.
// A session has the handshake, traffic both ways, a rekey of the Child SA and of the IKE SA, more traffic, and Delete.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sourceRoot } from '../../../targets/build/root.ts';
import { DIETESP } from '../../support/command.ts';
import { packageMissing } from '../../support/packages.ts';
import { CASES, type Case } from './cases.ts';
import { until } from './charon.ts';
import { createGatewaySide, tunMissing } from './gateway.ts';
import { strongswanMissing } from './namespaces.ts';
import { ECHO_PORT } from './ours.ts';
import { charonFor, type Lab, openLab, trafficOf } from './runner.ts';
import { createSensor } from './sensor.ts';
import { CHILD, setups } from './setup.ts';
import { capture } from './traffic.ts';

const skip = strongswanMissing() || packageMissing('tshark') || tunMissing();

let opened: Promise<Lab> | undefined;
after(async () => (await opened)?.close());

/** Rows of tshark; of a field that is there more than once the last (innermost) counts. */
function dissected(folder: string, pcap: string, fields: readonly string[]): string[][] {
  const args = ['-n', '-r', pcap, '-T', 'fields', '-E', 'separator=|', '-E', 'occurrence=l'];
  for (const name of ['enable_encryption_decode', 'enable_authentication_check']) {
    args.push('-o', 'esp.' + name + ':TRUE');
  }
  for (const field of fields) args.push('-e', field);
  const env = { ...process.env, WIRESHARK_CONFIG_DIR: folder };
  const run = spawnSync('tshark', args, { env, encoding: 'utf8', timeout: 60000 });
  assert.equal(run.status, 0, run.stderr);
  const rows = run.stdout.split('\n').slice(0, -1);
  return rows.map((row) => row.split('|'));
}

/** What `dietesp keylog FOLDER` says. */
function keylogSays(folder: string): string {
  const run = spawnSync(process.execPath, [...DIETESP, 'keylog', folder], {
    cwd: sourceRoot(),
    encoding: 'utf8',
    timeout: 20000,
  });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

function entryOf(initiator: Case['initiator'], ike: string, esp: string): Case {
  const found = CASES.find((entry) => entry.name === initiator + ' initiates: IKE SA rekeyed by ours');
  assert.ok(found !== undefined);
  return { ...found, terms: { ike: [ike], esp: [esp] } };
}

const FIELDS = [
  'isakmp.exchangetype',
  'isakmp.ispi',
  'isakmp.messageid',
  'isakmp.flag_i',
  'isakmp.flag_r',
  'isakmp.enc.decrypted',
  'isakmp.id.data.fqdn',
  'isakmp.ikev2.integrity_checksum',
  'esp.spi',
  'esp.icv_good',
  'esp.icv_bad',
  'udp.srcport',
  'udp.dstport',
  'icmpv6.type',
  '_ws.malformed',
] as const;
type Row = Record<(typeof FIELDS)[number], string>;

const IKE_SA_INIT = '34';
const IKE_AUTH = '35';
const CREATE_CHILD_SA = '36';
const INFORMATIONAL = '37';
/** Requests and answers: the handshake, two rekeys with the Deletes of what they replace, Delete. */
const EXCHANGES = [
  IKE_SA_INIT,
  IKE_AUTH,
  CREATE_CHILD_SA,
  INFORMATIONAL,
  CREATE_CHILD_SA,
  INFORMATIONAL,
  INFORMATIONAL,
].flatMap((exchange) => [exchange, exchange]);
const ECHO_REQUEST = '128';
const ECHO_REPLY = '129';
/** Packets in the tunnel, twice: three UDP echoes, one ICMP echo. */
const INNER = { toEcho: 6, fromEcho: 6, requests: 2, replies: 2 };

function isTrue(text: string): boolean {
  return /^(1|True)$/.test(text);
}

function rowsOf(folder: string, pcap: string): Row[] {
  return dissected(folder, pcap, FIELDS).map((values) => {
    return Object.fromEntries(FIELDS.map((field, index) => [field, values[index]])) as Row;
  });
}

function innerOf(rows: readonly Row[]): typeof INNER {
  const esp = rows.filter((row) => row['esp.spi'] !== '');
  return {
    toEcho: esp.filter((row) => row['udp.dstport'] === String(ECHO_PORT)).length,
    fromEcho: esp.filter((row) => row['udp.srcport'] === String(ECHO_PORT)).length,
    requests: esp.filter((row) => row['icmpv6.type'] === ECHO_REQUEST).length,
    replies: esp.filter((row) => row['icmpv6.type'] === ECHO_REPLY).length,
  };
}

// The ICV of ESP with AES-CCM is not checked by tshark: it decrypts it as AES-CTR.
for (const [initiator, ike, esp, isChecked] of [
  ['ours', 'aes128ccm8-prfsha256-x25519', 'aes128ccm8', false],
  ['ours', 'aes128-sha256-x25519', 'aes128-sha256', true],
  ['charon', 'aes128gcm16-prfsha256-ecp256', 'aes128gcm16', true],
] as const) {
  test(`tshark reads a session with our key log: ${initiator} initiates, ${ike}, ${esp}`, { skip }, async () => {
    opened ??= openLab();
    const lab = await opened;
    const sides = setups(entryOf(initiator, ike, esp), lab.site);
    const folder = join(lab.site.folder, `keys-${initiator}-${esp}`);
    const pcap = join(lab.site.folder, `${initiator}-${esp}.pcap`);
    const options = ['--keylog', folder];
    const ours = initiator === 'ours' ? createSensor(options) : createGatewaySide(lab, options);
    const charon = await charonFor(sides.charon);
    const there = sides.charon.space.inner[6];
    const exchange = async (): Promise<void> => {
      assert.equal((await ours.echo(there, ECHO_PORT, 20, 2)).received, 2);
      assert.equal((await ours.ping(there, 1)).received, 1);
      const traffic = trafficOf(lab, sides.charon);
      assert.equal((await traffic.udpEcho(there, sides.ours.space.inner[6], ECHO_PORT, 30, 1)).received, 1);
    };
    try {
      const taken = await capture(lab.gateway, lab.site.gateway, lab.site.device, pcap);
      await ours.start(sides.ours);
      if (initiator === 'charon') await charon.initiate(CHILD);
      assert.equal(await ours.outcome(), 'established');
      await exchange();
      await ours.rekeyChild();
      await ours.rekeyIke();
      await exchange();
      await ours.close();
      await until('no IKE SA', async () => ((await charon.sas()).length === 0 ? true : undefined));
      await taken.stop();
    } finally {
      await ours.close();
      await charon.stop();
    }

    assert.equal(statSync(folder).mode & 0o777, 0o700);
    const said = keylogSays(folder);
    assert.match(said, /: 2 IKE SAs, 4 ESP SAs\n/);
    assert.ok(said.includes('WIRESHARK_CONFIG_DIR='));

    const rows = rowsOf(folder, pcap);
    const wrong = (row: Row): boolean =>
      row['_ws.malformed'] !== '' || row['isakmp.ikev2.integrity_checksum'] !== '' || isTrue(row['esp.icv_bad']);
    assert.deepEqual(rows.filter(wrong), []);
    // A message that was repeated counts once.
    const messages = new Map<string, Row>();
    for (const row of rows) {
      const key = ['isakmp.ispi', 'isakmp.messageid', 'isakmp.flag_i', 'isakmp.flag_r'] as const;
      if (row['isakmp.exchangetype'] !== '') messages.set(key.map((field) => row[field]).join(' '), row);
    }
    const exchanges = [...messages.values()].map((row) => row['isakmp.exchangetype']);
    // After an IKE rekey of ours as a gateway, a probe has the token of the new SPIs [RFC 6290 §4.1].
    const more = initiator === 'charon' ? [INFORMATIONAL, INFORMATIONAL] : [];
    assert.deepEqual(exchanges, [...EXCHANGES, ...more]);
    for (const row of messages.values()) {
      assert.equal(row['isakmp.enc.decrypted'] !== '', row['isakmp.exchangetype'] !== IKE_SA_INIT, JSON.stringify(row));
    }
    const ids = [...messages.values()].map((row) => row['isakmp.id.data.fqdn']).filter((id) => id !== '');
    // The last identity of the request is IDr.
    assert.deepEqual(ids, ['gateway.test', 'gateway.test']);
    assert.deepEqual(innerOf(rows), INNER);
    const packets = rows.filter((row) => row['esp.spi'] !== '');
    assert.equal(new Set(packets.map((row) => row['esp.spi'])).size, 4);
    assert.ok(packets.every((row) => isTrue(row['esp.icv_good']) === isChecked));
    // Without the keys nothing of it is to be seen.
    const blind = rowsOf(join(lab.site.folder, 'no-keys'), pcap);
    assert.ok(blind.every((row) => row['isakmp.enc.decrypted'] === '' && row['isakmp.id.data.fqdn'] === ''));
    assert.deepEqual(innerOf(blind), { toEcho: 0, fromEcho: 0, requests: 0, replies: 0 });
  });
}
