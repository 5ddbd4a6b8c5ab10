// Reads the file of a device with SAs keyed by hand, and makes its profile (targets/build/specialise).

import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import type { SaConfig } from '../../../../core/esp/sa.ts';
import type { Specialised } from '../../../build/specialise/layout.ts';
import { manualOf } from '../../../build/specialise/manual-of.ts';
import type { Native } from '../../../build/specialise/profile-of.ts';
import { DEVICE_SEARCH, reserveMax } from '../../../build/specialise/sa-facts.ts';
import { addressOf } from '../../host/config/common.ts';
import { DEVICE_PROPERTIES, DEVICE_SCHEMA } from '../../host/config/device-schema.ts';
import { checkText, type Field, fieldError, fileOf, filled, inside } from '../../host/config/field.ts';
import { hex } from '../../host/config/ike-names.ts';
import { type LoadedSa, loadSaFile } from '../../host/config/sa.ts';
import { isRefusal } from '../../host/errors.ts';
import { checkContexts, checkRadio, type RadioConfig } from '../../host/radio/config.ts';
import { ACK_WAIT, linkOf } from './sensor-file.ts';

const OCTETS_IN_FRAGMENTS = 1024;
/** Sequence numbers reserved ahead, where the file does not say. */
const RESERVE = 128;

function outerSource({ ipsecMode, tunnelSrc, tsIpSrcStart }: SaConfig['attributes']): Uint8Array {
  return ipsecMode === MODE_TUNNEL ? tunnelSrc : tsIpSrcStart;
}

/** The SA from `address`, and the one to it. */
function pairOf(field: Field, sas: readonly LoadedSa[], address: Uint8Array): { up: LoadedSa; down: LoadedSa } {
  const isUp = ({ attributes }: LoadedSa): boolean => Buffer.compare(outerSource(attributes), address) === 0;
  const up = sas.filter(isUp);
  const down = sas.filter((sa) => !isUp(sa));
  if (up.length !== 1 || down.length !== 1) {
    throw fieldError(field, `must have one SA from \`address\` and one to it; it has ${up.length} and ${down.length}`);
  }
  return { up: up[0], down: down[0] };
}

/** A selector's only address. */
function only(sa: LoadedSa, field: string, start: Uint8Array, end: Uint8Array): Uint8Array {
  if (Buffer.compare(start, end) === 0) return start;
  throw sa.locate(Object.assign(new Error(''), { field, value: 'a range', limit: 'must be one address in a device' }));
}

/** The profile of the file's device, and its octets with the keys. Throws a CommandError at the first thing that is wrong. */
export function readDevice(file: string, text: string, native: Native, engine: string): Specialised {
  const root = checkText(file, text, DEVICE_SCHEMA, 'device');
  root.document.finish();
  const values = filled(root.value, DEVICE_PROPERTIES);
  const radio = { zep: {}, ...(values.radio as object) } as unknown as RadioConfig;
  checkRadio(radio, ['radio'], 'radio');
  const address = addressOf(inside(root, 'address'), 16);
  const gateway = inside(root, 'gateway');
  const { up, down } = pairOf(inside(root, 'sas'), loadSaFile(fileOf(inside(root, 'sas'))), address);
  const a = up.attributes;
  const listed = values.flows as { port: number; peerPort: number }[] | undefined;
  if (listed === undefined && (a.tsPortSrcStart !== a.tsPortSrcEnd || a.tsPortDstStart !== a.tsPortDstEnd)) {
    throw fieldError(inside(root, 'flows'), 'is required where the SAs take more than one pair of ports');
  }
  const flows = listed?.map(({ port, peerPort }) => ({ ownPort: port, peerPort })) ?? [
    { ownPort: a.tsPortSrcStart, peerPort: a.tsPortDstStart },
  ];
  const hasFragments = values.fragments as boolean;
  const contexts = (values.contexts ?? []) as string[];
  try {
    return manualOf(
      {
        out: up.config,
        in: down.config,
        own: only(up, 'ts_ip_src', a.tsIpSrcStart, a.tsIpSrcEnd),
        peer: only(up, 'ts_ip_dst', a.tsIpDstStart, a.tsIpDstEnd),
        flows,
        maxPayload: values.maxPayload as number,
        reserve: (values.reserve as number | undefined) ?? Math.min(RESERVE, reserveMax(a.espSnLsb)),
        search: DEVICE_SEARCH,
      },
      {
        panId: radio.panId,
        ownLink: linkOf(root, radio),
        gatewayLink: hex(String(inside(gateway, 'link').value)),
        outer: address,
        gateway: addressOf(inside(gateway, 'address'), 16),
        contexts: contexts.length > 0 ? checkContexts(contexts) : new Uint8Array(0),
        dscp: 0,
        ackWait: radio.ackWait ?? ACK_WAIT,
        fragmentsOut: hasFragments,
        fragmentsIn: hasFragments,
        reassembly: OCTETS_IN_FRAGMENTS,
        ike: false,
      },
      native,
      engine,
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Fields of the device's file, else of its SAs.
    if (Object.hasOwn(DEVICE_PROPERTIES, error.field)) throw fieldError(inside(root, error.field), error.limit);
    throw up.locate(error);
  }
}
