// RFC 9329 §3 and §4 in the plainest words: a whole stream as octets becomes a list of what is in it.

/** [kind, message in hexadecimal]. */
export type Event = [string, string];

const zeros = (text: string): boolean => /^0{8}/.test(text);

/** What a receiver of records up to `limit` octets finds in `stream`; `opened`: by the peer, which begins with the prefix. */
export function naiveStream(stream: Uint8Array, limit: number, opened: boolean): Event[] {
  const events: Event[] = [];
  const text = Buffer.from(stream).toString('hex');
  let at = 0;
  if (opened) {
    const prefix = Buffer.from('IKETCP').toString('hex');
    const came = text.slice(0, prefix.length);
    if (came !== prefix.slice(0, came.length)) return [['no-prefix', '']];
    at = prefix.length;
  }
  while (text.length >= at + 4) {
    const length = Number.parseInt(text.slice(at, at + 4), 16);
    if (length < 2) return [...events, ['bad-length', '']];
    if (length > limit) {
      events.push(['long', '']);
    } else if (text.length >= at + 2 * length) {
      const message = text.slice(at + 4, at + 2 * length);
      if (message === '') events.push(['empty', '']);
      else if (message === 'ff') events.push(['keepalive', '']);
      else if (message.length <= 8) events.push(['short', message]);
      else events.push(zeros(message) ? ['ike', message.slice(8)] : ['esp', message]);
    }
    at += 2 * length;
  }
  return events;
}

/** A record, by its message in hexadecimal. */
export function naiveRecord(message: string): string {
  return (message.length / 2 + 2).toString(16).padStart(4, '0') + message;
}
