/* Services of a debugger or of QEMU. Without either every call fails: see system_fault in start.c. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the program with an exit code. Returns if there is no debugger. */
void semihosting_exit(int code);
/* Octets of the file that the command line names as entropy=PATH. False: it names none, or too few are left. */
bool semihosting_entropy(uint8_t *out, size_t length);

#endif
