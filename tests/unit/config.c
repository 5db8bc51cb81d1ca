/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of sprout.yaml: defaults, every problem with its line, command line keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/file.h"
#include "control/config.h"

static struct sprout_problems problems;

static struct sprout_config *good(const char *yaml)
{
    struct sprout_config *c = NULL;
    const enum sprout_status status =
        sprout_config_parse(sprout_str_of(yaml), "/etc/sprout", &c, &problems);
    if (status != SPROUT_OK && problems.n > 0) {
        print_message("line %zu: %s\n", problems.v[0].line, problems.v[0].message);
    }
    assert_int_equal(status, SPROUT_OK);
    assert_int_equal(problems.n, 0);
    return c;
}

static void bad(const char *yaml)
{
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_parse(sprout_str_of(yaml), "", &c, &problems),
                     SPROUT_CONFIG);
    assert_null(c);
    assert_true(problems.n > 0);
}

/* Problem `i` is on that line and its message has that in it. */
static void assert_problem(size_t i, size_t line, const char *part)
{
    assert_true(i < problems.n);
    if (problems.v[i].line != line || strstr(problems.v[i].message, part) == NULL) {
        print_message("problem %zu, line %zu: %s\n", i, problems.v[i].line,
                      problems.v[i].message);
    }
    assert_int_equal(problems.v[i].line, line);
    assert_non_null(strstr(problems.v[i].message, part));
}

static void assert_defaults(const struct sprout_config *c)
{
    assert_int_equal(c->grid.source, SPROUT_GRID_STATIC);
    assert_true(c->grid.static_g_per_kwh == 473);
    assert_int_equal(c->quality.rule, SPROUT_FLOOR_PAPER);
    assert_true(c->quality.xi == 0.1);
    assert_true(isnan(c->quality.k0_min_g_per_kwh));
    assert_true(c->holdout == 0.05 && c->explore == 0.02);
    assert_true(c->clients.force && c->clients.receipts);
    assert_true(c->carbon.pue == 1 && c->carbon.embodied_g == 26356.568);
    assert_string_equal(c->upstream, "");
    assert_string_equal(c->dir, "sprout-data");
    assert_int_equal(c->levels_count, 3);
    assert_string_equal(c->levels[0].name, "L0");
    assert_string_equal(c->levels[0].directive, "");
    assert_string_equal(c->levels[2].directive,
                        "Answer very briefly, in one short sentence.");
    assert_int_equal(c->rules_count, 0);
}

static void no_file_and_an_empty_one_are_the_same_defaults(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    assert_defaults(c);
    sprout_config_free(c);
    static const char *const empty[] = {"", "# nothing yet\n", "{}\n", "---\n{}\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        c = good(empty[i]);
        assert_defaults(c);
        sprout_config_free(c);
    }
    sprout_config_free(NULL);
}

static void a_whole_file_is_read(void **state)
{
    (void)state;
    struct sprout_config *const c = good(
        "listen: 0.0.0.0:8080\n"
        "upstream: http://127.0.0.1:8000\n"
        "dir: state\n"
        "levels:\n"
        "  - {name: full}\n"
        "  - name: brief\n"
        "    directive: Be brief.\n"
        "    patches:\n"
        "      - {api: openai-chat, parameter: verbosity, value: low, model: 'gpt*'}\n"
        "grid: {source: csv, zone: GB, csv: {file: gb.csv, column: lifecycle,\n"
        "       start: 2023-02-03T00:00Z, speed: 3600}}\n"
        "quality: {rule: fixed, floor: 0.9, shares: [0.5, 0.45]}\n"
        "holdout: 0\n"
        "clients: {force: no}\n"
        "wire: {ping_s: 15}\n"
        "profiles:\n"
        "  - {model: 'llama*', name: mine, joules: [0, 0.1, 1], seconds: [0, 0, 1]}\n"
        "rules:\n"
        "  - name: maths\n"
        "    match: {model: '*math*', stream: yes, min_bytes: 10}\n"
        "    levels: [full]\n"
        "    force: true\n"
        "  - {name: beta, off: true, floor: 0.98}\n");
    assert_string_equal(c->dir, "/etc/sprout/state");
    assert_string_equal(c->grid.csv.file, "/etc/sprout/gb.csv");
    assert_int_equal(c->grid.csv.column, SPROUT_GRID_LIFECYCLE);
    assert_true(c->grid.csv.speed == 3600);
    assert_int_equal(c->levels_count, 2);
    assert_string_equal(c->levels[0].directive, "");
    assert_string_equal(c->levels[1].directive, "Be brief.");
    assert_int_equal(c->levels[1].patches_count, 1);
    assert_string_equal(c->levels[1].patches[0].parameter, "verbosity");
    assert_string_equal(c->levels[1].patches[0].route, "");
    assert_int_equal(c->quality.rule, SPROUT_FLOOR_FIXED);
    assert_true(c->quality.floor == 0.9 && c->quality.shares[1] == 0.45);
    assert_true(c->holdout == 0);
    assert_false(c->clients.force);
    assert_true(c->clients.receipts);
    assert_true(c->profiles[0].joules[2] == 1);
    assert_true(c->wire.usage && !c->wire.decode && c->wire.ping_s == 15);
    assert_int_equal(c->rules_count, 2);
    assert_string_equal(c->rules[0].match.model, "*math*");
    assert_string_equal(c->rules[0].match.route, "");
    assert_int_equal(c->rules[0].match.stream, SPROUT_YES);
    assert_int_equal(c->rules[0].match.tools, SPROUT_ANY);
    assert_int_equal(c->rules[0].match.min_bytes, 10);
    assert_int_equal(c->rules[0].force, SPROUT_YES);
    assert_int_equal(c->rules[0].receipts, SPROUT_ANY);
    assert_true(isnan(c->rules[0].floor));
    assert_string_equal(c->rules[0].levels[0], "full");
    assert_true(c->rules[1].off && c->rules[1].floor == 0.98);
    sprout_config_free(c);
}

static void all_problems_are_told_at_once_with_their_lines(void **state)
{
    (void)state;
    bad("listen: 8080\n"
        "holdout: 1.5\n"
        "gird: {source: csv}\n"
        "quality:\n"
        "  rule: papper\n"
        "  window_hours: 010\n"
        "  xi:\n"
        "clients: yes\n"
        "rules:\n"
        "  - match: {api_key_sha256: abc}\n"
        "    levels: [L0, L9]\n"
        "holdout: 0.1\n");
    assert_problem(0, 1, "listen: found '8080', expected ADDRESS:PORT");
    assert_problem(1, 2, "holdout: found '1.5', expected a number from 0 to 1");
    assert_problem(2, 3, "unknown key 'gird': did you mean 'grid'?");
    assert_problem(3, 5, "quality.rule: found 'papper', expected one of: paper, fixed");
    assert_problem(4, 6, "quality.window_hours: found '010', expected a whole number");
    assert_problem(5, 7, "quality.xi: found nothing");
    assert_problem(6, 8, "clients: found a single value, expected a mapping");
    assert_problem(7, 10, "rules[0]: 'name' is missing");
    assert_problem(8, 10, "rules[0].match.api_key_sha256: found 'abc', expected 64 hex");
    assert_problem(9, 11, "rules[0].levels[1]: found 'L9', expected the name of a level");
    assert_problem(10, 12, "holdout: given twice");
    assert_int_equal(problems.n, 11);
    assert_int_equal(problems.dropped, 0);
}

static void what_keys_say_together_is_checked(void **state)
{
    (void)state;
    bad("levels: [{name: a, directive: x}, {name: a}]\n");
    assert_problem(0, 1, "levels[0].directive: expected none");
    assert_problem(1, 1, "levels[1]: 'directive' is missing");
    assert_problem(2, 1, "levels[1].name: found 'a' again");
    bad("levels: [{name: a}, {name: b, patches: [\n"
        " {api: openai-chat, parameter: max_tokens, value: 9, model: m}]}]\n");
    assert_problem(0, 2,
                   "levels[1].patches[0].parameter: found 'max_tokens', expected "
                   "verbosity, reasoning_effort");
    bad("levels: [{name: a}, {name: b, patches: [\n"
        " {api: ollama-chat, parameter: think, value: some, model: m}]}]\n");
    assert_problem(0, 2,
                   "value: found 'some', expected one of true false low medium high");
    bad("levels: [{name: a}, {name: b, patches: [\n"
        " {api: chat, parameter: think, value: low, model: m}]}]\n");
    assert_problem(0, 2, "api: found 'chat', expected openai-chat, openai-completions");
    bad("levels: [{name: a}, {name: b, patches: [{api: openai-chat, value: low}]}]\n");
    assert_problem(0, 1, "'parameter' is missing");
    bad("rules: [{name: a, placement: front}]\n");
    assert_problem(0, 1, "rules[0].placement: found 'front'");
    bad("grid: {source: csv}\n");
    assert_problem(0, 1, "grid.source: found 'csv', expected 'csv: {file: ...}'");
    bad("grid: {csv: {file: x}}\n");
    assert_problem(0, 1, "grid.csv: has no effect");
    bad("quality: {k0_min_g_per_kwh: 10}\n");
    assert_problem(0, 1, "expected both");
    bad("quality: {k0_min_g_per_kwh: 10, k0_max_g_per_kwh: 10}\n");
    assert_problem(0, 1, "expected more than the least value");
    bad("quality: {shares: [1, 0.9]}\n");
    assert_problem(0, 1, "found 2 numbers, expected one a level, 3");
    bad("quality: {shares: [0, 0.9, 1]}\n");
    assert_problem(0, 1, "quality.shares[0]: found 0");
    bad("admin: 0.0.0.0:9000\n");
    assert_problem(0, 1, "expected a loopback address");
    bad("holdout: 0.6\nexplore: 0.6\n");
    assert_problem(0, 1, "more than all requests");
    bad("plan_interval_s: 3600\n");
    assert_problem(0, 1, "less than twice plan_interval_s");
    bad("rules: [{name: a, match: {header_value: x}}]\n");
    assert_problem(0, 1, "needs 'header' beside it");
    bad("evaluation: {enabled: true, judge: {url: http://a, model: m}}\n");
    assert_problem(0, 1, "nothing to judge");
    bad("evaluation: {enabled: yes, sample: {rate: 0.1}}\n");
    assert_problem(0, 1, "'judge' beside it");
    bad("evaluation: {judge: {url: http://a}}\n");
    assert_problem(0, 1, "'model' beside it");
    sprout_config_free(good("evaluation: {enabled: true, prompts: mine.jsonl}\n"));
    sprout_config_free(good("evaluation: {enabled: false}\n"));
}

static void what_is_no_yaml_is_told_with_its_line(void **state)
{
    (void)state;
    bad("listen: 127.0.0.1:1\n  dir: [\n");
    assert_problem(0, 2, "this is no YAML");
    bad("- a\n- b\n");
    assert_problem(0, 1, "found a list, expected a mapping");
    bad("a: &x 1\n");
    assert_problem(0, 1, "unknown key 'a'");
    bad("holdout: &x 0.1\nexplore: *x\n");
    assert_problem(0, 0, "anchors and aliases");
    bad("upstream: \"http://a\\0b\"\n");
    assert_problem(0, 1, "NUL");
    bad("upstream: http://user:secret@host\n");
    assert_problem(0, 1, "without credentials");
}

static void more_problems_than_fit_are_counted(void **state)
{
    (void)state;
    char yaml[4096];
    struct sprout_buf b = sprout_buf_of(yaml, sizeof yaml - 1);
    for (int i = 0; i < 100; i++) {
        sprout_buf_printf(&b, "unknown_key_%d: 1\n", i);
    }
    yaml[b.len] = '\0';
    bad(yaml);
    assert_int_equal(problems.n, SPROUT_CONFIG_PROBLEMS_MAX);
    assert_int_equal(problems.dropped, 100 - SPROUT_CONFIG_PROBLEMS_MAX);
}

static void a_file_cut_anywhere_never_crashes_the_reader(void **state)
{
    (void)state;
    static const char text[] = "grid: {source: csv, csv: {file: gb.csv}}\n"
                               "rules:\n  - {name: x, levels: [L0], match: {tools: no}}\n"
                               "profiles: [{model: a, name: b, joules: [1, 2, 3], "
                               "seconds: [1, 2, 3]}]\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct sprout_config *c = NULL;
        if (sprout_config_parse((struct sprout_str){text, n}, "", &c, &problems) ==
            SPROUT_OK) {
            sprout_config_free(c);
        } else {
            assert_true(problems.n > 0);
        }
    }
}

static void a_command_line_key_is_checked_like_the_file(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    struct sprout_error e = {0};
    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    assert_int_equal(sprout_config_set(c, "upstream", "http://h:1", &e), SPROUT_OK);
    assert_string_equal(c->upstream, "http://h:1");
    assert_int_equal(sprout_config_set(c, "upstream", "h:1", &e), SPROUT_USAGE);
    assert_non_null(strstr(e.message, "upstream: found 'h:1', expected a URL"));
    assert_int_equal(sprout_config_set(c, "holdout", "0.25", &e), SPROUT_OK);
    assert_true(c->holdout == 0.25);
    assert_int_equal(sprout_config_set(c, "quality", "1", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set(c, "rules", "1", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set(c, "quality.no", "1", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set_floor(c, "0.9", &e), SPROUT_OK);
    assert_true(c->quality.rule == SPROUT_FLOOR_FIXED && c->quality.floor == 0.9);
    assert_int_equal(sprout_config_set_floor(c, "9", &e), SPROUT_USAGE);
    sprout_config_free(c);
}

static void a_grid_is_given_in_one_argument(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    struct sprout_error e = {0};
    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    assert_int_equal(sprout_config_set_grid(c, "static:120.5", &e), SPROUT_OK);
    assert_true(c->grid.static_g_per_kwh == 120.5);
    assert_int_equal(sprout_config_set_grid(c, "static:usa", &e), SPROUT_OK);
    assert_string_equal(c->grid.static_mix, "usa");
    assert_true(sprout_config_grid_opts(c, (sprout_instant){0}).intensity.v == 384);
    assert_int_equal(sprout_config_set_grid(c, "static:7", &e), SPROUT_OK);
    assert_string_equal(c->grid.static_mix, "");
    assert_int_equal(sprout_config_set_grid(c, "static:mars", &e), SPROUT_USAGE);
    assert_int_equal(
        sprout_config_set_grid(c, "csv:a/b.csv,start=2023-02-03T00:00Z,speed=60", &e),
        SPROUT_OK);
    assert_int_equal(c->grid.source, SPROUT_GRID_CSV);
    assert_string_equal(c->grid.csv.file, "a/b.csv");
    const struct sprout_grid_opts o = sprout_config_grid_opts(c, (sprout_instant){7});
    assert_true(o.csv_speed == 60 && o.epoch.ns == 7);
    assert_int_equal(o.csv_start.len, 17);
    assert_int_equal(sprout_config_set_grid(c, "csv:", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set_grid(c, "csv:a,begin=1", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set_grid(c, "csv:a,speed=0", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set_grid(c, "static:x", &e), SPROUT_USAGE);
    assert_int_equal(sprout_config_set_grid(c, "live", &e), SPROUT_USAGE);
    sprout_config_free(c);
}

static void a_provider_and_its_zone_are_a_grid(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    struct sprout_error e = {0};
    assert_int_equal(sprout_config_default(&c), SPROUT_OK);
    assert_int_equal(sprout_config_set_grid(c, "neso:region/13", &e), SPROUT_OK);
    assert_int_equal(c->grid.source, SPROUT_GRID_LIST);
    assert_int_equal(c->grid.providers_count, 1);
    assert_string_equal(c->grid.providers[0].provider, "neso");
    assert_string_equal(c->grid.providers[0].zone, "region/13");
    assert_string_equal(c->grid.providers[0].url, "");
    assert_int_equal(sprout_config_set_grid(c, "neso:a b", &e), SPROUT_USAGE);
    assert_non_null(strstr(e.message, "expected a zone"));
    char far[1000] = "neso:";
    memset(far + 5, 'x', sizeof far - 6);
    assert_int_equal(sprout_config_set_grid(c, far, &e), SPROUT_USAGE);
    assert_string_equal(e.message, "--grid: too long");
    sprout_config_free(c);
}

static void upstreams_name_the_zones_there_are(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    struct sprout_config_zone zone[SPROUT_ZONES_MAX];
    static const char yaml[] =
        "grid: {zone: PL, providers: [{provider: electricitymaps}]}\n"
        "upstreams:\n"
        "  - {name: a, url: http://h:1, path: /a/, zone: FR}\n"
        "  - {name: b, url: http://h:2, path: /b/, zone: SE,"
        " grid: {source: csv, csv: {file: se.csv}}}\n"
        "  - {name: c, url: http://h:3, path: /c/, zone: PL}\n"
        "  - {name: d, url: http://h:4, path: /d/}\n"
        "  - {name: e, url: http://h:5, path: /e/, zone: SE}\n";
    assert_int_equal(sprout_config_parse(sprout_str_of(yaml), "f", &c, &problems),
                     SPROUT_OK);
    assert_int_equal(sprout_config_zones(c, zone), 2);
    assert_string_equal(zone[0].name, "FR");
    assert_ptr_equal(zone[0].grid, &c->grid);
    assert_string_equal(zone[1].grid->csv.file, "f/se.csv");
    const struct sprout_grid_opts o =
        sprout_config_zone_opts(&zone[0], (sprout_instant){7});
    assert_true(sprout_str_eq(o.zone, SPROUT_STR("FR")) && o.entries_count == 1);
    static const char *const said[] = {"FR", "SE", "", "", "SE"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(sprout_config_upstream_zone(c, &c->upstreams[i]), said[i]);
    }
    sprout_config_free(c);
}

static void keys_that_contradict_each_other_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } bad[] = {
        {"upstreams: [{name: a, url: http://h:1, path: /a/}, "
         "{name: a, url: http://h:1, path: /a/}]",
         "upstreams[1].path: found '/a/' again"},
        {"upstreams: [{name: a, url: http://h:1, path: /a}]", "ends with /"},
        {"upstreams: [{name: a, url: http://h:1, path: /a/, grid: {source: static}}]",
         "upstreams[0].grid: expected 'zone:' beside it"},
        {"grid: {zone: DE, providers: [{provider: energy-charts, zone: de}]}\n"
         "upstreams: [{name: a, url: http://h:1, path: /a/, zone: FR}]",
         "upstreams[0].zone: 'FR' has no grid of its own"},
        {"upstreams: [{name: a, url: http://h:1, path: /a/, zone: FR, grid: {source: "
         "static}}, {name: b, url: http://h:1, path: /b/, zone: FR, grid: {source: "
         "static}}]",
         "upstreams[1].grid: upstreams[0] says the grid of 'FR' already"},
        {"upstreams: [{name: a, url: http://h:1, path: /a/, zone: FR, grid: {source: "
         "csv}}]",
         "upstreams[0].grid.source: found 'csv'"},
        {"upstreams: [{name: a, url: http://h:1, path: /a/, zone: FR, grid: {source: "
         "static}}]",
         "upstreams[0].zone: expected 'grid.zone', too"},
        {"profiles: [{model: a, name: ecologits/hosted}]",
         "profiles[0]: 'active' is missing"},
        {"profiles: [{model: a, name: ecologits/hosted, active: 20, active_high: 10}]",
         "profiles[0]: expected active <= active_high"},
        {"profiles: [{model: a, name: ecologits/hosted, active: 20, total: 10}]",
         "profiles[0]: expected active <= active_high"},
        {"profiles: [{model: a, name: llama-2-7b-chat/a100/batch-1, active: 8}]",
         "profiles[0].active: has no effect"},
        {"profiles: [{model: a, name: ecologits/hosted, joules: [0, 0, 1], seconds: [0, "
         "0, 1], total: 8}]",
         "profiles[0].total: has no effect"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sprout_config *c = NULL;
        assert_int_equal(
            sprout_config_parse(sprout_str_of(bad[i].yaml), "", &c, &problems),
            SPROUT_CONFIG);
        bool found = false;
        for (size_t k = 0; k < problems.n; k++) {
            found = found || strstr(problems.v[k].message, bad[i].says) != NULL;
        }
        if (!found) {
            fail_msg("no '%s' but '%s'", bad[i].says, problems.v[0].message);
        }
    }
}

static void a_file_that_is_not_there_is_one_problem(void **state)
{
    (void)state;
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_config_load("/nonexistent/sprout.yaml", &c, &problems),
                     SPROUT_NOT_FOUND);
    assert_int_equal(problems.n, 1);
    assert_null(c);
}

static void the_page_of_keys_is_the_table(void **state)
{
    (void)state;
    static char reference[32 * 1024];
    struct sprout_buf b = sprout_buf_of(reference, sizeof reference);
    struct sprout_file page = {0};
    sprout_config_put_reference(&b);
    assert_false(b.full);
    assert_int_equal(sprout_file_read("docs/configuration.md", 1 << 20, &page, NULL),
                     SPROUT_OK);
    assert_non_null(memmem(page.bytes, page.len, b.ptr, b.len));
    sprout_file_free(&page);
}

static void the_pages_example_is_a_good_configuration(void **state)
{
    (void)state;
    struct sprout_file page = {0};
    struct sprout_config *c = NULL;
    assert_int_equal(sprout_file_read("docs/configuration.md", 1 << 20, &page, NULL),
                     SPROUT_OK);
    char *const from = strstr(page.bytes, "```yaml\n");
    assert_non_null(from);
    char *const to = strstr(from + 8, "```");
    assert_non_null(to);
    *to = '\0';
    c = good(from + 8);
    assert_int_equal(c->rules_count, 3);
    sprout_config_free(c);
    sprout_file_free(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_and_an_empty_one_are_the_same_defaults),
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(all_problems_are_told_at_once_with_their_lines),
        cmocka_unit_test(what_keys_say_together_is_checked),
        cmocka_unit_test(what_is_no_yaml_is_told_with_its_line),
        cmocka_unit_test(more_problems_than_fit_are_counted),
        cmocka_unit_test(a_file_cut_anywhere_never_crashes_the_reader),
        cmocka_unit_test(a_command_line_key_is_checked_like_the_file),
        cmocka_unit_test(a_grid_is_given_in_one_argument),
        cmocka_unit_test(a_provider_and_its_zone_are_a_grid),
        cmocka_unit_test(upstreams_name_the_zones_there_are),
        cmocka_unit_test(keys_that_contradict_each_other_are_told),
        cmocka_unit_test(a_file_that_is_not_there_is_one_problem),
        cmocka_unit_test(the_page_of_keys_is_the_table),
        cmocka_unit_test(the_pages_example_is_a_good_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
