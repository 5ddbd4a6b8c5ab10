/* Mbed TLS 2.28: AES and SHA-256, nothing else. */
#ifndef MBEDTLS_CONFIG_OF_BOARDS_H
#define MBEDTLS_CONFIG_OF_BOARDS_H

#define MBEDTLS_AES_C
/* 8 kB of flash instead of RAM; the fewer tables are a quarter of that, at a rotation per look-up. */
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_SHA256_C

#endif
