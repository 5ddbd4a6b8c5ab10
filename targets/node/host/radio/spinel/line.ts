// Where a co-processor is reached: a serial port, TCP (a port server), or the pipes of a program (OpenThread's simulated one).

import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import type { UartLine } from '../line-keeper.ts';
import { openSerial, openTerminal } from '../uart-line.ts';

/** Milliseconds that a TCP connection may take. */
const CONNECT_TIME = 5000;
/** Milliseconds that a program has to end before it is killed. */
const END_TIME = 2000;

/** Connects to a TCP port whose octets are those of a co-processor. */
export function tcpLine(host: string, port: number): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10000 });
      let isOpen = false;
      socket.setTimeout(CONNECT_TIME, () => {
        if (!isOpen) socket.destroy(new Error(`no connection in ${CONNECT_TIME} ms`));
      });
      socket.on('connect', () => {
        isOpen = true;
        socket.setTimeout(0);
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

/** Starts a program that speaks by its standard input and output; what it writes to its standard error goes to `onText`. */
export function commandLine(command: readonly string[], onText: (text: string) => void = () => {}): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      // A group of its own: what ends this program by Ctrl-C must not end the radio before the last frames.
      const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      let isSpawned = false;
      const ended = new Promise<void>((resolve) => {
        child.on('close', () => resolve());
        child.on('error', () => resolve());
      });
      const kill = (): void => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill();
        const timer = setTimeout(() => child.kill('SIGKILL'), END_TIME);
        void ended.then(() => clearTimeout(timer));
      };
      child.stderr.setEncoding('utf8').on('data', onText);
      child.on('error', (error) => {
        if (!isSpawned) onError(new Error(`${command[0]}: ${error.message}`));
      });
      child.on('spawn', () => {
        isSpawned = true;
        const both = new Duplex({
          read() {},
          write: (chunk, _encoding, done) => void child.stdin.write(chunk, done),
          destroy(error, done) {
            kill();
            done(error);
          },
        });
        child.stdout.on('data', (octets: Uint8Array) => both.push(octets));
        child.stdin.on('error', () => {});
        child.on('exit', (code, signal) => both.destroy(new Error(`${command[0]} ended with ${signal ?? code}`)));
        onStream(both);
      });
      return async () => {
        kill();
        await ended;
      };
    },
  };
}

/** A serial port: through the package `serialport` where it is installed, else as a terminal, which `stty` sets up. */
export function portLine(path: string, baudRate: number, flowControl: boolean): UartLine {
  return {
    listens: false,
    open(onStream, onError) {
      let isStopped = false;
      const open = async (): Promise<Duplex> => {
        try {
          await import('serialport');
        } catch {
          return openTerminal(path, baudRate, flowControl);
        }
        return openSerial(path, baudRate, flowControl);
      };
      void open().then((port) => {
        if (isStopped) port.destroy();
        else onStream(port);
      }, onError);
      return async () => {
        isStopped = true;
      };
    },
  };
}
