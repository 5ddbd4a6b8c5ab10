// A step of `npm run build`.

import { writeDissector } from './wireshark.ts';

await writeDissector();
