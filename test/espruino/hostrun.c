// Runs the records of blobrun.c with the C file compiled for this machine.

#include <stdio.h>
#include <string.h>
#include "x25519.h"

int main(void)
{
  uint8_t record[68], out[32];
  while (fread(record, 1, sizeof record, stdin) == sizeof record) {
    unsigned long rounds = record[0] | (unsigned long)record[1] << 8;
    for (; rounds > 0; rounds--) {
      x25519(out, record + 4, record + 36);
      if (rounds > 1) {
        memcpy(record + 36, record + 4, 32);
        memcpy(record + 4, out, 32);
      }
    }
    if (fwrite(out, 1, sizeof out, stdout) != sizeof out) return 1;
  }
  return 0;
}
