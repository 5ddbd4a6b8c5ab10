// One peer: its SAs, and what can be asked of it.

import { h, type Tree } from '../web/xray/tree.ts';
import type { Api } from './api.ts';
import { at, fill, tableOf } from './dom.ts';
import { duration, shortNumber } from './format.ts';
import { type Peer, signalText } from './peers.ts';

interface Sa {
  name: string;
  direction: 'in' | 'out';
  spi: string;
  protocol: string;
  suite: string;
  mode: string;
  compressed: boolean;
  age: number | null;
  packets: number;
  octets: number;
  sn: string;
}

interface IkeSa {
  state: string;
  cipher: string;
  children: { compression: Record<string, string | number> | null }[];
}

type Detail = Peer & { ike: IkeSa[]; sas: Sa[] };

export interface PeerPanel {
  show(peer: string): void;
  refresh(): void;
}

/** SAs of a peer that are shown. */
const SAS_SHOWN = 50;

function saTable(sas: Sa[]): Tree {
  const head = ['SA', 'way', 'SPI', 'suite', 'mode', 'Diet-ESP', 'age', 'packets', 'octets', 'SN'];
  const rows = sas
    .slice(0, SAS_SHOWN)
    .map((sa) => [
      sa.name,
      sa.direction,
      sa.spi,
      sa.suite,
      sa.mode,
      sa.compressed ? 'yes' : sa.protocol === 'ESP' ? 'no' : sa.protocol,
      sa.age === null ? '-' : duration(sa.age),
      shortNumber(sa.packets),
      shortNumber(sa.octets),
      sa.sn,
    ]);
  const table = tableOf(head, rows, (column) => column > 5);
  return h('div', { class: 'scrolls', tabindex: '0', role: 'group', 'aria-label': 'SAs of the peer' }, table);
}

function about(detail: Detail): string {
  const { remote, remotePort, ike, up, heard, radio } = detail;
  const place = radio === '' ? `${remote} port ${remotePort}` : `${remote} on ${radio}`;
  const signal = signalText(detail);
  const air = signal === '' ? '' : `, ${signal}`;
  const cipher = ike.map((sa) => sa.cipher).filter(Boolean)[0] ?? '';
  return `${detail.connection}, ${place}${air}; up ${duration(up)}, heard ${duration(heard)} ago; IKE ${cipher}`;
}

/** Asks whether a peer is to be disconnected. */
function confirmed(peer: string): Promise<boolean> {
  const dialog = at<HTMLDialogElement>('confirm');
  at('confirm-text').textContent = `${peer}: its SAs end. It may connect again.`;
  return new Promise((resolve) => {
    const end = (is: boolean): void => {
      at('confirm-yes').onclick = null;
      at('confirm-no').onclick = null;
      dialog.onclose = null;
      dialog.close();
      resolve(is);
    };
    at('confirm-yes').onclick = () => end(true);
    at('confirm-no').onclick = () => end(false);
    dialog.onclose = () => end(false);
    dialog.showModal();
  });
}

/** `tell`: something for the user. */
export function createPeerPanel(api: Api, tell: (text: string) => void): PeerPanel {
  const panel = at('peer');
  let chosen = '';
  let isBusy = false;

  async function act(what: string, path: string, query: Record<string, string> = {}): Promise<void> {
    const peer = chosen;
    isBusy = true;
    for (const button of panel.querySelectorAll('button')) button.disabled = true;
    tell(`${what}: ${peer} ...`);
    try {
      await api.post(`peers/${encodeURIComponent(peer)}/${path}`, query);
      tell(`${what}: ${peer}: done`);
    } catch (error) {
      tell(`${what}: ${peer}: ${(error as Error).message}`);
    } finally {
      isBusy = false;
      await load(false);
    }
  }

  function close(): void {
    const peer = chosen;
    chosen = '';
    fill(panel);
    document.querySelector<HTMLElement>(`[data-peer="${CSS.escape(peer)}"]`)?.focus();
  }

  function draw(detail: Detail): void {
    const action = (id: string, text: string, kind = ''): Tree =>
      h('button', { type: 'button', 'data-action': id, ...(kind === '' ? {} : { class: kind }) }, text);
    const focused = (document.activeElement as HTMLElement | null)?.dataset.action;
    fill(
      panel,
      h('h3', { tabindex: '-1' }, detail.peer),
      h('p', { class: 'quiet' }, about(detail)),
      h(
        'p',
        { class: 'buttons' },
        action('rekey', 'Rekey Child SA'),
        action('rekey-ike', 'Rekey IKE SA'),
        action('disconnect', 'Disconnect', 'danger'),
        action('close', 'Close'),
      ),
      saTable(detail.sas),
    );
    if (focused !== undefined) panel.querySelector<HTMLElement>(`[data-action="${focused}"]`)?.focus();
  }

  async function load(isFirst: boolean): Promise<void> {
    const peer = chosen;
    if (peer === '' || isBusy) return;
    try {
      const detail = await api.get<Detail>(`peers/${encodeURIComponent(peer)}`);
      if (peer !== chosen) return;
      draw(detail);
      if (isFirst) panel.querySelector<HTMLElement>('h3')?.focus();
    } catch (error) {
      if (peer === chosen) fill(panel, h('h3', { tabindex: '-1' }, peer), h('p', {}, (error as Error).message));
    }
  }

  panel.addEventListener('click', (event) => {
    const action = (event.target as HTMLElement).closest<HTMLElement>('[data-action]')?.dataset.action;
    if (action === 'close') close();
    else if (action === 'rekey') void act('Rekey', 'rekey');
    else if (action === 'rekey-ike') void act('Rekey of IKE', 'rekey', { of: 'ike' });
    else if (action === 'disconnect') {
      void confirmed(chosen).then((is) => {
        if (is) void act('Disconnect', 'disconnect');
      });
    }
  });
  return {
    show(peer) {
      chosen = peer;
      void load(true);
    },
    refresh: () => void load(false),
  };
}
