/* Loads Lua byte code that stays in flash; replaces Lua's own loader (lundump.c). Lua uses instructions and descriptions of
   upvalues where they lie. Only the functions' heads and their constants, which hold strings, are made in RAM. The layout is
   in targets/build/firmware/lua-code.ts. Its output is trusted, because it is part of the image. */

#define LUA_CORE

#include <string.h>

#include "board.h"
#include "lua.h"
#include "ldo.h"
#include "lfunc.h"
#include "lgc.h"
#include "lmem.h"
#include "lobject.h"
#include "lstring.h"
#include "lundump.h"

/* A description as it is in flash. */
_Static_assert(sizeof(Upvaldesc) == 2 * sizeof(uint32_t), "Upvaldesc");
_Static_assert(sizeof(Instruction) == sizeof(uint32_t), "Instruction");

static uint32_t word(const uint32_t **at) { return *(*at)++; }

static TString *string_at(lua_State *L, uint32_t offset) {
  uint32_t length;
  memcpy(&length, script + offset, sizeof length);
  return luaS_newlstr(L, (const char *)script + offset + sizeof length, length);
}

static void load_constants(lua_State *L, Proto *f, const uint32_t **at) {
  const int count = (int)word(at);
  f->k = luaM_newvectorchecked(L, count, TValue);
  f->sizek = count;
  for (int i = 0; i < count; i++) setnilvalue(&f->k[i]);
  for (int i = 0; i < count; i++) {
    TValue *value = &f->k[i];
    const int tag = (int)word(at);
    if (tag == LUA_VNUMFLT) {
      lua_Number number;
      memcpy(&number, *at, sizeof number);
      *at += 2;
      setfltvalue(value, number);
    } else if (tag == LUA_VNUMINT) {
      lua_Integer integer;
      memcpy(&integer, *at, sizeof integer);
      *at += 2;
      setivalue(value, integer);
    } else if (tag == LUA_VSHRSTR || tag == LUA_VLNGSTR) {
      TString *text = string_at(L, word(at));
      setsvalue2n(L, value, text);
      luaC_objbarrier(L, f, text);
    } else if (tag == LUA_VTRUE) {
      setbtvalue(value);
    } else if (tag == LUA_VFALSE) {
      setbfvalue(value);
    }
  }
}

static void load_function(lua_State *L, Proto *f, const uint32_t **at) {
  const uint32_t head = word(at);
  f->numparams = (lu_byte)head;
  f->is_vararg = (lu_byte)(head >> 8);
  f->maxstacksize = (lu_byte)(head >> 16);
  f->sizecode = (int)word(at);
  f->code = (Instruction *)(uintptr_t)*at;
  *at += f->sizecode;
  load_constants(L, f, at);
  f->sizeupvalues = (int)word(at);
  f->upvalues = (Upvaldesc *)(uintptr_t)*at;
  *at += 2 * f->sizeupvalues;
  const int count = (int)word(at);
  f->p = luaM_newvectorchecked(L, count, Proto *);
  f->sizep = count;
  for (int i = 0; i < count; i++) f->p[i] = NULL;
  for (int i = 0; i < count; i++) {
    f->p[i] = luaF_newproto(L);
    luaC_objbarrier(L, f, f->p[i]);
    load_function(L, f->p[i], at);
  }
}

/* Lua calls it for input that begins with an escape; only `script` does. */
LClosure *luaU_undump(lua_State *L, ZIO *Z, const char *name) {
  (void)Z, (void)name;
  uint32_t head[3];
  memcpy(head, script, sizeof head);
  LClosure *closure = luaF_newLclosure(L, (int)head[2]);
  setclLvalue2s(L, L->top, closure);
  luaD_inctop(L);
  closure->p = luaF_newproto(L);
  luaC_objbarrier(L, closure, closure->p);
  const uint32_t *at = (const uint32_t *)(const void *)(script + head[1]);
  load_function(L, closure->p, &at);
  return closure;
}
