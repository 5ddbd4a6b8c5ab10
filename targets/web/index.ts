// `dietesp/crypto`: the interfaces of cryptography, the portable algorithms, and the provider on @noble. It needs nothing
// of Node: it runs in browsers, too.

export * from '../../core/crypto/index.ts';
export { createNobleProvider } from './noble.ts';
export { createPortableProvider } from './portable.ts';
export { webRandom } from './random.ts';
