// The list of peers, however many: only rows that are seen are in the page. Pages of the list are fetched as they come near, and
// those that are seen are fetched again.

import { h, type Tree } from '../web/xray/tree.ts';
import type { Api, Page } from './api.ts';
import { at, say, toNode } from './dom.ts';
import { duration, shortNumber } from './format.ts';

export interface Peer {
  peer: string;
  connection: string;
  state: string;
  remote: string;
  remotePort: number;
  address: string;
  up: number;
  heard: number;
  packetsIn: number;
  packetsOut: number;
  octetsIn: number;
  octetsOut: number;
  drops: number;
  ikeSas: string[];
  children: number;
  /** Name of its radio, or ''. */
  radio: string;
  /** What the radio measured of its last packet; null: nothing. */
  signal: { rssi: number | null; lqi: number | null } | null;
}

export interface PeerList {
  /** Begins anew: the search has changed, or the connection is there again. */
  reload(): void;
  /** What is seen may have changed. */
  refresh(): void;
}

/** Peers of a page of the list, rows beyond the seen ones, and rows ahead that make the next page come. */
const PAGE = 200;
const BEYOND = 8;
const AHEAD = 60;
/** Milliseconds without a key before a search begins. */
const TYPING = 250;

interface Part {
  cursor: string;
  items: Peer[];
}

/** `-71 dBm`, `LQI 200`, or ''. */
export function signalText({ signal }: Peer): string {
  if (signal === null) return '';
  if (signal.rssi !== null) return `${signal.rssi} dBm`;
  return signal.lqi === null ? '' : `LQI ${signal.lqi}`;
}

function row(peer: Peer, index: number, isChosen: boolean): Tree {
  const address = peer.address === '' ? peer.remote : peer.address;
  const cells: [string, Tree][] = [
    ['address', address],
    ['radio', peer.radio],
    ['signal', signalText(peer)],
    ['up', duration(peer.up)],
    ['heard', duration(peer.heard)],
    ['in', shortNumber(peer.packetsIn)],
    ['out', shortNumber(peer.packetsOut)],
    ['drops', shortNumber(peer.drops)],
  ];
  const name = h('button', { class: 'link', type: 'button', 'data-peer': peer.peer, title: peer.peer }, peer.peer);
  return h(
    'tr',
    { 'aria-rowindex': String(index + 2), ...(isChosen ? { 'aria-selected': 'true' } : {}) },
    h('td', { class: 'c-peer' }, name, peer.state === 'established' ? '' : ` ${peer.state}`),
    cells.map(([name, cell]) => h('td', { class: `c-${name}` }, cell)),
  );
}

/** `choose`: a peer was chosen by its identity; `failed`: a question went wrong. */
export function createPeerList(api: Api, choose: (peer: string) => void, failed: (error: unknown) => void): PeerList {
  const scroll = at('peers-scroll');
  const body = at('peers-rows');
  const table = at('peers');
  const search = at<HTMLInputElement>('search');
  const [above, below] = [gap(), gap()];
  let parts: Part[] = [];
  let next: string | null = '';
  let total: number | null = 0;
  let run = 0;
  let isAsking = false;
  let shown = '';
  let height = 34;

  function gap(): HTMLTableRowElement {
    return toNode(h('tr', { class: 'gap', 'aria-hidden': 'true' }, h('td', { colspan: '9' }))) as HTMLTableRowElement;
  }

  function query(cursor: string): Record<string, string> {
    const text = search.value.trim();
    const wanted: Record<string, string> = { limit: String(PAGE) };
    if (text !== '') wanted.search = text;
    if (cursor !== '') wanted.cursor = cursor;
    return wanted;
  }

  const count = (): number => parts.reduce((sum, { items }) => sum + items.length, 0);

  function draw(): void {
    const all = count();
    const first = Math.max(0, Math.floor(scroll.scrollTop / height) - BEYOND);
    const last = Math.min(all, Math.ceil((scroll.scrollTop + scroll.clientHeight) / height) + BEYOND);
    const seen: Peer[] = [];
    let start = 0;
    for (const { items } of parts) {
      if (start + items.length > first && start < last) {
        seen.push(...items.slice(Math.max(0, first - start), last - start));
      }
      start += items.length;
    }
    const key = `${first} ${JSON.stringify(seen)}`;
    (above.firstChild as HTMLElement).style.height = `${first * height}px`;
    (below.firstChild as HTMLElement).style.height = `${Math.max(0, all - last) * height}px`;
    if (key !== shown) {
      shown = key;
      const focused = (document.activeElement as HTMLElement | null)?.dataset.peer;
      body.replaceChildren(above, ...seen.map((peer, i) => toNode(row(peer, first + i, false))), below);
      if (focused !== undefined) body.querySelector<HTMLElement>(`[data-peer="${CSS.escape(focused)}"]`)?.focus();
      const drawn = (above.nextElementSibling as HTMLElement | null)?.offsetHeight ?? 0;
      if (seen.length > 0 && drawn > 0) height = drawn;
    }
    table.setAttribute('aria-rowcount', String(total === null ? -1 : total + 1));
    const known = total ?? all;
    const some =
      all < known ? `${all} of ${known} loaded` : `${known}${total === null && next !== null ? ' so far' : ''}`;
    say(at('peers-count'), `${some}${search.value.trim() === '' ? '' : ' found'}`);
    if (last + AHEAD >= all) void more();
  }

  async function more(): Promise<void> {
    if (isAsking || next === null) return;
    isAsking = true;
    const own = run;
    const cursor = next;
    try {
      const page = await api.get<Page<Peer>>('peers', query(cursor));
      if (own !== run) return;
      parts.push({ cursor, items: page.items });
      ({ next, total } = page);
    } catch (error) {
      failed(error);
    } finally {
      if (own === run) isAsking = false;
    }
    if (own === run) draw();
  }

  /** Fetches the parts that are seen again; when they end elsewhere, what follows is fetched anew. */
  async function refresh(): Promise<void> {
    if (isAsking || parts.length === 0) return;
    const own = run;
    let start = 0;
    const from = scroll.scrollTop / height;
    const to = from + scroll.clientHeight / height;
    for (const [i, part] of parts.entries()) {
      const isSeen = start <= to && start + part.items.length >= from;
      start += part.items.length;
      if (!isSeen) continue;
      isAsking = true;
      try {
        const page = await api.get<Page<Peer>>('peers', query(part.cursor));
        if (own !== run) return;
        part.items = page.items;
        total = page.total;
        const following = parts[i + 1];
        if (following === undefined || following.cursor !== page.next) {
          parts = parts.slice(0, i + 1);
          next = page.next;
        }
      } catch (error) {
        failed(error);
        return;
      } finally {
        if (own === run) isAsking = false;
      }
    }
    draw();
  }

  function reload(): void {
    run++;
    isAsking = false;
    parts = [];
    next = '';
    total = 0;
    shown = '';
    scroll.scrollTop = 0;
    void more();
  }

  let typing = 0;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(reload, TYPING);
  });
  scroll.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => draw()).observe(scroll);
  body.addEventListener('click', (event) => {
    const peer = (event.target as HTMLElement).closest<HTMLElement>('[data-peer]')?.dataset.peer;
    if (peer !== undefined) choose(peer);
  });
  return { reload, refresh: () => void refresh() };
}
