/* Arguments of Lua's hooks, and the hooks over spans of octets. */

#include "lua_call.h"
#include "lua_octets.h"
#include "spans.h"

size_t whole(lua_State *L, int argument, const char *name, lua_Integer most) {
  int is_number;
  const lua_Integer value = lua_tointegerx(L, argument, &is_number);
  if (!is_number || value < 0 || value > most) luaL_error(L, "%s: must be a whole number of 0..%d", name, (int)most);
  return (size_t)value;
}

size_t octets_length(lua_State *L, int argument, const char *name) {
  const long length = lua_octets_length(L, argument);
  if (length < 0) luaL_error(L, lua_istable(L, argument) ? "%s: must be octets with a length" : "%s: must be octets", name);
  return (size_t)length;
}

Octets range(lua_State *L, int argument, const char *name, size_t offset, size_t length) {
  const size_t size = octets_length(L, argument, name);
  if (offset > size || length > size - offset) {
    luaL_error(L, "%s: %d octets at %d: it has %d", name, (int)length, (int)offset, (int)size);
  }
  return lua_octets(L, argument, offset);
}

/* --- spans: below one octet there is nothing to do, and no offset is checked --- */

/* The length in an argument. 0: there is nothing to do. */
static size_t span_length(lua_State *L, int argument) {
  int is_number;
  const lua_Integer length = lua_tointegerx(L, argument, &is_number);
  return is_number && length <= 0 ? 0 : whole(L, argument, "length", MOST);
}

static int hook_copy(lua_State *L) {
  const size_t length = span_length(L, 5);
  if (length == 0) return 0;
  const Octets to = range(L, 1, "to", whole(L, 2, "toOffset", MOST), length);
  const Octets from = range(L, 3, "from", whole(L, 4, "fromOffset", MOST), length);
  lua_octets_copy(&to, &from, length);
  return 0;
}

static int hook_fill(lua_State *L) {
  const size_t length = span_length(L, 3);
  const size_t value = whole(L, 4, "value", 255);
  if (length == 0) return 0;
  const Octets buffer = range(L, 1, "buffer", whole(L, 2, "offset", MOST), length);
  lua_octets_fill(&buffer, length, (uint8_t)value);
  return 0;
}

static int hook_equal(lua_State *L) {
  const size_t length = span_length(L, 5);
  bool is_equal = true;
  if (length > 0) {
    const Octets a = range(L, 1, "a", whole(L, 2, "aOffset", MOST), length);
    const Octets b = range(L, 3, "b", whole(L, 4, "bOffset", MOST), length);
    uint8_t pieces[2][CRYPTO_PIECE];
    for (size_t at = 0; at < length; at += CRYPTO_PIECE) {
      const size_t size = length - at < CRYPTO_PIECE ? length - at : CRYPTO_PIECE;
      a.get(&a, at, pieces[0], size);
      b.get(&b, at, pieces[1], size);
      is_equal &= span_equal(pieces[0], pieces[1], size);
    }
  }
  lua_pushboolean(L, is_equal);
  return 1;
}

static int hook_difference(lua_State *L) {
  long found = -1;
  size_t left = span_length(L, 6);
  if (left > 0) {
    const Octets a = range(L, 1, "a", whole(L, 2, "aOffset", MOST), left);
    const Octets b = range(L, 3, "b", whole(L, 4, "bOffset", MOST), left);
    const Octets mask = range(L, 5, "mask", 0, left);
    uint8_t pieces[3][CRYPTO_PIECE];
    while (left > 0 && found < 0) {
      const size_t size = left < CRYPTO_PIECE ? left : CRYPTO_PIECE;
      left -= size;
      a.get(&a, left, pieces[0], size);
      b.get(&b, left, pieces[1], size);
      mask.get(&mask, left, pieces[2], size);
      found = span_difference(pieces[0], pieces[1], pieces[2], size);
    }
  }
  lua_pushinteger(L, found < 0 ? -1 : (lua_Integer)left + found);
  return 1;
}

static int hook_sum(lua_State *L) {
  const size_t length = span_length(L, 3);
  lua_Integer sum = (lua_Integer)whole(L, 4, "sum", MOST);
  if (length > 0) {
    const Octets buffer = range(L, 1, "buffer", whole(L, 2, "offset", MOST), length);
    uint8_t piece[CRYPTO_PIECE];
    for (size_t at = 0; at < length; at += CRYPTO_PIECE) {
      const size_t size = length - at < CRYPTO_PIECE ? length - at : CRYPTO_PIECE;
      buffer.get(&buffer, at, piece, size);
      sum += span_sum(piece, size);
    }
  }
  lua_pushinteger(L, sum);
  return 1;
}

static int hook_fcs(lua_State *L) {
  const size_t length = span_length(L, 3);
  uint16_t fcs = 0;
  if (length > 0) {
    const Octets buffer = range(L, 1, "buffer", whole(L, 2, "offset", MOST), length);
    uint8_t piece[CRYPTO_PIECE];
    for (size_t at = 0; at < length; at += CRYPTO_PIECE) {
      const size_t size = length - at < CRYPTO_PIECE ? length - at : CRYPTO_PIECE;
      buffer.get(&buffer, at, piece, size);
      fcs = span_fcs(fcs, piece, size);
    }
  }
  lua_pushinteger(L, fcs);
  return 1;
}

const luaL_Reg LUA_SPANS[] = {
    {"copy", hook_copy}, {"fill", hook_fill}, {"equal", hook_equal}, {"difference", hook_difference},
    {"sum", hook_sum},   {"fcs", hook_fcs},   {NULL, NULL},
};
