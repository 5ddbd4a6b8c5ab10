// Fields of both files about MOBIKE [RFC 4555] and about other gateways [RFC 5685].

import { GATEWAY_FQDN, type GatewayName, gatewayAt } from '../../../../core/ike/ext/redirect.ts';
import { addressOctets } from '../addresses.ts';
import { type Field, fieldError, inside, keepError } from './field.ts';

const NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** The gateway that a field names, by address or name. Keeps errors in the document. */
export function gatewayNameOf(field: Field): GatewayName {
  const text = String(field.value);
  const address = addressOctets(text);
  if (address !== undefined) return gatewayAt(address);
  // What looks like an address is none: a name's last label is no number [RFC 1123 §2.1].
  if (!NAME.test(text) || /(^|\.)\d+$/.test(text))
    keepError(field, fieldError(field, 'must be an IP address or a name'));
  return { type: GATEWAY_FQDN, identity: Uint8Array.from(Buffer.from(text.toLowerCase())) };
}

/** MOBIKE and redirects are for IKE and ESP over UDP: the error where a sensor's file says otherwise. */
export function checkMobility(root: Field, isElsewhere: boolean): void {
  for (const name of ['mobike', 'redirect']) {
    const field = inside(root, name);
    const isOn = field.value !== undefined && field.value !== false;
    if (isOn && isElsewhere)
      keepError(root, fieldError(field, 'is for sensors with `udp`, `transport` udp and `esp` udp'));
  }
  const others = inside(root, 'gateway', 'others');
  if (others.value !== undefined && inside(root, 'mobike').value !== true) {
    keepError(root, fieldError({ ...others, value: '[...]' }, 'needs `mobike: true`'));
  }
}
