/* SPDX-License-Identifier: Apache-2.0 */
/* accuracy.c - see accuracy.h. */
#include "sim/accuracy.h"

#include <stdlib.h>

/* A request can be compared only if every answer was kept. */
static bool has_answers(const struct sprout_request *q)
{
    bool all = q->reference.ptr != NULL;
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        all = all && q->response[o].ptr != NULL;
    }
    return all;
}

static void find_rules(const struct sprout_requests *r, struct sprout_accuracy *a)
{
    size_t votes[SPROUT_TASKS_MAX][SPROUT_MATCH_RULES] = {{0}};

    for (size_t i = 0; i < r->count; i++) {
        const struct sprout_request *const q = &r->request[i];
        if (has_answers(q)) {
            votes[q->task][sprout_match_rule_of(q->prompt, q->reference)]++;
        }
    }
    for (size_t k = 0; k < r->tasks; k++) {
        for (int m = 0; m < SPROUT_MATCH_RULES; m++) {
            if (votes[k][m] > votes[k][a->rule[k]]) {
                a->rule[k] = (enum sprout_match_rule)m;
            }
        }
    }
}

static void match_request(const struct sprout_request *q, struct sprout_accuracy *a,
                          size_t i)
{
    const enum sprout_match_rule rule = a->rule[q->task];
    if (rule == SPROUT_MATCH_NONE || !has_answers(q) ||
        sprout_match_rule_of(q->prompt, q->reference) != rule) {
        return;
    }
    a->known[i] = true;
    a->task_known[q->task]++;
    for (int o = 0; o < SPROUT_BENCH_OPTIONS; o++) {
        if (sprout_match(rule, q->prompt, q->reference, q->response[o])) {
            a->right[i] |= (uint8_t)(1u << o);
        }
    }
}

enum sprout_status sprout_accuracy_make(const struct sprout_requests *r,
                                        struct sprout_accuracy *out,
                                        struct sprout_error *err)
{
    struct sprout_accuracy a = {.right = calloc(r->count, sizeof *a.right),
                                .known = calloc(r->count, sizeof *a.known)};
    if (a.right == NULL || a.known == NULL) {
        sprout_accuracy_free(&a);
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    find_rules(r, &a);
    for (size_t i = 0; i < r->count; i++) {
        match_request(&r->request[i], &a, i);
    }
    *out = a;
    return SPROUT_OK;
}

void sprout_accuracy_free(struct sprout_accuracy *a)
{
    free(a->right);
    free(a->known);
    a->right = NULL;
    a->known = NULL;
}
