// Text for Espruino: statements that write files into its Storage (targets/espruino/config.ts reads them).

/** The board's radio, as its board.json and `desp.jsn` have it. */
export type RadioPlace = Record<string, unknown>;

export interface FlashFile {
  /** 8 characters at most, for all versions of Espruino. */
  name: string;
  octets: Uint8Array;
}

/** Octets of a statement's data: a line that any console buffer takes, in base64. */
const PIECE = 384;

/** Statements that write the provisioning blob, where one is given, and the radio's place. */
export function storageText(blob: Uint8Array | undefined, radio: RadioPlace): string {
  const { kind: _kind, ...place } = radio;
  const settings = `require("Storage").write("desp.jsn",${JSON.stringify(JSON.stringify(place))});\n`;
  if (blob === undefined) return settings;
  return `require("Storage").write("desp.blb",atob("${Buffer.from(blob).toString('base64')}"));\n${settings}`;
}

/**
 * Statements that replace the files, print `dietesp-flash CHECKSUMS end` (CRC-32 in hexadecimal digits) and start the
 * boot code. The text of that line is put together there, so that its echo is not taken for it.
 */
export function bootText(files: readonly FlashFile[]): string {
  const lines = ['var S=require("Storage");'];
  for (const { name } of files) lines.push(`S.erase("${name}");`);
  for (const { name, octets } of files) {
    for (let at = 0; at < octets.length; at += PIECE) {
      const text = Buffer.from(octets.subarray(at, at + PIECE)).toString('base64');
      lines.push(`S.write("${name}",atob("${text}"),${at},${octets.length});`);
    }
  }
  const sums = files.map(({ name }) => `E.CRC32(S.read("${name}")).toString(16)`).join('," ",');
  lines.push(`print(["dietesp-","flash ",${sums}," end"].join(""));`, 'setTimeout(load,500);');
  return `${lines.join('\n')}\n`;
}
