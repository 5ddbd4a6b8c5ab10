// A sensor's CoAP client on an engine. A case: [id, 'busy' (a reading with message ID 0 and token 00 is on its way) or 'idle',
// datagram, answer to it, end of the reading: '', '1 acknowledged' or '1 failed'], octets in hexadecimal digits. A reading that
// goes on is acknowledged at last.

import { type CoapClient, createCoapClient } from '../../core/device/coap.ts';
import { begin, createReport, decimal, end, expect, expectTrue, finish, hex, octets, type Report } from './report.ts';

interface Heard {
  sent: string;
  answers: string;
  ended: string;
}

function createClient(heard: Heard): CoapClient {
  return createCoapClient(
    {
      path: octets('61'),
      ackTimeout: 2000,
      maxRetransmit: 4,
      maxPayload: 1,
      random: (buffer, offset, length) => {
        for (let i = 0; i < length; i++) buffer[offset + i] = 0xff;
      },
    },
    {
      transmit: (buffer, offset, length) => {
        heard.sent = hex(buffer, offset, length);
      },
      answer: (buffer, offset, length) => {
        heard.answers += hex(buffer, offset, length);
      },
      payload: (_reading, buffer, at) => {
        buffer[at] = 0x31;
        return at + 1;
      },
      ended: (reading, acknowledged) => {
        heard.ended += decimal(reading) + (acknowledged ? ' acknowledged' : ' failed');
      },
    },
  );
}

function one(report: Report, strings: readonly string[]): void {
  const heard: Heard = { sent: '', answers: '', ended: '' };
  const client = createClient(heard);
  const isBusy = strings[1] === 'busy';
  if (isBusy) client.post(1, 0);
  expect(report, 'reading', isBusy ? '4102000000b161ff31' : '', heard.sent);
  const datagram = octets(strings[2]);
  // Between other octets, which must not matter.
  const memory = new Uint8Array(datagram.length + 9);
  for (let i = 0; i < memory.length; i++) memory[i] = 0xb1;
  for (let i = 0; i < datagram.length; i++) memory[i + 4] = datagram[i];
  const code = client.receive(memory, 4, datagram.length, true, 5);
  expect(report, 'answer', strings[3], heard.answers);
  expect(report, 'end', strings[4], heard.ended);
  expect(report, 'taken', strings[4] === '' && strings[5] !== 'ack' ? 'no' : 'yes', code < 0 ? 'no' : 'yes');
  expectTrue(report, 'on its way', client.isBusy() === (isBusy && strings[4] === ''));
  if (!client.isBusy()) return;
  const good = octets('6144000000');
  client.receive(good, 0, good.length, true, 6);
  expect(report, 'end', '1 acknowledged', heard.ended);
}

export function run(cases: readonly string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    begin(report, cases[i][0]);
    one(report, cases[i]);
    end(report);
  }
  finish(report);
}
