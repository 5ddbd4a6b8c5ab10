/* The script of Lua in flash. */
#ifndef LUA_FLASH_H
#define LUA_FLASH_H

#include <stddef.h>

#include "lua.h"

struct TString;
struct GCObject;

/* The short string of the script with a text, or NULL: it has none. The build calls it first in Lua's internshrstr. */
struct TString *lua_flash_string(const char *text, size_t length, unsigned hash);
/* Replaces luaC_fix, which keeps an object for ever: those of the script are. */
void lua_flash_fix(lua_State *L, struct GCObject *object);
/* Pushes the script's main function. */
void lua_flash_push(lua_State *L);

#endif
