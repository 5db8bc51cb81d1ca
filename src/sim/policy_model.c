/* SPDX-License-Identifier: Apache-2.0 */
/* policy_model.c - the authors' MODEL_OPT: no directives, but two models.
 *
 * The same linear program over {13B, 7B} with the judge's shares of that comparison, and
 * shares rounded to a tenth, as the authors ran it (method.md 6).  Its quality is that of
 * the comparison of models and not of levels, so base has another value here. */
#include "sim/policy.h"

enum { MODELS = 2 };

static const double judged[MODELS] = {0.5835, 0.4165};

static double to_tenth(double share)
{
    return round(share * 10) / 10;
}

enum sprout_status sprout_sim_model(const struct sprout_world *w,
                                    const struct sprout_sim_settings *s,
                                    struct sprout_sim_run *run, struct sprout_error *err)
{
    for (size_t h = 0; h < w->hours; h++) {
        const struct sprout_world_hour *const hour = &w->hour[h];
        struct sprout_sim_hour *const out = &run->hour[h];
        const double cost[MODELS] = {hour->grams[0], hour->grams[SPROUT_BENCH_7B]};
        const bool by_judge = w->in.quality == SPROUT_SIM_PREFERENCE;
        const double worth[MODELS] = {by_judge ? judged[0] : hour->quality[0],
                                      by_judge ? judged[1]
                                               : hour->quality[SPROUT_BENCH_7B]};
        double mix[MODELS];

        out->floor = sprout_sim_floor(s, hour->ci, hour->lo, hour->hi);
        const enum sprout_status st =
            sprout_sim_solve(cost, worth, MODELS, out->floor, mix, err);
        if (st != SPROUT_OK) {
            return st;
        }
        out->mix[0] = to_tenth(mix[0]);
        out->mix[1] = 1 - out->mix[0];
        out->grams = out->mix[0] * cost[0] + out->mix[1] * cost[1];
        out->quality = out->mix[0] * worth[0] + out->mix[1] * worth[1];
        out->quality_base = worth[0];
    }
    return SPROUT_OK;
}
