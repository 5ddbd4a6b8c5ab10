/* Arguments of Lua's hooks, and the hooks over spans of octets. */

#include <string.h>

#include "lua_call.h"
#include "lua_octets.h"
#include "spans.h"

size_t whole(lua_State *L, int argument, const char *name, lua_Integer most) {
  int is_number;
  const lua_Integer value = lua_tointegerx(L, argument, &is_number);
  if (!is_number || value < 0 || value > most) luaL_error(L, "%s: must be a whole number of 0..%d", name, (int)most);
  return (size_t)value;
}

uint8_t *octets(lua_State *L, int argument, const char *name, size_t *size) {
  uint8_t *data = lua_octets(L, argument, size);
  if (data == NULL) luaL_error(L, "%s: must be octets", name);
  return data;
}

uint8_t *range(lua_State *L, int argument, const char *name, size_t offset, size_t length) {
  size_t size;
  uint8_t *data = octets(L, argument, name, &size);
  if (offset > size || length > size - offset) {
    luaL_error(L, "%s: %d octets at %d: it has %d", name, (int)length, (int)offset, (int)size);
  }
  return data + offset;
}

/* --- spans: below one octet there is nothing to do, and no offset is checked --- */

/* The length in an argument. 0: there is nothing to do. */
static size_t span_length(lua_State *L, int argument) {
  int is_number;
  const lua_Integer length = lua_tointegerx(L, argument, &is_number);
  return is_number && length <= 0 ? 0 : whole(L, argument, "length", MOST);
}

/* The octets that an argument and the next one, its offset, describe. */
static uint8_t *span(lua_State *L, int argument, const char *name, const char *offset, size_t length) {
  return range(L, argument, name, whole(L, argument + 1, offset, MOST), length);
}

static int hook_copy(lua_State *L) {
  const size_t length = span_length(L, 5);
  if (length == 0) return 0;
  uint8_t *to = span(L, 1, "to", "toOffset", length);
  const uint8_t *from = span(L, 3, "from", "fromOffset", length);
  span_copy(to, from, length, lua_rawequal(L, 1, 3));
  return 0;
}

static int hook_fill(lua_State *L) {
  const size_t length = span_length(L, 3);
  const size_t value = whole(L, 4, "value", 255);
  if (length > 0) memset(span(L, 1, "buffer", "offset", length), (int)value, length);
  return 0;
}

static int hook_equal(lua_State *L) {
  const size_t length = span_length(L, 5);
  bool is_equal = true;
  if (length > 0) {
    const uint8_t *a = span(L, 1, "a", "aOffset", length);
    is_equal = span_equal(a, span(L, 3, "b", "bOffset", length), length);
  }
  lua_pushboolean(L, is_equal);
  return 1;
}

static int hook_difference(lua_State *L) {
  const size_t length = span_length(L, 6);
  long found = -1;
  if (length > 0) {
    const uint8_t *a = span(L, 1, "a", "aOffset", length);
    const uint8_t *b = span(L, 3, "b", "bOffset", length);
    found = span_difference(a, b, range(L, 5, "mask", 0, length), length);
  }
  lua_pushinteger(L, found);
  return 1;
}

static int hook_sum(lua_State *L) {
  const size_t length = span_length(L, 3);
  lua_Integer sum = (lua_Integer)whole(L, 4, "sum", MOST);
  if (length > 0) sum += span_sum(span(L, 1, "buffer", "offset", length), length);
  lua_pushinteger(L, sum);
  return 1;
}

static int hook_fcs(lua_State *L) {
  const size_t length = span_length(L, 3);
  lua_pushinteger(L, length == 0 ? 0 : span_fcs(0, span(L, 1, "buffer", "offset", length), length));
  return 1;
}

const luaL_Reg LUA_SPANS[] = {
    {"copy", hook_copy}, {"fill", hook_fill}, {"equal", hook_equal}, {"difference", hook_difference},
    {"sum", hook_sum},   {"fcs", hook_fcs},   {NULL, NULL},
};
