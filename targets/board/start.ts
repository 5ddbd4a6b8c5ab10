// The start of an application: it reads the provisioning area and accepts or refuses it.

import { fill } from '../../core/base/bytes.ts';
import type { Asymmetric } from '../../core/crypto/asymmetric.ts';
import type { IkeDevice } from '../../core/device/ike-device.ts';
import { BLOB_FIELD, BLOB_MAX, type BoardConfig, readBlob } from './blob.ts';
import { decimal, problemText } from './console.ts';
import { halt } from './halt.ts';
import type { Board } from './hooks.ts';

/** @noSelf */
export interface App {
  /** Null: the application ended before it had one. */
  device: IkeDevice | null;
  config: BoardConfig | null;
  /** It has ended: `step` does nothing more. */
  isOver(): boolean;
  /** Takes frames and commands, and does what is due. Its errors go to `fail`. */
  step(now: number): void;
  /** When to call `step` next, or -1. */
  nextTimeout(): number;
  /** Prints an error on the console and ends. */
  fail(problem: unknown): void;
}

/** An application that has ended. */
export function createEnded(board: Board): App {
  return {
    device: null,
    config: null,
    isOver: () => true,
    step: () => {},
    nextTimeout: () => -1,
    fail: (problem) => {
      board.print(problemText(problem));
    },
  };
}

/** Reads the provisioning area. Null: it was refused, and the application has ended. */
export function readConfig(board: Board, asymmetric: Asymmetric): BoardConfig | null {
  const blob = new Uint8Array(BLOB_MAX);
  const result = readBlob(blob, board.provision(blob));
  // It held the key.
  fill(blob, 0, BLOB_MAX, 0);
  const config = result.config;
  let code = result.code;
  if (config !== null && config.privateKey.length + config.publicKey.length > 0 && !asymmetric.hasEd25519()) {
    code = BLOB_FIELD;
  }
  if (code === 0) return config;
  board.print('provision bad ' + decimal(code));
  halt(board, code, 'provision');
  return null;
}
