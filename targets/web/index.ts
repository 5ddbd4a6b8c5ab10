// `dietesp/crypto`: the interfaces of cryptography, the portable algorithms, and the provider on @noble. It does not need Node,
// so it also runs in browsers.

export * from '../../core/crypto/index.ts';
export { createNobleProvider } from './noble.ts';
export { createPortableProvider } from './portable.ts';
export { webRandom } from './random.ts';
