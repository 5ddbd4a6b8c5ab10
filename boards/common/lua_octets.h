/* Octets in Lua: tables from index 0 with a field `length`, reached past Lua's interface, which costs several times as
   much for each octet. */
#ifndef LUA_OCTETS_H
#define LUA_OCTETS_H

#include "crypto.h"
#include "lua.h"

/* Once, before anything else. */
void lua_octets_open(lua_State *L);
/* The length of the octets of an argument; -1: it is no table with a length. */
long lua_octets_length(lua_State *L, int argument);
/* Octets of an argument from `base` on; those asked for must be below the length. Raises an error where there is none. */
Octets lua_octets(lua_State *L, int argument, size_t base);
/* From octet to octet, first to last, or last to first where the ranges are of one table and overlap so. */
void lua_octets_copy(const Octets *to, const Octets *from, size_t length);
void lua_octets_fill(const Octets *octets, size_t length, uint8_t value);

#endif
