/* SPDX-License-Identifier: Apache-2.0 */
/* invocation.c - see invocation.h. */
#include "core/invocation.h"

const struct sprout_invocation_rule sprout_invocation_paper = {
    .decay_per_step = 0.029,
    .min_wait = 6,
    .max_wait = 72,
};

bool sprout_invocation_due(const struct sprout_invocation_rule *rule, int64_t since,
                           const sprout_g_per_kwh recent[3], sprout_g_per_kwh mean)
{
    if (since >= rule->max_wait) {
        return true;
    }
    if (since <= rule->min_wait || !(recent[2].v <= mean.v)) { /* NaN is not <= */
        return false;
    }
    const double growth = exp(rule->decay_per_step);
    const bool was_falling = recent[1].v * growth <= recent[0].v;
    const bool now_rising = recent[2].v * growth >= recent[1].v;
    return was_falling && now_rising;
}

const char *sprout_invocation_text(enum sprout_invocation_kind k)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SPROUT_INVOCATION_TABLE(X)
#undef X
    };
    return texts[k];
}

struct sprout_invocation_wait sprout_invocation_wait(
    const struct sprout_invocation_rule *rule, int64_t since, sprout_g_per_kwh now,
    const sprout_g_per_kwh *ahead, size_t count, sprout_g_per_kwh mean,
    sprout_g_per_kwh worth)
{
    const int64_t most = since < rule->max_wait ? rule->max_wait - since : 0;
    const int64_t first = since <= rule->min_wait ? rule->min_wait + 1 - since : 0;
    const double step = worth.v > 0 ? worth.v : 0;
    struct sprout_invocation_wait out = {most, most, {NAN}};
    double least = NAN; /* NaN: no step yet */
    bool foretold = false;

    for (int64_t j = 0; j <= most && j <= (int64_t)count; j++) {
        const double v = j == 0 ? now.v : ahead[j - 1].v;
        foretold = foretold || (j > 0 && !isnan(v));
        if (j < first || isnan(v) || v > mean.v) {
            continue;
        }
        const double price = j == first ? v : v + step * (double)(j - first);
        if (!(price >= least)) {
            least = price;
            out.best = j;
            out.value.v = v;
        }
    }
    return foretold && most > 0 ? out
                                : (struct sprout_invocation_wait){most, most, {NAN}};
}

sprout_g_per_kwh sprout_invocation_worth(const struct sprout_invocation_stake *s)
{
    if (!(s->more > 0) || !(s->energy.v > 0)) {
        return (sprout_g_per_kwh){0};
    }
    if (isnan(s->caution.v)) {
        return (sprout_g_per_kwh){INFINITY};
    }
    const double won = 1 - sqrt(s->known / (s->known + s->more));
    const double grams = s->requests * fmax(s->caution.v, 0) * won;
    return (sprout_g_per_kwh){grams / (s->energy.v / SPROUT_JOULES_PER_KWH)};
}
