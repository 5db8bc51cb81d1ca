/* SPDX-License-Identifier: Apache-2.0 */
/* match.h - is an answer right, as far as comparing strings with a reference can tell?
 *
 * Accuracy beside preference: a judge may like an answer that is wrong.  The rule follows
 * from the form of the reference, so no task needs a name:
 *   number        "... #### 72" (GSM8K): the last number of the answer is that number
 *   letter        "B": the first letter set off as an option, "(B)", "B)", "B:", "B.", is it
 *   option        the text of one of the prompt's options "\n(A): ...": of the option texts
 *                 that occur in the answer the first is the reference's (the longest at one
 *                 place); where none occurs, the first letter is that option's
 *   alternatives  "Paris; City of Paris": one of them occurs, word by word
 *   none          longer text: a string cannot say
 * Words are runs of ASCII letters and digits, case folded, without a, an, the.
 * It errs both ways (a right answer in other words is missed); it is the same for every
 * level, which is what a comparison of levels needs.
 * Pure, no allocation; O(answer x reference) at worst. */
#ifndef SPROUT_CORE_MATCH_H
#define SPROUT_CORE_MATCH_H

#include <stdbool.h>

#include "base/str.h"

enum sprout_match_rule {
    SPROUT_MATCH_NONE,
    SPROUT_MATCH_NUMBER,
    SPROUT_MATCH_LETTER,
    SPROUT_MATCH_OPTION,
    SPROUT_MATCH_ALTERNATIVES,
    SPROUT_MATCH_RULES,
};

enum sprout_match_rule sprout_match_rule_of(struct sprout_str prompt,
                                            struct sprout_str reference);

/* False for SPROUT_MATCH_NONE. */
bool sprout_match(enum sprout_match_rule rule, struct sprout_str prompt,
                  struct sprout_str reference, struct sprout_str answer);

#endif
