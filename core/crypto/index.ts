// The interfaces of cryptography, and portable implementations of them.

export {
  type Asymmetric,
  KE_ANSWERS,
  KE_ML_KEM_512,
  KE_ML_KEM_768,
  KE_ML_KEM_1024,
  KE_OPENS,
  KE_OPENS_LASTING,
  KE_P256,
  KE_X25519,
  type KeMethod,
  type KeOwn,
  type KePrivate,
  type KeUse,
  keSize,
} from './asymmetric.ts';
export { aesCbc } from './cbc.ts';
export { aesCcm } from './ccm.ts';
export { aesCmac } from './cmac.ts';
export { aesGcm } from './gcm.ts';
export { hmacSha256 } from './hmac.ts';
export { createPortable, type Part, type Random } from './portable.ts';
export { createPortableKe } from './portable-asymmetric.ts';
export {
  type Aead,
  ALG_AES_CBC,
  ALG_AES_CCM,
  ALG_AES_CMAC,
  ALG_AES_GCM,
  ALG_CHACHA20_POLY1305,
  ALG_HMAC_SHA256,
  type Key,
  type Provider,
} from './provider.ts';
