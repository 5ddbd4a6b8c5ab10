/* Cryptography for the engines' hooks, with AES and SHA-256 from Mbed TLS and an X25519 of our own. */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRYPTO_NATIVE_CCM 1
#define CRYPTO_NATIVE_HMAC 2
#define CRYPTO_NATIVE_X25519 4
/* The algorithms of this image. */
#define CRYPTO_NATIVE (CRYPTO_NATIVE_CCM | CRYPTO_NATIVE_HMAC | CRYPTO_NATIVE_X25519)

/* Limits in octets of a nonce, of an ICV (even), and of AAD or text [RFC 3610 §2.1, §2.2]. */
#define CCM_NONCE_MIN 7
#define CCM_NONCE_MAX 13
#define CCM_ICV_MIN 4
#define CCM_ICV_MAX 16
#define CCM_LENGTH_MAX 0xfeff

/* AES-CCM in place over `length` octets of `buffer`; the ICV follows them. `key` has 16, 24 or 32 octets. False: the
   ICV is wrong, and the buffer is unchanged. */
bool crypto_ccm(bool encrypt, const uint8_t *key, size_t key_length, const uint8_t *nonce, size_t nonce_length,
                const uint8_t *aad, size_t aad_length, uint8_t *buffer, size_t length, size_t icv_length);

/* Overwrites key material with zeros. A compiler may leave out a memset whose result nobody reads. */
void crypto_wipe(void *octets, size_t length);

/* HMAC-SHA-256; writes 32 octets to `out`. */
void crypto_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t length, uint8_t out[32]);

#endif
