/* SPDX-License-Identifier: Apache-2.0 */
/* splice.c - libsprout in eighty lines: a request on standard input, or a reply to one.
 *
 *     splice POLICY PATH < body                        the body as it goes upstream
 *     splice POLICY PATH BODY CONTENT-TYPE < reply     the reply as the client gets it
 *
 * What was decided, and what the reply cost, goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <sprout.h>
#include <time.h>

static char *read_all(FILE *f, size_t *len)
{
    char *bytes = NULL;
    *len = 0;
    for (size_t cap = 1 << 16; f != NULL; cap *= 2) {
        char *const more = realloc(bytes, cap);
        if (more == NULL) {
            break;
        }
        bytes = more;
        *len += fread(bytes + *len, 1, cap - *len, f);
        if (*len < cap) {
            return bytes;
        }
    }
    free(bytes);
    return NULL;
}

static void put(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

static void *block_of(size_t size)
{
    return aligned_alloc(16, (size + 15) / 16 * 16);
}

int main(int argc, char **argv)
{
    const int replying = argc == 5;
    size_t json_len, body_len, reply_len;
    char why[200];
    struct sprout_engine *engine;
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: splice POLICY PATH [BODY CONTENT-TYPE]\n");
        return 2;
    }
    char *json = read_all(fopen(argv[1], "rb"), &json_len);
    char *body = read_all(replying ? fopen(argv[3], "rb") : stdin, &body_len);
    const size_t size = sprout_engine_size(json_len);
    if (json == NULL || body == NULL ||
        sprout_engine_make(block_of(size), size, json, json_len, &engine, why,
                           sizeof why)) {
        fprintf(stderr, "splice: %s\n", json && body ? why : "cannot read the files");
        return 1;
    }
    struct sprout_request_head head = {sizeof head, "POST", argv[2], NULL, NULL, NULL};
    struct sprout_exchange *x = sprout_exchange_make(
        block_of(sprout_exchange_size()), sprout_exchange_size(), engine, &head);
    struct sprout_decision d = {.size = sizeof d};
    sprout_exchange_request(x, body, body_len);
    sprout_exchange_choose(x, (int64_t)time(NULL) * 1000000000, &d);
    if (!replying) {
        size_t at = 0;
        for (size_t i = 0; i < d.edits; i++) {
            fwrite(body + at, 1, d.edit[i].at - at, stdout);
            fwrite(d.edit[i].put, 1, d.edit[i].put_len, stdout);
            at = d.edit[i].at + d.edit[i].drop;
        }
        fwrite(body + at, 1, body_len - at, stdout);
        fprintf(stderr, "%s %s\n", d.level, d.reason);
        return 0;
    }
    struct sprout_outcome_counts cost = {.size = sizeof cost};
    char *reply = read_all(stdin, &reply_len);
    sprout_exchange_reply(x, argv[4]);
    sprout_exchange_tap(x, reply, reply_len, put, stdout);
    sprout_exchange_end(x, put, stdout, &cost);
    fprintf(stderr, "%s: %lld tokens in, %lld out\n", d.level, (long long)cost.prompt,
            (long long)cost.completion);
    return 0;
}
