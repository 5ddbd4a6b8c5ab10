/* Duktape 2.7: the global object `board`, and the script's start. Octets are a Uint8Array, read and written in place.
   Hooks check every range; an error names the argument. */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "crypto.h"
#include "duktape.h"
#include "spans.h"
#include "x25519.h"

static size_t heap_used, heap_peak;

long engine_heap_peak(void) { return (long)heap_peak; }

long engine_memory(void) { return (long)system_heap_peak(); }

/* Duktape frees blocks without their size; the allocator knows it. */
static void *counted(void *block) {
  heap_used += malloc_usable_size(block);
  if (heap_used > heap_peak) heap_peak = heap_used;
  return block;
}

static void *allocate(void *context, duk_size_t size) {
  (void)context;
#ifdef HEAP_LIMIT
  if (size > HEAP_LIMIT - heap_used) return NULL;
#endif
  void *block = size == 0 ? NULL : malloc(size);
  return block == NULL ? NULL : counted(block);
}

static void release(void *context, void *block) {
  (void)context;
  if (block == NULL) return;
  heap_used -= malloc_usable_size(block);
  free(block);
}

static void *reallocate(void *context, void *block, duk_size_t size) {
  if (block == NULL) return allocate(context, size);
  if (size == 0) {
    release(context, block);
    return NULL;
  }
  const size_t before = malloc_usable_size(block);
#ifdef HEAP_LIMIT
  if (size > HEAP_LIMIT - heap_used + before) return NULL;
#endif
  void *moved = realloc(block, size);
  if (moved == NULL) return NULL;
  heap_used -= before;
  return counted(moved);
}

static void fatal(void *context, const char *message) {
  (void)context;
  const int code = message != NULL && strstr(message, "alloc") != NULL ? HALT_MEMORY : HALT_SCRIPT;
  board_halt(code, message == NULL ? "fatal error" : message);
}

/* --- arguments --- */

#define MOST 0x7fffffff

static size_t whole(duk_context *C, duk_idx_t argument, const char *name, double most) {
  const double value = duk_get_number_default(C, argument, -1);
  if (!(value >= 0 && value <= most) || value != (double)(size_t)value) {
    duk_error(C, DUK_ERR_RANGE_ERROR, "%s: must be a whole number of 0..%ld", name, (long)most);
  }
  return (size_t)value;
}

static uint8_t *octets(duk_context *C, duk_idx_t argument, const char *name, size_t *size) {
  uint8_t *data = duk_get_buffer_data(C, argument, size);
  if (data == NULL && !duk_is_buffer_data(C, argument)) duk_error(C, DUK_ERR_TYPE_ERROR, "%s: must be octets", name);
  return data;
}

/* The octets of an argument from `offset`. There must be `length` of them. */
static uint8_t *range(duk_context *C, duk_idx_t argument, const char *name, size_t offset, size_t length) {
  size_t size;
  uint8_t *data = octets(C, argument, name, &size);
  if (offset > size || length > size - offset) {
    duk_error(C, DUK_ERR_RANGE_ERROR, "%s: %ld octets at %ld: it has %ld", name, (long)length, (long)offset,
              (long)size);
  }
  return data + offset;
}

/* --- hooks --- */

static duk_ret_t hook_now(duk_context *C) {
  duk_push_number(C, (double)board_now());
  return 1;
}

static duk_ret_t hook_ticks(duk_context *C) {
  duk_push_number(C, (double)board_ticks());
  return 1;
}

static duk_ret_t hook_random(duk_context *C) {
  const size_t offset = whole(C, 1, "offset", MOST);
  const size_t length = whole(C, 2, "length", MOST);
  duk_push_boolean(C, board_random(range(C, 0, "buffer", offset, length), length));
  return 1;
}

static duk_ret_t hook_transmit(duk_context *C) {
  const size_t offset = whole(C, 1, "offset", MOST);
  const size_t length = whole(C, 2, "length", FRAME_MAX);
  if (length < FRAME_MIN) return duk_error(C, DUK_ERR_RANGE_ERROR, "length: %ld: must be 5..127", (long)length);
  radio_transmit(range(C, 0, "buffer", offset, length), length);
  return 0;
}

static duk_ret_t hook_tune(duk_context *C) {
  RadioPlace place = {.channel = (uint8_t)whole(C, 0, "channel", 26),
                      .pan_id = (uint16_t)whole(C, 1, "panId", 0xffff),
                      .short_address = (uint16_t)whole(C, 2, "shortAddress", 0xffff)};
  if (place.channel < 11) return duk_error(C, DUK_ERR_RANGE_ERROR, "channel: %ld: must be 11..26", (long)place.channel);
  memcpy(place.extended_address, range(C, 3, "extendedAddress", 0, sizeof place.extended_address), sizeof place.extended_address);
  radio_tune(&place);
  return 0;
}

static duk_ret_t hook_receive(duk_context *C) {
  duk_push_int(C, radio_receive(range(C, 0, "buffer", 0, FRAME_MAX)));
  return 1;
}

static duk_ret_t hook_wait(duk_context *C) {
  const double ms = duk_get_number_default(C, 0, DUK_DOUBLE_NAN);
  if (!(ms >= -1e15 && ms <= 1e15)) return duk_error(C, DUK_ERR_RANGE_ERROR, "ms: must be a whole number");
  board_wait((int64_t)ms);
  return 0;
}

static duk_ret_t hook_print(duk_context *C) {
  duk_size_t length;
  const char *text = duk_safe_to_lstring(C, 0, &length);
  board_print(text, length);
  return 0;
}

static duk_ret_t hook_command(duk_context *C) {
  size_t size;
  uint8_t *data = octets(C, 0, "buffer", &size);
  duk_push_int(C, board_command(data, size));
  return 1;
}

static duk_ret_t hook_provision(duk_context *C) {
  const uint8_t *area;
  size_t size;
  uint8_t *data = octets(C, 0, "buffer", &size);
  const size_t there = board_provision(&area);
  if (there < size) size = there;
  memcpy(data, area, size);
  duk_push_uint(C, size);
  return 1;
}

static duk_ret_t hook_save(duk_context *C) {
  const size_t offset = whole(C, 1, "offset", MOST);
  const size_t length = whole(C, 2, "length", RECORD_MAX);
  duk_push_boolean(C, board_save(range(C, 0, "buffer", offset, length), length));
  return 1;
}

static duk_ret_t hook_load(duk_context *C) {
  size_t size;
  uint8_t *data = octets(C, 0, "buffer", &size);
  duk_push_uint(C, board_load(data, size));
  return 1;
}

static duk_ret_t hook_exit(duk_context *C) { board_exit((int)whole(C, 0, "code", 255)); }

static duk_ret_t hook_restart(duk_context *C) {
  (void)C;
  board_restart();
}

static duk_ret_t hook_memory(duk_context *C) {
  duk_push_number(C, board_memory());
  return 1;
}

static duk_ret_t hook_heap(duk_context *C) {
  duk_push_number(C, (double)heap_peak);
  return 1;
}

static duk_ret_t hook_ccm(duk_context *C) {
  const size_t encrypt = whole(C, 0, "encrypt", 1);
  const size_t nonce_length = whole(C, 3, "nonceLength", CCM_NONCE_MAX);
  const size_t aad_length = whole(C, 5, "aadLength", CCM_LENGTH_MAX);
  const size_t offset = whole(C, 7, "offset", MOST);
  const size_t length = whole(C, 8, "length", CCM_LENGTH_MAX);
  const size_t icv_length = whole(C, 9, "icvLength", CCM_ICV_MAX);
  if (nonce_length < CCM_NONCE_MIN) {
    return duk_error(C, DUK_ERR_RANGE_ERROR, "nonceLength: %ld: must be 7..13", (long)nonce_length);
  }
  if (icv_length < CCM_ICV_MIN || icv_length % 2 != 0) {
    return duk_error(C, DUK_ERR_RANGE_ERROR, "icvLength: %ld: must be 4, 6 .. 16", (long)icv_length);
  }
  size_t key_length;
  const uint8_t *key = octets(C, 1, "key", &key_length);
  if (key_length != 16 && key_length != 24 && key_length != 32) {
    return duk_error(C, DUK_ERR_RANGE_ERROR, "key: %ld octets: must be 16, 24 or 32", (long)key_length);
  }
  const uint8_t *nonce = range(C, 2, "nonce", 0, nonce_length);
  const uint8_t *aad = range(C, 4, "aad", 0, aad_length);
  uint8_t *buffer = range(C, 6, "buffer", offset, length + icv_length);
  duk_push_boolean(C, crypto_ccm(encrypt != 0, key, key_length, nonce, nonce_length, aad, aad_length, buffer, length,
                                 icv_length));
  return 1;
}

static duk_ret_t hook_hmac(duk_context *C) {
  const size_t offset = whole(C, 2, "offset", MOST);
  const size_t length = whole(C, 3, "length", MOST);
  const size_t out_offset = whole(C, 5, "outOffset", MOST);
  size_t key_length;
  const uint8_t *key = octets(C, 0, "key", &key_length);
  const uint8_t *message = range(C, 1, "buffer", offset, length);
  uint8_t *out = range(C, 4, "out", out_offset, 32);
  uint8_t mac[32];
  crypto_hmac(key, key_length, message, length, mac);
  memcpy(out, mac, sizeof mac);
  crypto_wipe(mac, sizeof mac);
  return 0;
}

static duk_ret_t hook_x25519(duk_context *C) {
  uint8_t *out = range(C, 0, "out", whole(C, 1, "outOffset", MOST), 32);
  const uint8_t *scalar = range(C, 2, "scalar", whole(C, 3, "scalarOffset", MOST), 32);
  const uint8_t *point = range(C, 4, "point", whole(C, 5, "pointOffset", MOST), 32);
  x25519(out, scalar, point);
  return 0;
}

/* --- spans: below one octet there is nothing to do, and no offset is checked --- */

/* The length in an argument. 0: there is nothing to do. */
static size_t span_length(duk_context *C, duk_idx_t argument) {
  return duk_get_number_default(C, argument, 1e10) <= 0 ? 0 : whole(C, argument, "length", MOST);
}

/* The octets that an argument and the next one, its offset, describe. */
static uint8_t *span(duk_context *C, duk_idx_t argument, const char *name, const char *offset, size_t length) {
  return range(C, argument, name, whole(C, argument + 1, offset, MOST), length);
}

static duk_ret_t hook_copy(duk_context *C) {
  const size_t length = span_length(C, 4);
  if (length == 0) return 0;
  uint8_t *to = span(C, 0, "to", "toOffset", length);
  const uint8_t *from = span(C, 2, "from", "fromOffset", length);
  span_copy(to, from, length, duk_strict_equals(C, 0, 2));
  return 0;
}

static duk_ret_t hook_fill(duk_context *C) {
  const size_t length = span_length(C, 2);
  const size_t value = whole(C, 3, "value", 255);
  if (length > 0) memset(span(C, 0, "buffer", "offset", length), (int)value, length);
  return 0;
}

static duk_ret_t hook_equal(duk_context *C) {
  const size_t length = span_length(C, 4);
  bool is_equal = true;
  if (length > 0) {
    const uint8_t *a = span(C, 0, "a", "aOffset", length);
    is_equal = span_equal(a, span(C, 2, "b", "bOffset", length), length);
  }
  duk_push_boolean(C, is_equal);
  return 1;
}

static duk_ret_t hook_difference(duk_context *C) {
  const size_t length = span_length(C, 5);
  long found = -1;
  if (length > 0) {
    const uint8_t *a = span(C, 0, "a", "aOffset", length);
    const uint8_t *b = span(C, 2, "b", "bOffset", length);
    found = span_difference(a, b, range(C, 4, "mask", 0, length), length);
  }
  duk_push_int(C, found);
  return 1;
}

static duk_ret_t hook_sum(duk_context *C) {
  const size_t length = span_length(C, 2);
  uint32_t sum = whole(C, 3, "sum", MOST);
  if (length > 0) sum += span_sum(span(C, 0, "buffer", "offset", length), length);
  duk_push_uint(C, sum);
  return 1;
}

static duk_ret_t hook_fcs(duk_context *C) {
  const size_t length = span_length(C, 2);
  duk_push_uint(C, length == 0 ? 0 : span_fcs(0, span(C, 0, "buffer", "offset", length), length));
  return 1;
}

static const duk_function_list_entry HOOKS[] = {
    {"now", hook_now, 0},         {"ticks", hook_ticks, 0},         {"random", hook_random, 3},
    {"receive", hook_receive, 1}, {"transmit", hook_transmit, 3},   {"wait", hook_wait, 1},
    {"print", hook_print, 1},     {"command", hook_command, 1},     {"exit", hook_exit, 1},
    {"heap", hook_heap, 0},       {"provision", hook_provision, 1}, {"restart", hook_restart, 0},
    {"memory", hook_memory, 0},   {"ccm", hook_ccm, 10},            {"hmac", hook_hmac, 6},
    {"x25519", hook_x25519, 6},   {"copy", hook_copy, 5},           {"fill", hook_fill, 4},
    {"equal", hook_equal, 5},     {"difference", hook_difference, 6}, {"sum", hook_sum, 4},
    {"fcs", hook_fcs, 3},         {"save", hook_save, 3},           {"load", hook_load, 1},
    {"tune", hook_tune, 4},
};

/* --- start --- */

static duk_ret_t begin(duk_context *C, void *unused) {
  (void)unused;
  duk_push_object(C);
  for (size_t i = 0; i < sizeof HOOKS / sizeof HOOKS[0]; i++) {
    /* Light functions take no memory. */
    duk_push_c_lightfunc(C, HOOKS[i].value, HOOKS[i].nargs, HOOKS[i].nargs, 0);
    duk_put_prop_string(C, -2, HOOKS[i].key);
  }
  duk_push_int(C, CRYPTO_NATIVE | NATIVE_SPANS);
  duk_put_prop_string(C, -2, "native");
  duk_put_global_string(C, "board");
  duk_push_c_lightfunc(C, hook_print, 1, 1, 0);
  duk_put_global_string(C, "print");
  duk_compile_lstring(C, DUK_COMPILE_NORESULT | DUK_COMPILE_NOFILENAME, (const char *)script, script_length);
  duk_call(C, 0);
  return 0;
}

int engine_run(void) {
  duk_context *C = duk_create_heap(allocate, reallocate, release, NULL, fatal);
  if (C == NULL) board_halt(HALT_MEMORY, "no memory for Duktape");
  if (duk_safe_call(C, begin, NULL, 0, 1) != DUK_EXEC_SUCCESS) {
    const char *message = duk_safe_to_string(C, -1);
    fatal(NULL, message);
  }
  return 0;
}
