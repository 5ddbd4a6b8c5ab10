// The common subset itself, and the oldest module of the core, on every engine.

import { everywhere } from './everywhere.ts';

everywhere('language subset', 'test/engines/language.entry.ts', []);
everywhere('core/bytes', 'test/engines/bytes.entry.ts', []);
everywhere('core/bytes with mangled properties', 'test/engines/bytes.entry.ts', [], { mangle: true });
