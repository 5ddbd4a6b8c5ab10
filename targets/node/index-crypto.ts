// `dietesp/node/crypto`: providers on Node. `createFastProvider` is the one to take; the others are there to compare.

export { createNobleProvider } from '../web/noble.ts';
export { createPortableProvider } from '../web/portable.ts';
export { createNodeAsymmetric } from './host/provider/asymmetric.ts';
export { createFastProvider } from './host/provider/fast.ts';
export { createNodeProvider } from './host/provider/node-crypto.ts';
