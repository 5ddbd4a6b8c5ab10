// The module `dietesp` of Lua, Duktape and JerryScript: lite.ts and a sensor with IKEv2. Each engine's entry adds its own part.

import { createApp } from './app.ts';
import type { BlobFields } from './blob-fields.ts';
import { createLite, type LiteModule } from './lite.ts';
import { createMixedAsymmetric, createMixedProvider } from './mixed.ts';
import { createProgram, createSensorOf, type ProgramBoard, type ProgramSensor } from './program.ts';
import { blobOf } from './write-blob.ts';

/** What `start` takes. */
export interface ProgramStartOptions {
  board: ProgramBoard;
  /** A blob of `dietesp provision`, as octets or a string of them; or its fields. Default: board.provision. */
  provision?: Uint8Array | string | BlobFields;
}

/** The engine's part. */
export interface EngineFacts {
  /** The engine's name on the console. */
  name: string;
  print(text: string): void;
  /** Names of the members of a foreign table or object. */
  namesOf(of: unknown): string[];
}

/** @noSelf */
export interface WholeModule extends LiteModule {
  start(options: ProgramStartOptions): ProgramSensor;
  blob(provision: Uint8Array | string | BlobFields): Uint8Array;
}

export function createWhole(engine: EngineFacts): WholeModule {
  const lite = createLite();
  return {
    start: (options) => {
      const given = options.provision;
      const blob = given === undefined ? null : blobOf(given, engine.namesOf);
      const program = createProgram(options.board, blob, engine.print);
      const board = program.board;
      const app = createApp(board, engine.name, createMixedProvider(board), createMixedAsymmetric(board), null);
      return createSensorOf(program, app);
    },
    blob: (provision) => blobOf(provision, engine.namesOf),
    device: lite.device,
    octets: lite.octets,
    hex: lite.hex,
    text: lite.text,
  };
}
