/* SPDX-License-Identifier: Apache-2.0 */
/* quality_card.c - is a judge any good?  See quality.h.
 *
 * The first fault found is the one reported, in the order in which it can be told.  Chance
 * agreement is that of a judge that sees only slots: with the shares it gave them, the same
 * level is named twice if slot j wins once and slot n - 1 - j the other time. */
#include "core/quality.h"

#include <string.h>

#define Z_99 2.326

struct tally {
    int64_t unreadable;
    int64_t of_slots[SPROUT_LEVELS_MAX + 1];
    double slot[SPROUT_LEVELS_MAX + 1][SPROUT_LEVELS_MAX];
    double agreed;
    double longest;
    double right;
    double right_chance;
};

static double points(const struct sprout_quality_verdict *v, uint32_t levels)
{
    return (double)__builtin_popcount(v->best & levels) / __builtin_popcount(v->best);
}

static uint32_t shown(const struct sprout_quality_verdict *v)
{
    uint32_t mask = 0;
    for (int j = 0; j < v->slots; j++) {
        mask |= UINT32_C(1) << v->shown[j];
    }
    return mask;
}

/* Longest of the answers shown; 0 where a length is unknown or all are alike. */
static uint32_t longest(const struct sprout_quality_verdict *v)
{
    int64_t most = -1;
    uint32_t mask = 0;
    for (int j = 0; j < v->slots; j++) {
        const int64_t n = v->tokens[v->shown[j]].n;
        const uint32_t bit = UINT32_C(1) << v->shown[j];
        if (n < 0) {
            return 0;
        }
        mask = n > most ? bit : n == most ? mask | bit : mask;
        most = n > most ? n : most;
    }
    return mask == shown(v) ? 0 : mask;
}

static void count_one(struct tally *t, struct sprout_judge_card *c,
                      const struct sprout_quality_verdict *v)
{
    const uint32_t long_one = longest(v), right = v->right & shown(v);
    t->of_slots[v->slots]++;
    for (int j = 0; j < v->slots; j++) {
        t->slot[v->slots][j] += points(v, UINT32_C(1) << v->shown[j]);
    }
    if (long_one != 0) {
        c->measured++;
        t->longest += points(v, long_one);
    }
    if (right != 0 && (v->wrong & shown(v)) != 0) {
        c->settled++;
        t->right += points(v, right);
        t->right_chance += (double)__builtin_popcount(right) / v->slots;
    }
}

/* Share of what both named among what either named: 1 alike, 0 not at all. */
static double alike(uint32_t a, uint32_t b)
{
    return (double)__builtin_popcount(a & b) / __builtin_popcount(a | b);
}

static bool one_comparison(const struct sprout_quality_verdict *a,
                           const struct sprout_quality_verdict *b)
{
    return a->item == b->item && a->run == b->run && a->question / 2 == b->question / 2;
}

static double share(double part, int64_t of)
{
    return of > 0 ? part / (double)of : NAN;
}

static void conclude(struct sprout_judge_card *c, const struct tally *t)
{
    c->slots = 0;
    for (int n = 2; n <= SPROUT_LEVELS_MAX; n++) {
        c->slots = t->of_slots[n] > t->of_slots[c->slots] ? n : c->slots;
    }
    c->unreadable = share((double)t->unreadable, c->questions);
    c->agreement = share(t->agreed, c->pairs);
    c->longest = share(t->longest, c->measured);
    c->right = share(t->right, c->settled);
    c->right_chance = share(t->right_chance, c->settled);
    for (int j = 0; j < c->slots; j++) {
        c->slot[j] = share(t->slot[c->slots][j], t->of_slots[c->slots]);
    }
    for (int j = 0; j < c->slots; j++) {
        c->chance += c->slot[j] * c->slot[c->slots - 1 - j];
    }
    c->kappa = c->pairs > 0 && c->chance < 1
                   ? (c->agreement - c->chance) / (1 - c->chance)
                   : NAN;
}

/* Of a share p of n, one-sided 99 %. */
static double error_of(double p, int64_t n)
{
    return Z_99 * sqrt(fmax(p * (1 - p), 0) / (double)n);
}

static enum sprout_judge_fault fault_of(const struct sprout_judge_card *c)
{
    double most = 0;
    for (int j = 0; j < c->slots; j++) {
        most = fmax(most, c->slot[j]);
    }
    if (c->questions >= SPROUT_JUDGE_PAIRS_MIN &&
        c->unreadable > SPROUT_JUDGE_UNREADABLE_MAX) {
        return SPROUT_JUDGE_UNREADABLE;
    }
    if (c->pairs < SPROUT_JUDGE_PAIRS_MIN) {
        return SPROUT_JUDGE_FEW;
    }
    if (most > SPROUT_JUDGE_SLOT_MAX) {
        return SPROUT_JUDGE_POSITION;
    }
    if (c->measured >= SPROUT_JUDGE_PAIRS_MIN && c->longest > SPROUT_JUDGE_LONGEST_MAX) {
        return SPROUT_JUDGE_LONGEST;
    }
    if (c->kappa < SPROUT_JUDGE_KAPPA_MIN ||
        c->agreement - error_of(c->agreement, c->pairs) <= c->chance) {
        return SPROUT_JUDGE_RANDOM;
    }
    if (c->settled >= SPROUT_JUDGE_PAIRS_MIN && c->right < c->right_chance) {
        return SPROUT_JUDGE_WRONG;
    }
    return SPROUT_JUDGE_USABLE;
}

struct sprout_judge_card sprout_judge_card(const struct sprout_quality_verdict *v,
                                           size_t count)
{
    struct sprout_judge_card c = {.questions = (int64_t)count};
    struct tally t = {0};

    for (size_t i = 0; i < count; i++) {
        if (v[i].best == 0 || v[i].slots < 2) {
            t.unreadable++;
            continue;
        }
        count_one(&t, &c, &v[i]);
        if (i > 0 && v[i - 1].best != 0 && one_comparison(&v[i - 1], &v[i])) {
            c.pairs++;
            t.agreed += alike(v[i - 1].best, v[i].best);
        }
    }
    conclude(&c, &t);
    c.fault = fault_of(&c);
    return c;
}

static enum sprout_judge_fault fault_of_run(const struct sprout_quality_verdict *v,
                                            size_t count)
{
    const struct sprout_judge_card c = sprout_judge_card(v, count);
    const bool unsure = c.fault == SPROUT_JUDGE_RANDOM &&
                        c.pairs < SPROUT_JUDGE_RUN_PAIRS &&
                        c.kappa >= SPROUT_JUDGE_KAPPA_MIN;
    return unsure || c.fault == SPROUT_JUDGE_FEW ? SPROUT_JUDGE_USABLE : c.fault;
}

static void tell_failed(struct sprout_judge_failed *out, size_t *failed,
                        struct sprout_judge_failed one)
{
    if (*failed == SPROUT_JUDGE_FAILED_MAX) {
        memmove(out, out + 1, (SPROUT_JUDGE_FAILED_MAX - 1) * sizeof *out);
        --*failed;
    }
    out[(*failed)++] = one;
}

size_t sprout_judge_sieve(struct sprout_quality_verdict *v, size_t count,
                          struct sprout_judge_failed out[SPROUT_JUDGE_FAILED_MAX],
                          size_t *failed)
{
    size_t kept = 0, end;
    *failed = 0;
    for (size_t from = 0; from < count; from = end) {
        for (end = from + 1; end < count && v[end].run == v[from].run; end++) {
        }
        const struct sprout_judge_failed run = {v[from].run,
                                                fault_of_run(v + from, end - from)};
        if (run.fault != SPROUT_JUDGE_USABLE) {
            tell_failed(out, failed, run);
            continue;
        }
        memmove(v + kept, v + from, (end - from) * sizeof *v);
        kept += end - from;
    }
    return kept;
}

const char *sprout_judge_fault_text(enum sprout_judge_fault f)
{
    switch (f) {
    case SPROUT_JUDGE_USABLE:
        return "usable";
    case SPROUT_JUDGE_FEW:
        return "too few comparisons in both orders to know the judge";
    case SPROUT_JUDGE_UNREADABLE:
        return "too many of its replies cannot be read";
    case SPROUT_JUDGE_POSITION:
        return "it names one place, whatever stands there";
    case SPROUT_JUDGE_RANDOM:
        return "with the order turned round it agrees with itself no more than by chance";
    case SPROUT_JUDGE_LONGEST:
        return "it names the longest answer";
    case SPROUT_JUDGE_WRONG:
        break;
    }
    return "it names right answers no more often than chance would";
}
