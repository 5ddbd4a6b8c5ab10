// `dietesp/node/radio`: radios of IEEE 802.15.4 frames. ZEP in UDP, co-processors behind Spinel, serial lines, a medium in memory,
// wrappers that lose or record frames; `drive` runs a device on one.

export { type Bridge, type BridgeConfig, type BridgePort, createBridge, type LocalRadio } from './host/radio/bridge.ts';
export { type Driver, drive } from './host/radio/drive.ts';
export type { LineCounters } from './host/radio/line-keeper.ts';
export { createPipeDecoder, type PipeCounters, type PipeDecoder, pipeOctets } from './host/radio/pipe.ts';
export { type Pollable, type Radio, type RadioDevice, type Signal, stack } from './host/radio/radio.ts';
export { createRandom, type Random as SeededRandom } from './host/radio/random.ts';
export type { HdlcCounters } from './host/radio/spinel/hdlc.ts';
export { commandLine, portLine, tcpLine } from './host/radio/spinel/line.ts';
export type { OutgoingCounters } from './host/radio/spinel/outgoing.ts';
export {
  createSpinelRadio,
  type SpinelConfig,
  type SpinelCounters,
  type SpinelRadio,
} from './host/radio/spinel/radio.ts';
export type { RcpCounters } from './host/radio/spinel/rcp.ts';
export type { RcpInfo, RcpSettings } from './host/radio/spinel/setup.ts';
export {
  createUartRadio,
  type UartConfig,
  type UartCounters,
  type UartLine,
  type UartRadio,
} from './host/radio/uart.ts';
export { listenLine, serialLine, socketLine, terminalLine } from './host/radio/uart-line.ts';
export { type LossConfig, type LossyRadio, withCapture, withLoss } from './host/radio/wrap.ts';
export { createZep, ZEP_PORT, type ZepConfig, type ZepRadio } from './host/radio/zep.ts';
export { createMedium, type LinkModel, Medium, type MediumConfig, type MediumCounters } from './lab/medium.ts';
