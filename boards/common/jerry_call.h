/* The arguments of a JerryScript hook. A hook asks for each in turn. The first wrong one is noted, and `finish` returns its
   error. */
#ifndef JERRY_CALL_H
#define JERRY_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jerryscript.h"

#define MOST 0x7fffffff

/* The arguments of the current call, and its first error. */
typedef struct {
  const jerry_value_t *values;
  jerry_length_t count;
  char problem[96];
  jerry_error_t kind;
} Call;

typedef struct {
  const char *name;
  jerry_external_handler_t handler;
} Hook;

#define HOOK(name)                                                                                             \
  static jerry_value_t hook_##name(const jerry_call_info_t *info, const jerry_value_t values[],               \
                                   const jerry_length_t count)
#define CALL                       \
  (void)info;                      \
  Call one;                        \
  Call *const call = &one;         \
  begin_call(call, values, count)

static inline void begin_call(Call *call, const jerry_value_t *values, jerry_length_t count) {
  call->values = values;
  call->count = count;
  call->problem[0] = 0;
  call->kind = JERRY_ERROR_TYPE;
}

static inline bool failed(const Call *call) { return call->problem[0] != 0; }

static inline jerry_value_t finish(const Call *call, jerry_value_t result) {
  return failed(call) ? jerry_throw_sz(call->kind, call->problem) : result;
}

/* Notes the first problem; the hook then does nothing. `name` and `what` are short. */
void fail(Call *call, jerry_error_t kind, const char *name, const char *what);
/* A whole number up to `most`. 0: it is none. */
size_t whole(Call *call, jerry_length_t argument, const char *name, uint32_t most);
/* A whole number up to MOST; negative numbers count as 0. */
size_t span_length(Call *call, jerry_length_t argument);
/* The memory of an argument that holds octets. Its buffer lives as long as the argument. */
uint8_t *octets(Call *call, jerry_length_t argument, const char *name, size_t *size);
/* The octets of an argument from `offset`. There must be `length` of them. */
uint8_t *range(Call *call, jerry_length_t argument, const char *name, size_t offset, size_t length);

#define SPAN_HOOKS 6
extern const Hook JERRY_SPANS[SPAN_HOOKS];

#endif
