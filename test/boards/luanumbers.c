/* boards/common/lua_numbers.c on this machine. Lines on standard input: `i INTEGER` and `n HEX` (the bits of a double) are
   printed, `t TEXT` is read: the bits of the number and how many characters it took. */

#include <stdio.h>
#include <stdlib.h>

#include "../../boards/common/lua_numbers.c"

int main(void) {
  char line[512];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char out[64];
    char *end;
    uint64_t bits;
    double number;
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 'i') {
      printf("%d ", lua_print_integer(out, (LUA_INTEGER)strtoll(line + 2, NULL, 10)));
      printf("%s\n", out);
    } else if (line[0] == 'n') {
      bits = strtoull(line + 2, NULL, 16);
      memcpy(&number, &bits, sizeof number);
      printf("%d ", lua_print_number(out, number));
      printf("%s\n", out);
    } else {
      number = lua_read_number(line + 2, &end);
      memcpy(&bits, &number, sizeof bits);
      printf("%d %016llx\n", (int)(end - (line + 2)), (unsigned long long)bits);
    }
  }
  return 0;
}
