// The Node side of the package, `dietesp/node`: gateway, radios, providers, configuration. The command line is no part
// of it.

export type {
  Clock,
  FlowConfig,
  GatewayConfig,
  GatewaySa,
  PeerConfig,
} from './gateway/config.ts';
export { type LoadedGateway, loadGatewayFile, readGateway } from './gateway/file.ts';
export { createGateway, type Gateway, type GatewayEvents, type PacketInfo } from './gateway/gateway.ts';
export type { GatewayMetrics, PeerMetrics, RadioMetrics, SaMetrics } from './gateway/views.ts';
export { addressOctets, addressText } from './host/addresses.ts';
export { type Connection, policyFor } from './host/config/ike-policy.ts';
export { type LoadedSa, loadSaFile, readSas, suiteNamed } from './host/config/sa.ts';
export { SA_SCHEMA } from './host/config/schema.ts';
export { type Datagram, readDatagram, writeDatagram } from './host/datagram.ts';
export { type ConfigDocument, parseConfig } from './host/document.ts';
export { CommandError, type Fault, FieldError, FieldErrors, type Path } from './host/errors.ts';
export { createLog, type Log, type LogConfig, type LogLevel, type LogText } from './host/log.ts';
export { createFastProvider } from './host/provider/fast.ts';
export { createNobleProvider } from './host/provider/noble.ts';
export { createNodeProvider } from './host/provider/node-crypto.ts';
export { createPortableProvider } from './host/provider/portable.ts';
export { type Bridge, type BridgeConfig, type BridgePort, createBridge } from './host/radio/bridge.ts';
export type { RadioConfig } from './host/radio/config.ts';
export { type Driver, drive } from './host/radio/drive.ts';
export {
  type CaptureWriter,
  createPcapWriter,
  LINKTYPE_IEEE802_15_4,
  LINKTYPE_IEEE802_15_4_NOFCS,
  LINKTYPE_RAW,
  readCapture,
} from './host/radio/pcap.ts';
export { createPipeDecoder, type PipeCounters, type PipeDecoder, pipeOctets } from './host/radio/pipe.ts';
export { type Pollable, type Radio, stack } from './host/radio/radio.ts';
export { createRandom, type Random } from './host/radio/random.ts';
export { CaptureError, type CaptureRecord } from './host/radio/source.ts';
export { createUartRadio, type UartConfig, type UartLine, type UartRadio } from './host/radio/uart.ts';
export { listenLine, serialLine, socketLine, terminalLine } from './host/radio/uart-line.ts';
export { type LossConfig, type LossyRadio, withCapture, withLoss } from './host/radio/wrap.ts';
export { createZep, ZEP_PORT, type ZepConfig, type ZepRadio } from './host/radio/zep.ts';
export type { Reasons } from './host/reasons.ts';
export { createMedium, type LinkModel, type Medium, type MediumConfig } from './lab/medium.ts';
export { type LoadedSensor, loadSensorFile, readSensor } from './sensor/file.ts';
export { readSchcCbor, schcCbor } from './tools/rules/cbor.ts';
export { readSchcJson, schcJson } from './tools/rules/json.ts';
export { schcTable, validateRules } from './tools/rules/print.ts';
