// Text for Espruino: what puts the provisioning blob and the radio's place into its Storage (targets/espruino/config.ts).

/** The board's radio, as its board.json and `desp.jsn` have it. */
export type RadioPlace = Record<string, unknown>;

/** Statements that write both files; without a blob the old one stays. */
export function storageText(blob: Uint8Array | undefined, radio: RadioPlace): string {
  const { kind: _kind, ...place } = radio;
  const settings = `require("Storage").write("desp.jsn",${JSON.stringify(JSON.stringify(place))});\n`;
  if (blob === undefined) return settings;
  return `require("Storage").write("desp.blb",atob("${Buffer.from(blob).toString('base64')}"));\n${settings}`;
}
