/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - `sprout status`: what the running control plane says of itself. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/file.h"
#include "adapt/http_get.h"
#include "cli/cli.h"
#include "cli/run_opts.h"
#include "control/daemon.h"

enum { PATH_MAX_HERE = 4096, ADDRESS_MAX = 512, ANSWER_MAX = 1 << 20 };

static const char help[] =
    "usage: sprout status [--dir DIR | --admin ADDR] [--json]\n\n"
    "Asks the running control plane: grid, policy, journal, ledger, requests.\n\n"
    "  --dir DIR     its folder (sprout-data); control.addr there says where it listens\n"
    "  --admin ADDR  its admin address: ADDR:PORT, http://ADDR:PORT or unix:PATH\n"
    "  --json        the answer of /v1/status as it came\n"
    "  --help        this text\n\n"
    "Exit status 0 when it is ready, 75 when it runs and is not, 69 when it does not\n"
    "answer.\n";

struct args {
    const char *dir;
    const char *admin;
    bool json;
    bool help;
};

static enum sprout_status parse(int argc, char **argv, struct args *out,
                                struct sprout_error *err)
{
    struct args a = {.dir = "sprout-data"};

    for (int i = 1; i < argc; i++) {
        const bool dir = strcmp(argv[i], "--dir") == 0;
        if (dir || strcmp(argv[i], "--admin") == 0) {
            if (i + 1 == argc) {
                return sprout_fail(err, SPROUT_USAGE, "%s needs a value", argv[i]);
            }
            *(dir ? &a.dir : &a.admin) = argv[i + 1];
            i++;
        } else if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            a.help = true;
        } else {
            return sprout_fail(err, SPROUT_USAGE,
                               "unknown argument '%.60s'; --help lists them", argv[i]);
        }
    }
    *out = a;
    return SPROUT_OK;
}

/* The address given, or the one that control left in its folder. */
static enum sprout_status find_admin(const struct args *a, char *out,
                                     struct sprout_error *err)
{
    char path[PATH_MAX_HERE];
    struct sprout_file file = {0};

    if (a->admin != NULL) {
        snprintf(out, ADDRESS_MAX, "%s", a->admin);
        return SPROUT_OK;
    }
    snprintf(path, sizeof path, "%.4000s/%s", a->dir, SPROUT_PATH_ADMIN);
    if (sprout_file_read(path, ADDRESS_MAX - 1, &file, NULL) != SPROUT_OK) {
        return sprout_fail(err, SPROUT_NOT_FOUND,
                           "no %s: nothing runs there; start 'sprout up', or name its "
                           "folder with --dir",
                           path);
    }
    snprintf(out, ADDRESS_MAX, "%.*s", (int)strcspn(file.bytes, "\n"), file.bytes);
    sprout_file_free(&file);
    return SPROUT_OK;
}

/* ---- for people ------------------------------------------------------------------------ */

static const char *text_of(const json_t *o, const char *name)
{
    const char *const s = json_string_value(json_object_get(o, name));
    return s == NULL ? "-" : s;
}

static double number_of(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

static bool is_known(const json_t *o, const char *name)
{
    return json_is_number(json_object_get(o, name));
}

/* Which provider serves is told by the value; here is how each of them does. */
static void print_providers(const json_t *g)
{
    const json_t *p;
    size_t i;

    json_array_foreach(json_object_get(g, "providers"), i, p)
    {
        printf("         %-16s %-10s %s", text_of(p, "provider"), text_of(p, "zone"),
               text_of(p, "state"));
        if (strcmp(text_of(p, "quality"), "none") != 0) {
            printf(", %s", text_of(p, "quality"));
        }
        if (is_known(p, "age_s")) {
            printf(", last success %.0f s ago", number_of(p, "age_s"));
        }
        if (json_is_string(json_object_get(p, "last_failure"))) {
            printf(", last error %s: %s", text_of(p, "last_failure"),
                   text_of(p, "last_error"));
        }
        putchar('\n');
    }
}

static void print_value(const json_t *g);

/* The other places, each with its floor and mix. */
static void print_zones(const json_t *s)
{
    const json_t *zone, *level;
    size_t i, l;

    json_array_foreach(json_object_get(s, "zones"), i, zone)
    {
        const json_t *const g = json_object_get(zone, "grid");
        print_value(g);
        if (is_known(zone, "floor")) {
            printf("         floor %.3f, mix", number_of(zone, "floor"));
            json_array_foreach(json_object_get(zone, "levels"), l, level)
            {
                printf(" %s %.0f %%", text_of(level, "level"),
                       100 * number_of(level, "share"));
            }
            putchar('\n');
        }
        print_providers(g);
    }
}

static void print_grid(const json_t *s)
{
    const json_t *const g = json_object_get(s, "grid");

    print_value(g);
    print_providers(g);
    print_zones(s);
}

static void print_value(const json_t *g)
{
    if (!is_known(g, "g_per_kwh")) {
        printf("grid     no value now, zone %s (%s): everything goes at L0\n",
               text_of(g, "zone"), text_of(g, "about"));
        return;
    }
    printf("grid     %.0f g/kWh, zone %s, %s, %s", number_of(g, "g_per_kwh"),
           text_of(g, "zone"), text_of(g, "quality"), text_of(g, "clock"));
    if (is_known(g, "low_g_per_kwh")) {
        printf(" (range %.0f to %.0f)", number_of(g, "low_g_per_kwh"),
               number_of(g, "high_g_per_kwh"));
    }
    putchar('\n');
}

static void print_accuracy(const json_t *a)
{
    const json_t *name;
    size_t i;

    if (!json_is_object(a)) {
        return;
    }
    printf("accuracy floor %.3f", number_of(a, "floor"));
    if (is_known(a, "expected")) {
        printf(", expected %.3f", number_of(a, "expected"));
    }
    json_array_foreach(json_object_get(a, "withheld"), i, name)
    {
        printf("%s%s", i == 0 ? "; too few references for " : ", ",
               json_string_value(name));
    }
    const char *const why = json_string_value(json_object_get(a, "why_not"));
    if (why != NULL && why[0] != '\0') {
        printf(" (%s)", why);
    }
    putchar('\n');
}

static void print_policy(const json_t *s)
{
    const json_t *const p = json_object_get(s, "policy");
    const json_t *level;
    size_t i;

    if (!json_is_object(p)) {
        printf("policy   none yet (%s)\n", text_of(s, "plan_error"));
        return;
    }
    printf("policy   %s, %s, floor %.3f, holdout %.0f %%, until %s\n", text_of(p, "id"),
           json_is_true(json_object_get(p, "in_force")) ? "in force" : "EXPIRED",
           number_of(p, "floor"), 100 * number_of(p, "holdout"),
           text_of(p, "valid_until"));
    printf("quality  %s\n", text_of(p, "quality_source"));
    print_accuracy(json_object_get(p, "accuracy"));
    printf("\n%-8s %7s %9s %9s %9s %10s\n", "level", "share", "quality", "tokens", "J",
           "learned");
    json_array_foreach(json_object_get(p, "levels"), i, level)
    {
        printf("%-8s %6.1f%% %9.3f %9.1f %9.0f %10.0f\n", text_of(level, "level"),
               100 * number_of(level, "share"), number_of(level, "quality"),
               number_of(level, "output_tokens"), number_of(level, "energy_j"),
               number_of(level, "requests"));
    }
}

static void print_requests(const json_t *s)
{
    const json_t *group;
    size_t i;

    printf("\n%-8s %-8s %9s %7s %11s %11s %11s\n", "served", "arm", "requests", "failed",
           "tokens out", "J", "g CO2e");
    json_array_foreach(json_object_get(s, "requests"), i, group)
    {
        printf("%-8s %-8s %9.0f %7.0f %11.0f %11.0f %11.4f\n", text_of(group, "level"),
               text_of(group, "arm"), number_of(group, "requests"),
               number_of(group, "requests") - number_of(group, "ok"),
               number_of(group, "completion_tokens"), number_of(group, "energy_j"),
               number_of(group, "operational_g") + number_of(group, "embodied_g"));
    }
    if (json_array_size(json_object_get(s, "requests")) == 0) {
        printf("none yet\n");
    }
}

static void print_ledger(const json_t *s)
{
    const json_t *const l = json_object_get(s, "ledger");
    const json_t *const j = json_object_get(s, "journal");

    printf("\nledger   %s: %.0f receipts, %.0f lines missing, %.0f damaged, %.0f bytes "
           "behind\n",
           text_of(l, "state"), number_of(l, "receipts"), number_of(l, "missing"),
           number_of(l, "damaged"), number_of(j, "lag_bytes"));
    if (json_is_string(json_object_get(l, "error"))) {
        printf("         %s\n", text_of(l, "error"));
    }
    if (json_is_string(json_object_get(j, "trouble"))) {
        printf("journal  %s\n", text_of(j, "trouble"));
    }
}

/* Only what is alarming. */
static void print_alarms(const json_t *levels, const char *what)
{
    const json_t *level;
    size_t i;

    json_array_foreach(levels, i, level)
    {
        if (json_is_true(json_object_get(level, "alarm"))) {
            printf("ALARM    %s, %s: %s more than in the holdout\n",
                   text_of(level, "stratum"), text_of(level, "level"), what);
        }
    }
}

static void print_evaluation(const json_t *s)
{
    const json_t *const e = json_object_get(s, "evaluation");
    const json_t *const n = json_object_get(e, "newest");
    const json_t *const next = json_object_get(e, "next");

    if (!json_is_object(n)) {
        return;
    }
    printf("\njudged   evaluation %.0f is %s: %.0f of %.0f prompts, %.0f verdicts",
           number_of(n, "evaluation"), text_of(n, "state"), number_of(n, "done"),
           number_of(n, "prompts"), number_of(n, "verdicts"));
    const char *const note = json_string_value(json_object_get(n, "note"));
    if (note != NULL && note[0] != '\0') {
        printf(" (%s)", note);
    }
    putchar('\n');
    if (json_is_integer(json_object_get(next, "in_hours"))) {
        printf("         next clean hour for one: in %.0f h, at most %.0f h from now\n",
               number_of(next, "in_hours"), number_of(next, "within_hours"));
    }
}

static void print_withdrawn(const json_t *names, const char *kind)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        printf("         %s is withdrawn%s%s until it is judged again\n",
               json_string_value(name), kind[0] == '\0' ? "" : " from ", kind);
    }
}

static void print_users(const json_t *s)
{
    const json_t *const f = json_object_get(s, "feedback");
    const char *kind;
    json_t *names;

    print_alarms(json_object_get(f, "levels"), "disliked");
    print_alarms(json_object_get(json_object_get(f, "signs"), "levels"),
                 "people come back within a minute");
    print_withdrawn(json_object_get(f, "withdrawn"), "");
    json_object_foreach(json_object_get(f, "withdrawn_of"), kind, names)
    {
        print_withdrawn(names, kind);
    }
}

static void print_all(const json_t *s)
{
    const json_t *reason;
    size_t i;
    const bool ready = json_is_true(json_object_get(s, "ready"));

    printf("sprout   %s, %s, in front of %s, folder %s\n", text_of(s, "version"),
           ready ? "ready" : "NOT READY", text_of(s, "upstream"), text_of(s, "dir"));
    json_array_foreach(json_object_get(s, "waiting_for"), i, reason)
    {
        printf("         waits for: %s\n", json_string_value(reason));
    }
    print_grid(s);
    print_policy(s);
    print_requests(s);
    print_evaluation(s);
    print_users(s);
    print_ledger(s);
}

/* Prints the answer; SPROUT_STALE if control is not ready. */
static enum sprout_status show(const struct sprout_buf *b, bool as_json,
                               struct sprout_error *err)
{
    json_t *const s = json_loadb(b->ptr, b->len, 0, NULL);

    if (!json_is_object(s)) {
        json_decref(s);
        return sprout_fail(err, SPROUT_SYNTAX,
                           "the answer is no JSON object: is this a Sprout admin API?");
    }
    if (as_json) {
        printf("%.*s", (int)b->len, b->ptr);
    } else {
        print_all(s);
    }
    const bool ready = json_is_true(json_object_get(s, "ready"));
    json_decref(s);
    return ready ? SPROUT_OK : SPROUT_STALE;
}

int sprout_cmd_status(int argc, char **argv)
{
    struct sprout_error err = {.message = ""};
    struct args a = {.dir = NULL};
    char admin[ADDRESS_MAX];
    int code = 0;
    enum sprout_status status = parse(argc, argv, &a, &err);

    if (status == SPROUT_OK && a.help) {
        fputs(help, stdout);
        return 0;
    }
    char *const answer = malloc(ANSWER_MAX);
    struct sprout_buf b = sprout_buf_of(answer, answer == NULL ? 0 : ANSWER_MAX);
    if (status == SPROUT_OK) {
        status = find_admin(&a, admin, &err);
    }
    if (status == SPROUT_OK) {
        status = sprout_http_get(admin, "/v1/status", sprout_span_seconds(10), &b, &code,
                                 &err);
    }
    if (status == SPROUT_OK) {
        status = code == 200 ? show(&b, a.json, &err)
                             : sprout_fail(&err, SPROUT_UNAVAILABLE,
                                           "%s answers %d: is this a Sprout admin API?",
                                           admin, code);
    }
    free(answer);
    if (status == SPROUT_STALE) {
        return sprout_status_exit(status); /* said in the answer itself */
    }
    return status == SPROUT_OK ? 0 : sprout_cli_fail("status", &err, status);
}
