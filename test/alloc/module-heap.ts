// Makes a module's device inside firmware and prints the heap's peak before and after.

import { engineBoard } from '../../targets/board/hooks.ts';
import type { LiteModule } from '../../targets/board/lite.ts';
import { decimal } from '../engines/report.ts';

/** Makes a device with SAs keyed by hand, and sends a packet. */
export function reportHeap(loaded: LiteModule): void {
  const board = engineBoard();
  const before = board.heap();
  const hex = loaded.hex;
  const sa = { spi: 4097, key: hex('000102030405060708090a0b0c0d0e0f'), salt: hex('010203') };
  const device = loaded.device({
    board: { now: board.now, random: board.random, transmit: board.transmit, receive: board.receive },
    panId: 1,
    shortAddress: 2,
    extendedAddress: hex('0202020202020202'),
    gateway: hex('0001'),
    address: hex('20010db8000100000000000000000002'),
    peer: hex('20010db8000100000000000000000003'),
    tunnel: hex('fe800000000000000000000000000002'),
    tunnelPeer: hex('fe800000000000000000000000000003'),
    port: 5683,
    peerPort: 5683,
    up: sa,
    down: sa,
    spiBits: 8,
    snBits: 8,
    ackWait: 20,
    reserved: 0,
    reserve: () => {},
    received: () => {},
  });
  device.send(hex('010203'), null);
  device.step();
  board.print('heap ' + decimal(before) + ' ' + decimal(board.heap()));
  board.exit(0);
}
