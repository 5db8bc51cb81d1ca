/* SPDX-License-Identifier: Apache-2.0 */
/* Parts + unattributed == whole, in microjoules, over random windows.
 *
 *     SPROUT_REQUESTS=N build/tests/property/attribute      N windows (50000)
 *
 * Windows of nothing to gigajoules, idle known, unknown and larger than the whole, strangers,
 * requests without weight, of unknown weight and of weights 12 orders apart.  Each part must
 * also be within a microjoule of the formula (more where a double cannot say it). */
#include <stdio.h>
#include <stdlib.h>

#include "core/attribute.h"
#include "draw.h"

enum { WINDOWS_DEFAULT = 50000, PARTS_MAX = 40 };

static uint64_t state = 20261127;

static uint64_t draw(uint64_t below)
{
    return draw_below(&state, below);
}

static double scaled(void)
{
    double v = (double)draw(1000000);
    for (uint64_t i = draw(7); i > 0; i--) {
        v *= draw(2) ? 10 : 0.1;
    }
    return v;
}

static sprout_microjoules amount(void)
{
    return (sprout_microjoules){(int64_t)draw(UINT64_C(1) << draw(51))};
}

struct world {
    struct sprout_attribute_part p[PARTS_MAX];
    size_t n;
    sprout_microjoules energy, idle;
    double foreign, empty;
};

static void make(struct world *w)
{
    w->n = draw(PARTS_MAX + 1);
    w->energy = amount();
    w->idle = draw(4) == 0 ? (sprout_microjoules){-1} : amount();
    w->empty = draw(3) == 0 ? (double)draw(1000) / 999 : 0;
    w->foreign = draw(3) == 0 ? scaled() : 0;
    for (size_t i = 0; i < w->n; i++) {
        const uint64_t kind = draw(10);
        w->p[i].weight = kind == 0 ? NAN : kind == 1 ? 0 : scaled();
        w->p[i].residence = (double)(1 + draw(1000000000));
    }
}

static double formula(const struct world *w, size_t i)
{
    double weight = w->foreign, there = 0, known = 0;
    for (size_t k = 0; k < w->n; k++) {
        there += w->p[k].residence;
        known += isnan(w->p[k].weight) ? 0 : w->p[k].residence;
        weight += isnan(w->p[k].weight) ? 0 : w->p[k].weight;
    }
    const double e = (double)w->energy.v;
    const double idle = w->idle.v < 0 ? 0 : fmin((double)w->idle.v, e);
    if (isnan(w->p[i].weight)) {
        return 0;
    }
    return (weight > 0 ? (e - idle) * known / there * w->p[i].weight / weight : 0) +
           idle * (1 - w->empty) * w->p[i].residence / there;
}

static bool holds(struct world *w)
{
    const sprout_microjoules rest = sprout_attribute_split(
        w->energy, w->idle, (struct sprout_attribute_rest){w->foreign, w->empty}, w->p,
        w->n);
    int64_t sum = rest.v;
    bool good = rest.v >= 0;
    for (size_t i = 0; i < w->n; i++) {
        const double want = formula(w, i);
        good = good && w->p[i].part.v >= 0 &&
               fabs((double)w->p[i].part.v - want) < 1.001 + 1e-13 * (double)w->energy.v;
        sum += w->p[i].part.v;
    }
    return good && sum == w->energy.v;
}

int main(void)
{
    const char *const env = getenv("SPROUT_REQUESTS");
    const long windows = env == NULL ? WINDOWS_DEFAULT : strtol(env, NULL, 10);
    static struct world w;
    for (long i = 0; i < windows; i++) {
        make(&w);
        if (!holds(&w)) {
            printf("window %ld: parts and unattributed are not the whole, or not the "
                   "formula\n",
                   i);
            return 1;
        }
    }
    printf("%ld windows passed\n", windows);
    return 0;
}
