declare const console: { log(line: string): void };

/** One line to Node's standard output: the reference beside the four engines. */
export function emit(line: string): void {
  console.log(line);
}
