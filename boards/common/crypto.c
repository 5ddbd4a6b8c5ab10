/* AES-CCM [RFC 3610] and HMAC-SHA-256 [RFC 2104]. */

#include "crypto.h"

#include <string.h>

#include "mbedtls/aes.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/sha256.h"

#define BLOCK 16
#define SHA_BLOCK 64
#define SHA_OCTETS 32

void crypto_wipe(void *octets, size_t length) { mbedtls_platform_zeroize(octets, length); }

/* Static, because the stack is short. One call at a time uses it, and wipes it. */
static struct {
  mbedtls_aes_context aes;
  uint8_t mac[BLOCK];
  uint8_t counter[BLOCK];
  uint8_t stream[BLOCK];
} state;

static void encrypt_block(const uint8_t *in, uint8_t *out) {
  /* mbedtls_aes_crypt_ecb would link the tables for decryption too. */
  mbedtls_internal_aes_encrypt(&state.aes, in, out);
}

static void exclusive_or(uint8_t *into, const uint8_t *from, size_t length) {
  for (size_t i = 0; i < length; i++) into[i] ^= from[i];
}

static void mac_block(const uint8_t *octets, size_t length) {
  exclusive_or(state.mac, octets, length);
  encrypt_block(state.mac, state.mac);
}

/* [RFC 3610 §2.2]: B_0, then the AAD with its length in two octets. */
static void mac_start(const uint8_t *nonce, size_t nonce_length, const uint8_t *aad, size_t aad_length, size_t length,
                      size_t icv_length) {
  uint8_t block[BLOCK] = {0};
  block[0] = (uint8_t)((aad_length > 0 ? 64 : 0) | ((icv_length - 2) / 2) << 3 | (14 - nonce_length));
  memcpy(block + 1, nonce, nonce_length);
  block[14] = (uint8_t)(length >> 8);
  block[15] = (uint8_t)length;
  memset(state.mac, 0, BLOCK);
  mac_block(block, BLOCK);
  if (aad_length == 0) return;
  block[0] = (uint8_t)(aad_length >> 8);
  block[1] = (uint8_t)aad_length;
  size_t at = 0;
  size_t filled = 2;
  while (at < aad_length) {
    const size_t piece = aad_length - at < BLOCK - filled ? aad_length - at : BLOCK - filled;
    memcpy(block + filled, aad + at, piece);
    mac_block(block, filled + piece);
    at += piece;
    filled = 0;
  }
}

static void stream_block(size_t number) {
  state.counter[14] = (uint8_t)(number >> 8);
  state.counter[15] = (uint8_t)number;
  encrypt_block(state.counter, state.stream);
}

/* Applies the key stream to the text. The MAC covers the clear text: before the key stream (ENCRYPT) or after it (DECRYPT). */
enum { ENCRYPT, DECRYPT, STREAM_ONLY };
static void text(int direction, uint8_t *buffer, size_t length) {
  for (size_t at = 0; at < length; at += BLOCK) {
    const size_t piece = length - at < BLOCK ? length - at : BLOCK;
    if (direction == ENCRYPT) mac_block(buffer + at, piece);
    stream_block(at / BLOCK + 1);
    exclusive_or(buffer + at, state.stream, piece);
    if (direction == DECRYPT) mac_block(buffer + at, piece);
  }
}

bool crypto_ccm(bool encrypt, const uint8_t *key, size_t key_length, const uint8_t *nonce, size_t nonce_length,
                const uint8_t *aad, size_t aad_length, uint8_t *buffer, size_t length, size_t icv_length) {
  mbedtls_aes_init(&state.aes);
  mbedtls_aes_setkey_enc(&state.aes, key, (unsigned)key_length * 8);
  mac_start(nonce, nonce_length, aad, aad_length, length, icv_length);
  memset(state.counter, 0, BLOCK);
  state.counter[0] = (uint8_t)(14 - nonce_length);
  memcpy(state.counter + 1, nonce, nonce_length);

  text(encrypt ? ENCRYPT : DECRYPT, buffer, length);
  stream_block(0);
  exclusive_or(state.mac, state.stream, icv_length);
  bool good = true;
  if (encrypt) {
    memcpy(buffer + length, state.mac, icv_length);
  } else {
    uint8_t difference = 0;
    for (size_t i = 0; i < icv_length; i++) difference |= buffer[length + i] ^ state.mac[i];
    good = difference == 0;
    /* Restores the ciphertext, so that no unverified text stays. */
    if (!good) text(STREAM_ONLY, buffer, length);
  }
  mbedtls_platform_zeroize(&state, sizeof state);
  return good;
}

static mbedtls_sha256_context hash;

static void start(uint8_t pad[SHA_BLOCK], uint8_t value) {
  for (int i = 0; i < SHA_BLOCK; i++) pad[i] ^= value;
  mbedtls_sha256_starts_ret(&hash, 0);
  mbedtls_sha256_update_ret(&hash, pad, SHA_BLOCK);
}

void crypto_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t length, uint8_t out[32]) {
  uint8_t pad[SHA_BLOCK] = {0};
  mbedtls_sha256_init(&hash);
  if (key_length > SHA_BLOCK) {
    mbedtls_sha256_starts_ret(&hash, 0);
    mbedtls_sha256_update_ret(&hash, key, key_length);
    mbedtls_sha256_finish_ret(&hash, pad);
  } else {
    memcpy(pad, key, key_length);
  }
  start(pad, 0x36);
  mbedtls_sha256_update_ret(&hash, message, length);
  mbedtls_sha256_finish_ret(&hash, out);
  start(pad, 0x36 ^ 0x5c);
  mbedtls_sha256_update_ret(&hash, out, SHA_OCTETS);
  mbedtls_sha256_finish_ret(&hash, out);
  mbedtls_platform_zeroize(pad, sizeof pad);
  mbedtls_platform_zeroize(&hash, sizeof hash);
}
