// Provisioning blobs as every engine reads them. Cases:
//   ['read', id, blob, code, text]   readBlob returns `code`, and a configuration that prints as `text`
//   ['cut', id, blob]                cut at any length, it is refused for its length (or as no blob)
//   ['flip', id, blob, step]         with any step-th bit flipped, it is refused, and not for a field

import { BLOB_CRC, BLOB_LENGTH, BLOB_NONE, type BoardConfig, readBlob } from '../../targets/board/blob.ts';
import { begin, createReport, decimal, end, expect, expectNumber, finish, hex, octets } from '../engines/report.ts';

function digits(buffer: Uint8Array): string {
  return hex(buffer, 0, buffer.length);
}

/** Everything that a configuration says. */
export function configText(c: BoardConfig): string {
  // biome-ignore format: as in the blob
  const numbers = [
    c.panId, c.shortAddress, c.channel, c.serverPort, c.ownPort, c.requestAddress, c.idType, c.remoteIdType,
    c.interval, c.count, c.ackWait, c.retransmitTime, c.retransmitTries, c.dpdTime, c.ikeRekeyTime, c.reauthTime,
    c.rekeyTime, c.rekeyPackets, c.ticketLifetime, c.retryTime, c.retryMax, c.flags, c.nonceSize, c.coapTimeout,
    c.coapRetransmit, c.numbers.hcpProposal, c.numbers.ehcSupported, c.numbers.ehcUnacceptableParameter,
    c.numbers.optimizedRekeySupported, c.numbers.optimizedRekey, c.numbers.childSaPfsInfoSupported, c.numbers.dscp,
    c.numbers.tsDscp,
  ];
  // biome-ignore format: as in the blob
  const strings = [
    c.extendedAddress, c.gatewayLink, c.outer, c.gateway, c.contexts, c.server, c.path, c.inner, c.id, c.remoteId, c.psk,
    c.privateKey, c.publicKey,
  ];
  let text = '';
  for (let i = 0; i < numbers.length; i++) text += decimal(numbers[i]) + ',';
  for (let i = 0; i < strings.length; i++) text += digits(strings[i]) + ',';
  for (let i = 0; i < c.proposals.length; i++) {
    for (let type = 0; type < c.proposals[i].allowed.length; type++) {
      const pairs = c.proposals[i].allowed[type];
      text += '[';
      for (let k = 0; k < pairs.length; k++) text += decimal(pairs[k]) + '.';
    }
    text += ';';
  }
  return text;
}

/** The code of a blob, and behind a blank what it says. */
export function readText(blob: Uint8Array, length: number): string {
  const result = readBlob(blob, length);
  return decimal(result.code) + (result.config === null ? '' : ' ' + configText(result.config));
}

/** The first length at which a cut blob is not refused as it should be, or -1. */
export function wrongCut(blob: Uint8Array): number {
  for (let length = 0; length < blob.length; length++) {
    const code = readBlob(blob, length).code;
    if (code !== (length === 0 ? BLOB_NONE : BLOB_LENGTH)) return length;
  }
  return -1;
}

/** The first bit, of every step-th, whose change is not found by magic, version, length or CRC; or -1. */
export function wrongFlip(blob: Uint8Array, step: number): number {
  for (let bit = 0; bit < 8 * blob.length; bit += step) {
    const at = Math.floor(bit / 8);
    blob[at] = blob[at] ^ (1 << (bit & 7));
    const result = readBlob(blob, blob.length);
    blob[at] = blob[at] ^ (1 << (bit & 7));
    if (result.code < 1 || result.code > BLOB_CRC || result.config !== null) return bit;
  }
  return -1;
}

function number(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}

export function run(cases: string[][], emit: (line: string) => void): void {
  const report = createReport(emit);
  for (let i = 0; i < cases.length; i++) {
    const fields = cases[i];
    const blob = octets(fields[2]);
    begin(report, fields[1]);
    if (fields[0] === 'read') expect(report, 'blob', fields[3], readText(blob, blob.length));
    else if (fields[0] === 'cut') expectNumber(report, 'length', -1, wrongCut(blob));
    else expectNumber(report, 'bit', -1, wrongFlip(blob, number(fields[3])));
    end(report);
  }
  finish(report);
}
