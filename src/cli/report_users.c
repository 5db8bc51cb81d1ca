/* SPDX-License-Identifier: Apache-2.0 */
/* report_users.c - see report_users.h. */
#include "cli/report_users.h"

#include <stdio.h>

enum { PERCENT = 100 };

static double percent(const struct sprout_alarm *a, bool treated)
{
    return a->n[treated] > 0 ? PERCENT * a->bad[treated] / (double)a->n[treated] : 0;
}

static void print_cells(const struct sprout_feedback *f, const char *verb)
{
    for (size_t i = 0; i < f->cells; i++) {
        const struct sprout_feedback_cell *const c = &f->cell[i];
        printf("  %s, %s: %.1f %% of %lld %s, %.1f %% of %lld in the holdout%s\n",
               c->stratum, c->level, percent(&c->alarm, true),
               (long long)c->alarm.n[true], verb, percent(&c->alarm, false),
               (long long)c->alarm.n[false], c->raised ? "   ALARM" : "");
    }
}

void sprout_report_users(const struct sprout_savings *r)
{
    if (r->said.ratings > 0) {
        printf("\nWhat users say (%lld ratings, of the whole ledger)\n",
               (long long)r->said.ratings);
        print_cells(&r->said, "disliked");
    }
    if (r->shown != NULL && r->shown->feedback.ratings > 0) {
        printf("\nWho comes back within a minute (%lld conversations: %lld with a longer "
               "prompt, %lld with the same)\n",
               (long long)r->shown->feedback.ratings, (long long)r->shown->returned,
               (long long)r->shown->repeated);
        print_cells(&r->shown->feedback, "came back");
    }
}
