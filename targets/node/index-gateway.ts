// `dietesp/node/gateway`: the gateway, and the files that describe gateways, sensors and SAs.

export type {
  Clock,
  FlowConfig,
  GatewayConfig,
  GatewayIkeConfig,
  GatewaySa,
  PeerConfig,
  TunConfig,
} from './gateway/config.ts';
export type { Gateway, GatewayEvents, IkeRequest, PacketInfo } from './gateway/events.ts';
export { type LoadedGateway, loadGatewayFile, readGateway } from './gateway/file.ts';
export type { FlowMetrics } from './gateway/flows.ts';
export { createGateway } from './gateway/gateway.ts';
export type { IkeSaView } from './gateway/ike-view.ts';
export type { ListQuery, Page, PeerCounts, PeerView, SaView } from './gateway/list-views.ts';
export type { FlowSocket, OpenSocket, SocketUpper, Target } from './gateway/socket.ts';
export type { TopEntry, TopKey, TopQuery, TopView } from './gateway/top.ts';
export type { TrafficMetrics } from './gateway/traffic.ts';
export type {
  EspMetrics,
  GatewayCounters,
  GatewayMetrics,
  IkeCounters,
  IkeMetrics,
  PeerMetrics,
  RadioMetrics,
  SaMetrics,
  StateMetrics,
  TcpMetrics,
  UdpMetrics,
} from './gateway/views.ts';
export { addressOctets, addressText } from './host/addresses.ts';
export type { CaptureConfig } from './host/capture/settings.ts';
export type { CaptureMetrics } from './host/capture/side.ts';
export type { Field } from './host/config/field.ts';
export { GATEWAY_SCHEMA, SENSOR_SCHEMA } from './host/config/ike-files.ts';
export type { SelectorTemplate } from './host/config/ike-names.ts';
export { type Connection, policyFor } from './host/config/ike-policy.ts';
export type { NamedPeer, NamedPeers, NamedRange } from './host/config/named-peers.ts';
export { type LoadedSa, loadSaFile, readSas, suiteNamed } from './host/config/sa.ts';
export { type Property, SA_SCHEMA } from './host/config/schema.ts';
export { type Datagram, readDatagram, writeDatagram } from './host/datagram.ts';
export { type ConfigDocument, parseConfig } from './host/document.ts';
export { CommandError, type Fault, FieldError, FieldErrors, type FieldPath } from './host/errors.ts';
export type { UdpIo } from './host/io/datagrams.ts';
export { createKeyLog, type KeyLog } from './host/keylog.ts';
export {
  createLog,
  LOG_LEVELS,
  type Log,
  type LogConfig,
  type LogFields,
  type LogLevel,
  type LogText,
} from './host/log.ts';
export type { RadioConfig } from './host/radio/config.ts';
export type { Reasons } from './host/reasons.ts';
export type { ChildView } from './host/sa-view.ts';
export type { JournalMetrics } from './host/state/journal.ts';
export { openLevelStore, type StoreOptions } from './host/state/level-store.ts';
export type { StateStore } from './host/state/store.ts';
export { type Batch, batchOf, packetsOf } from './host/threads/batch.ts';
export { createSplitSa, type SplitOptions, type SplitSa } from './host/threads/split.ts';
export type { UdpAddress } from './host/udp.ts';
export type { EstablishedEvent, ReadingOutcome, Report, SensorEvent } from './sensor/describe.ts';
export {
  type LoadedPeer,
  type LoadedSensor,
  type LoadedServer,
  loadSensorFile,
  type ReadOptions,
  readSensor,
} from './sensor/file.ts';
export type { IkeHost } from './sensor/host.ts';
export type { InnerHost, OnDatagram } from './sensor/inner.ts';
export type { ReadingEnd, ReadingOptions } from './sensor/readings.ts';
export { openSensor, type Sensor, type SensorOptions } from './sensor/sensor.ts';
