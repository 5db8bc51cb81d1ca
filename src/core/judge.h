/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - which answers a judge is shown, and in which order.
 *
 * A judge has favourite places (the authors' first slot won 49 %, the last 19 %), so every
 * level must stand in every slot equally often, and the same answers must be shown twice in
 * opposite orders, to see whether the judge agrees with itself:
 *   best-of   two questions an item, all levels at once; the second order is the first
 *             reversed.  Over `levels` items in a row each level is once in each slot, over
 *             levels! items every order comes once.
 *   pairwise  two questions for each level but L0: (L0, Ll) and (Ll, L0); which comes first
 *             alternates.
 * Pure.  Not here: the words of a question (wire/judge_text.h), what verdicts are worth
 * (quality.h). */
#ifndef SPROUT_CORE_JUDGE_H
#define SPROUT_CORE_JUDGE_H

#include "core/policy.h"

enum sprout_judge_form {
    SPROUT_JUDGE_NONE, /* no judge: references alone */
    SPROUT_JUDGE_BEST_OF,
    SPROUT_JUDGE_PAIRWISE,
    SPROUT_JUDGE_FORMS
};

const char *sprout_judge_form_text(enum sprout_judge_form form); /* "best-of", ... */
/* SPROUT_JUDGE_FORMS for any other text. */
enum sprout_judge_form sprout_judge_form_of(struct sprout_str text);

/* Questions an item takes. */
int sprout_judge_questions(enum sprout_judge_form form, int levels);

/* The level in each slot of question `question` of item number `item`; how many slots. */
int sprout_judge_order(enum sprout_judge_form form, int levels, int64_t item,
                       int question, uint8_t out_shown[SPROUT_LEVELS_MAX]);

#endif
