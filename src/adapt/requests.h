/* SPDX-License-Identifier: Apache-2.0 */
/* requests.h - a folder of measured requests: one <task>.jsonl a task, one prompt a line.
 *
 * Each line is an object with `id`, `prompt`, `energy_wh` and `time_s` (objects with L0, L1,
 * L2, L0_7b); where a judge compared the answers, `preferred` ("L0", "L1" or "L2"); where
 * they are kept, `response` (texts of the four) and `reference`.  Unknown members are left
 * alone.
 * Invariants: energies and times are >= 0, every task has at least one judged prompt, tasks
 * are in the order of their names, prompts in the order of the lines.
 * Errors name file and line and never hold the line's text.
 * Memory: one block for all texts, freed with the folder.  Threads: immutable once read. */
#ifndef SPROUT_ADAPT_REQUESTS_H
#define SPROUT_ADAPT_REQUESTS_H

#include "adapt/means.h"

enum {
    SPROUT_REQUESTS_FILE_MAX = 512 * 1024 * 1024,
    SPROUT_REQUESTS_MAX = 4 * 1000 * 1000,
};

struct sprout_request {
    struct sprout_str id;
    struct sprout_str prompt;
    struct sprout_str response[SPROUT_BENCH_OPTIONS]; /* ptr NULL: not kept */
    struct sprout_str reference;                      /* ptr NULL: none */
    sprout_joules energy[SPROUT_BENCH_OPTIONS];
    sprout_seconds time[SPROUT_BENCH_OPTIONS];
    int preferred; /* level, or -1: not judged */
    int task;
};

struct sprout_requests {
    char task[SPROUT_TASKS_MAX][SPROUT_TASK_NAME_MAX + 1];
    size_t tasks;
    struct sprout_request *request; /* owned */
    size_t count;
    size_t task_count[SPROUT_TASKS_MAX];
    size_t task_judged[SPROUT_TASKS_MAX];
    char *text;                     /* owned: what the views point at */
    char sha256[SPROUT_SHA256_HEX]; /* of the files' fingerprints, in order */
};

SPROUT_MUST_USE enum sprout_status sprout_requests_read(const char *folder,
                                                        struct sprout_requests *out,
                                                        struct sprout_error *err);
void sprout_requests_free(struct sprout_requests *r);

#endif
