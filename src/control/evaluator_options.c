/* SPDX-License-Identifier: Apache-2.0 */
/* evaluator_options.c - what a run must know to go on in another process, as JSON in its row
 * of the ledger.  A key is never in it: the file's name or the variable's is. */
#include "control/evaluator_inner.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapt/file.h"

enum { RUBRIC_MAX = 64 * 1024 };

char *sprout_evaluator_options(const struct sprout_evaluator_plan *plan)
{
    json_t *const root = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:I,s:i}", "upstream", plan->upstream, "judge",
        plan->form == SPROUT_JUDGE_NONE ? "" : plan->judge_url, "key_file",
        plan->judge_key_file, "key_env", plan->judge_key_env, "rubric", plan->rubric_file,
        "judge_max_tokens", (json_int_t)plan->judge_max_tokens, "concurrency",
        plan->concurrency <= 0 ? 1 : plan->concurrency);
    char *const text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);

    json_decref(root);
    return text;
}

static enum sprout_status take_rubric(struct evaluator *e, const char *path,
                                      struct sprout_error *err)
{
    struct sprout_file f = {0};

    if (path[0] == '\0') {
        return SPROUT_OK;
    }
    const enum sprout_status status = sprout_file_read(path, RUBRIC_MAX, &f, err);
    if (status == SPROUT_OK) {
        e->rubric = f.bytes; /* NUL follows it */
    }
    return status;
}

enum sprout_status sprout_evaluator_take_options(struct evaluator *e,
                                                 struct sprout_str options,
                                                 struct sprout_error *err)
{
    const char *upstream, *judge, *key_file, *key_env, *rubric;
    json_int_t max_tokens;
    int concurrency;
    json_t *const root = json_loadb(options.ptr, options.len, 0, NULL);

    if (root == NULL ||
        json_unpack(root, "{s:s,s:s,s:s,s:s,s:s,s:I,s:i}", "upstream", &upstream, "judge",
                    &judge, "key_file", &key_file, "key_env", &key_env, "rubric", &rubric,
                    "judge_max_tokens", &max_tokens, "concurrency", &concurrency) != 0) {
        json_decref(root);
        return sprout_fail(err, SPROUT_INVALID, "the run's options cannot be read");
    }
    snprintf(e->base, sizeof e->base, "%s", upstream);
    sprout_evaluator_url(upstream, "/v1/chat/completions", e->upstream.url,
                         sizeof e->upstream.url);
    sprout_evaluator_judge_url(judge, e->judge.url, sizeof e->judge.url);
    e->judge_max_tokens = max_tokens;
    e->concurrency = concurrency < 1                                  ? 1
                     : concurrency > SPROUT_EVALUATOR_CONCURRENCY_MAX ? 16
                                                                      : concurrency;
    enum sprout_status status = take_rubric(e, rubric, err);
    if (status == SPROUT_OK && e->form != SPROUT_JUDGE_NONE) {
        status = sprout_http_key(key_file, key_env, &e->key, err);
    }
    json_decref(root);
    return status;
}
