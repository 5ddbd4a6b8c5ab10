// The heap that the module `dietlite` takes in firmware: `heap LOADED DEVICE`, peaks in octets.

import { createLite } from '../../targets/board/lite.ts';
import { reportHeap } from './module-heap.ts';

reportHeap(createLite());
