/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - orders that balance; see judge.h. */
#include "core/judge.h"

static const char *const form_text[SPROUT_JUDGE_FORMS] = {
    [SPROUT_JUDGE_NONE] = "none",
    [SPROUT_JUDGE_BEST_OF] = "best-of",
    [SPROUT_JUDGE_PAIRWISE] = "pairwise",
};

const char *sprout_judge_form_text(enum sprout_judge_form form)
{
    return form_text[form];
}

enum sprout_judge_form sprout_judge_form_of(struct sprout_str text)
{
    int f = SPROUT_JUDGE_NONE;
    while (f < SPROUT_JUDGE_FORMS && !sprout_str_eq(text, sprout_str_of(form_text[f]))) {
        f++;
    }
    return (enum sprout_judge_form)f;
}

int sprout_judge_questions(enum sprout_judge_form form, int levels)
{
    switch (form) {
    case SPROUT_JUDGE_BEST_OF:
        return 2;
    case SPROUT_JUDGE_PAIRWISE:
        return 2 * (levels - 1);
    case SPROUT_JUDGE_NONE:
    case SPROUT_JUDGE_FORMS:
        break;
    }
    return 0;
}

/* Order number `rank` of the levels 1..n-1 behind level 0. */
static void arrange(int n, int64_t rank, uint8_t out[SPROUT_LEVELS_MAX])
{
    uint8_t left[SPROUT_LEVELS_MAX];

    for (int i = 0; i < n; i++) {
        left[i] = (uint8_t)i;
    }
    out[0] = 0;
    for (int i = 1; i < n; i++) {
        const int choices = n - i;
        const int at = 1 + (int)(rank % choices);
        rank /= choices;
        out[i] = left[at];
        memmove(left + at, left + at + 1, (size_t)(n - 1 - at));
    }
}

static void best_of(int n, int64_t item, int question, uint8_t out[SPROUT_LEVELS_MAX])
{
    uint8_t base[SPROUT_LEVELS_MAX];

    arrange(n, item / n, base);
    for (int i = 0; i < n; i++) {
        const int at = question == 0 ? i : n - 1 - i;
        out[at] = base[(i + item) % n];
    }
}

int sprout_judge_order(enum sprout_judge_form form, int levels, int64_t item,
                       int question, uint8_t out_shown[SPROUT_LEVELS_MAX])
{
    if (form == SPROUT_JUDGE_BEST_OF) {
        best_of(levels, item, question, out_shown);
        return levels;
    }
    const bool swapped = (question + item) % 2 != 0;
    const uint8_t other = (uint8_t)(1 + question / 2);
    out_shown[0] = swapped ? other : 0;
    out_shown[1] = swapped ? 0 : other;
    return 2;
}
