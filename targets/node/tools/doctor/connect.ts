// Opens a TCP connection for a moment.

import { connect } from 'node:net';
import { errorText } from '../../host/errors.ts';

const CONNECT_TIME = 3000;
/** Milliseconds for the first words of a server. */
const WORDS_TIME = 1000;

/** What a server at host and port is like: `problem`, why it is not reached, or ''; `words`: the first octets that it says. */
export function greet(host: string, port: number, hears: boolean): Promise<{ problem: string; words: string }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let timer = setTimeout(() => end(`no answer within ${CONNECT_TIME} ms`), CONNECT_TIME);
    const end = (problem: string, words = ''): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ problem, words });
    };
    socket.on('error', (error) => end(errorText(error)));
    socket.on('data', (octets: Buffer) => end('', octets.toString('latin1')));
    socket.on('close', () => end(''));
    socket.on('connect', () => {
      if (!hears) {
        end('');
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => end(''), WORDS_TIME);
    });
  });
}
