/* SPDX-License-Identifier: Apache-2.0 */
/* judge_text.h - the words of a question to a judge, and what its reply says.
 *
 * The question is one chat completion: a system text (the rubric, then the form the reply
 * must have) and a user text (the prompt, then the answers under the letters A, B, C...).
 * Nothing of it says which level an answer came from.
 * The reply is read strictly, after white space, a leading <think>...</think> and one code
 * fence around it are left out:
 *   {"best": "B"}  {"best": ["A", "C"]} (a tie)  {"best": "tie"} (of all); other members are
 *                  let pass
 *   B   (B)   B.   "B"   tie    the letter alone, nothing else
 * Case does not matter.  A letter beyond the answers shown, a letter twice, more words, an
 * empty list: unreadable.  It is never guessed.
 * Pure.  Not here: sending it (adapt/judge.h), orders (core/judge.h). */
#ifndef SPROUT_WIRE_JUDGE_TEXT_H
#define SPROUT_WIRE_JUDGE_TEXT_H

#include "core/judge.h"

enum { SPROUT_JUDGE_REPLY_MAX = 64 * 1024 }; /* a longer reply is unreadable */

/* The criteria, where the operator has none of its own (docs/evaluation.md). */
extern const char sprout_judge_rubric[];

struct sprout_judge_ask {
    struct sprout_str model;
    struct sprout_str rubric; /* empty: ours */
    struct sprout_str prompt;
    const struct sprout_str *answers; /* in the order shown */
    int count;                        /* 2 to SPROUT_LEVELS_MAX */
    int64_t max_tokens;               /* of the reply; 0: not said */
    bool again;                       /* the last reply could not be read: say so */
};

/* The body of the request; `b` is full if it does not fit. */
void sprout_judge_put(struct sprout_buf *b, const struct sprout_judge_ask *ask);

/* Bit s: the answer in slot s was named.  0: unreadable. */
uint32_t sprout_judge_read(struct sprout_str reply, int slots);

#endif
