/* SPDX-License-Identifier: Apache-2.0 */
/* money.h - what was saved in money, where prices of tokens are configured.
 *
 * A conversation costs its prompt tokens (the directive's among them) and its output tokens at the
 * prices of its model; what the mix saved is estimated against the holdout exactly as energy is
 * (core/estimate.h), so it comes with the same interval, or with the reason why there is none.
 * Conversations of models without a price are not spoken of, and counted.
 * Not here: what an operator pays otherwise, such as machines by the hour. */
#ifndef SPROUT_CONTROL_MONEY_H
#define SPROUT_CONTROL_MONEY_H

#include "adapt/store.h"
#include "control/config.h"
#include "core/estimate.h"

enum { SPROUT_MONEY_CURRENCY = 16 };

struct sprout_money {
    bool priced; /* prices are configured; else nothing of this is known */
    char currency[SPROUT_MONEY_CURRENCY + 1];
    enum sprout_estimate_state state;
    struct sprout_interval percent;
    struct sprout_interval saved; /* in the currency, by conversations under the mix */
    double spent;                 /* on conversations of all three arms, priced */
    int64_t unpriced;             /* conversations */
};

SPROUT_MUST_USE enum sprout_status sprout_money_of(struct sprout_store *store,
                                                   struct sprout_store_range range,
                                                   const struct sprout_config *config,
                                                   struct sprout_money *out,
                                                   struct sprout_error *err);

#endif
