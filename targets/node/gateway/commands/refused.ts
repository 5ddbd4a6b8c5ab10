// Why a command is not obeyed.

/** `wrong`: the command itself; `absent`: what it is about is not there; `failed`: it was tried. */
export type Refusal = 'wrong' | 'absent' | 'failed';

/** A command that is refused, or that failed: the message is for whoever gave it. */
export class Refused extends Error {
  readonly kind: Refusal;

  constructor(message: string, kind: Refusal = 'failed') {
    super(message);
    this.name = 'Refused';
    this.kind = kind;
  }
}
