/* The arguments of a Lua hook. A wrong one raises an error that names it. */
#ifndef LUA_CALL_H
#define LUA_CALL_H

#include "lauxlib.h"
#include "lua.h"

#define MOST 0x7fffffff

size_t whole(lua_State *L, int argument, const char *name, lua_Integer most);
/* The octets of an argument, and their number. */
uint8_t *octets(lua_State *L, int argument, const char *name, size_t *size);
/* The octets of an argument from `offset`. There must be `length` of them. */
uint8_t *range(lua_State *L, int argument, const char *name, size_t offset, size_t length);

extern const luaL_Reg LUA_SPANS[];

#endif
