/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - see arena.h. */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

void *sprout_arena_raw(struct sprout_arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    const uintptr_t at = (uintptr_t)a->block + a->used;
    const size_t gap =
        (size_t)(-at & (align - 1)); /* the block itself may be unaligned */

    if (a->spent || gap > a->size - a->used || size > a->size - a->used - gap) {
        a->spent = true;
        return NULL;
    }
    void *p = a->block + a->used + gap;
    a->used += gap + size;
    return p;
}

void *sprout_arena_alloc(struct sprout_arena *a, size_t size)
{
    void *p = sprout_arena_raw(a, size);
    return p == NULL ? NULL : memset(p, 0, size);
}

void *sprout_arena_array(struct sprout_arena *a, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        a->spent = true;
        return NULL;
    }
    return sprout_arena_alloc(a, count * size);
}

void sprout_arena_trim(struct sprout_arena *a, const void *end)
{
    const size_t used = (size_t)((const char *)end - a->block);
    a->used = used < a->used ? used : a->used;
}

struct sprout_str sprout_arena_str(struct sprout_arena *a, struct sprout_str s)
{
    char *p = s.len < SIZE_MAX ? sprout_arena_alloc(a, s.len + 1) : NULL;
    if (p == NULL) {
        return (struct sprout_str){NULL, 0};
    }
    if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    return (struct sprout_str){p, s.len};
}
