// The Node side of the package, `dietesp/node`: gateway, radios, providers, configuration. The command line is no part
// of it.

export { addressOctets, addressText } from './config/addresses.ts';
export { type ConfigDocument, parseConfig } from './config/document.ts';
export { CommandError } from './config/errors.ts';
export { type LoadedSa, loadSaFile, readSas, suiteNamed } from './config/sa.ts';
export { SA_SCHEMA } from './config/schema.ts';
export type {
  Clock,
  FlowConfig,
  GatewayConfig,
  GatewaySa,
  PeerConfig,
  RadioConfig,
} from './gateway/config.ts';
export { type Datagram, readDatagram, writeDatagram } from './gateway/datagram.ts';
export { createGateway, type Gateway, type GatewayEvents, type PacketInfo } from './gateway/gateway.ts';
export { createLog, type Log, type LogConfig, type LogLevel, type LogText } from './gateway/log.ts';
export type { GatewayMetrics, PeerMetrics, RadioMetrics, Reasons, SaMetrics } from './gateway/metrics.ts';
export { createFastProvider } from './provider/fast.ts';
export { createNobleProvider } from './provider/noble.ts';
export { createNodeProvider } from './provider/node-crypto.ts';
export { createPortableProvider } from './provider/portable.ts';
export { type Bridge, type BridgeConfig, type BridgePort, createBridge } from './radio/bridge.ts';
export { type Driver, drive } from './radio/drive.ts';
export { createMedium, type LinkModel, type Medium, type MediumConfig } from './radio/medium.ts';
export {
  type CaptureWriter,
  createPcapWriter,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_RAW,
  readCapture,
} from './radio/pcap.ts';
export { createPipeDecoder, type PipeCounters, type PipeDecoder, pipeOctets } from './radio/pipe.ts';
export { type Pollable, type Radio, stack } from './radio/radio.ts';
export { createRandom, type Random } from './radio/random.ts';
export { CaptureError, type CaptureRecord } from './radio/source.ts';
export { createUartRadio, type UartConfig, type UartLine, type UartRadio } from './radio/uart.ts';
export { listenLine, serialLine, socketLine, terminalLine } from './radio/uartline.ts';
export { type LossConfig, type LossyRadio, withCapture, withLoss } from './radio/wrap.ts';
export { createZep, ZEP_PORT, type ZepConfig, type ZepRadio } from './radio/zep.ts';
export { readSchcCbor, schcCbor } from './schc/cbor.ts';
export { readSchcJson, schcJson } from './schc/json.ts';
export { schcTable, validateRules } from './schc/print.ts';
