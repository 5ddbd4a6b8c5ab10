/* Mbed TLS 2.28: AES and SHA-256, nothing else. */
#ifndef MBEDTLS_CONFIG_OF_BOARDS_H
#define MBEDTLS_CONFIG_OF_BOARDS_H

#define MBEDTLS_AES_C
/* Tables in flash instead of RAM. Fewer tables take a quarter of 8 kB and cost a rotation per look-up. */
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_SHA256_C

#endif
