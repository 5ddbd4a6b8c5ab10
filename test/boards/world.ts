// Boards and a Node sensor on one radio with a gateway and a CoAP server (targets/node/lab/boards/lab.ts), and the steps that
// all of them must pass. PATIENCE bounds every wait and suffices on a busy machine.

import assert from 'node:assert/strict';
import { rekeyChild, rekeyIke } from '../../core/ike/exchange/requests.ts';
import { type BoardEngine, loadBoard } from '../../targets/build/board-file.ts';
import { firmwareMissing } from '../../targets/build/firmware/firmware.ts';
import type { IkeSaView } from '../../targets/node/gateway/ike-view.ts';
import { createFastProvider } from '../../targets/node/host/provider/fast.ts';
import { espruinoRunMissing } from '../../targets/node/lab/boards/espruino-run.ts';
import { createLab, type Lab, type LabNode } from '../../targets/node/lab/boards/lab.ts';
import type { RunningBoard } from '../../targets/node/lab/boards/process.ts';
import { qemuMissing } from '../../targets/node/lab/boards/qemu.ts';
import { provisionOf } from '../../targets/node/lab/boards/special.ts';
import { boardAndEngine, buildImage, startBoard } from '../../targets/node/lab/boards/start.ts';
import type { SensorEvent } from '../../targets/node/sensor/describe.ts';
import { openSensor, type Sensor } from '../../targets/node/sensor/sensor.ts';

/** Milliseconds that anything may take. */
export const PATIENCE = 240000;

/** What a node of the scenario can do, be it a board or a sensor of this process. */
export interface Node {
  what: string;
  lab: LabNode;
  /** Connects and sends its readings, all of them acknowledged. */
  sendAll(count: number): Promise<void>;
  /** Sends more readings, all of them acknowledged. */
  sendMore(count: number): Promise<void>;
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** Starts again with nothing but what it was provisioned with; null: it cannot. */
  reboot: (() => Promise<void>) | null;
  /** Resolves when it has connected again after the gateway was gone. */
  reconnected(): Promise<void>;
  close(): Promise<void>;
}

/** Builds and starts a board for a node of the lab. */
export async function startNode(
  lab: Lab,
  node: LabNode,
  name: string,
  engineName: string,
  isSpecial = false,
): Promise<Node & { board: RunningBoard }> {
  const { board, engine } = boardAndEngine(name, engineName);
  const sensor = { file: `node ${node.name}`, text: node.file };
  const image = await buildImage(board, engine, isSpecial ? sensor : null);
  const blob = provisionOf(sensor.file, sensor.text, !isSpecial);
  const running = await startBoard(board, { image: image.file, blob, entropy: '/dev/urandom' });
  lab.bridge.join(`${name} ${node.name}`, running.radio);
  const { console } = running;
  const begun = async (): Promise<void> => {
    await console.waitFor(new RegExp(`^dietesp \\S+ ${engine} native=\\d+$`), PATIENCE);
    await console.waitFor(
      new RegExp(`^provision ok id=${node.identity.slice(6)} short=${node.index.toString(16).padStart(4, '0')}$`),
      PATIENCE,
    );
    const [, resumed] = await console.waitFor(
      /^ike established messages=\d+ octets=\d+ ms=\d+ resumed=(\d)$/,
      PATIENCE,
    );
    assert.equal(resumed, '0');
  };
  let reading = 0;
  return {
    what: `${name} with ${engine}`,
    lab: node,
    board: running,
    async sendAll(count) {
      await begun();
      const [line] = await console.waitFor(/^done \d+ \d+$/, PATIENCE);
      assert.equal(line, `done ${count} 0`);
      reading = count;
    },
    async sendMore(count) {
      running.send(`send ${count}`);
      for (const last = reading + count; reading < last; ) {
        await console.waitFor(new RegExp(`^reading ${++reading} acknowledged ms=\\d+$`), PATIENCE);
      }
    },
    async rekeyChild() {
      running.send('rekey');
      await console.waitFor(/^child installed spi=[0-9a-f]{8}$/, PATIENCE);
    },
    async rekeyIke() {
      running.send('rekey-ike');
      await console.waitFor(/^ike rekeyed$/, PATIENCE);
    },
    async reboot() {
      reading = 0;
      await running.reset();
    },
    async reconnected() {
      await console.waitFor(/^ike ended outcome=-?\d+ retry=\d+$/, PATIENCE);
      await console.waitFor(/^ike established /, PATIENCE);
    },
    async close() {
      await running.quit();
    },
  };
}

/** A sensor of this process, over ZEP. */
export async function startSensor(node: LabNode): Promise<Node & { sensor: Sensor }> {
  const events: SensorEvent[] = [];
  const sensor = await openSensor(node.loaded, {
    provider: createFastProvider(),
    keylog: null,
    echoPort: 0,
    retry: true,
    waits: true,
    report: (event) => events.push(event),
  });
  let reading = 0;
  const count = (name: string) => events.filter(({ event }) => event === name).length;
  const more = async (name: string, act: () => void): Promise<void> => {
    const before = count(name);
    act();
    sensor.wake();
    assert.ok(await sensor.until(() => count(name) > before, PATIENCE), `${name}: nothing within the limit`);
  };
  const sa = () => sensor.host.uplink.current()!;
  const sendMore = async (total: number): Promise<void> => {
    for (const last = reading + total; reading < last; ) {
      const { outcome } = await sensor.read(`{"n":${++reading}}`);
      assert.equal(outcome, 'acknowledged', `reading ${reading}`);
    }
  };
  return {
    what: 'a sensor on Node',
    lab: node,
    sensor,
    async sendAll(total) {
      await more('established', () => void sensor.connect(false));
      await sendMore(total);
    },
    sendMore,
    rekeyChild: () => more('child', () => rekeyChild(sensor.host.uplink.ike, sa(), sa().children[0], sensor.now())),
    rekeyIke: () => more('rekeyed', () => rekeyIke(sensor.host.uplink.ike, sa(), sensor.now())),
    reboot: null,
    async reconnected() {
      const before = count('established');
      assert.ok(await sensor.until(() => count('established') > before, PATIENCE), 'did not connect again');
    },
    close: sensor.close,
  };
}

/** The IKE SAs that the gateway has with a node. */
export function sasOf(lab: Lab, node: LabNode): IkeSaView[] {
  return lab
    .gateway()
    .ikeSas()
    .filter((sa) => sa.peer === node.identity);
}

/** The one IKE SA of a node, with Diet-ESP in its Child SA; its SPIs. */
export function checkSa(lab: Lab, { lab: node, what }: Node): string {
  const sas = sasOf(lab, node);
  assert.equal(sas.length, 1, `${what}: ${sas.length} IKE SAs at the gateway`);
  const [{ children, spiI, spiR }] = sas;
  assert.equal(children.length, 1, what);
  const { suite, compression } = children[0];
  assert.equal(suite, 'AES_CCM_8_IIV', what);
  assert.deepEqual([compression?.esp_spi_lsb, compression?.esp_sn_lsb, compression?.alignment], [8, 8, 8], what);
  return `${spiI} ${spiR}`;
}

/** The server has taken readings 1..count of a node, each once and in order; they are forgotten then. */
export function checkReadings({ lab: node, what }: Node, first: number, count: number): void {
  const numbers = node.readings.splice(0).map((text) => (JSON.parse(text) as { n: number }).n);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_value, i) => first + i),
    what,
  );
}

export interface Part {
  board: string;
  engine: BoardEngine;
  /** The device of its profile. */
  isSpecial?: boolean;
}

/** For a test's `skip`: why a board with an engine cannot be run here, or false. */
export function boardMissing(name: string, engine: BoardEngine): string | false {
  const board = loadBoard(name);
  if (engine === 'espruino') return espruinoRunMissing();
  return (board.run?.kind !== 'program' && qemuMissing()) || firmwareMissing(engine, board);
}

/**
 * The scenario: all nodes share one air that loses `loss` of the frames at each node; each connects with IKEv2, sends
 * `count` readings, rekeys both SAs, starts again, and lives through a restart of the gateway.
 */
export async function prove(parts: Part[], withSensor: boolean, count: number, loss: number, retransmit = 0.5) {
  const nodes = parts.length + (withSensor ? 1 : 0);
  const lab = await createLab({
    nodes,
    seed: 11,
    loss,
    secret: 'test',
    count,
    interval: 0.01,
    retransmit,
    isSpecial: parts.some(({ isSpecial }) => isSpecial === true),
  });
  const all: Node[] = [];
  try {
    for (const [i, { board, engine, isSpecial }] of parts.entries()) {
      all.push(await startNode(lab, lab.nodes[i], board, engine, isSpecial));
    }
    if (withSensor) all.push(await startSensor(lab.nodes[parts.length]));
    const each = (act: (node: Node) => Promise<void>): Promise<unknown> => Promise.all(all.map(act));

    await each((node) => node.sendAll(count));
    const first = new Map(all.map((node) => [node, checkSa(lab, node)]));
    for (const node of all) checkReadings(node, 1, count);

    await each((node) => node.rekeyChild());
    await each((node) => node.sendMore(3));
    await each((node) => node.rekeyIke());
    await each((node) => node.sendMore(3));
    for (const node of all) {
      checkReadings(node, count + 1, 6);
      await settled(() => sasOf(lab, node.lab).length === 1);
      assert.notEqual(checkSa(lab, node), first.get(node), `${node.what}: the IKE SA is another`);
    }

    const booting = all.filter(({ reboot }) => reboot !== null);
    const before = new Map(booting.map((node) => [node, checkSa(lab, node)]));
    const spis = booting.flatMap(({ lab: node }) =>
      sasOf(lab, node)[0].children.flatMap(({ spiIn, spiOut }) =>
        [spiIn, spiOut].map((spi) => Number.parseInt(spi, 16)),
      ),
    );
    await Promise.all(booting.map((node) => node.reboot!()));
    await Promise.all(booting.map((node) => node.sendAll(count)));
    for (const node of booting) {
      assert.notEqual(checkSa(lab, node), before.get(node), `${node.what}: a new handshake`);
      checkReadings(node, 1, count);
    }
    const left = lab
      .gateway()
      .metrics()
      .sas.filter(({ spi }) => spis.includes(spi));
    assert.deepEqual(left, [], 'the SAs of before are gone at the gateway');

    const again = each((node) => node.reconnected());
    await lab.restartGateway(0);
    await again;
    for (const node of all) checkSa(lab, node);
    await each((node) => node.sendMore(3));
    for (const node of all) checkReadings(node, node.reboot === null ? count + 7 : count + 1, 3);
    return lab.bridge.ports().map((port) => ({ name: port.name, to: port.to, lost: port.lost() }));
  } finally {
    for (const node of all) await node.close();
    await lab.close();
  }
}

/** Waits for what comes by itself. */
export async function settled(done: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}
