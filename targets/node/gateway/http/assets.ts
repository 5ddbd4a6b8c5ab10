// The files of the page, read once: what is asked for by its path is in a list, and nothing else is.

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A file that HTTP gives to everybody. */
export interface Asset {
  /** Its media type. */
  type: string;
  octets: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** The files of a folder and those below it, by their path (`/app.js`); `/index.html` is `/` too. Empty where there is no folder. */
export function loadAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const read = (path: string): void => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const name = `${path}/${entry.name}`;
      const type = TYPES[extname(entry.name)];
      if (entry.isDirectory()) read(name);
      else if (entry.isFile() && type !== undefined)
        assets.set(name, { type, octets: readFileSync(join(folder, name)) });
    }
  };
  try {
    read('');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const index = assets.get('/index.html');
  if (index !== undefined) assets.set('/', index);
  return assets;
}
