/* SPDX-License-Identifier: Apache-2.0 */
/* money.c - see money.h.
 *
 * Inside, money is in millionths of the currency: tokens times a price per million. */
#include "control/money.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/savings.h"

#define MILLION 1e6

struct purse {
    const struct sprout_config *config;
    struct sprout_estimate *estimate;
    double spent;
    int64_t unpriced;
};

static const struct sprout_config_price *price_of(const struct sprout_config *c,
                                                  struct sprout_str model)
{
    for (uint32_t i = 0; i < c->prices_count; i++) {
        if (sprout_str_glob(sprout_str_of(c->prices[i].model), model)) {
            return &c->prices[i];
        }
    }
    return NULL;
}

static void add(void *ctx, const struct sprout_store_conversation *c)
{
    struct purse *const p = ctx;
    const struct sprout_config_price *const price = price_of(p->config, c->model);

    if (price == NULL || c->metered == 0) {
        p->unpriced++;
        return;
    }
    const double cost = (double)c->prompt * price->input_per_million +
                        (double)c->tokens * price->output_per_million;
    struct sprout_estimate_unit unit = sprout_savings_unit(c);
    unit.energy.v = cost;
    unit.grams.v = NAN;
    sprout_estimate_add(p->estimate, &unit);
    p->spent += cost;
}

static struct sprout_interval in_currency(struct sprout_interval i)
{
    return (struct sprout_interval){i.value / MILLION, i.low / MILLION, i.high / MILLION};
}

enum sprout_status sprout_money_of(struct sprout_store *store,
                                   struct sprout_store_range range,
                                   const struct sprout_config *config,
                                   struct sprout_money *out, struct sprout_error *err)
{
    *out = (struct sprout_money){.priced = config->prices_count > 0};
    if (!out->priced) {
        return SPROUT_OK;
    }
    const size_t size = sprout_estimate_memory(SPROUT_SAVINGS_CELLS_MAX);
    void *const block = malloc(size);
    struct sprout_arena arena = sprout_arena_of(block, size);
    struct purse purse = {.config = config};
    enum sprout_status status = SPROUT_OK;

    if (block != NULL) {
        purse.estimate = sprout_estimate_new(&arena, SPROUT_SAVINGS_CELLS_MAX);
    }
    if (purse.estimate == NULL) {
        status = sprout_fail(err, SPROUT_NO_MEMORY, "no memory for the money saved");
    } else {
        status = sprout_store_conversations(store, range, add, &purse, err);
    }
    if (status == SPROUT_OK) {
        const struct sprout_estimate_result e = sprout_estimate_result(purse.estimate);
        out->state = e.energy_state;
        out->percent = e.energy_percent;
        out->saved = in_currency(e.joules);
        out->spent = purse.spent / MILLION;
        out->unpriced = purse.unpriced;
        snprintf(out->currency, sizeof out->currency, "%.16s", config->currency);
    }
    free(block);
    return status;
}
