/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory for one request or one job, from a block it was given.
 *
 * A bump allocator: sprout_arena_alloc() costs an addition, nothing is freed singly, and
 * the owner of the block frees it all at once.  Running out sets `spent`, which sticks:
 * every later call returns NULL too, so a builder may allocate freely and check once.  It
 * costs that job and never the process.
 * Threads: one arena, one thread.  Memory: the block's, aligned for any type. */
#ifndef SPROUT_BASE_ARENA_H
#define SPROUT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct sprout_arena {
    char *block; /* borrowed for the arena's life */
    size_t used;
    size_t size;
    bool spent;
};

static inline struct sprout_arena sprout_arena_of(void *block, size_t size)
{
    return (struct sprout_arena){.block = block, .size = size};
}

/* Zeroed memory of `size` bytes, or NULL once the arena is spent. */
void *sprout_arena_alloc(struct sprout_arena *a, size_t size);

/* The same, not zeroed: for large buffers of which few bytes are ever used, so that the
 * rest of their pages is never touched. */
void *sprout_arena_raw(struct sprout_arena *a, size_t size);

/* `count` zeroed things of `size` bytes; a product that overflows spends the arena. */
void *sprout_arena_array(struct sprout_arena *a, size_t count, size_t size);

/* Gives back what lies from `end` on; `end` is in the last thing that was had. */
void sprout_arena_trim(struct sprout_arena *a, const void *end);

/* Copy of `s`, with a NUL after it that its length does not count; the empty view when
 * the arena is spent. */
struct sprout_str sprout_arena_str(struct sprout_arena *a, struct sprout_str s);

#endif
