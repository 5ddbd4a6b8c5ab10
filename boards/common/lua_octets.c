/* Octets in Lua's tables, through Lua's own structures. Index 0 is in the hash part; all others are consecutive slots of the
   array part, unless the script made the table octet by octet. */

#define LUA_CORE

#include "lua_octets.h"

#include "lauxlib.h"
#include "lobject.h"
#include "lstate.h"
#include "ltable.h"
#include "lvm.h"

static Table *table_of(const lua_State *L, int argument) { return hvalue(s2v(L->ci->func + argument)); }

static TString *length_name;

void lua_octets_open(lua_State *L) {
  lua_pushliteral(L, "length");
  length_name = tsvalue(s2v(L->top - 1));
  /* Kept for ever. */
  luaL_ref(L, LUA_REGISTRYINDEX);
}

long lua_octets_length(lua_State *L, int argument) {
  if (!lua_istable(L, argument)) return -1;
  const TValue *length = luaH_getshortstr(table_of(L, argument), length_name);
  return ttisinteger(length) && ivalue(length) >= 0 && ivalue(length) <= INT32_MAX ? (long)ivalue(length) : -1;
}

typedef struct {
  TValue *slots;
  size_t count;
} Row;

/* The consecutive slots of a table from index `at`: at most `most`, at least one. */
static Row row(lua_State *L, Table *table, size_t at, size_t most) {
  const size_t size = luaH_realasize(table);
  if (at >= 1 && at <= size) {
    const size_t there = size - at + 1;
    const Row many = {table->array + (at - 1), there < most ? there : most};
    return many;
  }
  const TValue *slot = luaH_getint(table, (lua_Integer)at);
  if (isabstkey(slot)) luaL_error(L, "octets: none at %d", (int)at);
  const Row one = {(TValue *)slot, 1};
  return one;
}

static void refuse(lua_State *L, size_t at) { luaL_error(L, "octets: no octet at %d", (int)at); }

static void table_get(const Octets *octets, size_t at, uint8_t *out, size_t length) {
  lua_State *L = octets->place;
  Table *table = table_of(L, octets->index);
  for (size_t done = 0; done < length;) {
    const size_t first = octets->base + at + done;
    const Row part = row(L, table, first, length - done);
    for (size_t i = 0; i < part.count; i++) {
      const TValue *slot = part.slots + i;
      lua_Integer octet = -1;
      if (ttisinteger(slot)) octet = ivalue(slot);
      else if (ttisfloat(slot)) luaV_flttointeger(fltvalue(slot), &octet, F2Ieq);
      if ((lua_Unsigned)octet > 255) refuse(L, first + i);
      *out++ = (uint8_t)octet;
    }
    done += part.count;
  }
}

static void table_put(const Octets *octets, size_t at, const uint8_t *in, size_t length) {
  lua_State *L = octets->place;
  Table *table = table_of(L, octets->index);
  for (size_t done = 0; done < length;) {
    const Row part = row(L, table, octets->base + at + done, length - done);
    for (size_t i = 0; i < part.count; i++) setivalue(part.slots + i, *in++);
    done += part.count;
  }
}

Octets lua_octets(lua_State *L, int argument, size_t base) {
  const Octets octets = {table_get, table_put, L, argument, base};
  return octets;
}

void lua_octets_copy(const Octets *to, const Octets *from, size_t length) {
  lua_State *L = to->place;
  Table *target = table_of(L, to->index);
  Table *source = table_of(L, from->index);
  if (target == source && to->base > from->base) {
    uint8_t piece[CRYPTO_PIECE];
    for (size_t left = length; left > 0;) {
      const size_t size = left < sizeof piece ? left : sizeof piece;
      left -= size;
      table_get(from, left, piece, size);
      table_put(to, left, piece, size);
    }
    return;
  }
  for (size_t done = 0; done < length;) {
    const Row in = row(L, source, from->base + done, length - done);
    const Row out = row(L, target, to->base + done, in.count);
    for (size_t i = 0; i < out.count; i++) {
      /* Only numbers are stored, so the collector needs no barrier. */
      if (!ttisinteger(in.slots + i)) refuse(L, from->base + done + i);
      setivalue(out.slots + i, ivalue(in.slots + i));
    }
    done += out.count;
  }
}

void lua_octets_fill(const Octets *octets, size_t length, uint8_t value) {
  lua_State *L = octets->place;
  Table *table = table_of(L, octets->index);
  for (size_t done = 0; done < length;) {
    const Row part = row(L, table, octets->base + done, length - done);
    for (size_t i = 0; i < part.count; i++) setivalue(part.slots + i, value);
    done += part.count;
  }
}
