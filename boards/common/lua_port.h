/* Included before each of Lua's sources: leaves out the standard streams and newlib's printing and reading of numbers, which
   would take 20 kB of flash, and keeps the order of table entries the same in every run. */
#ifndef LUA_PORT_H
#define LUA_PORT_H

#include <stddef.h>

#include "luaconf.h"

/* luaconf.h gives them to Lua's own sources alone, which say so later. */
#ifndef l_likely
#define l_likely(x) luai_likely(x)
#define l_unlikely(x) luai_unlikely(x)
#endif

void board_write(const char *text, size_t length);

#define lua_writestring(text, length) board_write((text), (length))
#define lua_writeline() board_write("\n", 1)
#define lua_writestringerror(format, value) ((void)(value))
/* targets/build/firmware/lua-code.ts knows it too. */
#define luai_makeseed(L) 0x5eedU

/* lua_numbers.c. They return the number of characters. */
int lua_print_integer(char *out, LUA_INTEGER value);
int lua_print_number(char *out, LUA_NUMBER value);
int lua_print_pointer(char *out, const void *pointer);
/* Like strtod, of decimal digits. */
LUA_NUMBER lua_read_number(const char *text, char **end);

#undef lua_integer2str
#define lua_integer2str(out, size, value) lua_print_integer((out), (value))
#undef lua_number2str
#define lua_number2str(out, size, value) lua_print_number((out), (value))
#undef lua_pointer2str
#define lua_pointer2str(out, size, pointer) lua_print_pointer((out), (pointer))
#undef lua_str2number
#define lua_str2number(text, end) lua_read_number((text), (end))
/* Lua has its own for hexadecimal digits. */
#undef lua_strx2number
#undef lua_getlocaledecpoint
#define lua_getlocaledecpoint() '.'

/* A script without the operator needs no pow(), which is 4 kB. */
#ifndef LUA_WITH_POWER
#define luai_numpow(L, a, b) ((void)(L), (void)(a), (void)(b), 0.0)
#endif

#endif
