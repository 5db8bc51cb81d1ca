/* SPDX-License-Identifier: Apache-2.0 */
/* train_examples.c - see train_examples.h. */
#include "sim/train_examples.h"

#include <stdlib.h>

double sprout_train_tokens(const struct sprout_energy_profile *profile,
                           sprout_joules energy, size_t bytes)
{
    const double prompt = (double)bytes / SPROUT_TRAIN_BYTES_PER_TOKEN;
    const double tokens = (energy.v - profile->joules[0] - profile->joules[1] * prompt) /
                          profile->joules[2];
    return tokens < 1 ? 1 : tokens;
}

/* Takes the first name off a list. */
static struct sprout_str next_name(struct sprout_str *names)
{
    const char *const comma = memchr(names->ptr, ',', names->len);
    const size_t n = comma == NULL ? names->len : (size_t)(comma - names->ptr);
    const struct sprout_str name = sprout_str_trim((struct sprout_str){names->ptr, n});
    const size_t step = comma == NULL ? n : n + 1;
    names->ptr += step;
    names->len -= step;
    return name;
}

bool sprout_train_tasks(const struct sprout_requests *r, struct sprout_str names,
                        bool out_kept[SPROUT_TASKS_MAX], struct sprout_str *out_unknown)
{
    memset(out_kept, 0, SPROUT_TASKS_MAX * sizeof *out_kept);
    while (names.len > 0) {
        const struct sprout_str name = next_name(&names);
        bool found = false;
        for (size_t k = 0; k < r->tasks; k++) {
            if (sprout_str_eq(name, sprout_str_of(r->task[k]))) {
                out_kept[k] = found = true;
            }
        }
        if (!found) {
            *out_unknown = name;
            return false;
        }
    }
    return true;
}

void sprout_train_maths(const struct sprout_requests *r, const struct sprout_accuracy *a,
                        bool out_maths[SPROUT_TASKS_MAX])
{
    for (size_t k = 0; k < r->tasks; k++) {
        out_maths[k] = a->rule[k] == SPROUT_MATCH_NUMBER;
    }
}

struct sprout_train_example *sprout_train_examples(const struct sprout_requests *r,
                                                   const struct sprout_accuracy *a,
                                                   const bool maths[SPROUT_TASKS_MAX])
{
    struct sprout_train_example *const out = calloc(r->count + 1, sizeof *out);
    for (size_t i = 0; out != NULL && i < r->count; i++) {
        const struct sprout_request *const q = &r->request[i];
        struct sprout_train_example *const e = &out[i];
        e->text = q->prompt;
        e->preferred = q->preferred;
        e->maths = maths[q->task];
        for (int l = 0; l < SPROUT_PREDICT_LEVELS; l++) {
            e->tokens[l] = sprout_train_tokens(&sprout_energy_llama2_13b, q->energy[l],
                                               q->prompt.len);
            e->right[l] = a->known[i] ? a->right[i] >> l & 1 : -1;
        }
    }
    return out;
}
