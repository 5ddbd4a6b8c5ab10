// The module `dietesp` of JerryScript: the members of `exports`, which the file's frame gives (targets/build/modules.ts).

import { createWhole, type WholeModule } from '../board/module.ts';

declare const exports: Partial<WholeModule>;
// biome-ignore lint/suspicious/noShadowRestrictedNames: the engine's own, which portable code does not use.
declare const Object: { keys(of: unknown): string[] };
declare function print(text: string): void;

const whole = createWhole({ name: 'jerryscript', print: (text) => print(text), namesOf: (of) => Object.keys(of) });

exports.start = whole.start;
exports.device = whole.device;
exports.blob = whole.blob;
exports.octets = whole.octets;
exports.hex = whole.hex;
exports.text = whole.text;
