// The key log: its lines, its files, and tshark, which decrypts the frames of a device and its gateway with it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aesCbcHmacSha256, aesCcm8, aesGcm16, type Suite } from '../../core/esp/suites.ts';
import { ALL_IKE_CIPHERS } from '../../core/ike/crypto/all-suites.ts';
import { type IkeCipher, ikeCbcHmac, ikeCcm8, ikeGcm16 } from '../../core/ike/crypto/suites.ts';
import type { IkePolicy } from '../../core/ike/state/policy.ts';
import { toAttributes, toConfig } from '../../targets/node/host/config/sa.ts';
import { createKeyLog, ESP_TABLE, espLine, IKE_TABLE, ikeLine } from '../../targets/node/host/keylog.ts';
import { LINKTYPE_IEEE802_15_4 } from '../../targets/node/host/radio/pcap.ts';
import { createMedium } from '../../targets/node/lab/medium.ts';
import { ordinary, SUITES } from '../interop/associations.ts';
import { tshark } from '../interop/tshark.ts';
import { packageMissing } from '../support/packages.ts';
import { policy } from './pair.ts';
import { deviceOn, gatewayOn, PORT } from './radio.ts';

const skip = packageMissing('tshark');
const root = mkdtempSync(join(tmpdir(), 'dietesp-keylog-'));
after(() => rmSync(root, { recursive: true, force: true }));

const configOf = (suite: string, more: Record<string, unknown> = {}) => {
  const values = ordinary(suite, 6, 6, 0x1234, more);
  return toConfig(toAttributes(values), values);
};

test('lines of ESP SAs', () => {
  const { key, salt } = SUITES.AES_GCM_16;
  assert.equal(
    espLine(configOf('AES_GCM_16')),
    `"IPv6","*","*","0x00001234","AES-GCM with 16 octet ICV [RFC4106]","0x${key}${salt}","NULL",""`,
  );
  const ccm = SUITES.AES_CCM_16;
  assert.equal(
    espLine(configOf('AES_CCM_16')),
    `"IPv6","*","*","0x00001234","AES-CTR [RFC3686]","0x${ccm.key}03${ccm.salt}",` +
      '"ANY 128 bit authentication [no checking]",""',
  );
  const { akey } = SUITES.NULL_HMAC_SHA2_256_128;
  assert.equal(
    espLine(configOf('NULL_HMAC_SHA2_256_128')),
    `"IPv6","*","*","0x00001234","NULL","","HMAC-SHA-256-128 [RFC4868]","0x${akey}"`,
  );
});

test('what Wireshark cannot decrypt gets a comment without a key', () => {
  assert.equal(espLine(configOf('CHACHA20_POLY1305')), '# 0x00001234: CHACHA20_POLY1305 is not decrypted');
  assert.equal(
    espLine(configOf('AES_GCM_16', { esp_spi_lsb: 8, esp_sn_lsb: 16 })),
    '# 0x00001234: 8 + 16 bits of SPI and SN on the wire is not decrypted',
  );
  const spis = Uint8Array.from({ length: 16 }, (_, i) => i);
  const octets = new Uint8Array(256).fill(0xaa);
  for (const cipher of ALL_IKE_CIPHERS) {
    const line = ikeLine(spis, cipher, octets);
    assert.equal(line.includes('aa'), cipher.name !== 'CHACHA20_POLY1305');
    assert.match(line, /^(# )?0001020304050607,08090a0b0c0d0e0f[:,]/);
  }
});

test("the folder and its files are the user's alone, and are added to", () => {
  const folder = join(root, 'made', 'here');
  createKeyLog(folder).sa(configOf('AES_GCM_16'), 'one');
  createKeyLog(folder).sa(configOf('AES_CCM_8'), 'two');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const table of [IKE_TABLE, ESP_TABLE]) assert.equal(statSync(join(folder, table)).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(folder, ESP_TABLE), 'utf8').split('\n').length, 3);
  assert.throws(() => createKeyLog(join(folder, ESP_TABLE)), /esp_sa/);
});

const FIELDS = ['frame.protocols', 'isakmp.exchangetype', 'isakmp.auth.method', 'udp.dstport', '_ws.malformed'];

for (const [name, cipher, suite] of [
  ['AES-CCM-8, and AES-GCM in ESP', ikeCcm8, aesGcm16],
  ['AES-GCM-16, and AES-CCM in ESP', ikeGcm16, aesCcm8],
  ['AES-CBC with HMAC', ikeCbcHmac, aesCbcHmacSha256],
] as [string, IkeCipher, Suite][]) {
  test(`tshark decrypts a handshake on air and what follows: ${name}`, { skip }, () => {
    const frames: Uint8Array[] = [];
    const medium = createMedium({ seed: 1, tap: (_now, frame) => void frames.push(frame.slice()) });
    const folder = join(root, cipher.name);
    const log = createKeyLog(folder);
    const change = (base: IkePolicy): IkePolicy => {
      const integ = (number: number) => (number === 0 ? [] : [number]);
      return {
        ...base,
        ike: [{ ...base.ike[0], ciphers: [cipher.encr], keyBits: [cipher.keyBits], integ: integ(cipher.integ) }],
        ciphers: [cipher],
        child: {
          ...base.child,
          esp: [{ ...base.child.esp[0], ciphers: [suite.encr], keyBits: [128], integ: integ(suite.integ) }],
          suites: [suite],
          notify: null,
          compression: null,
        },
      };
    };
    gatewayOn(medium, change(policy('gateway', 'sensor', 2, 1)));
    const sensor = deviceOn(medium, change(policy('sensor', 'gateway', 1, 2)), {
      keylog: true,
      events: {
        connecting() {},
        keys: (sa, octets, size) => log.ike(sa, octets, size),
        installed: (sa, _child, outgoing, incoming) => log.esp(sa, outgoing, incoming),
        established() {},
        ended() {},
        replaced() {},
        removed() {},
        childFailed() {},
      },
    });
    sensor.device.uplink.connect(null, 0);
    medium.run(1000);
    assert.ok(sensor.send('to be read') > 0);
    medium.run(1500);
    const read = (tables: boolean) =>
      tshark(LINKTYPE_IEEE802_15_4, frames, {
        tables: tables
          ? Object.fromEntries(
              [IKE_TABLE, ESP_TABLE].map((t) => [t, readFileSync(join(folder, t), 'utf8').trim().split('\n')]),
            )
          : {},
        preferences: [
          '6lowpan.context0:fd00::/64',
          'esp.enable_encryption_decode:TRUE',
          'esp.enable_authentication_check:TRUE',
        ],
        fields: FIELDS,
      });
    const seen = (rows: string[][]) => ({
      init: rows.filter((row) => row[1] === '34').length,
      auth: rows.filter((row) => row[1] === '35' && row[2] === '2').length,
      inner: rows.filter((row) => row[0].includes('esp') && row[3] === String(PORT)).length,
      malformed: rows.filter((row) => row[4] !== '').length,
    });
    assert.deepEqual(seen(read(true)), { init: 2, auth: 2, inner: 1, malformed: 0 });
    // Without the keys nothing of it is to be seen.
    assert.deepEqual(seen(read(false)), { init: 2, auth: 0, inner: 0, malformed: 0 });
  });
}
