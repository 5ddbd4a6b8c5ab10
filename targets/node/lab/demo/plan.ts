// The demo's network: the common one (network.ts), with times that suit processes on one machine.

import { gatewayFile, type NetworkStyle, type NodePlan, nodeFile, planNodes } from '../network.ts';

/** Milliseconds: UDP between processes is slower than the air. */
export const ACK_WAIT = 25;
const STYLE: NetworkStyle = {
  node: 'sensor',
  ackWait: ACK_WAIT,
  ike: { initialContact: false },
  // An answer takes some milliseconds here.
  server: { ackTimeout: 0.25 },
};

/** The plans of sensors 1..count; `secret` makes the keys. */
export function planSensors(count: number, secret: string): NodePlan[] {
  return planNodes(count, `demo ${secret}`);
}

/** The gateway's file. `coapPort`: UDP port of the CoAP server on the loopback; `hasCoap`: with rules for CoAP. */
export function demoGatewayFile(plans: NodePlan[], coapPort: number, hasCoap = false): string {
  return gatewayFile(plans, coapPort, { ...STYLE, hasCoap });
}

/** A sensor's file. `zepPort`: UDP port of the gateway's radio. */
export function demoSensorFile(plan: NodePlan, zepPort: number, hasCoap = false): string {
  return nodeFile(plan, zepPort, { ...STYLE, hasCoap });
}
