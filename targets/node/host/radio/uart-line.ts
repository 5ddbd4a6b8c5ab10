// Streams for the UART radio: unix sockets (either end), terminal devices and pseudo terminals by path, serial ports.

import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import type { UartLine } from './line-keeper.ts';

/** Connects to a unix socket that another program listens at. */
export function socketLine(path: string): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      const socket = connect(path);
      let isOpen = false;
      socket.on('connect', () => {
        isOpen = true;
        onStream(socket);
      });
      socket.on('error', (error) => {
        if (!isOpen) onError(error);
      });
      return async () => {
        if (!isOpen) socket.destroy();
      };
    },
  };
}

/**
 * Listens at a unix socket, whose name is made now and removed at the end. One stream at a time: a new one takes the
 * place of the one before, as that of a program that was started again.
 */
export function listenLine(path: string): UartLine {
  let onListening: () => void = () => {};
  let onFailed: (error: Error) => void = () => {};
  return {
    listens: true,
    listening: new Promise((resolve, reject) => {
      onListening = resolve;
      onFailed = reject;
    }),
    open(onStream, onError) {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        onStream(socket);
      });
      server.on('error', (error) => {
        onFailed(error);
        onError(error);
      });
      server.listen(path, onListening);
      return () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        });
    },
  };
}

/** `stty`, which makes a terminal pass every octet on: Node's own raw mode changes line ends. */
function sttyRaw(path: string, baudRate: number, flowControl = false): Promise<string> {
  const flag = process.platform === 'linux' ? '-F' : '-f';
  const speed = baudRate > 0 ? [String(baudRate)] : [];
  if (flowControl) speed.push('crtscts');
  return new Promise((resolve) => {
    const child = spawn('stty', [flag, path, ...speed, 'raw', '-echo'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) => resolve(code === 0 ? '' : text.trim() || `stty ended with ${code}`));
  });
}

/** One stream of a terminal's two halves. */
function terminal(path: string): Duplex {
  const fds = [0, 0].map(() => openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK));
  if (!isatty(fds[0])) {
    for (const fd of fds) closeSync(fd);
    throw new Error(`${path}: is not a terminal device`);
  }
  const input = new ReadStream(fds[0]);
  const output = new WriteStream(fds[1]);
  const both = Duplex.from({ readable: input, writable: output });
  // A terminal whose other side is gone gives an error and no end.
  const end = (error?: Error | null): void => void both.destroy(error ?? undefined);
  input.on('error', end);
  output.on('error', end);
  both.on('close', () => {
    input.destroy();
    output.destroy();
  });
  return both;
}

/** Opens a terminal device as a stream. Rejects with what is wrong. */
export async function openTerminal(path: string, baudRate: number, flowControl = false): Promise<Duplex> {
  const text = await sttyRaw(path, baudRate, flowControl);
  if (text !== '') throw new Error(`${path}: ${text}`);
  return terminal(path);
}

/** A terminal device, or the terminal side of a pseudo terminal, by path. `baudRate` 0: as it is. */
export function terminalLine(path: string, baudRate = 0): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      let isStopped = false;
      void openTerminal(path, baudRate).then((stream) => {
        if (isStopped) stream.destroy();
        else onStream(stream);
      }, onError);
      return async () => {
        isStopped = true;
      };
    },
  };
}

/** A serial port, through the package `serialport`. */
export function serialLine(path: string, baudRate = 115200): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      let isStopped = false;
      void openSerial(path, baudRate).then((port) => {
        if (isStopped) port.destroy();
        else onStream(port);
      }, onError);
      return async () => {
        isStopped = true;
      };
    },
  };
}

/** Opens a serial port. Rejects with what is missing: the package, or the port. */
export async function openSerial(path: string, baudRate: number, rtscts = false): Promise<Duplex> {
  let library: typeof import('serialport');
  try {
    library = await import('serialport');
  } catch (error) {
    throw new Error(`${path}: serial ports need the package serialport (npm install serialport): ${String(error)}`);
  }
  const port = new library.SerialPort({ path, baudRate, rtscts, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
  return port;
}
