// The module `dietlite` of Duktape: the members of `exports`, which the file's frame gives (targets/build/modules.ts).

import { createLite, type LiteModule } from '../board/lite.ts';

declare const exports: Partial<LiteModule>;

const lite = createLite();

exports.device = lite.device;
exports.octets = lite.octets;
exports.hex = lite.hex;
exports.text = lite.text;
