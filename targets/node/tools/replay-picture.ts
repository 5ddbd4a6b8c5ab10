// The picture of `dietesp bench anti-replay`: a row for each answer, a column for each figure, bars from 0 to the largest.

import type { AnswerFigures, Report } from '../lab/replay/bench.ts';
import { bar, svgOf, text } from './svg.ts';

const LEFT = 172;
const COLUMN = 104;
const BAR_MAX = 52;
const TOP = 64;
const STEP = 26;
const BAR = 16;
const COLOURS = { good: '#2b7a78', bad: '#b5443a', cost: '#9aa5b1' };

interface Column {
  /** Two lines. */
  title: [string, string];
  colour: string;
  /** The figure of a row, and how it is written. */
  values: number[];
  texts: string[];
}

/** Share of the packets that the replay check dropped, in percent. */
export function lossOf(answer: AnswerFigures, scene: number): number {
  const { sent, lost } = answer.scenes[scene];
  return (100 * lost) / sent;
}

/** Share of the attacker's packets that were taken in all scenes, in percent. */
export function acceptedOf({ scenes }: AnswerFigures): number {
  const sum = (values: number[]): number => values.reduce((all, one) => all + one, 0);
  return (100 * sum(scenes.map(({ accepted }) => accepted))) / sum(scenes.map(({ replayed }) => replayed));
}

/** A percentage: `0`, `<0.1`, `4.2`, `100`. */
export function percent(value: number): string {
  if (value === 0) return '0';
  if (value < 0.1) return '<0.1';
  return value === 100 ? '100' : value.toFixed(1);
}

function columnsOf({ answers, scenes, measured }: Report): Column[] {
  const cores = scenes.filter((name) => name.endsWith(' cores')).length;
  const most = scenes[cores - 1];
  const column = (title: [string, string], colour: string, values: number[], texts: string[]): Column => {
    return { title, colour, values, texts };
  };
  const losses = scenes.flatMap((name, index) => {
    if (index < cores - 1) return [];
    const values = answers.map((answer) => lossOf(answer, index));
    const title: [string, string] = ['% lost,', name.startsWith('8 cores, ') ? 'all of these' : name];
    return [column(title, COLOURS.bad, values, values.map(percent))];
  });
  const faster = answers.map((answer) => answer.scenes[cores - 1].speedup);
  const replays = answers.map(acceptedOf);
  const octets = answers.map(({ combined }) => combined.octets);
  const list = [
    column(
      ['times one core,', most],
      COLOURS.good,
      faster,
      faster.map((value) => value.toFixed(value < 10 ? 1 : 0)),
    ),
    ...losses,
    column(['% of replays', 'accepted'], COLOURS.bad, replays, replays.map(percent)),
    column(
      ['octets of IKE,', 'all of these'],
      COLOURS.cost,
      octets,
      octets.map((value) => String(value)),
    ),
  ];
  if (measured !== null) {
    const kilo = measured.memory.map((value) => value / 1000);
    list.push(
      column(
        ['kB of a peer,', '8 counters'],
        COLOURS.cost,
        kilo,
        kilo.map((value) => value.toFixed(1)),
      ),
    );
  }
  return list;
}

/** The picture as SVG. */
export function replayPicture(report: Report): string {
  const columns = columnsOf(report);
  const width = LEFT + COLUMN * columns.length + 8;
  const height = TOP + STEP * report.answers.length + 16;
  const rows = report.answers.map(({ name }, row) => {
    const y = TOP + STEP * row;
    const cells = columns.map(({ colour, values, texts }, index) => {
      const x = LEFT + COLUMN * index;
      const drawn = (BAR_MAX * Math.max(0, values[row])) / Math.max(...values, 1e-9);
      return bar(x, y, drawn, BAR, colour) + text(Math.round(x + drawn) + 5, y + 13, texts[row], ' class="small"');
    });
    return text(LEFT - 10, y + 13, name, ' text-anchor="end"') + cells.join('');
  });
  const heads = columns.map(({ title }, index) => {
    const x = LEFT + COLUMN * index;
    return title.map((line, at) => text(x, 28 + 16 * at, line, ' class="small title"')).join('');
  });
  return svgOf({ width, height }, 'Answers to reordering behind a replay window', '', [...heads, ...rows]);
}
