// X25519 [RFC 7748 §5] in portable C99, for boards without a library. It takes about 600 octets of stack and no other
// memory, and runs at any address. It calls nothing; with -fno-tree-loop-distribute-patterns not even memset.

#ifndef DIETESP_X25519_H
#define DIETESP_X25519_H

#include <stdint.h>

/**
 * out = X25519(scalar, point), 32 octets each; they may overlap. It clamps the scalar and takes the u-coordinate modulo
 * 2^255, then modulo p. The caller refuses a result of zeros [RFC 8031 §4].
 */
void x25519(uint8_t *out, const uint8_t *scalar, const uint8_t *point);

#endif
