// A blob in a program's words.

/** Numbers, octets or texts by name; `proposals` is an array of arrays of numbers. */
export interface BlobFields {
  [name: string]: unknown;
}
