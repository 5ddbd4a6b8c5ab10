/* JerryScript 3.0: the global object `board`, and the script's start from a static snapshot, which stays in flash if there is
   any. Octets are a Uint8Array, read and written in place. Hooks check every range; an error names the argument. With an
   external context the linker script gives the heap's size; otherwise the library was built with one. */

#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "crypto.h"
#include "jerry_call.h"
#include "jerryscript.h"
#include "spans.h"
#include "x25519.h"

/* jerry_port.c: octets of the engine's own data in front of its heap. 0: the library contains both, and its heap has a
   fixed size. */
extern size_t jerry_context_octets;

static size_t peak(void) {
  jerry_heap_stats_t stats;
  return jerry_heap_stats(&stats) ? stats.peak_allocated_bytes : 0;
}

long engine_heap_peak(void) {
  const size_t octets = peak();
  return octets == 0 ? -1 : (long)octets;
}

/* A heap inside the library is static data and counted there. */
long engine_memory(void) {
  if (jerry_context_octets == 0) return 0;
  const size_t octets = peak();
  return octets == 0 ? -1 : (long)(jerry_context_octets + octets);
}

/* --- hooks --- */

HOOK(now) {
  (void)info, (void)values, (void)count;
  return jerry_number((double)board_now());
}

HOOK(ticks) {
  (void)info, (void)values, (void)count;
  return jerry_number((double)board_ticks());
}

HOOK(random) {
  CALL;
  const size_t offset = whole(call, 1, "offset", MOST);
  const size_t length = whole(call, 2, "length", MOST);
  uint8_t *out = range(call, 0, "buffer", offset, length);
  return finish(call, jerry_boolean(!failed(call) && board_random(out, length)));
}

HOOK(transmit) {
  CALL;
  const size_t offset = whole(call, 1, "offset", MOST);
  const size_t length = whole(call, 2, "length", FRAME_MAX);
  if (length < FRAME_MIN) fail(call, JERRY_ERROR_RANGE, "length", "must be 5..127");
  const uint8_t *frame = range(call, 0, "buffer", offset, length);
  if (!failed(call)) radio_transmit(frame, length);
  return finish(call, jerry_undefined());
}

HOOK(tune) {
  CALL;
  const size_t channel = whole(call, 0, "channel", 26);
  RadioPlace place = {.channel = (uint8_t)channel,
                      .pan_id = (uint16_t)whole(call, 1, "panId", 0xffff),
                      .short_address = (uint16_t)whole(call, 2, "shortAddress", 0xffff)};
  if (channel < 11) fail(call, JERRY_ERROR_RANGE, "channel", "must be 11..26");
  const uint8_t *extended = range(call, 3, "extendedAddress", 0, sizeof place.extended_address);
  if (!failed(call)) {
    memcpy(place.extended_address, extended, sizeof place.extended_address);
    radio_tune(&place);
  }
  return finish(call, jerry_undefined());
}

HOOK(receive) {
  CALL;
  uint8_t *frame = range(call, 0, "buffer", 0, FRAME_MAX);
  return finish(call, jerry_number(failed(call) ? 0 : radio_receive(frame)));
}

HOOK(wait) {
  CALL;
  const double ms = count > 0 && jerry_value_is_number(values[0]) ? jerry_value_as_number(values[0]) : 1e18;
  if (!(ms >= -1e15 && ms <= 1e15)) fail(call, JERRY_ERROR_RANGE, "ms", "must be a whole number");
  if (!failed(call)) board_wait((int64_t)ms);
  return finish(call, jerry_undefined());
}

/* Writes a value as text, cut at `size`. Returns its length. */
static size_t text_of(jerry_value_t value, char *out, size_t size) {
  const jerry_value_t text = jerry_value_to_string(value);
  size_t length = 0;
  if (!jerry_value_is_exception(text)) {
    length = jerry_string_to_buffer(text, JERRY_ENCODING_UTF8, (jerry_char_t *)out, (jerry_size_t)size);
  }
  jerry_value_free(text);
  return length;
}

static void write_octet(uint32_t octet, void *unused) {
  (void)unused;
  const char one = (char)octet;
  board_write(&one, 1);
}

HOOK(print) {
  (void)info;
  if (count > 0) {
    const jerry_value_t text = jerry_value_to_string(values[0]);
    if (!jerry_value_is_exception(text)) jerry_string_iterate(text, JERRY_ENCODING_UTF8, write_octet, NULL);
    jerry_value_free(text);
  }
  board_write("\n", 1);
  return jerry_undefined();
}

HOOK(command) {
  CALL;
  size_t size;
  uint8_t *out = octets(call, 0, "buffer", &size);
  return finish(call, jerry_number(failed(call) ? 0 : board_command(out, size)));
}

HOOK(provision) {
  CALL;
  const uint8_t *area;
  size_t size;
  uint8_t *out = octets(call, 0, "buffer", &size);
  const size_t there = board_provision(&area);
  if (there < size) size = there;
  if (!failed(call)) memcpy(out, area, size);
  return finish(call, jerry_number((double)size));
}

HOOK(save) {
  CALL;
  const size_t offset = whole(call, 1, "offset", MOST);
  const size_t length = whole(call, 2, "length", RECORD_MAX);
  const uint8_t *record = range(call, 0, "buffer", offset, length);
  return finish(call, jerry_boolean(!failed(call) && board_save(record, length)));
}

HOOK(load) {
  CALL;
  size_t size;
  uint8_t *out = octets(call, 0, "buffer", &size);
  return finish(call, jerry_number(failed(call) ? 0 : (double)board_load(out, size)));
}

HOOK(exit) {
  CALL;
  const size_t code = whole(call, 0, "code", 255);
  if (!failed(call)) board_exit((int)code);
  return finish(call, jerry_undefined());
}

HOOK(restart) {
  (void)info, (void)values, (void)count;
  board_restart();
}

HOOK(memory) {
  (void)info, (void)values, (void)count;
  return jerry_number((double)board_memory());
}

HOOK(heap) {
  (void)info, (void)values, (void)count;
  return jerry_number((double)engine_heap_peak());
}

HOOK(ccm) {
  CALL;
  const size_t encrypt = whole(call, 0, "encrypt", 1);
  const size_t nonce_length = whole(call, 3, "nonceLength", CCM_NONCE_MAX);
  const size_t aad_length = whole(call, 5, "aadLength", CCM_LENGTH_MAX);
  const size_t offset = whole(call, 7, "offset", MOST);
  const size_t length = whole(call, 8, "length", CCM_LENGTH_MAX);
  const size_t icv_length = whole(call, 9, "icvLength", CCM_ICV_MAX);
  if (nonce_length < CCM_NONCE_MIN) fail(call, JERRY_ERROR_RANGE, "nonceLength", "must be 7..13");
  if (icv_length < CCM_ICV_MIN || icv_length % 2 != 0) {
    fail(call, JERRY_ERROR_RANGE, "icvLength", "must be 4, 6 .. 16");
  }
  size_t key_length;
  const uint8_t *key = octets(call, 1, "key", &key_length);
  if (key_length != 16 && key_length != 24 && key_length != 32) {
    fail(call, JERRY_ERROR_RANGE, "key", "must be 16, 24 or 32 octets");
  }
  const uint8_t *nonce = range(call, 2, "nonce", 0, nonce_length);
  const uint8_t *aad = range(call, 4, "aad", 0, aad_length);
  uint8_t *buffer = range(call, 6, "buffer", offset, length + icv_length);
  const bool good = !failed(call) && crypto_ccm(encrypt != 0, key, key_length, nonce, nonce_length, aad, aad_length, buffer,
                                                length, icv_length);
  return finish(call, jerry_boolean(good));
}

HOOK(hmac) {
  CALL;
  const size_t offset = whole(call, 2, "offset", MOST);
  const size_t length = whole(call, 3, "length", MOST);
  const size_t out_offset = whole(call, 5, "outOffset", MOST);
  size_t key_length;
  const uint8_t *key = octets(call, 0, "key", &key_length);
  const uint8_t *message = range(call, 1, "buffer", offset, length);
  uint8_t *out = range(call, 4, "out", out_offset, 32);
  if (!failed(call)) {
    uint8_t mac[32];
    crypto_hmac(key, key_length, message, length, mac);
    memcpy(out, mac, sizeof mac);
    crypto_wipe(mac, sizeof mac);
  }
  return finish(call, jerry_undefined());
}

HOOK(x25519) {
  CALL;
  uint8_t *out = range(call, 0, "out", whole(call, 1, "outOffset", MOST), 32);
  const uint8_t *scalar = range(call, 2, "scalar", whole(call, 3, "scalarOffset", MOST), 32);
  const uint8_t *point = range(call, 4, "point", whole(call, 5, "pointOffset", MOST), 32);
  if (!failed(call)) x25519(out, scalar, point);
  return finish(call, jerry_undefined());
}

static const Hook HOOKS[] = {
    {"now", hook_now},         {"ticks", hook_ticks},         {"random", hook_random}, {"transmit", hook_transmit},
    {"receive", hook_receive}, {"wait", hook_wait},           {"print", hook_print},   {"command", hook_command},
    {"exit", hook_exit},       {"provision", hook_provision}, {"memory", hook_memory}, {"restart", hook_restart},
    {"heap", hook_heap},       {"ccm", hook_ccm},             {"hmac", hook_hmac},     {"x25519", hook_x25519},
    {"save", hook_save},       {"load", hook_load},           {"tune", hook_tune},
};

/* --- start --- */

static void set(jerry_value_t object, const char *name, jerry_value_t value) {
  jerry_value_free(jerry_object_set_sz(object, name, value));
  jerry_value_free(value);
}

#ifdef __arm__
/* The script's strings, in flash, each as length and octets. The snapshot names them by index. */
extern const jerry_char_t *const script_strings[];
extern const jerry_length_t script_string_lengths[];
extern const uint32_t script_string_count;

static jerry_value_t load_script(void) {
  return jerry_exec_snapshot((const uint32_t *)(const void *)script, script_length, 0,
                             JERRY_SNAPSHOT_EXEC_ALLOW_STATIC | JERRY_SNAPSHOT_EXEC_LOAD_AS_FUNCTION, NULL);
}
#else
/* Memory is plenty here: the engine executes a copy of the snapshot, which it may write to. */
static jerry_value_t load_script(void) {
  static uint32_t *copy;
  copy = malloc(script_length);
  if (copy == NULL) board_halt(HALT_MEMORY, "no memory for the script");
  memcpy(copy, script, script_length);
  return jerry_exec_snapshot(copy, script_length, 0, JERRY_SNAPSHOT_EXEC_LOAD_AS_FUNCTION, NULL);
}
#endif

int engine_run(void) {
  jerry_init(JERRY_INIT_EMPTY);
#ifdef __arm__
  jerry_register_magic_strings(script_strings, script_string_count, script_string_lengths);
#endif
  const jerry_value_t global = jerry_current_realm();
  const jerry_value_t board = jerry_object();
  for (size_t i = 0; i < sizeof HOOKS / sizeof HOOKS[0]; i++) {
    set(board, HOOKS[i].name, jerry_function_external(HOOKS[i].handler));
  }
  for (size_t i = 0; i < SPAN_HOOKS; i++) {
    set(board, JERRY_SPANS[i].name, jerry_function_external(JERRY_SPANS[i].handler));
  }
  set(board, "native", jerry_number(CRYPTO_NATIVE | NATIVE_SPANS));
  set(global, "board", board);
  set(global, "print", jerry_function_external(hook_print));
  const jerry_value_t function = load_script();
  const jerry_value_t result = jerry_value_is_exception(function) ? function : jerry_call(function, global, NULL, 0);
  if (jerry_value_is_exception(result)) {
    char text[160];
    const jerry_value_t problem = jerry_exception_value(result, true);
    const size_t length = text_of(problem, text, sizeof text - 1);
    text[length] = 0;
    board_halt(HALT_SCRIPT, text);
  }
  jerry_value_free(result);
  return 0;
}
