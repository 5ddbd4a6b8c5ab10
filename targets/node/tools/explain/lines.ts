// Lines of an explanation.

export interface FieldLine {
  header: string;
  field: string;
  value: string;
  tv: string;
  mo: string;
  cda: string;
  /** The bits of the residue as a string of 0 and 1. */
  sent: string;
  bits: number;
  clause: string;
}

export interface Part {
  part: string;
  field: string;
  value: string;
  octets: number;
  clause: string;
}
