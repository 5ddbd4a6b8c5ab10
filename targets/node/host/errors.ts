// Errors of the command line: one clear line on stderr and an exit code, no stack trace.

/** Something the user can put right. `code`: 1 failed, 2 wrong use of the command line. */
export class CommandError extends Error {
  readonly code: number;

  constructor(message: string, code = 1) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }

  /** An error of the system or of the core, about `subject` (a file name), in one line. */
  static from(subject: string, error: unknown): CommandError {
    return new CommandError(`${subject}: ${errorText(error)}`);
  }
}

const SYSTEM: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on the device',
  EEXIST: 'exists already',
};

/** The text of any thrown value, in one line. */
export function errorText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code === 'string' && SYSTEM[code] !== undefined) return SYSTEM[code];
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, ' ');
}
