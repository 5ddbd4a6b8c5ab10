// The gateway's page: asks for the token, follows the events, and hands what comes to the parts of the page.

import { ApiError, createApi, type Link, openEvents } from './api.ts';
import { at, say } from './dom.ts';
import { createLogTail } from './log.ts';
import { drawNumbers, type Status } from './numbers.ts';
import { createPacketList, type Packet } from './packets.ts';
import { createPeerPanel } from './peer.ts';
import { createPeerList } from './peers.ts';
import { createPlots } from './plots.ts';

const KEY = 'dietesp-token';
/** Seconds between looks at the lists. */
const STATUS_EVERY = 2;
const LISTS_EVERY = 3;
/** Events that change the list of peers. */
const PEER_EVENTS = ['up', 'down', 'lost', 'back', 'child-failed', 'child-missing'];

/** The token of a link (`#token=...`), which is taken out of the address, or of this tab. */
function knownToken(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? '';
}

/** Asks for a token that the gateway takes. */
function askToken(problem: string): Promise<string> {
  const dialog = at<HTMLDialogElement>('login');
  const input = at<HTMLInputElement>('token');
  say(at('login-problem'), problem);
  dialog.oncancel = (event) => event.preventDefault();
  if (!dialog.open) dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    at('login-form').onsubmit = (event) => {
      event.preventDefault();
      resolve(input.value.trim());
    };
  });
}

async function provedToken(): Promise<string> {
  let token = knownToken();
  let problem = '';
  for (;;) {
    if (token === '') token = await askToken(problem);
    try {
      await createApi(token).get('status');
      break;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        // The gateway is not there: it may come back.
        break;
      }
      problem = error.status === 401 ? 'The gateway does not take this token.' : error.message;
      token = '';
      sessionStorage.removeItem(KEY);
    }
  }
  sessionStorage.setItem(KEY, token);
  at<HTMLInputElement>('token').value = '';
  at<HTMLDialogElement>('login').close();
  return token;
}

function showLink(state: Link, wait: number): void {
  const texts: Record<Link, string> = {
    connecting: 'connecting',
    live: 'live',
    lost: `connection lost, again in ${Math.round(wait / 1000)} s`,
    denied: 'the token is wrong',
  };
  const place = at('connection');
  place.className = `state is-${state}`;
  say(place, texts[state]);
}

async function start(): Promise<void> {
  const token = await provedToken();
  const api = createApi(token);
  const notice = (text: string): void => say(at('notice'), text);
  const plots = createPlots();
  const panel = createPeerPanel(api, notice);
  const failed = (error: unknown): void => {
    // A connection that is lost is said elsewhere.
    if (error instanceof ApiError) notice(error.message);
  };
  const peers = createPeerList(api, panel.show, failed);
  const packets = createPacketList(api);
  let isFirst = true;
  let rates: Record<string, number> = {};
  let ticks = 0;

  async function look(): Promise<void> {
    try {
      drawNumbers(await api.get<Status>('status'), rates);
    } catch (error) {
      failed(error);
    }
  }

  const log = createLogTail(() => events.again());
  const events = openEvents({
    token,
    query: () => ({ log: log.level(), packets: 'true' }),
    link(state, wait) {
      showLink(state, wait);
      if (state === 'denied') {
        // The page begins anew, and asks for one.
        sessionStorage.removeItem(KEY);
        events.close();
        location.reload();
      }
    },
    event(name, data) {
      if (name === 'hello') {
        if (isFirst || data.missed === true) peers.reload();
        isFirst = false;
        packets.allow(data.packets === true);
        void look();
      } else if (name === 'rates') {
        rates = data as Record<string, number>;
        plots.add(rates);
        ticks++;
        if (ticks % STATUS_EVERY === 0) void look();
        if (ticks % LISTS_EVERY === 0) {
          peers.refresh();
          panel.refresh();
        }
      } else if (name === 'packet') packets.take(data as unknown as Packet);
      else if (name === 'packets-missed') packets.missed(Number(data.count));
      else if (name === 'log') log.add(data);
      else if (PEER_EVENTS.includes(name)) {
        const who = String(data.peer ?? data.address ?? '');
        notice(`${name.replace('-', ' ')}: ${who}${data.reason === undefined ? '' : ` (${String(data.reason)})`}`);
        peers.refresh();
      }
    },
  });
}

void start();
