declare function print(line: string): void;

/** One line to the engine's console. */
export function emit(line: string): void {
  print(line);
}
