// Live packets, the newest first, and the X-ray of the one that is chosen.

import type { Xray } from '../web/xray/model.ts';
import { h, type Tree } from '../web/xray/tree.ts';
import { xrayView } from '../web/xray/view.ts';
import { type Api, ApiError } from './api.ts';
import { at, fill, say, toNode } from './dom.ts';
import { clock } from './format.ts';

/** A packet as its event tells it. */
export interface Packet {
  id: number;
  time: string;
  direction: 'in' | 'out';
  peer: string;
  sa: string;
  /** `UDP 5683 > 5683`. */
  what: string;
  /** Octets in clear (0: not known), and on the wire. */
  clear: number;
  wire: number;
  /** Why it was dropped, or ''. */
  drop: string;
}

export interface PacketList {
  take(packet: Packet): void;
  /** Packets that were not looked at, because there were too many. */
  missed(count: number): void;
  /** False: the gateway does not show packets. */
  allow(is: boolean): void;
}

const SHOWN = 100;

function item(packet: Packet): Tree {
  const { id, direction, peer, sa, what, clear, wire, drop, time } = packet;
  const isDropped = drop !== '';
  const size = clear === 0 ? `${wire}` : direction === 'in' ? `${wire} → ${clear}` : `${clear} → ${wire}`;
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', 'data-packet': String(id) },
      h('span', { class: 'way', 'aria-label': direction === 'in' ? 'in' : 'out' }, direction === 'in' ? '↓' : '↑'),
      h('span', { class: isDropped ? 'what is-dropped' : 'what' }, isDropped ? `dropped: ${drop}` : what),
      h('span', { class: 'size' }, size),
      h('small', {}, peer === '' ? sa : peer),
      h('small', { class: 'size' }, clock(time)),
    ),
  );
}

export function createPacketList(api: Api): PacketList {
  const list = at('packets');
  const note = at('packets-note');
  const pause = at<HTMLButtonElement>('packets-pause');
  let isPaused = false;
  let isAllowed = true;
  let chosen = 0;
  let left = 0;
  let waiting: Packet[] = [];

  function tell(): void {
    if (!isAllowed) say(note, 'Off: set `http.packets` to see them.');
    else say(note, `${isPaused ? 'Paused. ' : ''}${left === 0 ? '' : `${left} not shown: too many at a time.`}`);
  }

  function draw(): void {
    const made = waiting.map((packet) => toNode(item(packet))).reverse();
    waiting = [];
    list.prepend(...made);
    while (list.childElementCount > SHOWN) {
      const last = list.lastElementChild!;
      // What has the focus stays until that is elsewhere.
      if (last.contains(document.activeElement)) break;
      last.remove();
    }
    mark();
  }

  function mark(): void {
    for (const button of list.querySelectorAll<HTMLElement>('[data-packet]')) {
      if (button.dataset.packet === String(chosen)) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
  }

  async function show(id: number): Promise<void> {
    chosen = id;
    mark();
    try {
      const xray = await api.get<Xray>(`packets/${id}`);
      if (chosen !== id) return;
      const list = document.querySelector<HTMLDetailsElement>('.field-list');
      fill(at('xray'), xrayView(xray, list?.open ?? false));
    } catch (error) {
      const isGone = error instanceof ApiError && error.status === 404;
      const text = isGone ? 'The gateway has forgotten this packet. Choose a newer one.' : (error as Error).message;
      if (chosen === id) fill(at('xray'), h('p', {}, text));
    }
  }

  list.addEventListener('click', (event) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>('[data-packet]')?.dataset.packet;
    if (id !== undefined) void show(Number(id));
  });
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    tell();
  });
  return {
    take(packet) {
      // A newcomer sees what an X-ray is at once.
      if (chosen === 0 && packet.drop === '' && packet.clear > 0) void show(packet.id);
      if (isPaused) return;
      if (waiting.push(packet) === 1) requestAnimationFrame(draw);
      if (waiting.length > SHOWN) waiting.shift();
    },
    missed(count) {
      left = count;
      tell();
    },
    allow(is) {
      isAllowed = is;
      pause.disabled = !is;
      if (!is) fill(at('xray'), h('p', {}, 'The gateway does not show packets: `http.packets` is off.'));
      tell();
    },
  };
}
