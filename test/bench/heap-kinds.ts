// What the heap consists of, by kind of object: a snapshot of V8, summed up. Two of them tell what each of many peers costs.

import { text } from 'node:stream/consumers';
import { getHeapSnapshot } from 'node:v8';

/** Objects of one kind, and their octets (of typed arrays those outside of the heap, too). */
export interface Kind {
  count: number;
  octets: number;
}

/** Kinds by name. */
export type Kinds = Record<string, Kind>;

/** The part of a snapshot that is read here. */
interface Snapshot {
  snapshot: { meta: { node_fields: string[]; node_types: [string[]]; edge_fields: string[]; edge_types: [string[]] } };
  nodes: number[];
  edges: number[];
  strings: string[];
}

/** Properties by which objects without a class of their own are told apart. */
const SHOWN = 3;
/** Types of nodes whose name is their content. */
const UNNAMED = ['string', 'concatenated string', 'sliced string', 'symbol', 'number', 'bigint', 'regexp'];

function readKinds({ snapshot: { meta }, nodes, edges, strings }: Snapshot): Kinds {
  const size = meta.node_fields.length;
  const [typeAt, nameAt, selfAt, edgesAt] = ['type', 'name', 'self_size', 'edge_count'].map((field) =>
    meta.node_fields.indexOf(field),
  );
  const edgeSize = meta.edge_fields.length;
  const [edgeTypeAt, edgeNameAt] = ['type', 'name_or_index'].map((field) => meta.edge_fields.indexOf(field));
  const kinds: Kinds = {};
  let edge = 0;
  for (let at = 0; at < nodes.length; at += size) {
    const type = meta.node_types[0][nodes[at + typeAt]];
    let name = UNNAMED.includes(type) ? type : `${type} ${strings[nodes[at + nameAt]]}`;
    const end = edge + nodes[at + edgesAt] * edgeSize;
    if (name === 'object Object') {
      const fields: string[] = [];
      for (let one = edge; one < end && fields.length < SHOWN; one += edgeSize) {
        if (meta.edge_types[0][edges[one + edgeTypeAt]] === 'property') fields.push(strings[edges[one + edgeNameAt]]);
      }
      name = `{ ${fields.join(', ')} }`;
    }
    edge = end;
    kinds[name] ??= { count: 0, octets: 0 };
    kinds[name].count++;
    kinds[name].octets += nodes[at + selfAt];
  }
  return kinds;
}

/** The kinds of all objects that are reachable now. */
export async function heapKinds(): Promise<Kinds> {
  return readKinds(JSON.parse(await text(getHeapSnapshot())) as Snapshot);
}

/** What `after` has more than `before`, for each of `count`, the largest first: at least an octet of each. */
export function growth(before: Kinds, after: Kinds, count: number): { name: string; each: Kind }[] {
  return Object.entries(after)
    .map(([name, { count: more, octets }]) => ({
      name,
      each: {
        count: (more - (before[name]?.count ?? 0)) / count,
        octets: (octets - (before[name]?.octets ?? 0)) / count,
      },
    }))
    .filter(({ each }) => each.octets >= 1)
    .sort((a, b) => b.each.octets - a.each.octets);
}
