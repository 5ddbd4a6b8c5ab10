// `dietesp/device`: the device object, with SAs keyed by hand or set up by IKE, and configurations of the most frugal
// sensor to start from. A bundle contains only what you import.

export * from '../base/index.ts';
export { defaultConfig, type SaConfig } from '../esp/sa.ts';
export { aesCcm8Iiv } from '../esp/suites.ts';
export type { Phy } from '../link/mac.ts';
export { type CoapClient, type CoapConfig, type CoapUpper, createCoapClient } from './coap.ts';
export { createCoapInstalled, createCoapSend, deliverCoap, protectCoap } from './coap-profile.ts';
export { sensorConfig } from './config.ts';
export {
  createDevice,
  createDeviceWith,
  type Device,
  type DeviceConfig,
  type DeviceHooks,
  type DeviceUpper,
  type EchoResponder,
} from './device.ts';
export { createDeviceMtu, type DeviceMtu } from './device-mtu.ts';
export { fullExtensions } from './full-extensions.ts';
export { ikeSensorConfig } from './ike-config.ts';
export { createIkeDevice, IKE_PORT, type IkeDevice, type IkeDeviceConfig } from './ike-device.ts';
export { sensorPolicy } from './policy.ts';
export { createSensor, type Sensor, type SensorConfig, type SensorUpper } from './sensor.ts';
export {
  type Attempt,
  createUplink,
  type Transmit,
  type Uplink,
  type UplinkConfig,
  type UplinkEvents,
} from './uplink.ts';
