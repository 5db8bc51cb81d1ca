/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - see budget.h. */
#include "core/budget.h"

enum { STEPS = 32 }; /* halvings of the price's logarithm */

size_t sprout_budget_at(const struct sprout_budget_curve *c, double ratio)
{
    size_t low = 0, high = c->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (c->ratio[middle] <= ratio) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t sprout_budget_raise(const struct sprout_budget_curve *c, size_t from, double floor)
{
    size_t best = from;
    for (size_t i = from; i < c->count; i++) {
        if (c->quality[i] >= floor * c->quality_l0) {
            return i;
        }
        best = c->quality[i] > c->quality[best] ? i : best;
    }
    return best;
}

double sprout_budget_left(const struct sprout_budget *b,
                          const struct sprout_budget_curve *c, double price)
{
    double sum = b->account - b->caution;
    for (size_t h = 0; h < b->hours; h++) {
        const size_t point = sprout_budget_at(c, price / b->grams_per_token[h]);
        const size_t at = point > b->least ? point : b->least;
        const double weight = b->weight != NULL ? b->weight[h] : 1;
        sum += weight * (c->quality[at] - b->floor * c->quality_l0);
    }
    return sum;
}

double sprout_budget_price(const struct sprout_budget *b,
                           const struct sprout_budget_curve *c)
{
    double least = INFINITY, most = 0;
    for (size_t h = 0; h < b->hours; h++) {
        least = fmin(least, b->grams_per_token[h]);
        most = fmax(most, b->grams_per_token[h]);
    }
    if (sprout_budget_left(b, c, 0) >= 0 || c->count < 2) {
        return 0;
    }
    double low = log(c->ratio[1] * least) - 1,
           high = log(c->ratio[c->count - 1] * most) + 1e-9;
    if (sprout_budget_left(b, c, exp(high)) < 0) {
        return exp(high);
    }
    for (int step = 0; step < STEPS; step++) {
        const double middle = (low + high) / 2;
        if (sprout_budget_left(b, c, exp(middle)) >= 0) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return exp(high);
}
