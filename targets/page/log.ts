// The tail of the log.

import { h } from '../web/xray/tree.ts';
import { at, toNode } from './dom.ts';
import { clock } from './format.ts';

export interface LogTail {
  add(line: Record<string, unknown>): void;
  level(): string;
}

const SHOWN = 300;

/** `changed`: another level is wanted. */
export function createLogTail(changed: () => void): LogTail {
  const list = at('log');
  const level = at<HTMLSelectElement>('log-level');
  level.addEventListener('change', changed);
  return {
    add({ time, level: of, name, message }) {
      const scroll = list.parentElement!;
      const isAtEnd = scroll.scrollTop + scroll.clientHeight >= scroll.scrollHeight - 4;
      const text = [` ${String(of)} ${String(name)} `, String(message)];
      list.append(toNode(h('li', { class: String(of) }, h('time', {}, clock(String(time))), ...text)));
      while (list.childElementCount > SHOWN) list.firstElementChild!.remove();
      if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
    },
    level: () => level.value,
  };
}
