/* SPDX-License-Identifier: Apache-2.0 */
/* predict_choose.c - the level of one prompt at a price, in integers. */
#include "core/predict.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS };

#define NG_PER_GRAM 1e9
#define NG_MAX      1e15
/* Bounds that keep an objective inside 62 bits. */
#define NG_TOKEN_MAX INT64_C(1000000000000)
#define WORTH_MAX    (16 * SPROUT_PREDICT_ONE)

const char *sprout_kind_text(enum sprout_kind kind)
{
    static const char *const text[SPROUT_KIND_COUNT] = {
        [SPROUT_KIND_OTHER] = "other",
        [SPROUT_KIND_MATHS] = "maths",
        [SPROUT_KIND_CODE] = "code",
    };
    return text[kind];
}

int sprout_kind_of(struct sprout_str text)
{
    for (int k = 0; k < SPROUT_KIND_COUNT; k++) {
        if (sprout_str_eq(text, sprout_str_of(sprout_kind_text((enum sprout_kind)k)))) {
            return k;
        }
    }
    return -1;
}

int64_t sprout_predict_ng(double grams)
{
    const double ng = grams * NG_PER_GRAM;
    if (!(ng > -NG_MAX)) { /* NaN too */
        return ng <= -NG_MAX ? (int64_t)-NG_MAX : 0;
    }
    return ng < NG_MAX ? (int64_t)llround(ng) : (int64_t)NG_MAX;
}

int64_t sprout_predict_ng_per_token(const struct sprout_carbon_params *carbon,
                                    const struct sprout_energy_profile *profile,
                                    sprout_g_per_kwh intensity)
{
    const sprout_joules joules = {profile->joules[2]};
    const sprout_seconds seconds = {profile->seconds[2]};
    return sprout_predict_ng(sprout_carbon_of(carbon, intensity, joules, seconds).v);
}

static int64_t clip(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* a * b / 2^bits, rounded down, without overflow while (a >> bits) * b has none. */
static int64_t scaled(int64_t a, int64_t b, int bits)
{
    const int64_t rest = a & ((INT64_C(1) << bits) - 1);
    return (a >> bits) * b + ((rest * b) >> bits);
}

static int64_t carbon_of(const struct sprout_prediction *p,
                         const struct sprout_predict_terms *t, int l)
{
    return scaled(clip(t->ng_per_token, 0, NG_TOKEN_MAX), p->tokens[l], 8);
}

static int64_t worth_of(const struct sprout_prediction *p,
                        const struct sprout_predict_terms *t, int l)
{
    const int32_t *const said = t->by == SPROUT_BY_ACCURACY ? p->right : p->quality;
    return clip((int64_t)said[l] + t->correction[p->kind][l], -WORTH_MAX, WORTH_MAX);
}

int64_t sprout_predict_objective(const struct sprout_prediction *p,
                                 const struct sprout_predict_terms *terms, int level)
{
    return carbon_of(p, terms, level) +
           clip(terms->ng[level], -(int64_t)NG_MAX, (int64_t)NG_MAX) -
           scaled(clip(terms->ng_per_quality, 0, (int64_t)NG_MAX),
                  worth_of(p, terms, level), 16);
}

int sprout_predict_choose(const struct sprout_prediction *p,
                          const struct sprout_predict_terms *terms, uint32_t u)
{
    const uint32_t every = (1u << LEVELS) - 1;
    const uint32_t allowed = (terms->levels & every) == 0 ? every : terms->levels;
    int64_t objective[LEVELS], least = INT64_MAX;
    for (int l = 0; l < LEVELS; l++) {
        objective[l] = sprout_predict_objective(p, terms, l);
        if ((allowed >> l & 1) != 0 && objective[l] < least) {
            least = objective[l];
        }
    }
    const bool better = u < (uint32_t)terms->split;
    int chosen = -1;
    for (int l = 0; l < LEVELS; l++) {
        if ((allowed >> l & 1) == 0 || objective[l] - least > terms->tie_ng) {
            continue;
        }
        if (chosen < 0 ||
            (better ? worth_of(p, terms, l) > worth_of(p, terms, chosen)
                    : carbon_of(p, terms, l) < carbon_of(p, terms, chosen))) {
            chosen = l;
        }
    }
    return chosen;
}
