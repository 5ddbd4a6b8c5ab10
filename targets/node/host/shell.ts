// Words for a shell: commands that are printed can be typed.

/** `text` as one word, in single quotes where a shell would not take it as it is. */
export function shellWord(text: string): string {
  return /^[\w./=:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
