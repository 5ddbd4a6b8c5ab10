// The cryptographic providers of this target by name.

import type { Provider } from '../../../../core/crypto/provider.ts';

export const PROVIDERS = ['fast', 'node', 'noble', 'portable'];

export async function providerNamed(name: string): Promise<Provider> {
  if (name === 'node') return (await import('./node-crypto.ts')).createNodeProvider();
  if (name === 'noble') return (await import('../../../web/noble.ts')).createNobleProvider();
  if (name === 'portable') return (await import('../../../web/portable.ts')).createPortableProvider();
  return (await import('./fast.ts')).createFastProvider();
}
