// The X-rays of a capture's packets as one static page: it loads nothing, runs nothing, and works with the keyboard.

import { writeFileSync } from 'node:fs';
import { BASE_CSS, XRAY_CSS } from '../../../web/xray/style.ts';
import { type Element, h, type Tree, toHtml } from '../../../web/xray/tree.ts';
import { xrayView } from '../../../web/xray/view.ts';
import { CommandError, errorText } from '../../host/errors.ts';
import { ipOf } from '../../host/explain/explanation.ts';
import { otherXray } from '../../host/explain/other-formats.ts';
import { xrayOf } from '../../host/explain/xray.ts';
import type { Taken, Taker } from './explain.ts';
import type { NumberedPacket } from './packet.ts';

/** Packets with an X-ray, and packets that are listed. */
const XRAYS_MAX = 100;
const LISTED_MAX = 1000;

/** What a page has of a capture. */
export interface PageCounts {
  /** Packets that were read. */
  packets: number;
  listed: number;
  xrays: number;
  /** X-rays that are left out because there are too many. */
  left: number;
}

const CSS = `
main, header { max-width: 100rem; margin: 0 auto; padding: 1rem; }
header p { margin: 0.25rem 0 0; color: var(--quiet); }
.page { display: grid; grid-template-columns: minmax(15rem, 22rem) minmax(0, 1fr); gap: 1.5rem; align-items: start; }
.page nav { position: sticky; top: 0; max-height: 100vh; overflow: auto; }
.list { width: 100%; font-size: 0.8125rem; }
.list th, .list td { padding: 0.25rem 0.5rem 0.25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.list td:last-child { overflow-wrap: anywhere; }
.packet { display: none; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
.packet h2 { margin-bottom: 0.5rem; }
.packet:target, .page:not(:has(.packet:target)) .packet.is-first { display: block; }
@media (max-width: 60rem) { .page { grid-template-columns: minmax(0, 1fr); } .page nav { position: static; max-height: 16rem; } }
@media print { nav { display: none; } .page { display: block; } .packet { border: 0; padding: 0; } }
`;

function section(number: number, taken: Taken, isFirst: boolean): Element {
  const { sa, other, inner, wire } = taken;
  return h(
    'section',
    { class: `packet${isFirst ? ' is-first' : ''}`, id: `packet-${number}`, 'aria-labelledby': `title-${number}` },
    h('h2', { id: `title-${number}` }, `Packet ${number}`),
    xrayView(other === null ? xrayOf(sa, inner, wire) : otherXray(other, inner, wire)),
  );
}

/** What becomes of a packet in the list. */
function lineOf(number: number, length: number, isLinked: boolean, text: string): Element {
  const name = isLinked ? h('a', { href: `#packet-${number}` }, String(number)) : String(number);
  return h(
    'tr',
    {},
    h('td', { class: 'number' }, name),
    h('td', { class: 'number' }, String(length)),
    h('td', {}, text),
  );
}

function document(title: string, about: string[], rows: Element[], sections: Element[]): string {
  const head = ['packet', 'octets', 'what it is'].map((text) => h('th', { scope: 'col' }, text));
  const table = h('table', { class: 'list' }, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows));
  const none: Tree[] =
    sections.length === 0 ? [h('p', {}, 'No packet could be explained: the list says why.')] : sections;
  const tree = h(
    'html',
    { lang: 'en' },
    h(
      'head',
      {},
      h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { 'http-equiv': 'Content-Security-Policy', content: "default-src 'none'; style-src 'unsafe-inline'" }),
      h('title', {}, title),
      h('style', {}, BASE_CSS + XRAY_CSS + CSS),
    ),
    h(
      'body',
      {},
      h(
        'header',
        {},
        h('h1', {}, title),
        about.map((text) => h('p', {}, text)),
      ),
      h('main', { class: 'page' }, h('nav', { 'aria-label': 'Packets', tabindex: '0' }, table), h('div', {}, none)),
    ),
  );
  return `<!DOCTYPE html>\n${toHtml(tree)}\n`;
}

/**
 * The page for packets of `name`. `shown`: the number of the one that is shown first. Of large captures the first packets are
 * listed and X-rayed; the page and the counts say how many are left out.
 */
export function xrayPage(name: string, packets: Iterable<NumberedPacket>, taker: Taker, shown: number) {
  const counts: PageCounts = { packets: 0, listed: 0, xrays: 0, left: 0 };
  const rows: Element[] = [];
  const sections: { number: number; taken: Taken }[] = [];
  for (const { number, octets, problem } of packets) {
    counts.packets++;
    let text = problem;
    let isLinked = false;
    if (octets !== null) {
      try {
        const taken = taker.take(octets);
        const { sa, inner, wire } = taken;
        text = `SA ${sa.name}: ${inner.length} in clear, ${wire.length} on the wire`;
        // The one that is asked for has its place in any case.
        if (counts.xrays < XRAYS_MAX - (number < shown ? 1 : 0)) {
          sections.push({ number, taken });
          isLinked = true;
          counts.xrays++;
        } else counts.left++;
      } catch (error) {
        text = `${ipOf(octets).proto === 50 ? 'ESP' : `protocol ${ipOf(octets).proto}`}: ${errorText(error)}`;
      }
    }
    if (rows.length < LISTED_MAX || isLinked) {
      rows.push(lineOf(number, octets?.length ?? 0, isLinked, text));
      counts.listed++;
    }
  }
  const first = sections.find(({ number }) => number >= shown) ?? sections[0];
  const made = sections.map((one) => section(one.number, one.taken, one === first));
  const about = [`${counts.packets} packets, ${counts.xrays} of them explained.`];
  if (counts.left > 0)
    about.push(`${counts.left} more could be explained, and are left out here: the limit is ${XRAYS_MAX}.`);
  const unlisted = counts.packets - counts.listed;
  if (unlisted > 0) about.push(`${unlisted} packets are not listed: the limit is ${LISTED_MAX}.`);
  return { html: document(`X-ray of ${name}`, about, rows, made), counts };
}

/** Writes the page; throws a CommandError. */
export function writePage(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (error) {
    throw CommandError.from(file, error);
  }
}
