/* Included before lvm.c: Lua's loop reads and writes octets (lua_octets.h) itself. A call of a metamethod would cost 20 times
   as much. The loop asks for the slot of an index and then reads or writes it, so an octet lends `lua_octet` as its slot. */
#ifndef LUA_OCTETS_VM_H
#define LUA_OCTETS_VM_H

#ifndef LUA_CORE
#define LUA_CORE
#endif

#include "lprefix.h"

#include <stdint.h>

#include "lobject.h"
#include "lstate.h"
#include "ltable.h"
#include "lvm.h"

/* The slot that was lent last, and where its octet is. */
extern TValue lua_octet;
extern uint8_t *lua_octet_place;
/* The string `length`. */
extern TString *lua_octets_length;

/* The octet that a store of a value keeps; 0 where it is no number, as in JavaScript. */
uint8_t lua_octet_of(const TValue *value);

static inline const TValue *octet_slot(const TValue *octets, lua_Unsigned index) {
  Udata *u = uvalue(octets);
  if (index >= u->len) return NULL;
  lua_octet_place = (uint8_t *)getudatamem(u) + index;
  setivalue(&lua_octet, *lua_octet_place);
  return &lua_octet;
}

/* By the function with which a table would be asked. A store to `length` goes nowhere. */
static inline const TValue *octets_luaH_getshortstr(const TValue *octets, const TString *key) {
  static uint8_t nowhere;
  if (key != lua_octets_length) return NULL;
  lua_octet_place = &nowhere;
  setivalue(&lua_octet, (lua_Integer)uvalue(octets)->len);
  return &lua_octet;
}

#define octets_luaH_getstr(octets, key) NULL
#define octets_luaH_get(octets, key) NULL

#undef luaV_fastget
#define luaV_fastget(L, t, k, slot, f) \
  (ttistable(t) ? (slot = f(hvalue(t), k), !isempty(slot)) \
                : (slot = ttisfulluserdata(t) ? octets_##f(t, k) : NULL, slot != NULL))

#undef luaV_fastgeti
#define luaV_fastgeti(L, t, k, slot) \
  (ttistable(t) ? (slot = (l_castS2U(k) - 1u < hvalue(t)->alimit) ? &hvalue(t)->array[k - 1] \
                                                                  : luaH_getint(hvalue(t), k), \
                   !isempty(slot)) \
                : (slot = ttisfulluserdata(t) ? octet_slot(t, l_castS2U(k)) : NULL, slot != NULL))

#undef luaV_finishfastset
#define luaV_finishfastset(L, t, slot, v) \
  { \
    if (slot == &lua_octet) { \
      *lua_octet_place = lua_octet_of(v); \
    } else { \
      setobj2t(L, cast(TValue *, slot), v); \
      luaC_barrierback(L, gcvalue(t), v); \
    } \
  }

#endif
