/* Included before each of Lua's sources: leaves out the standard streams, and keeps the order of table entries the same in
   every run. */
#ifndef LUA_PORT_H
#define LUA_PORT_H

#include <stddef.h>

void board_write(const char *text, size_t length);

#define lua_writestring(text, length) board_write((text), (length))
#define lua_writeline() board_write("\n", 1)
#define lua_writestringerror(format, value) ((void)(value))
#define luai_makeseed(L) 0x5eedU

#endif
