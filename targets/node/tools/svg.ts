// Pieces of SVG for the project's pictures.

/** `text` for the content of an element. */
export function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** A line of text; `more` are further attributes. */
export function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${x}" y="${y}"${more}>${escaped(content)}</text>`;
}

/** A bar. */
export function bar(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${height}" fill="${fill}"/>`;
}

/** A picture on white; `label` says to a reader of screens what it shows, `style` is added to that of text. */
export function svgOf(
  size: { width: number; height: number },
  label: string,
  style: string,
  parts: readonly string[],
): string {
  const { width, height } = size;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${label}">`,
    `<style>text{font:14px sans-serif;fill:#223}.small{font-size:12px}.title{font-weight:bold}${style}</style><rect width="${width}" height="${height}" rx="8" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
