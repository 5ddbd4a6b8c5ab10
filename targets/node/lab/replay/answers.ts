// The answers to one question: an SA has one counter and one replay window, and its packets come from several cores, in several
// classes, over several paths, from several senders. What each is, as the files of a sensor and a gateway say it.

/** What tells an answer's counters apart: nothing; IKE SAs; Child SAs; Child SAs by DSCP; parts of one SA. */
export type Separation = 'none' | 'ike' | 'child' | 'class' | 'subspace' | 'sub-sa';

/** One of the answers. */
export interface Answer {
  /** Its name in tables and in JSON. */
  name: string;
  /** What tells its counters apart. */
  by: Separation;
  /** Replay window of each counter in packets; 0: replay is not checked. */
  window: number;
}

const WINDOWS = [64, 256, 1024, 4096];
/** Window of each counter where there are several. */
const EACH = 64;

export const ANSWERS: readonly Answer[] = [
  { name: 'replay check off', by: 'none', window: 0 },
  ...WINDOWS.map((window): Answer => ({ name: `one SA, window ${window}`, by: 'none', window })),
  { name: 'several IKE SAs', by: 'ike', window: EACH },
  { name: 'Child SAs per worker', by: 'child', window: EACH },
  { name: 'Child SAs per class', by: 'class', window: EACH },
  { name: 'subspaces', by: 'subspace', window: EACH },
  { name: 'EESP Sub SAs', by: 'sub-sa', window: EACH },
];

/** Most counters that an answer has here: Child SAs of one peer and classes as the gateway takes them, IDs as they are sent. */
const MOST: Record<Separation, number> = { none: 1, ike: 64, child: 64, class: 16, subspace: 65536, 'sub-sa': 256 };

/** DSCP values by class: eight class selectors, then the other values of the first code points [RFC 2474 §4.2.2]. */
export const CLASS_DSCP: readonly number[] = [46, 10, 0, 34, 26, 18, 8, 40, 48, 56, 12, 14, 20, 22, 28, 30];

/** How many counters an answer has, of those that are wanted. */
export function countersOf({ by }: Answer, wanted: number): number {
  return Math.min(MOST[by], wanted);
}

/** The fields of `connection.child` on both sides, as YAML in one line. */
export function childFields({ by, window }: Answer, counters: number, esp: string): string {
  const classes = CLASS_DSCP.slice(0, counters).map((dscp, index) => `{ name: c${index}, dscp: [${dscp}] }`);
  const more: Record<Separation, string[]> = {
    none: [],
    ike: [],
    child: counters < 2 ? [] : [`perResource: ${counters}`],
    class: [`dscpClasses: [${classes.join(', ')}]`],
    subspace: [`subspaces: ${counters}`],
    'sub-sa': [`eesp: { required: true, maxSubSa: ${counters - 1} }`],
  };
  // With extended numbers a packet left of the window would be counted as one whose ICV is wrong.
  const fields = [`esp: [${esp}]`, 'esn: off', 'compression: { notify: none }', `replayWindow: ${window}`, ...more[by]];
  return `{ ${fields.join(', ')} }`;
}
