// Child SAs of a connection: the file's `child`, its DSCP classes and resources, and `children`, as policies of the core.

import { MODE_TRANSPORT, MODE_TUNNEL } from '../../../../core/dietesp/attributes.ts';
import { defaultCompression } from '../../../../core/ike/child/compression.ts';
import { ehc } from '../../../../core/ike/child/ehc.ts';
import { hcp } from '../../../../core/ike/child/hcp.ts';
import type { SnTransform } from '../../../../core/ike/codec/numbers.ts';
import type { Selector } from '../../../../core/ike/codec/selectors.ts';
import type { CompressionPolicy, CompressionProposal } from '../../../../core/ike/state/compression.ts';
import type { ChildPolicy } from '../../../../core/ike/state/policy.ts';
import { didYouMean } from '../suggest.ts';
import { coapOf } from './coap.ts';
import { attempt, entriesOf, type Field, fieldError, filled, inside, keepError, type Values } from './field.ts';
import { espProposals, type SelectorTemplate, selectorsOf } from './ike-names.ts';
import { ATTRIBUTE_NAMES, CONNECTION_PROPERTIES, ESN_NONE, RESOURCES_MAX } from './ike-schema.ts';
import { type KeOffer, keOffersOf } from './ke-names.ts';
import { dfNamed } from './sa.ts';
import { addSubspaces } from './subspaces.ts';

/** Fields of one Child SA, with the place of each. */
export interface ChildPart {
  values: Values;
  of(name: string): Field;
}

/** The selectors of a Child SA as the file says them, `dynamic` among them. */
export interface Templates {
  /** Selectors of this side. */
  local: SelectorTemplate[];
  /** Selectors of the peer. */
  remote: SelectorTemplate[];
}

/** A checked Child SA. */
export interface CheckedChild extends Templates {
  policy: ChildPolicy;
}

/** What holds where the file does not say: selectors, as the file would say them, and whether this side is the device: it asks for
 * further ones. */
export interface Initial {
  local: unknown;
  remote: unknown;
  isDev?: boolean;
}

/** A further one; `isOwn`: its selectors are its own, and not those of `child`. */
export interface FurtherChild extends CheckedChild {
  isOwn: boolean;
}

const NOTIFIES = { hcp, ehc, none: null };
const ESN: Record<string, SnTransform[]> = { off: [0], on: [1], both: [1, 0], [ESN_NONE]: [] };
/** What stands for proposals that are wrong. */
const NO_ESP = { esp: [], suites: [] };
/** Fields that `children` do not get from `child`. */
const NOT_SHARED = ['eesp', 'dscp', 'dscpClasses', 'tsDscp', 'tsDscpOptional', 'perResource'];
/** Type of esp_spi_lsb, and its bits at least where there are several Child SAs. */
const SPI_LSB = 4;
const SPI_LSB_LEAST = 8;
/** Child SAs of an IKE SA beside those that are configured, where the file does not say. */
const MORE_CHILDREN = 8;

/** Wire values of HCP_PROPOSAL, by attribute; null: the number itself. */
const WIRE: (Record<string, number> | null)[] = [
  { not_compressed: 0, lower: 1, sa: 2 },
  { not_compressed: 0, lower: 1 },
  { not_compressed: 0, lower: 1, generated: 2, zero: 3 },
  { 8: 0, 16: 1, 32: 2, 64: 3 },
  null,
  null,
  { Mandatory: 0, Optional: 1 },
];

/** A pair minimum, maximum of one value; all values: undefined. */
function attributePair(field: Field, index: number): [number, number] | undefined {
  const names = WIRE[index];
  const value = String(field.value);
  if (value === 'any') return undefined;
  if (names !== null) {
    if (!Object.hasOwn(names, value)) {
      const known = Object.keys(names);
      throw fieldError(field, `must be any or one of ${known.join(', ')}${didYouMean(value, known)}`);
    }
    return [names[value], names[value]];
  }
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(value);
  const low = Number(match?.[1]);
  const high = Number(match?.[2] ?? low);
  if (match === null || low > high || high > 32) throw fieldError(field, 'must be 0..32, or a range like 8..16');
  return [low, high];
}

function proposalOf(field: Field): CompressionProposal {
  return {
    allowed: ATTRIBUTE_NAMES.map((name, index) => {
      const values = inside(field, name);
      if (values.value === undefined) return [];
      const list = Array.isArray(values.value) ? entriesOf(values) : [values];
      const pairs = list.map((entry) => attempt(entry, () => attributePair(entry, index), undefined));
      return pairs.some((pair) => pair === undefined) ? [] : pairs.flatMap((pair) => pair!);
    }),
  };
}

function compressionOf(field: Field): CompressionPolicy {
  const values = (field.value ?? {}) as Values;
  const policy = defaultCompression();
  policy.required = values.required === true;
  policy.dscpList = (values.dscp_list as number[] | undefined) ?? [];
  if (values.proposals !== undefined) policy.proposals = entriesOf(inside(field, 'proposals')).map(proposalOf);
  return policy;
}

/** All addresses (of these sizes) where the configuration says `dynamic`. */
function openSelectors(list: SelectorTemplate[], sizes: number[]): Selector[] {
  return list.flatMap(({ isDynamic, protocol, startPort, endPort, start, end }) =>
    isDynamic
      ? sizes.map((size) => {
          return { protocol, startPort, endPort, start: new Uint8Array(size), end: new Uint8Array(size).fill(255) };
        })
      : [{ protocol, startPort, endPort, start, end }],
  );
}

/**
 * Reads one Child SA. `selectors`: what this side and the peer may use where the file does not say, as the file would say it;
 * `sizes`: octets of inner addresses.
 */
export function readChild(part: ChildPart, name: string, selectors: Initial, sizes: number[]): CheckedChild {
  const c = part.values;
  const number = (key: string): number => c[key] as number;
  const ke = attempt(part.of('ke'), (): KeOffer[] => keOffersOf(part.of('ke')), [{ ke: [] }]);
  const side = (key: 'local' | 'remote'): SelectorTemplate[] => {
    const given = part.of(key);
    return attempt(
      given,
      () => selectorsOf(given.value === undefined ? { ...given, value: [selectors[key]] } : given),
      [],
    );
  };
  const [local, remote] = [side('local'), side('remote')];
  const compression = part.of('compression');
  const notify = NOTIFIES[((compression.value as Values | undefined)?.notify ?? 'hcp') as keyof typeof NOTIFIES];
  const isTs = c.tsDscp === true;
  const compressed = notify === null ? null : compressionOf(compression);
  const offered = attempt(part.of('esp'), () => espProposals(part.of('esp'), ke, ESN[String(c.esn)]), NO_ESP);
  const subspaces = part.of('subspaces');
  const isRequired = compressed?.required === true;
  const withSubspaces = () => addSubspaces(offered.esp, subspaces, part.of('esn'), isRequired);
  const policy: ChildPolicy = {
    name,
    esp: attempt(subspaces, withSubspaces, offered.esp),
    suites: offered.suites,
    mode: c.mode === 'transport' ? MODE_TRANSPORT : MODE_TUNNEL,
    local: openSelectors(local, sizes),
    remote: openSelectors(remote, sizes),
    narrow: c.narrow === true,
    ...(c.selectors === 'lists' ? { several: true } : {}),
    notify,
    compression: compressed,
    ...coapOf(inside(compression, 'coap'), notify !== null, selectors.isDev === true),
    dscp: (c.dscp as number[] | undefined) ?? null,
    df: dfNamed(String(c.df)),
    replayWindow: number('replayWindow'),
    rekeyTime: number('rekey') * 1000,
    rekeyPackets: number('rekeyPackets'),
    ...(isTs ? { tsDscp: true, ...(c.tsDscpOptional === true ? { tsDscpOptional: true } : {}) } : {}),
  };
  if (isTs && policy.mode === MODE_TRANSPORT) {
    keepError(
      part.of('tsDscp'),
      fieldError(part.of('tsDscp'), 'must be false in transport mode: nothing protects the DSCP'),
    );
  }
  if (isTs && notify === NOTIFIES.ehc) {
    const text =
      'must be false with compression.notify ehc: its outer header would have to carry the DSCP, which over sockets none does';
    keepError(part.of('tsDscp'), fieldError(part.of('tsDscp'), text));
  }
  if (policy.several === true && isRequired) {
    const text = 'must be pair where Diet-ESP is required: its rules follow from one pair';
    keepError(part.of('selectors'), fieldError(part.of('selectors'), text));
  }
  return { policy, local, remote };
}

const ascending = (list: readonly number[]): number[] => [...new Set(list)].sort((a, b) => a - b);

/** One Child SA for each DSCP class of `first`, which is the default one from here on. */
function classesOf(first: CheckedChild, part: ChildPart): CheckedChild[] {
  const { policy } = first;
  const { tsDscp: isTs, tsDscpOptional, ...plain } = policy;
  const taken = new Map<number, string>();
  const names = new Set<string>();
  const classes = entriesOf(part.of('dscpClasses')).map((entry): CheckedChild => {
    const name = String(inside(entry, 'name').value ?? '');
    if (names.has(name)) keepError(entry, fieldError(inside(entry, 'name'), 'is there twice'));
    names.add(name);
    const values = entriesOf(inside(entry, 'dscp'));
    for (const one of values) {
      const other = taken.get(one.value as number);
      if (other !== undefined) keepError(one, fieldError(one, `is in class ${other} already`));
      else taken.set(one.value as number, name);
    }
    const dscp = ascending(values.map(({ value }) => value as number));
    const { compression } = plain;
    return {
      ...first,
      policy: {
        ...plain,
        name: `${policy.name}/${name}`,
        dscp,
        // dscp_cda `sa` indexes the values of the class.
        compression: compression === null ? null : { ...compression, dscpList: dscp },
        ...(isTs === true ? { tsDscp: true, ...(tsDscpOptional === true ? { tsDscpOptional } : {}) } : {}),
      },
    };
  });
  if (classes.length === 0) return [];
  if (policy.dscp !== null) {
    keepError(
      part.of('dscp'),
      fieldError(part.of('dscp'), 'must not be there: with dscpClasses this SA is for all other values'),
    );
  }
  // An empty notify: it is understood, and the SA is for everything.
  first.policy = { ...plain, dscp: [] };
  return classes;
}

/** One Child SA for each further resource: as many are opened as the file says, and twice as many taken [RFC 9611 §3.5]. */
function resourcesOf(first: CheckedChild, part: ChildPart): CheckedChild[] {
  const count = part.values.perResource as number;
  if (count < 2) return [];
  const { policy } = first;
  first.policy = { ...policy, resource: 1 };
  const most = Math.min(RESOURCES_MAX, 2 * count);
  return Array.from({ length: most - 1 }, (_, index): CheckedChild => {
    const resource = index + 2;
    const passive = resource > count ? { passive: true } : {};
    return { ...first, policy: { ...policy, name: `${policy.name}/${resource}`, resource, ...passive } };
  });
}

/** What follows from one Child SA of the file; changes it to the first of them. */
function groupOf(first: CheckedChild, part: ChildPart): CheckedChild[] {
  const { tsDscp: isTs, dscp } = first.policy;
  const classes = classesOf(first, part);
  const resources = resourcesOf(first, part);
  if (classes.length > 0 && resources.length > 0) {
    keepError(part.of('perResource'), fieldError(part.of('perResource'), 'must be 0 with dscpClasses'));
  }
  if (isTs === true && classes.length === 0 && (dscp === null || dscp.length === 0)) {
    keepError(part.of('tsDscp'), fieldError(part.of('tsDscp'), 'needs dscpClasses'));
  }
  return [...classes, ...resources];
}

/** With several SAs between two hosts the SPI has to tell them, and those of their rekeys, apart. */
function spiBits(one: CheckedChild, field: Field): void {
  const { compression } = one.policy;
  if (compression === null) return;
  const proposals = compression.proposals.map(({ allowed }) => {
    const given = allowed[SPI_LSB];
    const pairs: number[] = given.length === 0 ? [SPI_LSB_LEAST, 32] : [];
    for (let at = 0; at < given.length; at += 2) {
      if (given[at + 1] >= SPI_LSB_LEAST) pairs.push(Math.max(SPI_LSB_LEAST, given[at]), given[at + 1]);
    }
    return { allowed: allowed.map((values, index) => (index === SPI_LSB ? pairs : values)) };
  });
  if (proposals.some(({ allowed }) => allowed[SPI_LSB].length === 0)) {
    const limit = `esp_spi_lsb must be ${SPI_LSB_LEAST} or more with several Child SAs`;
    keepError(field, fieldError({ ...field, value: undefined }, limit));
    return;
  }
  one.policy = { ...one.policy, compression: { ...compression, proposals } };
}

/** All Child SAs of a connection but the first, which the classes and resources of `part` change; `given`: the file's `children`. */
export function furtherChildren(
  first: CheckedChild,
  part: ChildPart,
  given: Field,
  selectors: Initial,
  sizes: number[],
  opens: unknown,
): FurtherChild[] {
  const { name } = first.policy;
  if (first.policy.tsDscp === true && part.values.dscpClasses === undefined) {
    keepError(
      part.of('tsDscp'),
      fieldError(part.of('tsDscp'), 'needs dscpClasses: the first Child SA is for every value'),
    );
  }
  const list: FurtherChild[] = groupOf(first, part).map((one) => ({ ...one, isOwn: false }));
  const entries = entriesOf(given);
  const names = new Set(entriesOf(part.of('dscpClasses')).map((entry) => String(inside(entry, 'name').value)));
  const shared = Object.fromEntries(Object.entries(part.values).filter(([key]) => !NOT_SHARED.includes(key)));
  entries.forEach((entry, index) => {
    const label = String(inside(entry, 'name').value ?? index + 1);
    if (names.has(label)) keepError(entry, fieldError({ ...inside(entry, 'name'), value: label }, 'is there twice'));
    names.add(label);
    const own = entry.value as Values;
    const values = filled({ ...shared, ...own }, CONNECTION_PROPERTIES.child.properties!);
    const one: ChildPart = {
      values,
      of: (key) => ({
        ...(own[key] === undefined && key in shared ? part.of(key) : inside(entry, key)),
        value: values[key],
      }),
    };
    const child = readChild(one, `${name}/${label}`, selectors, sizes);
    child.policy = { ...child.policy, rank: index - entries.length };
    const group = groupOf(child, one);
    for (const each of [child, ...group]) list.push({ ...each, isOwn: true });
  });
  if (list.length > 0) for (const one of [first, ...list]) spiBits(one, part.of('compression'));
  if (opens !== true) for (const one of list) one.policy = { ...one.policy, passive: true };
  return list;
}

/** Child SAs of an IKE SA at most, where `count` further ones are configured. */
export function mostChildren(given: Field, count: number): number {
  if (given.value === undefined) return MORE_CHILDREN + count;
  const most = given.value as number;
  if (most < 1 + count)
    keepError(given, fieldError(given, `must be ${1 + count} or more: so many Child SAs are configured`));
  return most;
}

/** The further Child SAs of a profile for a peer with a name and inner addresses of its own. */
export function renamed(
  list: readonly ChildPolicy[],
  more: readonly FurtherChild[],
  from: string,
  name: string,
  remote: Selector[],
): ChildPolicy[] {
  return list.map((one, index) => {
    return { ...one, name: name + one.name.slice(from.length), ...(more[index].isOwn ? {} : { remote }) };
  });
}
