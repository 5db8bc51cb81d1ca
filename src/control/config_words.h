/* SPDX-License-Identifier: Apache-2.0 */
/* config_words.h - the words that keys of sprout.yaml may have, and what each means.
 *
 * `KEY_words` is found by the rows of config_schema.c, which alone includes this.  Not here: which
 * key takes which words. */
#ifndef SPROUT_CONTROL_CONFIG_WORDS_H
#define SPROUT_CONTROL_CONFIG_WORDS_H

#include "control/config_schema.h"

static const cyaml_strval_t source_words[] = {
    {"static", SPROUT_GRID_STATIC},
    {"csv", SPROUT_GRID_CSV},
    {"list", SPROUT_GRID_LIST},
};
static const cyaml_strval_t kind_words[] = {
    {"average", SPROUT_GRID_AVERAGE},
    {"marginal", SPROUT_GRID_MARGINAL},
};
static const cyaml_strval_t signal_words[] = {
    {"list", SPROUT_GRID_AS_LIST},
    {"average", SPROUT_GRID_WISH_FIRST},
    {"marginal", SPROUT_GRID_WISH_SECOND},
};
static const cyaml_strval_t factors_words[] = {
    {"list", SPROUT_GRID_AS_LIST},
    {"direct", SPROUT_GRID_WISH_FIRST},
    {"lifecycle", SPROUT_GRID_WISH_SECOND},
};
static const cyaml_strval_t column_words[] = {
    {"direct", SPROUT_GRID_DIRECT},
    {"lifecycle", SPROUT_GRID_LIFECYCLE},
};
static const cyaml_strval_t rule_words[] = {
    {"paper", SPROUT_FLOOR_PAPER},
    {"fixed", SPROUT_FLOOR_FIXED},
};
static const cyaml_strval_t budget_window_words[] = {
    {"auto", SPROUT_WINDOW_AUTO},
    {"hour", SPROUT_WINDOW_HOUR},
    {"day", SPROUT_WINDOW_DAY},
    {"month", SPROUT_WINDOW_MONTH},
};
static const cyaml_strval_t form_words[] = {
    {"best-of", SPROUT_JUDGE_BEST_OF},
    {"pairwise", SPROUT_JUDGE_PAIRWISE},
};
static const cyaml_strval_t when_words[] = {
    {"paper", SPROUT_INVOCATION_PAPER},
    {"forecast", SPROUT_INVOCATION_FORECAST},
};
static const cyaml_strval_t tristate_words[] = {
    {"any", SPROUT_ANY},  {"no", SPROUT_NO},    {"yes", SPROUT_YES},
    {"false", SPROUT_NO}, {"true", SPROUT_YES},
};

static const cyaml_strval_t receipts_words[] = {
    {"on", SPROUT_RECEIPTS_ON},         {"off", SPROUT_RECEIPTS_OFF},
    {"usage", SPROUT_RECEIPTS_USAGE},   {"scope2", SPROUT_RECEIPTS_SCOPE2},
    {"always", SPROUT_RECEIPTS_ALWAYS},
};

static const cyaml_strval_t placement_words[] = {
    {"any", SPROUT_PLACEMENT_UNSAID},
    {"auto", SPROUT_PLACEMENT_AUTO},
    {"first-user", SPROUT_PLACEMENT_FIRST_USER},
    {"last-user", SPROUT_PLACEMENT_LAST_USER},
    {"system", SPROUT_PLACEMENT_SYSTEM},
};

#endif
