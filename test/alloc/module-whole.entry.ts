// The heap that the module `dietesp` takes in firmware: `heap LOADED DEVICE`, peaks in octets.

import { createWhole } from '../../targets/board/module.ts';
import { reportHeap } from './module-heap.ts';

reportHeap(createWhole({ name: 'engine', print: () => {}, namesOf: () => [] }));
