/* The script of Lua, whose functions, constants and strings lie in flash as Lua's own objects. The layout is made in
   targets/build/firmware/lua-code.ts, and trusted, because it is part of the image. The objects are black and in no list, so
   the collector neither visits nor frees them, and nothing writes to them. There is no compiler and no loader. */

#define LUA_CORE

#include "lua_flash.h"

#include <string.h>

#include "board.h"
#include "lfunc.h"
#include "lgc.h"
#include "llex.h"
#include "lobject.h"
#include "lstring.h"

#define WIDTH sizeof(void *)

/* The structures as they are in flash. */
_Static_assert(offsetof(TString, tt) == WIDTH && offsetof(TString, extra) == WIDTH + 2, "TString");
_Static_assert(offsetof(TString, hash) == WIDTH + 4 && offsetof(TString, u) == WIDTH + 8, "TString");
_Static_assert(offsetof(TString, contents) == 2 * WIDTH + 8, "TString");
_Static_assert(sizeof(TValue) == WIDTH + 8 && offsetof(TValue, tt_) == 8, "TValue");
_Static_assert(sizeof(Upvaldesc) == 2 * WIDTH && offsetof(Upvaldesc, instack) == WIDTH, "Upvaldesc");
_Static_assert(offsetof(Proto, numparams) == WIDTH + 2 && offsetof(Proto, maxstacksize) == WIDTH + 4, "Proto");
_Static_assert(offsetof(Proto, sizeupvalues) == (WIDTH == 4 ? 12 : 16), "Proto");
_Static_assert(offsetof(Proto, k) == (WIDTH == 4 ? 48 : 56) && sizeof(Proto) == offsetof(Proto, k) + 9 * WIDTH, "Proto");
_Static_assert(sizeof(Instruction) == 4 && LUAI_MAXSHORTLEN == 40, "Instruction");

typedef struct {
  Proto *main;
  uintptr_t mask;
  /* Chains of short strings, by hash. */
  TString *chains[];
} Script;

static const Script *flash(void) { return (const Script *)(const void *)script; }

TString *lua_flash_string(const char *text, size_t length, unsigned hash) {
  TString *string = flash()->chains[hash & flash()->mask];
  while (string != NULL && (string->shrlen != length || memcmp(getstr(string), text, length) != 0)) string = string->u.hnext;
  return string;
}

void lua_flash_fix(lua_State *L, GCObject *object) {
  const uint8_t *at = (const uint8_t *)object;
  if (at < script || at >= script + script_length) luaC_fix(L, object);
}

void lua_flash_push(lua_State *L) {
  LClosure *closure = luaF_newLclosure(L, flash()->main->sizeupvalues);
  setclLvalue2s(L, L->top, closure);
  L->top++;
  closure->p = flash()->main;
  luaF_initupvals(L, closure);
  /* The only upvalue of a main function is the table of globals. */
  lua_pushglobaltable(L);
  lua_setupvalue(L, -2, 1);
}

/* Makes the compiler's reserved words. */
void luaX_init(lua_State *L) { (void)L; }
