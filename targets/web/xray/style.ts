// The style of X-rays, alone and in the gateway's page. Colours are variables: light, dark, and for paper.

/** Fields that are marked when they are pointed at. */
const FIELDS = 96;
const SPANS = 32;
const ROWS = 4;

const KINDS = ['known', 'computed', 'part', 'sent', 'payload', 'added', 'icv', 'outer'];

const LIGHT = `
  color-scheme: light;
  --page: #f6f7f9; --card: #ffffff; --text: #17202b; --quiet: #526070; --line: #d5dbe3; --strong: #0b62c4; --mark: #17202b;
  --good: #1a7f4b; --bad: #b3261e; --warn: #8a5a00;
  --known: #bfe5cd; --computed: #b9e3ea; --part: #ffe3a3; --sent: #ffc9ad; --payload: #c5d9ff; --added: #dccbf7;
  --icv: #f5c3df; --outer: #dde2e8; --hatch: rgb(23 32 43 / 16%);`;
const DARK = `
  color-scheme: dark;
  --page: #11161d; --card: #1a212b; --text: #e8edf3; --quiet: #a3b0bf; --line: #364252; --strong: #7db8ff; --mark: #ffffff;
  --good: #6fd39b; --bad: #ff9a91; --warn: #f2c463;
  --known: #1f5138; --computed: #174f5b; --part: #66501a; --sent: #70391f; --payload: #274476; --added: #4b3870;
  --icv: #66304d; --outer: #333e4c; --hatch: rgb(255 255 255 / 14%);`;

const spans = Array.from({ length: SPANS }, (_, i) => `.bits-${i + 1}{grid-column:span ${i + 1}}`).join('');
const rows = Array.from(
  { length: ROWS },
  (_, i) => `.rows-${i + 1}{grid-row:span ${i + 1};min-height:${1.55 * (i + 1)}rem}`,
);
const kinds = KINDS.map((kind) => `.kind-${kind}{background-color:var(--${kind})}`).join('');
const marks = Array.from({ length: FIELDS }, (_, i) => {
  const field = `[data-field="${i}"]`;
  return `.xray:has(${field}:hover) ${field},.xray:has(${field}:focus) ${field}`;
});

/** Variables and what all pages have. */
export const BASE_CSS = `
:root {${LIGHT}
  --mono: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) { :root {${DARK}} }
@media print { :root {${LIGHT} --page: #ffffff;} }
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 0.9375rem/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1, h2, h3 { line-height: 1.2; margin: 0; }
a { color: var(--strong); }
table { border-collapse: collapse; }
th { text-align: left; font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
`;

export const XRAY_CSS = `
.xray .summary { margin: 0 0 0.75rem; }
.xray .sizes { width: 100%; max-width: 48rem; margin: 0 0 1rem; }
.xray .sizes thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.xray .sizes th { white-space: nowrap; padding-right: 0.75rem; font-weight: 500; }
.xray .sizes td:nth-child(2) { width: 100%; }
.xray .sizes .number { padding-left: 0.75rem; font-weight: 600; }
.bar { display: block; width: 100%; height: 0.8rem; }
.bar rect { fill: var(--quiet); }
.bar-diet rect, .bar-air rect { fill: var(--strong); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; margin: 0 0 1rem; color: var(--quiet); font-size: 0.8125rem; }
.legend b { color: var(--text); }
.swatch { display: inline-block; width: 0.9em; height: 0.9em; border: 1px solid var(--line); border-radius: 3px; margin-right: 0.4em; vertical-align: -0.08em; }
.strips { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: 1rem; align-items: start; }
.strip { margin: 0; min-width: 0; }
.strip figcaption { margin-bottom: 0.35rem; min-height: 2.6em; line-height: 1.3; }
.strip small { display: block; color: var(--quiet); font-size: 0.75rem; }
.bits { display: grid; grid-template-columns: repeat(32, minmax(0, 1fr)); grid-auto-rows: minmax(1.55rem, auto); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 4px; overflow: hidden; }
.bits span { display: flex; gap: 0.4em; align-items: center; justify-content: center; min-width: 0; overflow: hidden; padding: 0 1px; font-size: 0.6875rem; line-height: 1.1; white-space: nowrap; }
.bits b { font-weight: 500; overflow: hidden; text-overflow: ellipsis; }
.bits i { font: 0.6875rem var(--mono); overflow: hidden; text-overflow: ellipsis; }
.bits .is-encrypted { box-shadow: inset 0 -2px 0 -1px var(--card); border-bottom: 2px dotted var(--quiet); }
.strip-clear .kind-known, .strip-clear .kind-computed { background-image: repeating-linear-gradient(135deg, transparent 0 4px, var(--hatch) 4px 6px); }
${spans}${rows.join('')}${kinds}
.xray .hint { color: var(--quiet); font-size: 0.8125rem; margin: 0.75rem 0; }
.scrolls { overflow-x: auto; max-width: 100%; }
.fields { width: 100%; font-size: 0.8125rem; }
.fields th, .fields td { padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.fields td:nth-child(5) { min-width: 14rem; }
.fields thead th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
.fields .group th { padding-top: 0.9rem; font-size: 0.875rem; }
.fields tr[data-field] th { white-space: nowrap; font-weight: 500; }
.fields .value, .fields .rule { font-family: var(--mono); font-size: 0.75rem; overflow-wrap: anywhere; }
.fields .value { min-width: 6rem; } .fields .rule { min-width: 10rem; }
.fields .clause { color: var(--quiet); }
.xray em { font-style: normal; font-weight: 600; }
.xray pre { overflow-x: auto; font: 0.75rem/1.5 var(--mono); margin: 0.5rem 0; }
.xray details { margin-top: 0.75rem; }
.xray summary { cursor: pointer; }
${marks.join(',')}{outline:2px solid var(--mark);outline-offset:-2px}
@media print { * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .strips { grid-template-columns: repeat(2, 1fr); } .xray .hint { display: none; } tr, figure { break-inside: avoid; } .scrolls { overflow: visible; } }
`;
