/* The arguments of a Lua hook. A wrong one raises an error that names it. */
#ifndef LUA_CALL_H
#define LUA_CALL_H

#include "crypto.h"
#include "lauxlib.h"
#include "lua.h"

#define MOST 0x7fffffff

size_t whole(lua_State *L, int argument, const char *name, lua_Integer most);
/* The length of a table of octets. */
size_t octets_length(lua_State *L, int argument, const char *name);
/* The octets of an argument from `offset`. There must be `length` of them. */
Octets range(lua_State *L, int argument, const char *name, size_t offset, size_t length);

extern const luaL_Reg LUA_SPANS[];

#endif
