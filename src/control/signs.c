/* SPDX-License-Identifier: Apache-2.0 */
/* signs.c - see signs.h.
 *
 * The table is a ring by age with a hash of chains over it: entry n lies at n % ENTRIES and
 * is overwritten when the ring comes round.  What is known of a conversation is told in the
 * order of the ring and not when it is known: returns are known early, their absence late,
 * and an order that depends on the outcome would not be fair to the tests. */
#include "control/signs.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ENTRIES = 1 << 15,
    BUCKETS = 1 << 16,
    WINDOW_SECONDS = 60,
    /* Receipts come when answers end: what came back in time may end late. */
    SLACK_SECONDS = 600
};

struct sprout_signs_entry {
    int64_t no; /* in the order of all; 0: never used */
    int64_t conversation;
    sprout_instant ended;
    int64_t bytes;
    int64_t before; /* older entry of the same bucket, by no */
    bool error;     /* says nothing of the answer */
    bool known;     /* whether it came back in time */
    bool bad;
    char stratum[SPROUT_NAME_MAX + 1];
    char level[SPROUT_NAME_MAX + 1];
    char arm[SPROUT_NAME_MAX + 1];
};

struct table {
    struct sprout_signs signs; /* first: what others see of it */
    int64_t bucket[BUCKETS];
    struct sprout_signs_entry entry[ENTRIES];
};

enum sprout_status sprout_signs_new(struct sprout_signs **out, struct sprout_error *err)
{
    struct table *const t = calloc(1, sizeof *t);
    if (t == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "no memory for signs");
    }
    t->signs.oldest = t->signs.next = 1;
    *out = &t->signs;
    return SPROUT_OK;
}

void sprout_signs_free(struct sprout_signs *s)
{
    free(s);
}

static struct table *table_of(struct sprout_signs *s)
{
    return (struct table *)s;
}

static size_t bucket_of(int64_t conversation)
{
    return (uint64_t)conversation * UINT64_C(0x9E3779B97F4A7C15) >> 48;
}

static struct sprout_signs_entry *at(struct table *t, int64_t no)
{
    struct sprout_signs_entry *const e = &t->entry[no % ENTRIES];
    return no > 0 && e->no == no ? e : NULL; /* else it was overwritten */
}

static struct sprout_signs_entry *find(struct table *t, int64_t conversation)
{
    struct sprout_signs_entry *e = at(t, t->bucket[bucket_of(conversation)]);
    while (e != NULL && e->conversation != conversation) {
        e = at(t, e->before);
    }
    return e;
}

static void emit(struct sprout_signs *s, const struct sprout_signs_entry *e)
{
    const struct sprout_store_feedback r = {
        .stratum = sprout_str_of(e->stratum),
        .level = sprout_str_of(e->level),
        .arm = sprout_str_of(e->arm),
        .value = e->bad ? -1 : 1,
        .at = e->ended,
    };
    sprout_feedback_add(&s->feedback, &r);
}

static void copy(char *out, struct sprout_str from)
{
    snprintf(out, SPROUT_NAME_MAX + 1, "%.*s", (int)from.len, from.ptr);
}

static void insert(struct sprout_signs *s, const struct sprout_store_turn *turn)
{
    struct table *const t = table_of(s);
    int64_t *const bucket = &t->bucket[bucket_of(turn->conversation)];
    struct sprout_signs_entry *const e = &t->entry[s->next % ENTRIES];

    if (s->next - s->oldest == ENTRIES) { /* full: the oldest is let go undecided */
        s->oldest++;
    }
    *e = (struct sprout_signs_entry){
        .no = s->next,
        .conversation = turn->conversation,
        .ended = turn->ended,
        .bytes = turn->bytes,
        .before = *bucket,
        .error = !turn->ok,
    };
    copy(e->stratum, turn->stratum);
    copy(e->level, turn->level);
    copy(e->arm, turn->arm);
    *bucket = s->next++;
}

void sprout_signs_settle(struct sprout_signs *s, sprout_instant now)
{
    const int64_t wait = (WINDOW_SECONDS + SLACK_SECONDS) * SPROUT_NS_PER_SECOND;

    for (; s->oldest < s->next; s->oldest++) {
        const struct sprout_signs_entry *const e = at(table_of(s), s->oldest);
        if (e == NULL || e->error) {
            continue;
        }
        if (!e->known && now.ns - e->ended.ns <= wait) {
            return;
        }
        emit(s, e);
    }
}

void sprout_signs_add(struct sprout_signs *s, const struct sprout_store_turn *t)
{
    const int64_t window = WINDOW_SECONDS * SPROUT_NS_PER_SECOND;
    struct sprout_signs_entry *const e = find(table_of(s), t->conversation);

    if (e == NULL) {
        insert(s, t);
    } else if (!e->error && !e->known && e->no >= s->oldest) {
        const bool soon = t->began.ns - e->ended.ns <= window;
        e->known = true;
        e->bad = soon && t->bytes >= e->bytes;
        s->returned += soon && t->bytes > e->bytes;
        s->repeated += soon && t->bytes == e->bytes;
    }
    sprout_signs_settle(s, t->began);
}

static void take(void *ctx, const struct sprout_store_turn *t)
{
    sprout_signs_add(ctx, t);
}

enum sprout_status sprout_signs_read(struct sprout_signs *s, struct sprout_store *store,
                                     int64_t limit, bool *out_more,
                                     struct sprout_error *err)
{
    const int64_t before = s->last;
    const enum sprout_status status =
        sprout_store_turns(store, s->last, limit, take, s, &s->last, err);
    *out_more = status == SPROUT_OK && s->last > before;
    return status;
}
