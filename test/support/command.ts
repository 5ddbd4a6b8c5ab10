// The command line as tests start it.

import { join } from 'node:path';
import { sourceRoot } from '../../targets/build/root.ts';

const MAIN = join('targets', 'node', 'cli', 'main');

/**
 * Arguments of Node for `dietesp`. A whole run builds dist first and says so in the environment: what ships is tested, and it
 * starts in a quarter of the time. A test file by itself runs the sources.
 */
export const DIETESP: readonly string[] =
  process.env.DIETESP_BUILT === '1'
    ? [join(sourceRoot(), 'dist', MAIN + '.js')]
    : ['--import', 'tsx', join(sourceRoot(), MAIN + '.ts')];
