/* SPDX-License-Identifier: Apache-2.0 */
/* feedback_json.c - see feedback_json.h. */
#include "control/feedback_json.h"

#define LOG_10 2.302585092994046

static json_t *rated(const struct sprout_alarm *a, bool treated, const char *what,
                     const char *share)
{
    const double n = (double)a->n[treated];
    return json_pack("{s:I,s:o}", what, (json_int_t)a->n[treated], share,
                     n > 0 ? json_real(a->bad[treated] / n) : json_null());
}

/* `what` is counted, `share` of it is bad. */
static json_t *levels(const struct sprout_feedback *f, const char *what,
                      const char *share)
{
    json_t *const cells = json_array();
    for (size_t i = 0; i < f->cells; i++) {
        const struct sprout_feedback_cell *const c = &f->cell[i];
        json_array_append_new(
            cells,
            json_pack("{s:s,s:s,s:o,s:o,s:f,s:b}", "stratum", c->stratum, "level",
                      c->level, "treated", rated(&c->alarm, true, what, share), "holdout",
                      rated(&c->alarm, false, what, share), "log10_evidence",
                      c->alarm.most / LOG_10, "alarm", (int)c->raised));
    }
    return cells;
}

static json_t *signs_object(const struct sprout_signs *s)
{
    if (s == NULL) {
        return json_null();
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:o}", "conversations",
                     (json_int_t)s->feedback.ratings, "returned", (json_int_t)s->returned,
                     "repeated", (json_int_t)s->repeated, "alarms",
                     (json_int_t)s->feedback.raised, "levels",
                     levels(&s->feedback, "conversations", "came_back"));
}

json_t *sprout_feedback_json(const struct sprout_feedback *said,
                             const struct sprout_signs *signs)
{
    return json_pack("{s:I,s:I,s:I,s:o,s:o}", "ratings", (json_int_t)said->ratings,
                     "waiting", (json_int_t)said->waiting, "alarms",
                     (json_int_t)said->raised, "levels",
                     levels(said, "ratings", "disliked"), "signs", signs_object(signs));
}
