// The gateway's HTTP interface: requests with the token, and events that come until the connection is lost, which is tried again.

/** A part of a list. */
export interface Page<Item> {
  items: Item[];
  next: string | null;
  /** Null: not known. */
  total: number | null;
}

/** An answer that is none: its status, and what the gateway says. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

export interface Api {
  get<Answer>(path: string, query?: Record<string, string>): Promise<Answer>;
  post<Answer>(path: string, query?: Record<string, string>): Promise<Answer>;
}

/** How the connection is. */
export type Link = 'connecting' | 'live' | 'lost' | 'denied';

export interface EventsConfig {
  token: string;
  /** Parameters of the events that are wanted. */
  query(): Record<string, string>;
  event(name: string, data: Record<string, unknown>): void;
  link(state: Link, waitMs: number): void;
}

export interface Events {
  /** Connects anew, with other parameters. */
  again(): void;
  close(): void;
}

/** Milliseconds until a lost connection is tried again: at first, and at most; and without a sign of life. */
const WAIT_MIN = 1000;
const WAIT_MAX = 10000;
const SILENCE = 40000;

const authorization = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

function withQuery(path: string, query: Record<string, string>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

async function problemOf(response: Response): Promise<string> {
  try {
    const { problem } = (await response.json()) as { problem?: string };
    return problem ?? response.statusText;
  } catch {
    return response.statusText;
  }
}

export function createApi(token: string): Api {
  async function ask<Answer>(method: string, path: string, query: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(withQuery(`/api/v1/${path}`, query), { method, headers: authorization(token) });
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return (await response.json()) as Answer;
  }
  return {
    get: (path, query) => ask('GET', path, query),
    post: (path, query) => ask('POST', path, query),
  };
}

/** Events of a text/event-stream, as they come. */
export function createParser(take: (name: string, data: string, id: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      let [name, id] = ['message', ''];
      const data: string[] = [];
      for (const line of block.split('\n')) {
        const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (field === 'event') name = value;
        else if (field === 'id') id = value;
        else if (field === 'data') data.push(value);
      }
      if (data.length > 0) take(name, data.join('\n'), id);
    }
  };
}

export function openEvents({ token, query, event, link }: EventsConfig): Events {
  let last = '';
  let wait = WAIT_MIN;
  let abort = new AbortController();
  let timer = 0;
  let isClosed = false;

  async function read(signal: AbortSignal): Promise<void> {
    const headers = { ...authorization(token), ...(last === '' ? {} : { 'Last-Event-ID': last }) };
    const response = await fetch(withQuery('/api/v1/events', query()), { headers, signal, cache: 'no-store' });
    if (response.status === 401) throw new ApiError(401, 'the token is wrong');
    if (!response.ok || response.body === null) throw new ApiError(response.status, await problemOf(response));
    const parse = createParser((name, data, id) => {
      if (id !== '') last = id;
      event(name, JSON.parse(data) as Record<string, unknown>);
    });
    link('live', 0);
    wait = WAIT_MIN;
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const silence = setTimeout(() => void reader.cancel().catch(() => {}), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) throw new Error('the gateway has ended it');
      parse(decoder.decode(value, { stream: true }));
    }
  }

  function connect(): void {
    clearTimeout(timer);
    abort.abort();
    if (isClosed) return;
    abort = new AbortController();
    const own = abort;
    read(own.signal).catch((error: unknown) => {
      if (own.signal.aborted || isClosed) return;
      if (error instanceof ApiError && error.status === 401) {
        link('denied', 0);
        return;
      }
      link('lost', wait);
      timer = setTimeout(connect, wait);
      wait = Math.min(WAIT_MAX, wait * 2);
    });
  }

  connect();
  return {
    again: connect,
    close() {
      isClosed = true;
      connect();
    },
  };
}
