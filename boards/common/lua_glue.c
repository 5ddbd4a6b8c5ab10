/* Lua 5.4: the global table `board`, and the script's start. Octets are userdata (lua_octets.c), read and written
   in place. Hooks check every range; an error names the argument. */

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "crypto.h"
#include "lauxlib.h"
#include "lua.h"
#include "lua_call.h"
#include "lua_flash.h"
#include "lua_octets.h"
#include "lualib.h"
#include "spans.h"
#include "x25519.h"

static size_t heap_used, heap_peak;

long engine_heap_peak(void) { return (long)heap_peak; }

long engine_memory(void) { return (long)system_heap_peak(); }

static void *allocate(void *context, void *block, size_t old_size, size_t new_size) {
  (void)context;
  if (block == NULL) old_size = 0;
  if (new_size == 0) {
    free(block);
    heap_used -= old_size;
    return NULL;
  }
#ifdef HEAP_LIMIT
  if (heap_used - old_size + new_size > HEAP_LIMIT) return NULL;
#endif
  void *moved = realloc(block, new_size);
  if (moved == NULL) return NULL;
  heap_used += new_size - old_size;
  if (heap_used > heap_peak) heap_peak = heap_used;
  return moved;
}

/* --- hooks --- */

static int hook_now(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)board_now());
  return 1;
}

static int hook_ticks(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)board_ticks());
  return 1;
}

static int hook_random(lua_State *L) {
  const size_t offset = whole(L, 2, "offset", MOST);
  const size_t length = whole(L, 3, "length", MOST);
  lua_pushboolean(L, board_random(range(L, 1, "buffer", offset, length), length));
  return 1;
}

static int hook_transmit(lua_State *L) {
  const size_t offset = whole(L, 2, "offset", MOST);
  const size_t length = whole(L, 3, "length", FRAME_MAX);
  if (length < FRAME_MIN) return luaL_error(L, "length: %d: a frame has 5..127 octets", (int)length);
  radio_transmit(range(L, 1, "buffer", offset, length), length);
  return 0;
}

static int hook_tune(lua_State *L) {
  RadioPlace place = {.channel = (uint8_t)whole(L, 1, "channel", 26),
                      .pan_id = (uint16_t)whole(L, 2, "panId", 0xffff),
                      .short_address = (uint16_t)whole(L, 3, "shortAddress", 0xffff)};
  if (place.channel < 11) return luaL_error(L, "channel: %d: must be 11..26", (int)place.channel);
  memcpy(place.extended_address, range(L, 4, "extendedAddress", 0, sizeof place.extended_address), sizeof place.extended_address);
  radio_tune(&place);
  return 0;
}

static int hook_receive(lua_State *L) {
  lua_pushinteger(L, radio_receive(range(L, 1, "buffer", 0, FRAME_MAX)));
  return 1;
}

static int hook_wait(lua_State *L) {
  int is_number;
  const lua_Integer ms = lua_tointegerx(L, 1, &is_number);
  if (!is_number) return luaL_error(L, "ms: must be a whole number");
  board_wait(ms);
  return 0;
}

static int hook_print(lua_State *L) {
  size_t length;
  const char *text = luaL_tolstring(L, 1, &length);
  board_print(text, length);
  return 0;
}

static int hook_command(lua_State *L) {
  size_t size;
  uint8_t *data = octets(L, 1, "buffer", &size);
  lua_pushinteger(L, board_command(data, size));
  return 1;
}

static int hook_provision(lua_State *L) {
  const uint8_t *area;
  size_t size;
  uint8_t *data = octets(L, 1, "buffer", &size);
  const size_t there = board_provision(&area);
  if (there < size) size = there;
  memcpy(data, area, size);
  lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

static int hook_save(lua_State *L) {
  const size_t offset = whole(L, 2, "offset", MOST);
  const size_t length = whole(L, 3, "length", RECORD_MAX);
  lua_pushboolean(L, board_save(range(L, 1, "buffer", offset, length), length));
  return 1;
}

static int hook_load(lua_State *L) {
  size_t size;
  uint8_t *data = octets(L, 1, "buffer", &size);
  lua_pushinteger(L, (lua_Integer)board_load(data, size));
  return 1;
}

static int hook_exit(lua_State *L) { board_exit((int)whole(L, 1, "code", 255)); }

static int hook_restart(lua_State *L) {
  (void)L;
  board_restart();
}

static int hook_memory(lua_State *L) {
  lua_pushinteger(L, board_memory());
  return 1;
}

static int hook_heap(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)heap_peak);
  return 1;
}

static int hook_ccm(lua_State *L) {
  const size_t encrypt = whole(L, 1, "encrypt", 1);
  const size_t nonce_length = whole(L, 4, "nonceLength", CCM_NONCE_MAX);
  const size_t aad_length = whole(L, 6, "aadLength", CCM_LENGTH_MAX);
  const size_t offset = whole(L, 8, "offset", MOST);
  const size_t length = whole(L, 9, "length", CCM_LENGTH_MAX);
  const size_t icv_length = whole(L, 10, "icvLength", CCM_ICV_MAX);
  if (nonce_length < CCM_NONCE_MIN) return luaL_error(L, "nonceLength: %d: must be 7..13", (int)nonce_length);
  if (icv_length < CCM_ICV_MIN || icv_length % 2 != 0) {
    return luaL_error(L, "icvLength: %d: must be 4, 6 .. 16", (int)icv_length);
  }
  size_t key_length;
  const uint8_t *key = octets(L, 2, "key", &key_length);
  if (key_length != 16 && key_length != 24 && key_length != 32) {
    return luaL_error(L, "key: %d octets: must be 16, 24 or 32", (int)key_length);
  }
  const uint8_t *nonce = range(L, 3, "nonce", 0, nonce_length);
  const uint8_t *aad = range(L, 5, "aad", 0, aad_length);
  uint8_t *buffer = range(L, 7, "buffer", offset, length + icv_length);
  lua_pushboolean(L, crypto_ccm(encrypt != 0, key, key_length, nonce, nonce_length, aad, aad_length, buffer, length,
                                icv_length));
  return 1;
}

static int hook_hmac(lua_State *L) {
  const size_t offset = whole(L, 3, "offset", MOST);
  const size_t length = whole(L, 4, "length", MOST);
  const size_t out_offset = whole(L, 6, "outOffset", MOST);
  size_t key_length;
  const uint8_t *key = octets(L, 1, "key", &key_length);
  const uint8_t *message = range(L, 2, "buffer", offset, length);
  uint8_t *out = range(L, 5, "out", out_offset, 32);
  uint8_t mac[32];
  crypto_hmac(key, key_length, message, length, mac);
  memcpy(out, mac, sizeof mac);
  crypto_wipe(mac, sizeof mac);
  return 0;
}

static int hook_x25519(lua_State *L) {
  uint8_t *out = range(L, 1, "out", whole(L, 2, "outOffset", MOST), 32);
  const uint8_t *scalar = range(L, 3, "scalar", whole(L, 4, "scalarOffset", MOST), 32);
  const uint8_t *point = range(L, 5, "point", whole(L, 6, "pointOffset", MOST), 32);
  x25519(out, scalar, point);
  return 0;
}

static const luaL_Reg HOOKS[] = {
    {"now", hook_now},         {"ticks", hook_ticks},         {"random", hook_random}, {"transmit", hook_transmit},
    {"receive", hook_receive}, {"wait", hook_wait},           {"print", hook_print},   {"command", hook_command},
    {"exit", hook_exit},       {"provision", hook_provision}, {"memory", hook_memory}, {"restart", hook_restart},
    {"heap", hook_heap},       {"ccm", hook_ccm},             {"hmac", hook_hmac},     {"x25519", hook_x25519},
    {"save", hook_save},       {"load", hook_load},           {"tune", hook_tune},
    {NULL, NULL},
};

/* table.create of Lua 5.5: makes room for a list and for other fields at once. */
static int table_create(lua_State *L) {
  lua_createtable(L, (int)whole(L, 1, "nseq", MOST), (int)whole(L, 2, "nrec", MOST));
  return 1;
}

/* --- start --- */

static const luaL_Reg LIBRARIES[] = {
    {LUA_GNAME, luaopen_base},
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math},
};

static int begin(lua_State *L) {
  for (size_t i = 0; i < sizeof LIBRARIES / sizeof LIBRARIES[0]; i++) {
    luaL_requiref(L, LIBRARIES[i].name, LIBRARIES[i].func, 1);
    lua_pop(L, 1);
  }
  lua_getglobal(L, LUA_TABLIBNAME);
  lua_pushcfunction(L, table_create);
  lua_setfield(L, -2, "create");
  lua_pop(L, 1);
  lua_octets_open(L);
  luaL_newlib(L, HOOKS);
  luaL_setfuncs(L, LUA_SPANS, 0);
  lua_pushinteger(L, CRYPTO_NATIVE | NATIVE_SPANS);
  lua_setfield(L, -2, "native");
  lua_setglobal(L, "board");
  lua_register(L, "print", hook_print);
  lua_flash_push(L);
  /* RAM is scarcer than time: a collection begins when the heap has grown by a tenth, not when it has doubled. The first
     one runs now, so that the tenth is one of the script's size. */
  lua_gc(L, LUA_GCINC, 110, 0, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_call(L, 0, 0);
  return 0;
}

int engine_run(void) {
  lua_State *L = lua_newstate(allocate, NULL);
  if (L == NULL) board_halt(HALT_MEMORY, "no memory for Lua");
  /* A cycle begins when the heap has grown by a fifth: RAM is short, and the time would be spent waiting for the radio. */
  lua_gc(L, LUA_GCINC, 120, 200, 0);
  lua_pushcfunction(L, begin);
  const int status = lua_pcall(L, 0, 0, 0);
  if (status == LUA_ERRMEM) board_halt(HALT_MEMORY, "not enough memory");
  if (status != LUA_OK) board_halt(HALT_SCRIPT, lua_isstring(L, -1) ? lua_tostring(L, -1) : "error without text");
  return 0;
}
