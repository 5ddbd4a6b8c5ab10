// X25519 [RFC 7748 §5] in portable C99, for boards without a library of their own. Takes about 600 octets of stack and no
// other memory and runs at any address. Calls nothing, with -fno-tree-loop-distribute-patterns not even memset.

#ifndef DIETESP_X25519_H
#define DIETESP_X25519_H

#include <stdint.h>

/**
 * out = X25519(scalar, point): 32 octets each, which may overlap. The scalar is taken as clamped, the u-coordinate modulo
 * 2^255 and then modulo p. The caller refuses a result of zeros [RFC 8031 §4].
 */
void x25519(uint8_t *out, const uint8_t *scalar, const uint8_t *point);

#endif
