// Reads the file of a device with SAs keyed by hand, and makes its profile (targets/build/specialise).

import { MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import type { SaConfig } from '../../../../core/esp/sa.ts';
import type { Specialised } from '../../../build/specialise/layout.ts';
import { manualOf } from '../../../build/specialise/manual-of.ts';
import type { Native } from '../../../build/specialise/profile-of.ts';
import { DEVICE_SEARCH, reserveMax, saFacts } from '../../../build/specialise/sa-facts.ts';
import { addressOf } from '../../host/config/common.ts';
import { DEVICE_PROPERTIES, DEVICE_SCHEMA } from '../../host/config/device-schema.ts';
import { attempt, checkText, type Field, fieldError, fileOf, filled, inside } from '../../host/config/field.ts';
import { warnOfOwnKeys } from '../../host/config/own-keys.ts';
import { type LoadedSa, readSas } from '../../host/config/sa.ts';
import { refusalsOf, refuseAll } from '../../host/config/sa-check.ts';
import { parseConfig, readText } from '../../host/document.ts';
import { isRefusal } from '../../host/errors.ts';
import { createFastProvider } from '../../host/provider/fast.ts';
import { checkContexts, checkRadio, type RadioConfig } from '../../host/radio/config.ts';
import { checkDevice } from './device-check.ts';
import { locatorOf } from './refused.ts';
import { ACK_WAIT, gatewayLinkOf, linkOf } from './sensor-file.ts';

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

/** A device of a file, and what is no error, but should be known. */
export interface ReadDevice extends Specialised {
  warnings: string[];
}

/** The profile of the file's device, and its octets with the keys. Throws a CommandError with what is wrong. */
export function readDevice(file: string, text: string, native: Native, engine: string): ReadDevice {
  const root = checkText(file, text, DEVICE_SCHEMA, 'device');
  const values = filled(root.value, DEVICE_PROPERTIES);
  const radio = { zep: {}, ...(values.radio as object) } as unknown as RadioConfig;
  const listedContexts = (values.contexts ?? []) as string[];
  attempt(root, () => checkRadio(radio, ['radio'], 'radio'), null);
  const contexts = attempt(root, () => checkContexts(listedContexts), new Uint8Array(0));
  root.document.finish();
  const address = addressOf(inside(root, 'address'), 16);
  const gateway = addressOf(inside(root, 'gateway', 'address'), 16);
  const ownLink = linkOf(root, radio);
  const gatewayLink = gatewayLinkOf(root, ownLink);
  const sasFile = fileOf(inside(root, 'sas'));
  const sasDocument = parseConfig(sasFile, readText(sasFile));
  const sas = readSas(sasDocument);
  const { up, down } = pairOf(inside(root, 'sas'), sas, address);
  const provider = createFastProvider();
  refuseAll([up, down].flatMap((sa) => refusalsOf(provider, sa)));
  const a = up.attributes;
  const listed = values.flows as { port: number; peerPort: number }[] | undefined;
  if (listed === undefined && (a.tsPortSrcStart !== a.tsPortSrcEnd || a.tsPortDstStart !== a.tsPortDstEnd)) {
    throw fieldError(inside(root, 'flows'), 'is required where the SAs take more than one pair of ports');
  }
  const flows = listed?.map(({ port, peerPort }) => ({ ownPort: port, peerPort })) ?? [
    { ownPort: a.tsPortSrcStart, peerPort: a.tsPortDstStart },
  ];
  const own = only(up, 'ts_ip_src', a.tsIpSrcStart, a.tsIpSrcEnd);
  const peer = only(up, 'ts_ip_dst', a.tsIpDstStart, a.tsIpDstEnd);
  const hasFragments = values.fragments as boolean;
  try {
    // Before what differs from file to file: both directions have one form.
    saFacts({ out: up.config, in: down.config, reserve: 0, search: DEVICE_SEARCH });
    checkDevice(root, { up, down }, { address, gateway }, { list: flows, isListed: listed !== undefined });
    const made = manualOf(
      {
        out: up.config,
        in: down.config,
        own,
        peer,
        flows,
        maxPayload: values.maxPayload as number,
        reserve: (values.reserve as number | undefined) ?? Math.min(RESERVE, reserveMax(a.espSnLsb)),
        search: DEVICE_SEARCH,
      },
      {
        panId: radio.panId,
        ownLink,
        gatewayLink,
        outer: address,
        gateway,
        contexts: listedContexts.length > 0 ? contexts : new Uint8Array(0),
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
    warnOfOwnKeys(sasDocument);
    return { ...made, warnings: sasDocument.warnings };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // Fields of the device's file, else of its SAs.
    if (Object.hasOwn(DEVICE_PROPERTIES, error.field)) throw fieldError(inside(root, error.field), error.limit);
    throw locatorOf([up, down], error).locate(error);
  }
}
