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
  /** Where the field is in the packet in clear, and its size, in bits; 0 and 0: it is not there. */
  at: number;
  width: number;
}

export interface Part {
  part: string;
  field: string;
  value: string;
  octets: number;
  clause: string;
}
