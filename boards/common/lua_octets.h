/* Octets in Lua: `Uint8Array(n)` is a userdata with n octets, zero at first. `a[i]` is nil beyond the end, a store there does
   nothing, and a store keeps the low 8 bits. `a.length` is the number of octets. */
#ifndef LUA_OCTETS_H
#define LUA_OCTETS_H

#include <stdint.h>

#include "lua.h"

/* Call it once, first: makes the global `Uint8Array`. */
void lua_octets_open(lua_State *L);
/* The octets of an argument, which stay where they are, and their number. NULL: it has none. */
uint8_t *lua_octets(lua_State *L, int argument, size_t *length);

#endif
