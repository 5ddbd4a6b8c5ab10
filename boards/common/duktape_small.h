/* Appended to duktape_options.h where the heap has at most 256 kB: addresses in the heap are 16 bits, in words from its start,
   and so are counts, lengths and hashes. Duktape itself takes 26 kB instead of 39, functions a
   tenth less; a call takes a tenth more instructions. More references
   to one object than 65,535 do not fit such a heap. */

extern unsigned char __heap_start[];

static inline unsigned duk_board_encode(const void *address) {
  return address == 0 ? 0 : (unsigned)((const unsigned char *)address - __heap_start) >> 2;
}

static inline void *duk_board_decode(unsigned number) { return number == 0 ? 0 : __heap_start + (number << 2); }

#define DUK_USE_HEAPPTR16
#define DUK_USE_HEAPPTR_ENC16(udata, address) ((duk_uint16_t)duk_board_encode(address))
#define DUK_USE_HEAPPTR_DEC16(udata, number) duk_board_decode(number)
#define DUK_USE_REFCOUNT16
#define DUK_USE_STRHASH16
#define DUK_USE_STRLEN16
#define DUK_USE_BUFLEN16
#define DUK_USE_OBJSIZES16
#undef DUK_USE_HOBJECT_HASH_PART
#define DUK_USE_STRTAB_PTRCOMP
#undef DUK_USE_CACHE_ACTIVATION
#undef DUK_USE_CACHE_CATCHER
