/* SPDX-License-Identifier: Apache-2.0 */
/* judged.h - what the ledger's verdicts say of quality, for a plan.
 *
 * The newest verdict names the model, the judge and the directives that count; verdicts
 * about others stay in the ledger and say nothing here, so a change of any of them leaves
 * the prior until there are new ones.  The planner looks whether the directives are those
 * of its policy and whether the judge's card lets its verdicts be used at all.
 * Memory: owned; large.  Threads: one at a time.
 * Not here: the arithmetic (core/quality), who asks the judge (evaluator.h). */
#ifndef SPROUT_CONTROL_JUDGED_H
#define SPROUT_CONTROL_JUDGED_H

#include "adapt/store_evaluate.h"
#include "control/config.h"
#include "core/quality.h"

enum { SPROUT_JUDGED_VERDICTS_MAX = 100000 }; /* the newest so many */

struct sprout_judged {
    char model[SPROUT_PATTERN_MAX + 1];
    char judge[SPROUT_PATTERN_MAX + 1];
    char directives[SPROUT_NAME_MAX + 1];
    char name[SPROUT_STRATA_MAX][SPROUT_NAME_MAX + 1]; /* of strata */
    int strata;
    struct sprout_judge_card card; /* of what is left without the runs below */
    struct sprout_judge_failed failed[SPROUT_JUDGE_FAILED_MAX];
    size_t failed_count; /* runs left out, where others of the judge pass */
    struct sprout_quality_fit fit;
    struct sprout_quality pooled; /* all strata as one, as they were sampled */
};

/* Prior and half-life as a plan by `config` takes them: its own shares where it has some for
 * so many levels, else the published ones.  NULL: as by a configuration without a word on it. */
struct sprout_quality_opts sprout_judged_opts(const struct sprout_config *config,
                                              int levels, sprout_instant now);

/* Of verdicts of the last ten half-lives.  `opts`: prior, levels, half-life, now.
 * SPROUT_NOT_FOUND: there are none. */
SPROUT_MUST_USE enum sprout_status sprout_judged_read(
    struct sprout_store *s, const struct sprout_quality_opts *opts,
    struct sprout_judged **out, struct sprout_error *err);

/* What a stratum's kind of prompts is called: "stratum/kind", the stratum alone without one;
 * cut to fit. */
void sprout_judged_cell(struct sprout_str stratum, struct sprout_str kind,
                        char out[SPROUT_NAME_MAX + 1]);
/* The same by such kinds: `j` comes with the names of those asked about, and leaves with the
 * fit; a kind without verdicts has what the whole says of it.  Verdicts about directives
 * other than these say nothing. */
SPROUT_MUST_USE enum sprout_status sprout_judged_kinds(
    struct sprout_store *s, const struct sprout_quality_opts *opts,
    const char *directives, struct sprout_judged *j, struct sprout_error *err);
/* Why the verdicts of a run are not used; SPROUT_JUDGE_USABLE: they are. */
enum sprout_judge_fault sprout_judged_fault(const struct sprout_judged *j, int64_t run);
void sprout_judged_free(struct sprout_judged *j);

#endif
