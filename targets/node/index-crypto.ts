// `dietesp/node/crypto`: providers on Node. Use `createFastProvider`; the others serve comparison.

export { createNobleProvider } from '../web/noble.ts';
export { createPortableProvider } from '../web/portable.ts';
export { createNodeAsymmetric } from './host/provider/asymmetric.ts';
export { createFastProvider } from './host/provider/fast.ts';
export { createNodeProvider } from './host/provider/node-crypto.ts';
