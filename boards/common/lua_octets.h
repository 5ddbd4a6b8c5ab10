/* Octets in Lua: tables from index 0 with a field `length`. They are reached without Lua's interface, which costs several
   times as much for each octet. */
#ifndef LUA_OCTETS_H
#define LUA_OCTETS_H

#include "crypto.h"
#include "lua.h"

/* Call it once, first. */
void lua_octets_open(lua_State *L);
/* The number of octets in an argument. -1: it is no table with a length. */
long lua_octets_length(lua_State *L, int argument);
/* The octets of an argument from `base`. Callers stay below the length. Raises an error where an octet is missing. */
Octets lua_octets(lua_State *L, int argument, size_t base);
/* Copies octet by octet, first to last; last to first if the ranges overlap in one table and need it. */
void lua_octets_copy(const Octets *to, const Octets *from, size_t length);
void lua_octets_fill(const Octets *octets, size_t length, uint8_t value);

#endif
