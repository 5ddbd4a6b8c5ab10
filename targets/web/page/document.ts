// The gateway's page before its program runs: places for what comes, with their names. What is in them is made by targets/page.

import { type Element, h, toHtml } from '../xray/tree.ts';

const heading = (id: string, text: string): Element => h('h2', { id }, text);

function card(id: string, title: string, ...children: Element[]): Element {
  return h(
    'section',
    { class: `card card-${id}`, 'aria-labelledby': `${id}-title` },
    heading(`${id}-title`, title),
    ...children,
  );
}

function login(): Element {
  return h(
    'dialog',
    { id: 'login', 'aria-labelledby': 'login-title' },
    h(
      'form',
      { id: 'login-form' },
      heading('login-title', 'Token'),
      h('p', {}, 'The gateway says at its start where the token is. It stays in this tab.'),
      h('label', { for: 'token' }, 'Token'),
      h('input', {
        id: 'token',
        type: 'password',
        autocomplete: 'off',
        required: '',
        'aria-describedby': 'login-problem',
      }),
      h('p', { id: 'login-problem', class: 'problem', role: 'alert' }),
      h('button', { type: 'submit', class: 'first' }, 'Open'),
    ),
  );
}

function confirm(): Element {
  return h(
    'dialog',
    { id: 'confirm', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' },
    heading('confirm-title', 'Disconnect'),
    h('p', { id: 'confirm-text' }),
    h(
      'p',
      { class: 'buttons' },
      h('button', { id: 'confirm-no', type: 'button' }, 'Keep'),
      h('button', { id: 'confirm-yes', type: 'button', class: 'danger' }, 'Disconnect'),
    ),
  );
}

function peers(): Element {
  const head = ['peer', 'address', 'radio', 'signal', 'up', 'heard', 'in', 'out', 'drops'].map((text) => {
    return h('th', { scope: 'col', class: `c-${text}` }, text);
  });
  return card(
    'peers',
    'Peers',
    h(
      'div',
      { class: 'tools' },
      h('label', { for: 'search' }, 'Search'),
      h('input', { id: 'search', type: 'search', autocomplete: 'off', placeholder: 'identity, name, address' }),
      h('span', { id: 'peers-count', role: 'status' }),
    ),
    h(
      'div',
      { id: 'peers-scroll', class: 'scrolls list', tabindex: '0', role: 'group', 'aria-labelledby': 'peers-title' },
      h('table', { id: 'peers' }, h('thead', {}, h('tr', {}, head)), h('tbody', { id: 'peers-rows' })),
    ),
    h('div', { id: 'peer', class: 'detail', 'aria-live': 'polite' }),
  );
}

function packets(): Element {
  return card(
    'packets',
    'Live packets',
    h(
      'div',
      { class: 'tools' },
      h('button', { id: 'packets-pause', type: 'button', 'aria-pressed': 'false' }, 'Pause'),
      h('span', { id: 'packets-note', role: 'status' }),
    ),
    h(
      'div',
      { class: 'scrolls list', tabindex: '0', role: 'group', 'aria-labelledby': 'packets-title' },
      h('ol', { id: 'packets' }),
    ),
  );
}

function log(): Element {
  const levels = ['error', 'warn', 'info', 'debug'].map((level) => {
    return h('option', { value: level, ...(level === 'info' ? { selected: '' } : {}) }, level);
  });
  return card(
    'log',
    'Log',
    h('div', { class: 'tools' }, h('label', { for: 'log-level' }, 'Level'), h('select', { id: 'log-level' }, levels)),
    h(
      'div',
      { class: 'scrolls list', tabindex: '0', role: 'log', 'aria-live': 'off', 'aria-labelledby': 'log-title' },
      h('ol', { id: 'log' }),
    ),
  );
}

function plots(): Element {
  return h(
    'section',
    { class: 'plots', 'aria-label': 'History' },
    h(
      'figure',
      { class: 'card' },
      h('figcaption', {}, 'Packets a second'),
      h('div', { id: 'plot-packets', class: 'plot', role: 'img', 'aria-label': 'Packets a second' }),
    ),
    h(
      'figure',
      { class: 'card' },
      h('figcaption', {}, 'Octets a second: ordinary ESP, and what was sent'),
      h('div', { id: 'plot-octets', class: 'plot', role: 'img', 'aria-label': 'Octets a second' }),
    ),
  );
}

/** The page as HTML. */
export function pageHtml(): string {
  const tree = h(
    'html',
    { lang: 'en' },
    h(
      'head',
      {},
      h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { name: 'color-scheme', content: 'light dark' }),
      h('title', {}, 'Diet-ESP gateway'),
      h('link', { rel: 'icon', href: '/icon.svg', type: 'image/svg+xml' }),
      h('link', { rel: 'stylesheet', href: '/uplot.css' }),
      h('link', { rel: 'stylesheet', href: '/style.css' }),
      h('script', { src: '/uplot.js', defer: '' }),
      h('script', { src: '/page/main.js', type: 'module' }),
    ),
    h(
      'body',
      {},
      h('a', { class: 'skip', href: '#main' }, 'Skip to the packets'),
      h(
        'header',
        {},
        h('h1', {}, 'Diet-ESP ', h('span', {}, 'gateway')),
        h('p', { id: 'about' }),
        h('p', { id: 'connection', class: 'state', role: 'status' }, 'connecting'),
      ),
      h('noscript', {}, h('p', {}, 'This page needs JavaScript. `dietesp status` shows the same in a terminal.')),
      h(
        'main',
        { id: 'main', tabindex: '-1' },
        h('p', { id: 'notice', class: 'notice', role: 'status' }),
        h('section', { 'aria-label': 'Numbers' }, h('dl', { id: 'tiles', class: 'tiles' })),
        plots(),
        h(
          'div',
          { class: 'columns' },
          packets(),
          card('xray', 'X-ray', h('div', { id: 'xray' }, h('p', {}, 'Choose a packet.'))),
        ),
        peers(),
        card(
          'radios',
          'Radios',
          h('div', {
            id: 'radios',
            class: 'scrolls',
            tabindex: '0',
            role: 'group',
            'aria-labelledby': 'radios-title',
          }),
        ),
        log(),
      ),
      login(),
      confirm(),
    ),
  );
  return `<!DOCTYPE html>\n${toHtml(tree)}\n`;
}

/** A picture for the tab: what is removed, and what is left. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b62c4"/>' +
  '<path d="M3 5h10M3 8h6M3 11h3" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/></svg>';
