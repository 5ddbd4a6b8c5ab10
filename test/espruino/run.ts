// Runs a script on Espruino in a folder of its own, which also holds its Storage.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Without the console's prompt and what clears it. */
function plain(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin so.
  return output.replaceAll(/\r|\u001b\[[0-9;]*[A-Z]/g, '').replaceAll(/^>+/gm, '');
}

/** What it printed until `end` came, or the interpreter ended; rejects after `limit` milliseconds. */
export function runIn(folder: string, script: string, limit: number, end: RegExp): Promise<string> {
  writeFileSync(join(folder, 'script.js'), `echo(0);\n${script}`);
  return new Promise((resolve, reject) => {
    // An end of standard input would keep it busy.
    const child = spawn('espruino', ['script.js'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
    let output = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, limit);
    child.stdin.on('error', () => {});
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      output += text;
      if (end.test(plain(output))) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      if (isLate) reject(new Error(`not done within ${limit} ms: ${plain(output).slice(-400)}`));
      else resolve(plain(output));
    });
  });
}
