/* Cryptography for the engines' hooks, over Mbed TLS's AES and SHA-256 and our X25519. Octets are reached through
   accessors, since an engine may keep them in tables: no copy of a packet is made. */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range of octets somewhere. `get` and `put` move up to CRYPTO_PIECE octets from or to index `at` of the range. */
typedef struct Octets Octets;
struct Octets {
  void (*get)(const Octets *octets, size_t at, uint8_t *out, size_t length);
  void (*put)(const Octets *octets, size_t at, const uint8_t *in, size_t length);
  /* For the accessors. */
  void *place;
  int index;
  size_t base;
};

#define CRYPTO_PIECE 64

/* Octets in memory. */
Octets crypto_memory(uint8_t *octets);

#define CRYPTO_NATIVE_CCM 1
#define CRYPTO_NATIVE_HMAC 2
#define CRYPTO_NATIVE_X25519 4
/* What this image has. */
#define CRYPTO_NATIVE (CRYPTO_NATIVE_CCM | CRYPTO_NATIVE_HMAC | CRYPTO_NATIVE_X25519)

/* Octets of a nonce, of an ICV (an even number), and the most of AAD and text [RFC 3610 §2.1, §2.2]. */
#define CCM_NONCE_MIN 7
#define CCM_NONCE_MAX 13
#define CCM_ICV_MIN 4
#define CCM_ICV_MAX 16
#define CCM_LENGTH_MAX 0xfeff

/* AES-CCM in place over `length` octets of `buffer`, the ICV behind them. `key` has 16, 24 or 32 octets. False: the
   ICV is wrong, and the buffer is as before. */
bool crypto_ccm(bool encrypt, const uint8_t *key, size_t key_length, const uint8_t *nonce, size_t nonce_length,
                const Octets *aad, size_t aad_length, const Octets *buffer, size_t length, size_t icv_length);

/* Overwrites key material with zeros, which memset does not where the compiler sees no more use of it. */
void crypto_wipe(void *octets, size_t length);

/* Reads a range, whose accessor may raise an error: before secrets are there, which one in the middle would leave. */
void crypto_check(const Octets *octets, size_t length);

/* HMAC-SHA-256: 32 octets to `out`. */
void crypto_hmac(const Octets *key, size_t key_length, const Octets *message, size_t length, uint8_t out[32]);

#endif
