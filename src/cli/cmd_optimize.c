/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_optimize.c - `sprout optimize`: the optimizer by itself, one JSON problem a line.
 *
 * Exactly one line goes out for each line that comes in, and at once, so that the command
 * may stand at the end of a pipe or be spoken to line by line.  A line that is no problem is
 * answered with an error and its column (in bytes, from 1; 1 where the line is well-formed
 * JSON that is no problem), and the next line is read.
 * Memory: one buffer for the line, grown up to LINE_MAX_BYTES; a longer line is skipped to
 * its end and answered with an error.  What a line needs besides is freed before the next.
 * Not here: the optimum (core/optimize). */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "core/optimize_two.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

static const char help_text[] =
    "usage: sprout optimize < PROBLEMS\n"
    "\n"
    "Solves one problem a line of standard input and writes one line for each:\n"
    "\n"
    "  {\"items\":[{\"weight\":1,\"cost\":[4,2,1],\"quality\":[3,2,1]}],\"floor\":1.5}\n"
    "  "
    "{\"status\":\"optimal\",\"mix\":[[0,0.5,0.5]],\"cost\":1.5,\"quality\":1.5,"
    "\"price\":1}\n"
    "\n"
    "Least cost with quality of at least \"floor\", or, with \"budget\" in its place, "
    "most\n"
    "quality for a cost of at most that.  Floor, budget, cost and quality are sums over "
    "the\n"
    "items, each times its weight; each item's mix sums to 1.  \"price\" is dC/dQ, 0 "
    "where\n"
    "the constraint does not bind.  Bounds hold within 1e-9.\n"
    "\n"
    "With \"accuracy_floor\" beside \"floor\", and \"accuracy\" beside \"quality\" in "
    "each\n"
    "item, both floors are kept; \"accuracy\" and \"accuracy_price\" then come out, "
    "too.\n"
    "\n"
    "\"status\" is \"optimal\", \"infeasible\" (then the mix is the one of greatest "
    "quality, or\n"
    "of least cost for a budget, or of greatest accuracy if only that falls short), or\n"
    "\"error\" with \"column\" and \"message\".\n"
    "\n"
    "  --json  accepted: the output is JSON anyway\n"
    "  --help  this text\n"
    "\n"
    "A line has at most 64 MiB, a number a magnitude of at most 1e100.\n"
    "Exit status: 0 when all lines were answered, errors included; 2 for a wrong "
    "command\n"
    "line; 71 out of memory; 74 when reading or writing failed.\n";

/* ---- lines ----------------------------------------------------------------------------- */

struct line {
    char *ptr;
    size_t len;
    size_t cap;
    bool too_long;
};

enum line_end { LINE_READ, LINE_EOF, LINE_FAILED, LINE_NO_MEMORY };

static bool line_put(struct line *l, char c)
{
    if (l->len == l->cap) {
        const size_t cap = l->cap == 0 ? 4096 : l->cap * 2;
        char *p = realloc(l->ptr, cap);
        if (p == NULL) {
            return false;
        }
        l->ptr = p;
        l->cap = cap;
    }
    l->ptr[l->len++] = c;
    return true;
}

/* Without its newline.  A last line without one counts. */
static enum line_end line_read(struct line *l, FILE *in)
{
    l->len = 0;
    l->too_long = false;
    bool any = false;
    for (;;) {
        const int c = getc_unlocked(in);
        if (c == EOF) {
            return ferror(in) ? LINE_FAILED : any ? LINE_READ : LINE_EOF;
        }
        any = true;
        if (c == '\n') {
            return LINE_READ;
        }
        if (l->len == LINE_MAX_BYTES) {
            l->too_long = true;
        } else if (!line_put(l, (char)c)) {
            return LINE_NO_MEMORY;
        }
    }
}

/* ---- a problem ------------------------------------------------------------------------- */

struct problem {
    size_t item_count;
    struct sprout_item *items;
    double **mix;
    const double **accuracy;
    double
        *numbers; /* of all options: cost, quality, accuracy and mix, item after item */
    enum sprout_goal goal;
    double bound;
    bool two; /* floors */
    double accuracy_floor;
};

static void problem_free(struct problem *p)
{
    free(p->items);
    free(p->mix);
    free(p->accuracy);
    free(p->numbers);
    *p = (struct problem){0};
}

/* Finds a member that must be a number. */
static enum sprout_status read_number(const json_t *from, double *out,
                                      struct sprout_error *err, const char *path)
{
    if (!json_is_number(from)) {
        return sprout_fail(err, SPROUT_INVALID, "%s: %s, expected a number", path,
                           from == NULL ? "missing" : "not a number");
    }
    *out = json_number_value(from);
    return SPROUT_OK;
}

/* `known` ends with NULL. */
static enum sprout_status check_members(const json_t *object, const char *const *known,
                                        const char *expected, const char *path,
                                        struct sprout_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t k = 0;
        while (known[k] != NULL && strcmp(known[k], key) != 0) {
            k++;
        }
        if (known[k] == NULL) {
            return sprout_fail(err, SPROUT_INVALID,
                               "%s: unknown member \"%.40s\", expected %s", path, key,
                               expected);
        }
    }
    return SPROUT_OK;
}

static enum sprout_status check_accuracies(const json_t *item, size_t count, bool two,
                                           const char *path, struct sprout_error *err)
{
    const json_t *const accuracy = json_object_get(item, "accuracy");
    if ((accuracy != NULL) != two) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s: expected \"accuracy\" and \"accuracy_floor\", or neither",
                           path);
    }
    if (two && json_array_size(accuracy) != count) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s.accuracy: expected an array of %zu, one an option", path,
                           count);
    }
    return SPROUT_OK;
}

static enum sprout_status check_options(const json_t *item, size_t i, bool two,
                                        size_t *out_count, struct sprout_error *err)
{
    static const char *const known[] = {"weight", "cost", "quality", "accuracy", NULL};
    char path[48];
    snprintf(path, sizeof path, "items[%zu]", i);
    if (!json_is_object(item)) {
        return sprout_fail(err, SPROUT_INVALID, "%s: expected an object", path);
    }
    const enum sprout_status s =
        check_members(item, known, "weight, cost, quality, accuracy", path, err);
    if (s != SPROUT_OK) {
        return s;
    }
    const json_t *cost = json_object_get(item, "cost");
    const json_t *quality = json_object_get(item, "quality");
    if (!json_is_array(cost) || !json_is_array(quality)) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s: expected the arrays \"cost\" and \"quality\"", path);
    }
    if (json_array_size(cost) != json_array_size(quality) || json_array_size(cost) == 0) {
        return sprout_fail(err, SPROUT_INVALID,
                           "%s: found %zu costs and %zu qualities, expected as many of "
                           "one as of the other, and one at least",
                           path, json_array_size(cost), json_array_size(quality));
    }
    *out_count = json_array_size(cost);
    return check_accuracies(item, *out_count, two, path, err);
}

static enum sprout_status read_numbers(const json_t *array, double *out, size_t i,
                                       const char *name, struct sprout_error *err)
{
    for (size_t l = 0; l < json_array_size(array); l++) {
        char path[80];
        snprintf(path, sizeof path, "items[%zu].%s[%zu]", i, name, l);
        const enum sprout_status s =
            read_number(json_array_get(array, l), &out[l], err, path);
        if (s != SPROUT_OK) {
            return s;
        }
    }
    return SPROUT_OK;
}

/* Fills items[i] and mix[i]; *numbers moves past what they use. */
static enum sprout_status read_item(const json_t *item, size_t i, struct problem *p,
                                    double **numbers, struct sprout_error *err)
{
    const json_t *cost = json_object_get(item, "cost");
    const size_t n = json_array_size(cost);
    double *const at = *numbers;
    p->items[i] = (struct sprout_item){.cost = at, .quality = at + n, .options = n};
    p->accuracy[i] = at + 2 * n;
    p->mix[i] = at + 3 * n;
    *numbers = at + 4 * n;

    char path[48];
    snprintf(path, sizeof path, "items[%zu].weight", i);
    enum sprout_status s =
        read_number(json_object_get(item, "weight"), &p->items[i].weight, err, path);
    if (s == SPROUT_OK) {
        s = read_numbers(cost, at, i, "cost", err);
    }
    if (s == SPROUT_OK) {
        s = read_numbers(json_object_get(item, "quality"), at + n, i, "quality", err);
    }
    if (s == SPROUT_OK && p->two) {
        s = read_numbers(json_object_get(item, "accuracy"), at + 2 * n, i, "accuracy",
                         err);
    }
    return s;
}

static enum sprout_status read_items(const json_t *items, struct problem *p,
                                     size_t *out_options, struct sprout_error *err)
{
    const size_t count = json_array_size(items);
    size_t options = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        const enum sprout_status s =
            check_options(json_array_get(items, i), i, p->two, &n, err);
        if (s != SPROUT_OK) {
            return s;
        }
        options += n;
    }

    p->item_count = count;
    p->items = calloc(count + 1, sizeof *p->items);
    p->mix = calloc(count + 1, sizeof *p->mix);
    p->accuracy = calloc(count + 1, sizeof *p->accuracy);
    p->numbers = calloc(4 * options + 1, sizeof *p->numbers);
    if (p->items == NULL || p->mix == NULL || p->accuracy == NULL || p->numbers == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    double *numbers = p->numbers;
    for (size_t i = 0; i < count; i++) {
        const enum sprout_status s =
            read_item(json_array_get(items, i), i, p, &numbers, err);
        if (s != SPROUT_OK) {
            return s;
        }
    }
    *out_options = options;
    return SPROUT_OK;
}

static enum sprout_status read_problem(const json_t *root, struct problem *p,
                                       size_t *out_options, struct sprout_error *err)
{
    static const char *const known[] = {"items", "floor", "budget", "accuracy_floor",
                                        NULL};
    if (!json_is_object(root)) {
        return sprout_fail(err, SPROUT_INVALID, "expected an object");
    }
    enum sprout_status s = check_members(
        root, known, "items, floor, budget, accuracy_floor", "problem", err);
    if (s != SPROUT_OK) {
        return s;
    }
    const json_t *floor = json_object_get(root, "floor");
    const json_t *budget = json_object_get(root, "budget");
    if ((floor == NULL) == (budget == NULL)) {
        return sprout_fail(err, SPROUT_INVALID, "expected \"floor\" or \"budget\"%s",
                           floor == NULL ? "" : ", and not both");
    }
    const json_t *accuracy = json_object_get(root, "accuracy_floor");
    p->two = accuracy != NULL;
    if (p->two && budget != NULL) {
        return sprout_fail(err, SPROUT_INVALID,
                           "accuracy_floor: expected it with \"floor\" only");
    }
    p->goal = floor != NULL ? SPROUT_GOAL_FLOOR : SPROUT_GOAL_BUDGET;
    s = read_number(floor != NULL ? floor : budget, &p->bound, err,
                    floor != NULL ? "floor" : "budget");
    if (s == SPROUT_OK && p->two) {
        s = read_number(accuracy, &p->accuracy_floor, err, "accuracy_floor");
    }
    if (s != SPROUT_OK) {
        return s;
    }
    const json_t *items = json_object_get(root, "items");
    if (!json_is_array(items)) {
        return sprout_fail(err, SPROUT_INVALID, "items: expected an array");
    }
    return read_items(items, p, out_options, err);
}

/* As sprout_optimize_two() gives it, with one floor, too. */
static enum sprout_status solve_one(const struct problem *p, struct sprout_arena *scratch,
                                    struct sprout_optimum_two *out,
                                    struct sprout_error *err)
{
    struct sprout_optimum best = {0};
    const enum sprout_status s = sprout_optimize(p->items, p->item_count, p->goal,
                                                 p->bound, scratch, p->mix, &best, err);
    *out = sprout_optimize_without(&best);
    return s;
}

static enum sprout_status solve(const struct problem *p, size_t options,
                                struct sprout_optimum_two *out, struct sprout_error *err)
{
    const size_t size = p->two ? sprout_optimize_two_scratch(p->item_count, options)
                               : sprout_optimize_scratch(p->item_count, options);
    void *block = malloc(size);
    if (block == NULL) {
        return sprout_fail(err, SPROUT_NO_MEMORY, "out of memory");
    }
    struct sprout_arena scratch = sprout_arena_of(block, size);
    const enum sprout_status s =
        p->two ? sprout_optimize_two(p->items, p->accuracy, p->item_count, p->bound,
                                     p->accuracy_floor, &scratch, p->mix, out, err)
               : solve_one(p, &scratch, out, err);
    free(block);
    return s;
}

/* ---- answers --------------------------------------------------------------------------- */

static void print_number(double v)
{
    printf("%.17g", v + 0.0); /* -0 becomes 0 */
}

static void print_optimum(const struct problem *p, const struct sprout_optimum_two *best)
{
    printf("{\"status\":\"%s\",\"mix\":[", best->feasible ? "optimal" : "infeasible");
    for (size_t i = 0; i < p->item_count; i++) {
        fputs(i == 0 ? "[" : ",[", stdout);
        for (size_t l = 0; l < p->items[i].options; l++) {
            if (l > 0) {
                putchar(',');
            }
            print_number(p->mix[i][l]);
        }
        putchar(']');
    }
    fputs("],\"cost\":", stdout);
    print_number(best->cost);
    fputs(",\"quality\":", stdout);
    print_number(best->quality);
    fputs(",\"price\":", stdout);
    print_number(best->price);
    if (p->two) {
        fputs(",\"accuracy\":", stdout);
        print_number(best->accuracy);
        fputs(",\"accuracy_price\":", stdout);
        print_number(best->accuracy_price);
    }
    puts("}");
}

static void print_error(size_t column, const char *message)
{
    char text[1024];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_json(&b, sprout_str_of(message));
    printf("{\"status\":\"error\",\"column\":%zu,\"message\":%.*s}\n", column, (int)b.len,
           text);
}

/* SPROUT_NO_MEMORY is the only failure; everything else became a line. */
static enum sprout_status answer(const struct line *line)
{
    if (line->too_long) {
        print_error(LINE_MAX_BYTES + 1, "the line is longer than 64 MiB");
        return SPROUT_OK;
    }
    json_error_t bad;
    json_t *root = json_loadb(line->len > 0 ? line->ptr : "", line->len,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &bad);
    if (root == NULL) {
        print_error(bad.position > 0 ? (size_t)bad.position : 1, bad.text);
        return SPROUT_OK;
    }

    struct problem p = {0};
    struct sprout_error err = {0};
    struct sprout_optimum_two best = {0};
    size_t options = 0;
    enum sprout_status s = read_problem(root, &p, &options, &err);
    json_decref(root);
    if (s == SPROUT_OK) {
        s = solve(&p, options, &best, &err);
    }
    if (s == SPROUT_OK) {
        print_optimum(&p, &best);
    } else if (s != SPROUT_NO_MEMORY) {
        print_error(1, err.message);
    }
    problem_free(&p);
    return s == SPROUT_NO_MEMORY ? s : SPROUT_OK;
}

static enum sprout_status answer_all(FILE *in)
{
    struct line line = {0};
    enum sprout_status s = SPROUT_OK;
    while (s == SPROUT_OK) {
        const enum line_end end = line_read(&line, in);
        if (end == LINE_EOF) {
            break;
        }
        s = end == LINE_FAILED      ? SPROUT_IO
            : end == LINE_NO_MEMORY ? SPROUT_NO_MEMORY
                                    : answer(&line);
        if (s == SPROUT_OK && (fflush(stdout) != 0 || ferror(stdout))) {
            s = SPROUT_IO;
        }
    }
    free(line.ptr);
    return s;
}

int sprout_cmd_optimize(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help_text, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--json") != 0) {
            fprintf(stderr,
                    "sprout optimize: unexpected '%s'; problems come on standard input, "
                    "'sprout optimize --help' says how\n",
                    argv[i]);
            return sprout_status_exit(SPROUT_USAGE);
        }
    }
    const enum sprout_status s = answer_all(stdin);
    if (s != SPROUT_OK) {
        fprintf(stderr, "sprout optimize: %s%s%s\n", sprout_status_text(s),
                s == SPROUT_IO ? ": " : "", s == SPROUT_IO ? strerror(errno) : "");
    }
    return sprout_status_exit(s);
}
