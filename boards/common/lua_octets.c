/* Octets as userdata. An index costs as little as in a table, because lua_octets_vm.h answers it in Lua's own loop; what that
   does not answer comes to the functions here. No script reaches other full userdata. */

#define LUA_CORE

#include "lua_octets.h"

#include <string.h>

#include "lauxlib.h"
#include "lua_octets_vm.h"

TValue lua_octet;
uint8_t *lua_octet_place;
TString *lua_octets_length;

uint8_t *lua_octets(lua_State *L, int argument, size_t *length) {
  if (lua_type(L, argument) != LUA_TUSERDATA) return NULL;
  *length = lua_rawlen(L, argument);
  return lua_touserdata(L, argument);
}

uint8_t lua_octet_of(const TValue *value) {
  lua_Integer integer = 0;
  if (ttisinteger(value)) integer = ivalue(value);
  else if (ttisfloat(value)) luaV_flttointeger(fltvalue(value), &integer, F2Ifloor);
  return (uint8_t)integer;
}

/* The octet of an index in argument 2, or NULL: there is none. */
static uint8_t *place(lua_State *L) {
  size_t length = 0;
  int is_number;
  uint8_t *octets = lua_octets(L, 1, &length);
  const lua_Integer index = lua_tointegerx(L, 2, &is_number);
  return is_number && index >= 0 && (lua_Unsigned)index < length ? octets + index : NULL;
}

static int get(lua_State *L) {
  const uint8_t *octet = place(L);
  if (octet == NULL) lua_pushnil(L);
  else lua_pushinteger(L, *octet);
  return 1;
}

static int set(lua_State *L) {
  uint8_t *octet = place(L);
  if (octet != NULL) *octet = lua_octet_of(s2v(L->ci->func + 3));
  return 0;
}

static int create(lua_State *L) {
  const lua_Number length = luaL_checknumber(L, 1);
  if (!(length >= 0 && length <= INT32_MAX)) return luaL_error(L, "length: must be a whole number of 0..2147483647");
  const size_t size = (size_t)length;
  memset(lua_newuserdatauv(L, size, 0), 0, size);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  return 1;
}

void lua_octets_open(lua_State *L) {
  lua_pushliteral(L, "length");
  lua_octets_length = tsvalue(s2v(L->top - 1));
  /* Kept for ever. */
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, get);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, set);
  lua_setfield(L, -2, "__newindex");
  lua_pushcclosure(L, create, 1);
  lua_setglobal(L, "Uint8Array");
}
