/* SPDX-License-Identifier: Apache-2.0 */
/* What a prediction costs, by the length of the text: from bytes to a level.
 *
 *     build/tests/bench/predict [ROUNDS [WEIGHTS]]
 *
 * Texts are the demo's prompts, end to end until they are as long as is asked for, a
 * different stretch for each of the texts, so that neither rows nor branches repeat.  One
 * prediction is timed by itself: feeding the text, the features, the scores, the nets and
 * the choice.  Between predictions other memory is walked over in the second line of each
 * length, as it is on a server that does other things: rows then come from far away.
 * Prints the median and the 99th percentile, and whether the limits hold (5 us for 1 KB,
 * 20 us for 100 KB); exit 1 if the median does not. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "adapt/file.h"
#include "adapt/weights.h"

enum { TEXTS = 512, ROUNDS_DEFAULT = 20, ROUNDS_MAX = 1000, POOL_MAX = 8 << 20 };
enum { WALK_BYTES = 1 << 20, WALK_STEP = 64 };

static const struct {
    const char *name;
    size_t bytes;
    double limit_us; /* 0: none */
} sizes[] = {
    {"100 B", 100, 0},
    {"1 KB", 1024, 5},
    {"2 KB", 2048, 0},
    {"100 KB", 102400, 20},
};

static const char *const sources[] = {"data/demo/mmlu.jsonl", "data/demo/triviaqa.jsonl",
                                      "data/demo/gsm8k.jsonl", "data/demo/mtbench.jsonl"};

static char pool[POOL_MAX];
static size_t pool_len;
static volatile unsigned char walked[WALK_BYTES];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Appends the first text of a demo line: its prompt, as it is decoded. */
static void add_prompt(const char *line, size_t len)
{
    json_t *const root = json_loadb(line, len, 0, NULL);
    const json_t *prompt = json_object_get(root, "prompt");
    if (prompt == NULL) {
        prompt = json_array_get(json_object_get(root, "turns"), 0);
    }
    const size_t n = json_string_length(prompt);
    if (n > 0 && pool_len + n + 1 < POOL_MAX) {
        memcpy(pool + pool_len, json_string_value(prompt), n);
        pool[pool_len + n] = ' ';
        pool_len += n + 1;
    }
    json_decref(root);
}

static bool fill_pool(void)
{
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct sprout_file f;
        struct sprout_error err;
        if (sprout_file_read(sources[i], POOL_MAX / 8, &f, &err) != SPROUT_OK) {
            fprintf(stderr, "predict: %s\n", err.message);
            return false;
        }
        for (const char *line = f.bytes, *end; (end = strchr(line, '\n')) != NULL;) {
            add_prompt(line, (size_t)(end - line));
            line = end + 1;
        }
        sprout_file_free(&f);
    }
    printf("%zu bytes of prompts\n", pool_len);
    return pool_len > 0;
}

static struct sprout_str text_of(size_t i, size_t bytes)
{
    /* A prime step, so that stretches of any length differ. */
    const size_t room = pool_len > bytes ? pool_len - bytes : 0;
    const size_t at = room > 0 ? i * 7919 * 13 % room : 0;
    return (struct sprout_str){pool + at, bytes < pool_len ? bytes : pool_len};
}

static void walk(void)
{
    for (size_t i = 0; i < WALK_BYTES; i += WALK_STEP) {
        walked[i]++;
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double measure(const struct sprout_predictor *p, size_t bytes, bool others,
                      int rounds, double *out_p99)
{
    static int64_t took[TEXTS * ROUNDS_MAX];
    const struct sprout_predict_terms terms = {.ng_per_token = 400000,
                                               .ng_per_quality = 50000000};
    size_t n = 0;
    int sum = 0;
    for (int r = -1; r < rounds; r++) {
        n = r < 0 ? 0 : n; /* the first round warms up */
        for (size_t i = 0; i < TEXTS; i++) {
            const struct sprout_str text = text_of(i, bytes);
            if (others) {
                walk();
            }
            const int64_t from = now_ns();
            const struct sprout_prediction said = sprout_predict_str(p, text);
            sum += sprout_predict_choose(&said, &terms, 0);
            took[n++] = now_ns() - from;
        }
        n = r < 0 ? 0 : n;
    }
    qsort(took, n, sizeof *took, by_value);
    *out_p99 = (double)took[n * 99 / 100] / 1e3;
    return sum < 0 ? 0 : (double)took[n / 2] / 1e3;
}

int main(int argc, char **argv)
{
    int64_t rounds = ROUNDS_DEFAULT;
    const char *const path = argc > 2 ? argv[2] : "data/predictor/default.weights";
    if (argc > 3 ||
        (argc > 1 && sprout_str_to_i64(sprout_str_of(argv[1]), &rounds) != SPROUT_OK) ||
        rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: predict [ROUNDS [WEIGHTS]], at most %d\n", ROUNDS_MAX);
        return 2;
    }
    struct sprout_weights w;
    struct sprout_error err;
    if (!fill_pool() || sprout_weights_open(path, &w, &err) != SPROUT_OK) {
        fprintf(stderr, "predict: %s\n", err.message);
        return 1;
    }
    bool ok = true;
    printf("from a text to its level, %d texts, %lld rounds; weights of %zu bytes\n",
           TEXTS, (long long)rounds, w.len);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        double p99, far_p99;
        const double p50 =
            measure(&w.predictor, sizes[s].bytes, false, (int)rounds, &p99);
        const double far =
            measure(&w.predictor, sizes[s].bytes, true, (int)rounds, &far_p99);
        const bool kept = sizes[s].limit_us == 0 || p50 <= sizes[s].limit_us;
        printf("%-7s p50 %5.2f us  p99 %5.2f us   caches used by others: p50 %5.2f us  "
               "p99 %5.2f us%s%s\n",
               sizes[s].name, p50, p99, far, far_p99,
               sizes[s].limit_us > 0 ? (kept ? "   within " : "   OVER ") : "",
               sizes[s].limit_us == 5    ? "5 us"
               : sizes[s].limit_us == 20 ? "20 us"
                                         : "");
        ok = ok && kept;
    }
    sprout_weights_close(&w);
    return ok ? 0 : 1;
}
