// What happened in the last minutes: packets and octets a second, drawn by uPlot.

import type uPlotType from 'uplot';
import { at } from './dom.ts';
import { shortNumber } from './format.ts';

/** Loaded before this program. */
declare const uPlot: typeof uPlotType;

export interface Plots {
  add(rates: Record<string, number>): void;
}

/** Seconds that are kept. */
const KEPT = 600;

interface Line {
  label: string;
  colour: string;
  of(rates: Record<string, number>): number;
  fill?: string;
}

const PACKETS: Line[] = [
  { label: 'in', colour: '--strong', of: ({ packetsReceived }) => packetsReceived },
  { label: 'out', colour: '--good', of: ({ packetsSent }) => packetsSent },
  { label: 'dropped', colour: '--bad', of: ({ drops }) => drops },
];
const OCTETS: Line[] = [
  {
    label: 'ordinary ESP',
    colour: '--quiet',
    of: ({ uncompressedSent, uncompressedReceived }) => uncompressedSent + uncompressedReceived,
  },
  {
    label: 'sent',
    colour: '--strong',
    of: ({ octetsSent, octetsReceived }) => octetsSent + octetsReceived,
    fill: '--payload',
  },
];

function createPlot(id: string, lines: Line[], what: string) {
  const place = at(id);
  const times: number[] = [];
  const values: number[][] = lines.map(() => []);
  let plot: uPlotType | null = null;

  const data = (): uPlotType.AlignedData => [times, ...values];
  const size = (): { width: number; height: number } => ({
    width: Math.max(200, place.clientWidth),
    height: Math.max(100, place.clientHeight - 28),
  });

  function make(): void {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    plot = new uPlot(
      {
        ...size(),
        legend: { live: false },
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
        series: [
          {},
          ...lines.map(({ label, colour: stroke, fill }) => ({
            label,
            stroke: colour(stroke),
            width: 2,
            ...(fill === undefined ? {} : { fill: `${colour(fill)}88` }),
            points: { show: false },
          })),
        ],
        axes: [axis, { ...axis, size: 56, values: (_plot, ticks) => ticks.map(shortNumber) }],
      },
      data(),
      place,
    );
  }

  make();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', make);
  new ResizeObserver(() => plot?.setSize(size())).observe(place);
  return (rates: Record<string, number>): void => {
    times.push(Date.now() / 1000);
    for (const [i, line] of lines.entries()) values[i].push(line.of(rates));
    if (times.length > KEPT) for (const list of [times, ...values]) list.shift();
    plot?.setData(data());
    const now = lines.map(({ label }, i) => `${label} ${shortNumber(values[i].at(-1) ?? 0)}`).join(', ');
    place.setAttribute('aria-label', `${what} a second: ${now}`);
  };
}

export function createPlots(): Plots {
  const packets = createPlot('plot-packets', PACKETS, 'Packets');
  const octets = createPlot('plot-octets', OCTETS, 'Octets');
  return {
    add(rates) {
      packets(rates);
      octets(rates);
    },
  };
}
