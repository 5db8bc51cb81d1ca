/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.c - see bootstrap.h. */
#include "sim/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

static double draw(uint64_t seed, size_t i)
{
    struct sprout_hash h =
        sprout_hash_begin((struct sprout_hash_key){seed, 0x626f6f7473747261u});
    sprout_hash_u64(&h, i);
    return sprout_hash_unit(sprout_hash_end(h));
}

/* Draws among requests [from, to) those that are judged, or those that are not. */
static void draw_group(const struct sprout_requests *r, const struct sprout_accuracy *a,
                       size_t from, size_t to, bool judged, uint64_t seed, size_t *group,
                       struct sprout_requests *out, struct sprout_accuracy *out_a)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if ((r->request[i].preferred >= 0) == judged) {
            group[n++] = i;
        }
    }
    for (size_t k = 0; k < n; k++) {
        const size_t to_index = out->count++;
        const size_t i = group[(size_t)(draw(seed, to_index) * (double)n)];
        out->request[to_index] = r->request[i];
        out_a->known[to_index] = a->known[i];
        out_a->right[to_index] = a->right[i];
        out_a->task_known[r->request[i].task] += a->known[i];
    }
}

enum sprout_status sprout_bootstrap_new(const struct sprout_requests *r,
                                        const struct sprout_accuracy *a, uint64_t seed,
                                        struct sprout_requests *out_requests,
                                        struct sprout_accuracy *out_accuracy,
                                        struct sprout_error *err)
{
    struct sprout_requests q = *r;
    struct sprout_accuracy b = *a;
    size_t *const group = calloc(r->count, sizeof *group);

    q.text = NULL; /* the first folder's */
    q.count = 0;
    q.request = calloc(r->count, sizeof *q.request);
    b.known = calloc(r->count, sizeof *b.known);
    b.right = calloc(r->count, sizeof *b.right);
    memset(b.task_known, 0, sizeof b.task_known);
    if (group == NULL || q.request == NULL || b.known == NULL || b.right == NULL) {
        free(group);
        sprout_bootstrap_free(&q, &b);
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t from = 0, t = 0; t < r->tasks; from += r->task_count[t++]) {
        const size_t to = from + r->task_count[t];
        draw_group(r, a, from, to, true, seed, group, &q, &b);
        draw_group(r, a, from, to, false, seed, group, &q, &b);
    }
    free(group);
    *out_requests = q;
    *out_accuracy = b;
    return SPROUT_OK;
}

void sprout_bootstrap_free(struct sprout_requests *r, struct sprout_accuracy *a)
{
    sprout_requests_free(r);
    sprout_accuracy_free(a);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sprout_bootstrap_interval(double *values, size_t count, double low, double high,
                               double *out_low, double *out_high)
{
    qsort(values, count, sizeof *values, by_value);
    *out_low = values[(size_t)floor(low * (double)(count - 1) + 0.5)];
    *out_high = values[(size_t)floor(high * (double)(count - 1) + 0.5)];
}
