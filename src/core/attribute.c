/* SPDX-License-Identifier: Apache-2.0 */
/* attribute.c - see attribute.h. */
#include "core/attribute.h"

#include <stdalign.h>

enum { SLICES = 64 }; /* bits of a word */

/* ---- one window ------------------------------------------------------------------------ */

static bool weighed(const struct sprout_attribute_part *p)
{
    return p->weight >= 0; /* false for NaN */
}

struct sums {
    double weight;    /* of those that can be weighed */
    double residence; /* of all */
    double known;     /* residence of those that can be weighed */
};

static struct sums sums_of(const struct sprout_attribute_part *parts, size_t n)
{
    struct sums s = {0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        s.residence += parts[i].residence;
        if (weighed(&parts[i])) {
            s.weight += parts[i].weight;
            s.known += parts[i].residence;
        }
    }
    return s;
}

/* What a part gets before rounding. */
static double exact(const struct sprout_attribute_part *p, const struct sums *s,
                    double active, double idle, double foreign)
{
    if (!weighed(p)) {
        return 0;
    }
    const double all = s->weight + foreign;
    const double by_tokens =
        all > 0 ? active * (s->known / s->residence) * (p->weight / all) : 0;
    return by_tokens + idle * (p->residence / s->residence);
}

/* What every part and the unattributed get together, as it is rounded down. */
static double floor_of(double v)
{
    return v > 0 ? floor(v) : 0;
}

/* The microjoules that rounding down left: where they go. */
struct round {
    const struct sums *s;
    double active;
    double idle;
    double foreign;
};

static double remainder_of(const struct sprout_attribute_part *p, const struct round *r)
{
    const double v = exact(p, r->s, r->active, r->idle, r->foreign);
    return v - floor_of(v);
}

static size_t above(const struct sprout_attribute_part *parts, size_t n,
                    const struct round *r, double level)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += remainder_of(&parts[i], r) > level;
    }
    return count;
}

/* One microjoule more for each of the `k` largest remainders; returns how many were given.
 * The level that at most k exceed is found by halving: no sorting, no memory. */
static int64_t give_remainders(struct sprout_attribute_part *parts, size_t n,
                               const struct round *r, size_t k)
{
    double lo = -1, hi = 1;
    for (int i = 0; i < 60; i++) {
        const double mid = (lo + hi) / 2;
        *(above(parts, n, r, mid) > k ? &lo : &hi) = mid;
    }
    const size_t sure = above(parts, n, r, hi);
    size_t ties = k > sure ? k - sure : 0;
    int64_t given = 0;
    for (size_t i = 0; i < n; i++) {
        const double rest = remainder_of(&parts[i], r);
        const bool tie = rest > lo && rest <= hi && weighed(&parts[i]) && ties > 0;
        ties -= tie;
        if (tie || rest > hi) {
            parts[i].part.v++;
            given++;
        }
    }
    return given;
}

/* Takes `excess` back: sums of doubles may err by a microjoule or so. */
static int64_t take_back(struct sprout_attribute_part *parts, size_t n, int64_t excess)
{
    const int64_t all = excess;
    for (size_t i = n; excess > 0 && i-- > 0;) {
        const int64_t back = excess < parts[i].part.v ? excess : parts[i].part.v;
        parts[i].part.v -= back;
        excess -= back;
    }
    return all - excess;
}

sprout_microjoules sprout_attribute_split(sprout_microjoules energy,
                                          sprout_microjoules idle,
                                          struct sprout_attribute_rest rest,
                                          struct sprout_attribute_part *parts, size_t n)
{
    const struct sums s = sums_of(parts, n);
    const int64_t idle_uj = idle.v < 0 ? 0 : idle.v < energy.v ? idle.v : energy.v;
    const struct round r = {&s, (double)(energy.v - idle_uj),
                            (double)idle_uj * (1 - rest.empty), rest.foreign};
    double wanted = 0; /* of all parts, before rounding */
    int64_t given = 0;

    for (size_t i = 0; i < n; i++) {
        const double v = exact(&parts[i], &s, r.active, r.idle, r.foreign);
        wanted += v;
        parts[i].part.v = (int64_t)floor_of(v);
        given += parts[i].part.v;
    }
    int64_t due = (int64_t)llround(wanted);
    due = due > energy.v ? energy.v : due;
    if (given > due) {
        given -= take_back(parts, n, given - due);
    } else if (given < due) {
        given += give_remainders(parts, n, &r, (size_t)(due - given));
    }
    return (sprout_microjoules){energy.v - given};
}

/* ---- the engine ------------------------------------------------------------------------ */

struct pending {
    struct sprout_attribute_request r;
    int64_t given_uj;   /* of the windows divided so far */
    int64_t covered_ns; /* of its time, by windows that were no gaps */
};

struct sprout_attribute {
    struct sprout_attribute_opts opts;
    struct sprout_attribute_totals totals;
    struct pending *requests;
    struct sprout_attribute_part *parts; /* of the window in hand */
    uint32_t *who;                       /* parts[i] is of requests[who[i]] */
    struct sprout_attribute_window *ring;
    size_t request_count;
    size_t window_first;
    size_t window_count;
    sprout_instant last_end; /* of the newest window */
    sprout_instant divided;  /* everything before this is divided */
    double owed; /* tokens of ours that the server has not counted yet, as weight */
};

static size_t aligned(size_t n)
{
    return (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

size_t sprout_attribute_size(const struct sprout_attribute_opts *o)
{
    return aligned(sizeof(struct sprout_attribute)) +
           aligned(o->requests * sizeof(struct pending)) +
           aligned(o->requests * sizeof(struct sprout_attribute_part)) +
           aligned(o->requests * sizeof(uint32_t)) +
           aligned(o->windows * sizeof(struct sprout_attribute_window));
}

struct sprout_attribute *sprout_attribute_init(void *memory,
                                               const struct sprout_attribute_opts *o)
{
    struct sprout_attribute *const a = memory;
    char *at = (char *)memory + aligned(sizeof *a);

    *a = (struct sprout_attribute){.opts = *o, .last_end = {INT64_MIN}};
    a->divided.ns = INT64_MIN;
    a->requests = (void *)at;
    at += aligned(o->requests * sizeof *a->requests);
    a->parts = (void *)at;
    at += aligned(o->requests * sizeof *a->parts);
    a->who = (void *)at;
    at += aligned(o->requests * sizeof *a->who);
    a->ring = (void *)at;
    return a;
}

static int64_t overlap_ns(sprout_instant a0, sprout_instant a1, sprout_instant b0,
                          sprout_instant b1)
{
    const int64_t from = a0.ns > b0.ns ? a0.ns : b0.ns;
    const int64_t to = a1.ns < b1.ns ? a1.ns : b1.ns;
    return to > from ? to - from : 0;
}

/* The share of a phase's tokens that fall into the window; a phase without length falls
 * whole into the window that holds its moment. */
static double share_in(const struct sprout_attribute_window *w, sprout_instant from,
                       sprout_instant to)
{
    if (to.ns <= from.ns) {
        return from.ns >= w->start.ns && from.ns < w->end.ns ? 1 : 0;
    }
    return (double)overlap_ns(w->start, w->end, from, to) / (double)(to.ns - from.ns);
}

static double weight_in(const struct sprout_attribute *a,
                        const struct sprout_attribute_request *r,
                        const struct sprout_attribute_window *w)
{
    if (!sprout_tokens_known(r->prompt) || !sprout_tokens_known(r->output)) {
        return NAN;
    }
    const double in = (double)r->prompt.n * (r->first.ns > r->start.ns
                                                 ? share_in(w, r->start, r->first)
                                                 : share_in(w, r->start, r->start));
    const double out = (double)r->output.n * share_in(w, r->first, r->end);
    return a->opts.prompt_weight * in + a->opts.output_weight * out;
}

/* Whose tokens the server counted beyond ours.  What we count before it does is owed, so
 * that the timing of single tokens, which nobody knows, makes no stranger. */
static double foreign_in(struct sprout_attribute *a,
                         const struct sprout_attribute_window *w, double ours)
{
    if (!sprout_tokens_known(w->prompt) || !sprout_tokens_known(w->output)) {
        return 0;
    }
    const double all = a->opts.prompt_weight * (double)w->prompt.n +
                       a->opts.output_weight * (double)w->output.n;
    const double surplus = all - ours - a->owed;
    a->owed = surplus < 0 ? -surplus : 0;
    return surplus > 0 ? surplus : 0;
}

/* Which of 64 slices of the window the request was there in, the nearest whole ones. */
static uint64_t slices(const struct sprout_attribute_window *w,
                       const struct sprout_attribute_request *r)
{
    const double length = (double)(w->end.ns - w->start.ns);
    const double from = (double)(r->start.ns - w->start.ns) / length * SLICES;
    const double to = (double)(r->end.ns - w->start.ns) / length * SLICES;
    const int a = from > 0 ? (int)(from + 0.5) : 0;
    const int b = to < SLICES ? (int)(to + 0.5) : SLICES;
    const uint64_t below_b = b >= SLICES ? UINT64_MAX : (UINT64_C(1) << b) - 1;
    return a >= b ? 0 : below_b & ~((UINT64_C(1) << a) - 1);
}

/* The share of the window in which nobody was there; for one request it is exact. */
static double empty_share(const struct sprout_attribute_window *w, uint64_t seen,
                          double longest)
{
    double there = 0;
    for (; seen != 0; seen &= seen - 1) {
        there += 1.0 / SLICES;
    }
    const double least = longest / (double)(w->end.ns - w->start.ns);
    return 1 - (there > least ? there : least);
}

/* What of a window is not in its parts. */
struct around {
    double weight; /* of all parts */
    double empty;
};

/* The parts of the window: everyone who was there. */
static size_t gather(struct sprout_attribute *a, const struct sprout_attribute_window *w,
                     struct around *out)
{
    size_t n = 0;
    double sum = 0, longest = 0;
    uint64_t seen = 0;
    for (size_t i = 0; i < a->request_count; i++) {
        struct pending *const p = &a->requests[i];
        const int64_t there = overlap_ns(w->start, w->end, p->r.start, p->r.end);
        if (there > 0) {
            const double weight = weight_in(a, &p->r, w);
            a->parts[n] = (struct sprout_attribute_part){weight, (double)there, {0}};
            a->who[n++] = (uint32_t)i;
            p->covered_ns += w->energy.v < 0 ? 0 : there;
            sum += weight >= 0 ? weight : 0;
            seen |= slices(w, &p->r);
            longest = (double)there > longest ? (double)there : longest;
        }
    }
    out->weight = sum;
    out->empty = n == 1 ? 1 - longest / (double)(w->end.ns - w->start.ns)
                        : empty_share(w, seen, longest);
    return n;
}

static int64_t idle_of(const struct sprout_attribute_window *w)
{
    const int64_t known = w->idle.v < 0 ? 0 : w->idle.v;
    return known < w->energy.v ? known : w->energy.v;
}

/* Idle of the time in which nobody was there, at most what nobody got. */
static int64_t alone_of(const struct sprout_attribute_window *w,
                        const struct around *around, sprout_microjoules nobody)
{
    const int64_t v = llround((double)idle_of(w) * around->empty);
    return v < nobody.v ? v : nobody.v;
}

static void divide_oldest(struct sprout_attribute *a)
{
    const struct sprout_attribute_window *const w = &a->ring[a->window_first];
    struct sprout_attribute_totals *const t = &a->totals;
    struct around around;
    const size_t n = gather(a, w, &around);
    const struct sprout_attribute_rest rest = {foreign_in(a, w, around.weight),
                                               around.empty};

    t->windows++;
    if (w->energy.v < 0) {
        t->gaps++;
    } else {
        const sprout_microjoules nobody =
            sprout_attribute_split(w->energy, w->idle, rest, a->parts, n);
        for (size_t i = 0; i < n; i++) {
            a->requests[a->who[i]].given_uj += a->parts[i].part.v;
        }
        t->whole.v += w->energy.v;
        t->unattributed.v += nobody.v;
        t->parts.v += w->energy.v - nobody.v;
        t->idle.v += idle_of(w);
        t->alone.v += alone_of(w, &around, nobody);
    }
    a->divided = w->end;
    a->window_first = (a->window_first + 1) % a->opts.windows;
    a->window_count--;
}

bool sprout_attribute_add_window(struct sprout_attribute *a,
                                 const struct sprout_attribute_window *w)
{
    if (w->end.ns <= w->start.ns || w->start.ns < a->last_end.ns) {
        return false;
    }
    if (a->window_count == a->opts.windows) {
        divide_oldest(a);
    }
    a->ring[(a->window_first + a->window_count++) % a->opts.windows] = *w;
    a->last_end = w->end;
    return true;
}

bool sprout_attribute_add_request(struct sprout_attribute *a,
                                  const struct sprout_attribute_request *r)
{
    if (a->request_count == a->opts.requests) {
        a->totals.refused++;
        return false;
    }
    a->requests[a->request_count++] = (struct pending){.r = *r};
    return true;
}

/* Measured: tokens known, and good windows over all of its time. */
static void settle(struct sprout_attribute *a, const struct pending *p,
                   sprout_attribute_settled_fn *settled, void *ctx)
{
    const bool known =
        sprout_tokens_known(p->r.prompt) && sprout_tokens_known(p->r.output);
    const bool whole =
        p->r.end.ns > p->r.start.ns && p->covered_ns == p->r.end.ns - p->r.start.ns;
    const bool measured = known && whole;

    *(measured ? &a->totals.measured : &a->totals.unmeasured) += 1;
    if (!measured) {
        a->totals.parts.v -= p->given_uj;
        a->totals.unattributed.v += p->given_uj;
    }
    settled(ctx, p->r.id, (sprout_microjoules){measured ? p->given_uj : -1});
}

void sprout_attribute_run(struct sprout_attribute *a, sprout_instant now,
                          sprout_attribute_settled_fn *settled, void *ctx)
{
    const int64_t ripe = now.ns - a->opts.hold.ns;

    while (a->window_count > 0 && a->ring[a->window_first].end.ns <= ripe) {
        divide_oldest(a);
    }
    for (size_t i = 0; i < a->request_count;) {
        const int64_t end = a->requests[i].r.end.ns;
        /* Divided past its end; or windows of a later time are here; or none came. */
        const bool done =
            end <= a->divided.ns ||
            (a->window_count > 0 && a->ring[a->window_first].start.ns >= end) ||
            end <= ripe - SPROUT_ATTRIBUTE_PATIENCE_S * SPROUT_NS_PER_SECOND;
        if (done) {
            const struct pending p = a->requests[i];
            a->requests[i] = a->requests[--a->request_count];
            settle(a, &p, settled, ctx);
        } else {
            i++;
        }
    }
}

struct sprout_attribute_totals sprout_attribute_totals(const struct sprout_attribute *a)
{
    return a->totals;
}
