// The files of the gateway's page: its document and styles, its program as modules, and uPlot as its package has it.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ICON, pageHtml } from '../../../web/page/document.ts';
import { PAGE_CSS } from '../../../web/page/style.ts';
import { BASE_CSS, XRAY_CSS } from '../../../web/xray/style.ts';

/** A file that HTTP gives to everybody. */
export interface Asset {
  /** Its media type. */
  type: string;
  octets: Buffer;
}

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';
const SVG = 'image/svg+xml';

/** Folders of modules below targets/, and where they are on the server: as far from each other. */
const MODULES = [
  ['page', '/page'],
  ['web/xray', '/web/xray'],
];
const TARGETS = fileURLToPath(new URL('../../../', import.meta.url));
/** `.js` as built, `.ts` in a checkout. */
const EXTENSION = extname(fileURLToPath(import.meta.url));

/** A module for browsers. A checkout has esbuild, which the package does not need. */
async function moduleText(file: string): Promise<string> {
  const text = readFileSync(file, 'utf8');
  if (EXTENSION === '.js') return text;
  const { transform } = await import('esbuild');
  const { code } = await transform(text, { loader: 'ts', format: 'esm', target: 'es2022' });
  return code.replace(/(from ")(\.[^"]+)\.ts(")/g, '$1$2.js$3');
}

/** All files by their path. */
export async function pageAssets(): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  const put = (path: string, type: string, octets: string | Buffer): void => {
    assets.set(path, { type, octets: Buffer.from(octets) });
  };
  put('/', HTML, pageHtml());
  put('/style.css', STYLE, BASE_CSS + XRAY_CSS + PAGE_CSS);
  put('/icon.svg', SVG, ICON);
  for (const [folder, path] of MODULES) {
    const files = readdirSync(join(TARGETS, folder)).filter(
      (name) => name.endsWith(EXTENSION) && !name.endsWith('.d.ts'),
    );
    for (const name of files) {
      put(`${path}/${name.slice(0, -EXTENSION.length)}.js`, SCRIPT, await moduleText(join(TARGETS, folder, name)));
    }
  }
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'));
  put('/uplot.js', SCRIPT, readFileSync(join(uplot, 'dist', 'uPlot.iife.min.js')));
  put('/uplot.css', STYLE, readFileSync(join(uplot, 'dist', 'uPlot.min.css')));
  put('/uplot-license.txt', TEXT, readFileSync(join(uplot, 'LICENSE')));
  return assets;
}
