// Elements of the page: made from trees, found by their identifiers.

import { h, type Tree } from '../web/xray/tree.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** The tree as an element, or a text. */
export function toNode(tree: Tree): Node {
  if (typeof tree === 'string') return document.createTextNode(tree);
  const { tag, attributes, children } = tree;
  const isSvg = tag === 'svg' || tag === 'rect';
  const element = isSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.map(toNode));
  return element;
}

/** Puts trees in the place of what an element holds. */
export function fill(element: Element, ...trees: Tree[]): void {
  element.replaceChildren(...trees.filter((tree) => tree !== '').map(toNode));
}

/** The element of the page with this identifier. */
export function at<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`${id}: is not in the page`);
  return found as Kind;
}

/** A text that is set only when it changes. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A plain table. */
export function tableOf(head: string[], rows: (string | Tree)[][], isNumber: (column: number) => boolean): Tree {
  const classOf = (i: number): Record<string, string> => (isNumber(i) ? { class: 'number' } : {});
  return h(
    'table',
    { class: 'plain' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        head.map((text, i) => h('th', { scope: 'col', ...classOf(i) }, text)),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((cells) =>
        h(
          'tr',
          {},
          cells.map((cell, i) => h('td', classOf(i), cell)),
        ),
      ),
    ),
  );
}
