// What is shown, as plain data: elements with attributes and children. Programs write it as HTML, the page makes elements of it.
// Text never becomes markup: a name that a peer chose is shown as it is.

/** An element, or a text. */
export type Tree = Element | string;

export interface Element {
  tag: string;
  attributes: Record<string, string>;
  children: Tree[];
}

/** An element; attributes that are '' stay, children that are '' are left out. */
export function h(tag: string, attributes: Record<string, string> = {}, ...children: (Tree | Tree[])[]): Element {
  return { tag, attributes, children: children.flat().filter((child) => child !== '') };
}

/** Elements without an end tag. */
const VOID = ['meta', 'link', 'input', 'br', 'hr'];
/** Its text is no HTML, and is written as it is. */
const RAW = 'style';
const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML: content, or an attribute between quotes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** The tree as HTML. */
export function toHtml(tree: Tree): string {
  if (typeof tree === 'string') return escapeText(tree);
  const { tag, attributes, children } = tree;
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeText(value)}"`);
  const start = `<${tag}${list.join('')}>`;
  if (VOID.includes(tag)) return start;
  const text = tag === RAW ? children.join('') : children.map(toHtml).join('');
  return `${start}${text}</${tag}>`;
}
