/* Included before each of Lua's sources: no standard streams, and the same order of table entries in every run. */
#ifndef LUA_PORT_H
#define LUA_PORT_H

#include <stddef.h>

void board_write(const char *text, size_t length);

#define lua_writestring(text, length) board_write((text), (length))
#define lua_writeline() board_write("\n", 1)
#define lua_writestringerror(format, value) ((void)(value))
#define luai_makeseed(L) 0x5eedU

#endif
