/* SPDX-License-Identifier: Apache-2.0 */
/* policy_oracle.c - the authors' ORACLE: the hour's true values, and each request's own.
 *
 * The hourly linear program on true means gives the shares of two active levels; which
 * request gets which is then decided knowing every request's true carbon: the dearer level
 * goes to those that lose least by it.  That second step is the same optimum again, with
 * requests as items and "gets the dearer level" as quality.  Preference is q.x, as the
 * authors counted it: the assignment is blind to preference.
 * An hour costs one optimum over all requests of the folder, O(n log n). */
#include "sim/policy.h"

#include <stdlib.h>

#include "core/optimize.h"

struct spending {
    struct sprout_item *item;
    double (*cost)[2];
    double (*mix)[2];
    double **mix_of;
    char *scratch;
    size_t scratch_size;
};

static const double dearer_is_worth[2] = {1, 0};

static void free_spending(struct spending *p)
{
    free(p->item);
    free(p->cost);
    free(p->mix);
    free(p->mix_of);
    free(p->scratch);
}

static enum sprout_status make_spending(size_t n, struct spending *p,
                                        struct sprout_error *err)
{
    p->scratch_size = sprout_optimize_scratch(n, 2 * n);
    p->item = calloc(n, sizeof *p->item);
    p->cost = calloc(n, sizeof *p->cost);
    p->mix = calloc(n, sizeof *p->mix);
    p->mix_of = calloc(n, sizeof *p->mix_of);
    p->scratch = malloc(p->scratch_size);
    if (p->item == NULL || p->cost == NULL || p->mix == NULL || p->mix_of == NULL ||
        p->scratch == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        p->mix_of[i] = p->mix[i];
        p->item[i].cost = p->cost[i];
        p->item[i].quality = dearer_is_worth;
        p->item[i].options = 2;
    }
    return SPROUT_OK;
}

/* Carbon of the hour when a share `x` gets level a and the rest level b. */
static enum sprout_status spend(const struct sprout_world *w, size_t h,
                                struct spending *p, int a, int b, double x,
                                double *out_grams, struct sprout_error *err)
{
    const struct sprout_requests *const r = w->in.requests;
    const struct sprout_world_hour *const hour = &w->hour[h];
    struct sprout_arena scratch = sprout_arena_of(p->scratch, p->scratch_size);
    struct sprout_optimum best;

    for (size_t i = 0; i < r->count; i++) {
        const struct sprout_request *const q = &r->request[i];
        p->item[i].weight = sprout_world_weight(w, hour, q);
        p->cost[i][0] = sprout_world_grams(w, hour, q->energy[a], q->time[a]);
        p->cost[i][1] = sprout_world_grams(w, hour, q->energy[b], q->time[b]);
    }
    const enum sprout_status st = sprout_optimize(p->item, r->count, SPROUT_GOAL_FLOOR, x,
                                                  &scratch, p->mix_of, &best, err);
    if (st == SPROUT_OK) {
        *out_grams = best.cost;
    }
    return st;
}

static enum sprout_status decide_hour(const struct sprout_world *w,
                                      const struct sprout_sim_settings *s, size_t h,
                                      struct spending *p, struct sprout_sim_hour *out,
                                      struct sprout_error *err)
{
    const struct sprout_world_hour *const hour = &w->hour[h];
    double mix[SPROUT_SIM_LEVELS];

    out->floor = sprout_sim_floor(s, hour->ci, hour->lo, hour->hi);
    const enum sprout_status st = sprout_sim_solve(
        hour->grams, hour->quality, SPROUT_SIM_LEVELS, out->floor, mix, err);
    if (st != SPROUT_OK) {
        return st;
    }
    sprout_sim_serve(w, h, mix, out);

    int a = 0;
    while (mix[a] <= 0) {
        a++;
    }
    int b = a + 1;
    while (b < SPROUT_SIM_LEVELS && mix[b] <= 0) {
        b++;
    }
    return b < SPROUT_SIM_LEVELS ? spend(w, h, p, a, b, mix[a], &out->grams, err)
                                 : SPROUT_OK;
}

enum sprout_status sprout_sim_oracle(const struct sprout_world *w,
                                     const struct sprout_sim_settings *s,
                                     struct sprout_sim_run *run, struct sprout_error *err)
{
    struct spending p = {0};
    enum sprout_status st = make_spending(w->in.requests->count, &p, err);
    for (size_t h = 0; st == SPROUT_OK && h < w->hours; h++) {
        st = decide_hour(w, s, h, &p, &run->hour[h], err);
    }
    free_spending(&p);
    return st;
}
