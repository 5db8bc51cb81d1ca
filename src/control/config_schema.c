/* SPDX-License-Identifier: Apache-2.0 */
/* config_schema.c - every key of sprout.yaml, once.
 *
 * A row: kind, struct, key (also the member's name), default, bounds, check, meaning.
 * ROW_* makes libcyaml's field of it, NOTE_ROW the note.  Adding a key is adding a member
 * to config.h and a row here; check, defaults, command line and docs follow. */
#include "control/config_schema.h"

#include <stddef.h>

#include "adapt/grid_list.h"
#include "adapt/meter.h"
#include "control/config_expect.h"
#include "control/config_words.h"

enum { PROTECT_MAX = 32 };

/* ---- kinds of rows ------------------------------------------------------------------- */

#define OPT         CYAML_FLAG_OPTIONAL
#define NO_BOUND    0, 0
#define RANGE(a, b) a, b

#define ROW_TEXT(type, key)                                                              \
    CYAML_FIELD_STRING_PTR(#key, OPT | CYAML_FLAG_POINTER, type, key, 0, CYAML_UNLIMITED)
#define ROW_PATH(type, key) ROW_TEXT(type, key)
#define ROW_NAME(type, key) /* a text that must be given */                              \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, type, key, 0, CYAML_UNLIMITED)
#define ROW_NUMBER(type, key) CYAML_FIELD_FLOAT(#key, OPT, type, key)
#define ROW_WHOLE(type, key)  CYAML_FIELD_INT(#key, OPT, type, key)
#define ROW_BOOL(type, key)   CYAML_FIELD_BOOL(#key, OPT, type, key)
#define ROW_WORD(type, key)                                                              \
    CYAML_FIELD_ENUM(#key, OPT | CYAML_FLAG_STRICT, type, key, key##_words,              \
                     CYAML_ARRAY_LEN(key##_words))
#define ROW_SIGNAL(type, key)                                                            \
    CYAML_FIELD_ENUM(#key, OPT | CYAML_FLAG_STRICT, type, key, kind_words,               \
                     CYAML_ARRAY_LEN(kind_words))
#define ROW_FACTORS(type, key)                                                           \
    CYAML_FIELD_ENUM(#key, OPT | CYAML_FLAG_STRICT, type, key, column_words,             \
                     CYAML_ARRAY_LEN(column_words))
#define ROW_TRISTATE(type, key)                                                          \
    CYAML_FIELD_ENUM(#key, OPT | CYAML_FLAG_STRICT, type, key, tristate_words,           \
                     CYAML_ARRAY_LEN(tristate_words))
#define ROW_MAP(type, key) CYAML_FIELD_MAPPING(#key, OPT, type, key, key##_fields)
#define ROW_LIST(type, key)                                                              \
    CYAML_FIELD_SEQUENCE(#key, OPT | CYAML_FLAG_POINTER, type, key, &key##_entry, 0,     \
                         key##_max)
#define ROW_NAMES(type, key)                                                             \
    CYAML_FIELD_SEQUENCE(#key, OPT | CYAML_FLAG_POINTER, type, key, &name_entry, 1,      \
                         SPROUT_LEVELS_MAX)
#define ROW_PROTECTED(type, key)                                                         \
    CYAML_FIELD_SEQUENCE(#key, OPT | CYAML_FLAG_POINTER, type, key, &name_entry, 0,      \
                         PROTECT_MAX)
#define ROW_NUMBERS(type, key)                                                           \
    CYAML_FIELD_SEQUENCE(#key, OPT | CYAML_FLAG_POINTER, type, key, &number_entry, 2,    \
                         SPROUT_LEVELS_MAX)
#define ROW_TRIPLE(type, key)                                                            \
    CYAML_FIELD_SEQUENCE_FIXED(#key, OPT, type, key, &number_entry, 3)

#define CHILD_TEXT(key)      NULL
#define CHILD_PATH(key)      NULL
#define CHILD_NAME(key)      NULL
#define CHILD_NUMBER(key)    NULL
#define CHILD_WHOLE(key)     NULL
#define CHILD_BOOL(key)      NULL
#define CHILD_WORD(key)      NULL
#define CHILD_TRISTATE(key)  NULL
#define CHILD_SIGNAL(key)    NULL
#define CHILD_FACTORS(key)   NULL
#define CHILD_MAP(key)       key##_notes
#define CHILD_LIST(key)      key##_notes
#define CHILD_NAMES(key)     &name_note
#define CHILD_PROTECTED(key) &protect_note
#define CHILD_NUMBERS(key)   &share_note
#define CHILD_TRIPLE(key)    &coefficient_note

#define FIELD(kind, type, key, ...) ROW_##kind(type, key),
#define NOTE(kind, type, key, fallback, bounds, expect, doc)                             \
    {fallback, bounds, expect, CHILD_##kind(key), doc},

/* fields and notes of one mapping, from its rows. */
#define TABLE(name, ROWS)                                                                \
    static const cyaml_schema_field_t name##_fields[] = {ROWS(FIELD) CYAML_FIELD_END};   \
    static const struct config_note name##_notes[] = {ROWS(NOTE){0}}

static const cyaml_schema_value_t name_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};
static const struct config_note name_note = {.fallback = "",
                                             .expect = sprout_expect_name};
static const struct config_note protect_note = {.fallback = "",
                                                .expect = sprout_expect_protect};
static const cyaml_schema_value_t number_entry = {
    CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};
static const struct config_note share_note = {.fallback = "", .lo = 0, .hi = 1000};
static const struct config_note coefficient_note = {
    .fallback = "0", .lo = -1e6, .hi = 1e6};

/* ---- the table ----------------------------------------------------------------------- */

#define PATCH_ROWS(X)                                                                    \
    X(NAME, struct sprout_config_patch, api, "", NO_BOUND, sprout_expect_name,           \
      "API whose requests are patched, such as `openai-chat`.")                          \
    X(NAME, struct sprout_config_patch, parameter, "", NO_BOUND, sprout_expect_name,     \
      "Which there are, API by API, is in docs/wire.md: `verbosity`, `think`, ...")      \
    X(NAME, struct sprout_config_patch, value, "", NO_BOUND, sprout_expect_name,         \
      "One of the parameter's words, such as `low`.")                                    \
    X(NAME, struct sprout_config_patch, model, "", RANGE(0, SPROUT_PATTERN_MAX),         \
      sprout_expect_pattern, "Models known to take it; `*` and `?` allowed.")            \
    X(TEXT, struct sprout_config_patch, route, "", RANGE(0, SPROUT_PATTERN_MAX),         \
      sprout_expect_pattern, "Path of the URL, `*` and `?` allowed; without it any.")
TABLE(patches, PATCH_ROWS);

enum { patches_max = SPROUT_LEVEL_PATCHES_MAX };
static const cyaml_schema_value_t patches_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_config_patch, patches_fields)};

#define LEVEL_ROWS(X)                                                                    \
    X(NAME, struct sprout_config_level, name, "", NO_BOUND, sprout_expect_name,          \
      "Name in headers, journal and reports.")                                           \
    X(TEXT, struct sprout_config_level, directive, "", RANGE(0, SPROUT_DIRECTIVE_MAX),   \
      sprout_expect_text, "Text added to the prompt; the first level has none.")         \
    X(LIST, struct sprout_config_level, patches, NULL, NO_BOUND, NULL,                   \
      "Parameters the level sets, beside its directive or instead of one, where the "    \
      "client left them unset.")
TABLE(levels, LEVEL_ROWS);

#define CSV_ROWS(X)                                                                      \
    X(PATH, struct sprout_config_csv, file, "", NO_BOUND, sprout_expect_path,            \
      "Electricity Maps CSV file.")                                                      \
    X(WORD, struct sprout_config_csv, column, "direct", NO_BOUND, NULL,                  \
      "Which factors: `direct` (as the paper) or `lifecycle`.")                          \
    X(TEXT, struct sprout_config_csv, start, "", NO_BOUND, sprout_expect_instant,        \
      "Moment of the file at which the replay begins; without it now, if the file "      \
      "covers it, else the first row.")                                                  \
    X(NUMBER, struct sprout_config_csv, speed, "1", RANGE(0.001, 100000), NULL,          \
      "Grid seconds per second.")                                                        \
    X(TEXT, struct sprout_config_csv, sha256, "", NO_BOUND, sprout_expect_sha256,        \
      "Pins the file: vintages of the same year differ.")
TABLE(csv, CSV_ROWS);

#define FUEL_ROWS(X)                                                                     \
    X(NAME, struct sprout_grid_fuel, fuel, "", RANGE(0, 7), sprout_expect_name,          \
      "As the provider spells it, such as `NG`.")                                        \
    X(NUMBER, struct sprout_grid_fuel, g_per_kwh, "", RANGE(0, 2000), NULL,              \
      "What a kilowatt-hour of it emits.")
TABLE(fuels, FUEL_ROWS);

enum { fuels_max = SPROUT_GRID_FUELS_MAX };
static const cyaml_schema_value_t fuels_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_grid_fuel, fuels_fields)};

#define PROVIDER_ROWS(X)                                                                 \
    X(NAME, struct sprout_grid_entry, provider, "", NO_BOUND, sprout_expect_provider,    \
      "A live provider's name, or `csv` (rows of a file), `profile` (hour of the week "  \
      "from a file), `static` (a constant).")                                            \
    X(TEXT, struct sprout_grid_entry, zone, "", RANGE(0, 63), sprout_expect_zone,        \
      "Zone as this provider spells it; without it `grid.zone`.")                        \
    X(TEXT, struct sprout_grid_entry, reply_zone, "", RANGE(0, 63), sprout_expect_zone,  \
      "The zone as its replies spell it, where that differs.")                           \
    X(TEXT, struct sprout_grid_entry, url, "", RANGE(0, 255), sprout_expect_url,         \
      "Address instead of the provider's own; needed for `carbon-aware-sdk`.")           \
    X(PATH, struct sprout_grid_entry, key_file, "", NO_BOUND, sprout_expect_path,        \
      "File with the key (first line); USER:PASSWORD for `watttime`.")                   \
    X(TEXT, struct sprout_grid_entry, key_env, "", NO_BOUND, sprout_expect_name,         \
      "Environment variable with the key; default: the provider's name in capitals "     \
      "and `_KEY`.")                                                                     \
    X(PATH, struct sprout_grid_entry, ca_file, "", NO_BOUND, sprout_expect_path,         \
      "Certificates that vouch for `url`; default: the system's.")                       \
    X(PATH, struct sprout_grid_entry, file, "", NO_BOUND, sprout_expect_path,            \
      "Electricity Maps CSV file of `csv` and `profile`.")                               \
    X(WORD, struct sprout_grid_entry, signal, "list", NO_BOUND, NULL,                    \
      "Which signal, if not the list's; see `mix_signals`.")                             \
    X(WORD, struct sprout_grid_entry, factors, "list", NO_BOUND, NULL,                   \
      "Which factors, if not the list's; see `mix_signals`.")                            \
    X(WHOLE, struct sprout_grid_entry, max_age_s, "0", RANGE(0, 604800), NULL,           \
      "How long its last good value serves; 0: two of its steps.")                       \
    X(BOOL, struct sprout_grid_entry, forecast, "true", NO_BOUND, NULL,                  \
      "Ask for the coming hours, where that is a call of its own.")                      \
    X(NUMBER, struct sprout_grid_entry, g_per_kwh, "", RANGE(0, 2000), NULL,             \
      "The constant of `static`.")                                                       \
    X(LIST, struct sprout_grid_entry, fuels, NULL, NO_BOUND, NULL,                       \
      "`eia`: factors of fuels in place of the published defaults, or beside them.")
TABLE(providers, PROVIDER_ROWS);

enum { providers_max = SPROUT_GRID_LIST_MAX };
static const cyaml_schema_value_t providers_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_grid_entry, providers_fields)};

#define GRID_ROWS(X)                                                                     \
    X(WORD, struct sprout_config_grid, source, "static", NO_BOUND, NULL,                 \
      "Who knows the carbon intensity.")                                                 \
    X(TEXT, struct sprout_config_grid, zone, "", RANGE(0, 31), sprout_expect_name,       \
      "Zone id, `GB` or `US-TEX-ERCO`; a value of another zone is refused.")             \
    X(NUMBER, struct sprout_config_grid, static_g_per_kwh, "473", RANGE(0, 2000), NULL,  \
      "The constant of `source: static`; shown everywhere as assumed.")                  \
    X(TEXT, struct sprout_config_grid, static_mix, "", RANGE(0, 31), sprout_expect_mix,  \
      "In its place a country's electricity as EcoLogits has it, for a hosted API: "     \
      "`world`, `usa`, `fra`, `deu`, `gbr`, `nld`, `aus`, `swe`, `pol` or `ind`.")       \
    X(MAP, struct sprout_config_grid, csv, NULL, NO_BOUND, NULL, "Replay of a file.")    \
    X(SIGNAL, struct sprout_config_grid, signal, "average", NO_BOUND, NULL,              \
      "The signal that `providers` are asked for.")                                      \
    X(FACTORS, struct sprout_config_grid, factors, "direct", NO_BOUND, NULL,             \
      "The factors that `providers` are asked for.")                                     \
    X(BOOL, struct sprout_config_grid, mix_signals, "false", NO_BOUND, NULL,             \
      "Allow providers of another signal or other factors; the range then begins anew "  \
      "at every change.")                                                                \
    X(LIST, struct sprout_config_grid, providers, NULL, NO_BOUND, NULL,                  \
      "Live providers and what stands in for them, in order; `source` is then `list`.")
TABLE(grid, GRID_ROWS);

#define UPSTREAM_ROWS(X)                                                                 \
    X(NAME, struct sprout_config_upstream, name, "", NO_BOUND, sprout_expect_name,       \
      "What it is called in messages.")                                                  \
    X(NAME, struct sprout_config_upstream, url, "", NO_BOUND, sprout_expect_url,         \
      "The inference server.")                                                           \
    X(NAME, struct sprout_config_upstream, path, "", RANGE(0, 63), sprout_expect_folder, \
      "Requests below this path go there, without it: `/eu/v1/chat/completions` as "     \
      "`/v1/chat/completions`.")                                                         \
    X(TEXT, struct sprout_config_upstream, zone, "", RANGE(0, 31), sprout_expect_name,   \
      "Where it stands, if not in `grid.zone`: its requests are decided and accounted "  \
      "by the grid there.")                                                              \
    X(MAP, struct sprout_config_upstream, grid, "grid", NO_BOUND, NULL,                  \
      "Who knows the carbon intensity there; the keys are those of `grid`.  Without it " \
      "`grid` is asked for this zone.")
TABLE(upstreams, UPSTREAM_ROWS);

enum { upstreams_max = SPROUT_ZONES_MAX - 1 };
static const cyaml_schema_value_t upstreams_entry = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct sprout_config_upstream, upstreams_fields)};

#define QUALITY_ROWS(X)                                                                  \
    X(WORD, struct sprout_config_quality, rule, "paper", NO_BOUND, NULL,                 \
      "How the floor follows the grid: `paper` gives up to `xi` on the dirtiest hour, "  \
      "`fixed` is `floor` always.")                                                      \
    X(NUMBER, struct sprout_config_quality, floor, "0.95", RANGE(0, 1), NULL,            \
      "Least quality relative to L0, for `rule: fixed`.")                                \
    X(WORD, struct sprout_config_quality, budget_window, "auto", NO_BOUND, NULL,         \
      "Over what the floor is kept: each `hour`, the `day` or the `month` (UTC). "       \
      "`auto` is `day` with `rule: fixed` and `hour` with `rule: paper`.")               \
    X(NUMBER, struct sprout_config_quality, hourly_floor, "", RANGE(0, 1), NULL,         \
      "Least quality of a single hour where the floor is kept over a day or a month; "   \
      "without it `floor` - 0.1.")                                                       \
    X(NUMBER, struct sprout_config_quality, xi, "0.1", RANGE(0, 1), NULL,                \
      "What may be given up on the dirtiest hour, for `rule: paper`.")                   \
    X(WHOLE, struct sprout_config_quality, window_hours, "720", RANGE(24, 8784), NULL,   \
      "Trailing window of the grid's least and greatest value.")                         \
    X(NUMBER, struct sprout_config_quality, k0_min_g_per_kwh, "", RANGE(0, 2000), NULL,  \
      "Least value, instead of the window's; both or neither.")                          \
    X(NUMBER, struct sprout_config_quality, k0_max_g_per_kwh, "", RANGE(0, 2000), NULL,  \
      "Greatest value, instead of the window's.")                                        \
    X(NUMBERS, struct sprout_config_quality, shares, NULL, NO_BOUND, NULL,               \
      "Preference share of each level, if you know yours; without it the published "     \
      "prior is used and marked so.")                                                    \
    X(NUMBER, struct sprout_config_quality, certainty, "0.9", RANGE(0.5, 0.999), NULL,   \
      "With which probability a judged level must be at least as good as the optimum "   \
      "takes it to be; 0.5 is the middle of what is believed.")                          \
    X(NUMBER, struct sprout_config_quality, half_life_days, "30", RANGE(0.01, 3650),     \
      NULL, "After so long a verdict counts half.")
TABLE(quality, QUALITY_ROWS);

#define ACCURACY_ROWS(X)                                                                 \
    X(NUMBER, struct sprout_config_accuracy, floor, "", RANGE(0, 1), NULL,               \
      "Least accuracy relative to L0 (how often answers are right where an evaluation "  \
      "has references), beside the floor of quality; 0 or left out: none.  A level on "  \
      "which fewer than 30 prompts with references tell is given to nobody.")
TABLE(accuracy, ACCURACY_ROWS);

#define PREDICTOR_ROWS(X)                                                                \
    X(TEXT, struct sprout_config_predictor, weights, "default", RANGE(1, 4000), NULL,    \
      "Weights made by `sprout train`, `default` (what comes with sprout), or `none`.")  \
    X(NUMBER, struct sprout_config_predictor, caution, "0.02", RANGE(0, 0.5), NULL,      \
      "Relative quality kept in hand above the floor, because the choice among "         \
      "predictions flatters itself.")                                                    \
    X(WHOLE, struct sprout_config_predictor, samples_min, "64", RANGE(1, 4096), NULL,    \
      "How many prompts must have been predicted before predictions decide; until "      \
      "then the mix does.")                                                              \
    X(BOOL, struct sprout_config_predictor, learn, "true", NO_BOUND, NULL,               \
      "Keep of each prompt that is evaluated what training needs (hashed words, never "  \
      "the text), and replace the predictor when a new one is better; `false` "          \
      "deletes what was kept.")                                                          \
    X(WHOLE, struct sprout_config_predictor, retrain_after, "500", RANGE(50, 100000),    \
      NULL, "Train anew after so many prompts judged since the last time.")              \
    X(WHOLE, struct sprout_config_predictor, examples_days, "90", RANGE(1, 3650), NULL,  \
      "An example older than this is deleted.")                                          \
    X(WHOLE, struct sprout_config_predictor, examples_max, "20000", RANGE(500, 100000),  \
      NULL, "Of more examples the oldest are deleted.")
TABLE(predictor, PREDICTOR_ROWS);

#define JUDGE_ROWS(X)                                                                    \
    X(TEXT, struct sprout_config_judge, url, "", NO_BOUND, sprout_expect_url,            \
      "OpenAI-compatible endpoint of the judge: a base URL, `.../v1`, or the whole.")    \
    X(TEXT, struct sprout_config_judge, model, "", RANGE(0, 255), sprout_expect_pattern, \
      "Its model.")                                                                      \
    X(PATH, struct sprout_config_judge, key_file, "", NO_BOUND, sprout_expect_path,      \
      "File whose first line is its key.")                                               \
    X(TEXT, struct sprout_config_judge, key_env, "SPROUT_JUDGE_KEY", NO_BOUND,           \
      sprout_expect_name,                                                                \
      "Environment variable that holds the key, where there is no file.")                \
    X(PATH, struct sprout_config_judge, rubric_file, "", NO_BOUND, sprout_expect_path,   \
      "Your own criteria instead of ours.")                                              \
    X(WORD, struct sprout_config_judge, form, "best-of", NO_BOUND, NULL,                 \
      "`best-of` (all answers at once) or `pairwise` (L0 against each).")                \
    X(WHOLE, struct sprout_config_judge, max_tokens, "512", RANGE(1, 100000), NULL,      \
      "Longest reply; one that is cut off is unreadable.")
TABLE(judge, JUDGE_ROWS);

#define SAMPLE_ROWS(X)                                                                   \
    X(NUMBER, struct sprout_config_sample, rate, "0", RANGE(0, 1), NULL,                 \
      "Share of requests whose prompt is kept for judging; 0: none, ever.")              \
    X(WHOLE, struct sprout_config_sample, cap, "1000", RANGE(1, 100000), NULL,           \
      "At most so many prompts lie in the spool.")                                       \
    X(WHOLE, struct sprout_config_sample, keep_hours, "24", RANGE(1, 720), NULL,         \
      "A prompt that was not judged by then is deleted.")
TABLE(sample, SAMPLE_ROWS);

#define EVALUATION_ROWS(X)                                                               \
    X(BOOL, struct sprout_config_evaluation, enabled, "false", NO_BOUND, NULL,           \
      "Evaluate by itself at clean hours; `sprout evaluate` works without it.")          \
    X(WORD, struct sprout_config_evaluation, when, "forecast", NO_BOUND, NULL,           \
      "The hour: `forecast` (the cleanest foretold, sooner where more is at stake) or "  \
      "`paper` (just past a low).")                                                      \
    X(MAP, struct sprout_config_evaluation, judge, NULL, NO_BOUND, NULL,                 \
      "Who says which answer is best.")                                                  \
    X(PATH, struct sprout_config_evaluation, prompts, "", NO_BOUND, sprout_expect_path,  \
      "File of prompts, one JSON object a line; without it the sample is used.")         \
    X(MAP, struct sprout_config_evaluation, sample, NULL, NO_BOUND, NULL,                \
      "Prompts of live requests, kept for judging and then deleted.")                    \
    X(WHOLE, struct sprout_config_evaluation, n, "1000", RANGE(1, 20000), NULL,          \
      "Most prompts of one evaluation.")                                                 \
    X(NUMBER, struct sprout_config_evaluation, share, "0.01", RANGE(0, 1), NULL,         \
      "Most of the energy served in 30 days that evaluations, judge and all, may take.") \
    X(WHOLE, struct sprout_config_evaluation, concurrency, "1", RANGE(1, 16), NULL,      \
      "Questions under way at the same time.")
TABLE(evaluation, EVALUATION_ROWS);

#define CLIENTS_ROWS(X)                                                                  \
    X(BOOL, struct sprout_config_clients, force, "true", NO_BOUND, NULL,                 \
      "May a client choose its level with `Sprout-Level`?")                              \
    X(BOOL, struct sprout_config_clients, receipts, "true", NO_BOUND, NULL,              \
      "May a client ask for a receipt with `Sprout-Receipt`?")
TABLE(clients, CLIENTS_ROWS);

#define FEEDBACK_ROWS(X)                                                                 \
    X(BOOL, struct sprout_config_feedback, withdraw, "false", NO_BOUND, NULL,            \
      "Is a level that users dislike more than the holdout withdrawn until an "          \
      "evaluation has judged it again?  No: there is an alarm and nothing else.")
TABLE(feedback, FEEDBACK_ROWS);

#define WIRE_ROWS(X)                                                                     \
    X(WORD, struct sprout_config_wire, receipts, "on", NO_BOUND, NULL,                   \
      "What replies say of their carbon: `off`; `on`: a receipt to clients that ask "    \
      "and "                                                                             \
      "may; `always`: a receipt; `usage`: `usage.carbon` as OpenGateLLM has it; "        \
      "`scope2`: `Carbon-Emissions-Scope-2`.")                                           \
    X(BOOL, struct sprout_config_wire, usage, "true", NO_BOUND, NULL,                    \
      "May a stream's usage be asked for where the client is silent?  What comes of it " \
      "is taken out again.  No: counts of such streams are estimates.")                  \
    X(BOOL, struct sprout_config_wire, decode, "false", NO_BOUND, NULL,                  \
      "Read compressed requests (gzip, zstd) too, and send them on decoded?")            \
    X(WHOLE, struct sprout_config_wire, ping_s, "0", RANGE(0, 3600), NULL,               \
      "Seconds of silence after which an event stream gets a ping; 0: never.")
TABLE(wire, WIRE_ROWS);

#define CARBON_ROWS(X)                                                                   \
    X(NUMBER, struct sprout_config_carbon, pue, "1", RANGE(1, 10), NULL,                 \
      "Energy of the facility over energy of its computers.")                            \
    X(TEXT, struct sprout_config_carbon, facility, "", NO_BOUND, sprout_expect_facility, \
      "A published `pue` in place of it: `azure` 1.20, `google` 1.09, `aws` 1.14, "      \
      "`mistral` 1.16.")                                                                 \
    X(NUMBER, struct sprout_config_carbon, host_factor, "1", RANGE(1, 10), NULL,         \
      "Energy of the whole server over what is metered or modelled, where that is the "  \
      "accelerator alone; grams hold it, joules do not.")                                \
    X(TEXT, struct sprout_config_carbon, host, "", NO_BOUND, sprout_expect_host,         \
      "A published `host_factor` in place of it: `gemini-2025` 1.431.")                  \
    X(NUMBER, struct sprout_config_carbon, embodied_g, "26356.568", RANGE(0, 1e9), NULL, \
      "Carbon of making the hardware, in g (default: one A100, as the paper).")          \
    X(NUMBER, struct sprout_config_carbon, lifetime_years, "5", RANGE(0.1, 50), NULL,    \
      "Over how many years of 365 days it is spread.")                                   \
    X(TEXT, struct sprout_config_carbon, embodied, "", NO_BOUND, sprout_expect_embodied, \
      "Published figures in place of both: `sprout-paper` (26.357 kg, 5 years), "        \
      "`ecologits-h100` (876.5 kg, 3 years), `chien-2023-a100` (318 kg; "                \
      "`lifetime_years` "                                                                \
      "as given).")
TABLE(carbon, CARBON_ROWS);

#define PROFILE_ROWS(X)                                                                  \
    X(NAME, struct sprout_config_profile, model, "", RANGE(0, SPROUT_PATTERN_MAX),       \
      sprout_expect_pattern,                                                             \
      "Model name, `*` and `?` allowed; the first that matches counts.")                 \
    X(NAME, struct sprout_config_profile, name, "", NO_BOUND, sprout_expect_name,        \
      "Stands in every receipt as its method.  One that `sprout profiles` lists needs "  \
      "no figures; receipts then name its version and batch, too.")                      \
    X(TRIPLE, struct sprout_config_profile, joules, NULL, NO_BOUND, NULL,                \
      "[J, J per prompt token, J per output token]; without it the published ones.")     \
    X(TRIPLE, struct sprout_config_profile, seconds, NULL, NO_BOUND, NULL,               \
      "[s, s per prompt token, s per output token]; published for few.")                 \
    X(NUMBER, struct sprout_config_profile, batch, "0", RANGE(0, 100000), NULL,          \
      "How many requests run together on average, for figures by batch; 0: as measured " \
      "of the newest requests.")                                                         \
    X(NUMBER, struct sprout_config_profile, active, "0", RANGE(0, 100000), NULL,         \
      "`ecologits/hosted`: billions of parameters that are active for a token, or the "  \
      "least that is believed.")                                                         \
    X(NUMBER, struct sprout_config_profile, active_high, "0", RANGE(0, 100000), NULL,    \
      "`ecologits/hosted`: the most that is believed; 0: as `active`.")                  \
    X(NUMBER, struct sprout_config_profile, total, "0", RANGE(0, 100000), NULL,          \
      "`ecologits/hosted`: billions of parameters in all; 0: as `active`.")              \
    X(NUMBER, struct sprout_config_profile, total_high, "0", RANGE(0, 100000), NULL,     \
      "`ecologits/hosted`: the most that is believed; 0: the larger of `total` "         \
      "and `active_high`.")                                                              \
    X(PATH, struct sprout_config_profile, file, "", NO_BOUND, sprout_expect_path,        \
      "A profile of your own, a JSON file; its figures stand in for those not given.")
TABLE(profiles, PROFILE_ROWS);

#define PRICE_ROWS(X)                                                                    \
    X(NAME, struct sprout_config_price, model, "", RANGE(0, SPROUT_PATTERN_MAX),         \
      sprout_expect_pattern,                                                             \
      "Model name, `*` and `?` allowed; the first that matches counts.")                 \
    X(NUMBER, struct sprout_config_price, input_per_million, "0", RANGE(0, 1e9), NULL,   \
      "Price of a million prompt tokens.")                                               \
    X(NUMBER, struct sprout_config_price, output_per_million, "0", RANGE(0, 1e9), NULL,  \
      "Price of a million output tokens.")
TABLE(prices, PRICE_ROWS);

#define METER_ROWS(X)                                                                    \
    X(NAME, struct sprout_config_meter, kind, "", NO_BOUND, sprout_expect_meter,         \
      "`nvml`, `amdsmi`, `rapl`, `rapl-perf`, `hwmon` or `prometheus`.")                 \
    X(TEXT, struct sprout_config_meter, url, "", RANGE(0, 2000), sprout_expect_source,   \
      "`prometheus`: an exporter's page, or a query to a server "                        \
      "(`.../api/v1/query?query=...`).")                                                 \
    X(TEXT, struct sprout_config_meter, preset, "", NO_BOUND, sprout_expect_name,        \
      "`prometheus`: `dcgm`, `kepler`, `kepler-gpu`, `scaphandre`, `ipmi`, `node` or "   \
      "`node-dram`.")                                                                    \
    X(TEXT, struct sprout_config_meter, metric, "", RANGE(0, 200), sprout_expect_text,   \
      "`prometheus`: name of the series, whose end says the unit "                       \
      "(`_joules_total`, `_microwatts`, ...).")                                          \
    X(TEXT, struct sprout_config_meter, labels, "", RANGE(0, 500), sprout_expect_text,   \
      "`prometheus`: only series with these, such as `zone=\"package\"`.")               \
    X(TEXT, struct sprout_config_meter, device, "", RANGE(0, 90), sprout_expect_text,    \
      "`nvml`: UUID of the only GPU meant; `hwmon`: name of the chip.")                  \
    X(TEXT, struct sprout_config_meter, library, "", RANGE(0, 4000), sprout_expect_text, \
      "`nvml`, `amdsmi`: the library, where it is not in the usual place.")              \
    X(TEXT, struct sprout_config_meter, sysfs_root, "/sys", RANGE(0, 250),               \
      sprout_expect_text, "Where /sys is, for containers that mount it elsewhere.")      \
    X(TEXT, struct sprout_config_meter, covers, "", NO_BOUND, sprout_expect_parts,       \
      "`gpu`, `cpu`, `dram` or `node`, several joined by `+`; without it what the kind " \
      "is known to cover.")                                                              \
    X(NUMBER, struct sprout_config_meter, max_watts, "2000", RANGE(1, 1e7), NULL,        \
      "Power of one GPU, package or series above which a reading is not believed.")
TABLE(meters, METER_ROWS);

#define METERING_ROWS(X)                                                                 \
    X(NUMBER, struct sprout_config_metering, idle_watts, "", RANGE(0, 1e7), NULL,        \
      "What the metered parts take when nothing runs; it is shared by time and not by "  \
      "tokens.  `sprout calibrate` finds it.")                                           \
    X(NUMBER, struct sprout_config_metering, prompt_weight, "1", RANGE(0, 1e9), NULL,    \
      "Weight of a new, uncached prompt token.")                                         \
    X(NUMBER, struct sprout_config_metering, output_weight, "137", RANGE(0, 1e9), NULL,  \
      "Weight of an output token (default: measured at batch 1).")                       \
    X(WHOLE, struct sprout_config_metering, settle_s, "15", RANGE(0, 3600), NULL,        \
      "How long measured energy waits for requests that are still running before it is " \
      "divided; receipts come that much later.  As long as most answers take.")          \
    X(TEXT, struct sprout_config_metering, server_metrics, "", RANGE(0, 2000),           \
      sprout_expect_source,                                                              \
      "The inference server's own page of counters (vLLM, llama.cpp), such as "          \
      "http://127.0.0.1:8000/metrics: tokens it served to others are set apart.")
TABLE(metering, METERING_ROWS);

#define MATCH_ROWS(X)                                                                    \
    X(TEXT, struct sprout_config_match, route, "", RANGE(0, SPROUT_PATTERN_MAX),         \
      sprout_expect_pattern, "Path of the URL, `*` and `?` allowed.")                    \
    X(TEXT, struct sprout_config_match, model, "", RANGE(0, SPROUT_PATTERN_MAX),         \
      sprout_expect_pattern, "Model name, `*` and `?` allowed.")                         \
    X(TEXT, struct sprout_config_match, api, "", NO_BOUND, sprout_expect_name,           \
      "API, such as `openai-chat`.")                                                     \
    X(TEXT, struct sprout_config_match, api_key_sha256, "", NO_BOUND,                    \
      sprout_expect_sha256,                                                              \
      "SHA-256 of the API key the client presents; the key itself is never written.")    \
    X(TEXT, struct sprout_config_match, header, "", NO_BOUND, sprout_expect_name,        \
      "Request header that must be there.")                                              \
    X(TEXT, struct sprout_config_match, header_value, "", RANGE(0, SPROUT_PATTERN_MAX),  \
      sprout_expect_pattern, "Its value, `*` and `?` allowed; without it any.")          \
    X(TEXT, struct sprout_config_match, kind, "", NO_BOUND, sprout_expect_kind,          \
      "Predicted kind of the prompt: `maths`, `code` or `other`.")                       \
    X(TRISTATE, struct sprout_config_match, stream, "any", NO_BOUND, NULL,               \
      "Streamed replies only (`yes`) or whole ones only (`no`).")                        \
    X(TRISTATE, struct sprout_config_match, tools, "any", NO_BOUND, NULL,                \
      "Requests with tools (`yes`) or without (`no`).")                                  \
    X(WHOLE, struct sprout_config_match, min_bytes, "0", RANGE(0, 4e9), NULL,            \
      "Least size of the request's body.")                                               \
    X(WHOLE, struct sprout_config_match, max_bytes, "0", RANGE(0, 4e9), NULL,            \
      "Greatest size of the request's body; 0: any.")
TABLE(match, MATCH_ROWS);

#define RULE_ROWS(X)                                                                     \
    X(NAME, struct sprout_config_rule, name, "", NO_BOUND, sprout_expect_name,           \
      "Stands in `Sprout-Reason` and in the journal.")                                   \
    X(MAP, struct sprout_config_rule, match, NULL, NO_BOUND, NULL,                       \
      "All that is given must hold.")                                                    \
    X(BOOL, struct sprout_config_rule, off, "false", NO_BOUND, NULL,                     \
      "Never touch what matches; it is still accounted.")                                \
    X(NAMES, struct sprout_config_rule, levels, NULL, NO_BOUND, NULL,                    \
      "Names of the levels allowed; without it all.")                                    \
    X(NUMBER, struct sprout_config_rule, floor, "", RANGE(0, 1), NULL,                   \
      "A floor of its own, where it is above the policy's.")                             \
    X(TRISTATE, struct sprout_config_rule, force, "any", NO_BOUND, NULL,                 \
      "May clients choose their level?  `any`: as `clients.force`.")                     \
    X(TRISTATE, struct sprout_config_rule, receipts, "any", NO_BOUND, NULL,              \
      "May clients ask for receipts?  `any`: as `clients.receipts`.")                    \
    X(WORD, struct sprout_config_rule, placement, "any", NO_BOUND, NULL,                 \
      "Where the directive goes: `auto` (the client's system text, else its first "      \
      "question), `first-user`, `last-user`, `system` (or nowhere); `any`: as nginx's "  \
      "`sprout_placement`.")                                                             \
    X(TRISTATE, struct sprout_config_rule, with_tools, "any", NO_BOUND, NULL,            \
      "Also requests that offer tools?  `any`: as `sprout_with_tools` (no).")            \
    X(TRISTATE, struct sprout_config_rule, with_completions, "any", NO_BOUND, NULL,      \
      "Also raw completions?  `any`: as `sprout_with_completions` (no).")                \
    X(TRISTATE, struct sprout_config_rule, sample, "any", NO_BOUND, NULL,                \
      "`no`: prompts that match are never kept for judging (`evaluation.sample`).")
TABLE(rules, RULE_ROWS);

enum {
    levels_max = SPROUT_LEVELS_MAX,
    prices_max = SPROUT_PROFILES_MAX,
    profiles_max = SPROUT_PROFILES_MAX - 1, /* one more is ours, for "*" */
    meters_max = SPROUT_METERS_MAX,
    rules_max = SPROUT_RULES_MAX - PROTECT_MAX, /* those are rules, too */
};

static const cyaml_schema_value_t levels_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_config_level, levels_fields)};
static const cyaml_schema_value_t profiles_entry = {CYAML_VALUE_MAPPING(
    CYAML_FLAG_DEFAULT, struct sprout_config_profile, profiles_fields)};
static const cyaml_schema_value_t prices_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_config_price, prices_fields)};
static const cyaml_schema_value_t meters_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_config_meter, meters_fields)};
static const cyaml_schema_value_t rules_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sprout_config_rule, rules_fields)};

#define TOP_ROWS(X)                                                                      \
    X(TEXT, struct sprout_config, listen, "127.0.0.1:0", NO_BOUND, sprout_expect_listen, \
      "Where clients connect; port 0 takes a free one.")                                 \
    X(TEXT, struct sprout_config, admin, "127.0.0.1:0", NO_BOUND, sprout_expect_admin,   \
      "Admin API: a loopback address, or `unix:PATH`.")                                  \
    X(TEXT, struct sprout_config, upstream, "", NO_BOUND, sprout_expect_url,             \
      "The inference server.")                                                           \
    X(LIST, struct sprout_config, upstreams, NULL, NO_BOUND, NULL,                       \
      "More servers, each below a path of its own; they may stand in other zones.")      \
    X(PATH, struct sprout_config, dir, "sprout-data", NO_BOUND, sprout_expect_path,      \
      "Folder of nginx.conf, policy.json, journal.ndjson and ledger.db.")                \
    X(WHOLE, struct sprout_config, workers, "0", RANGE(0, 1024), NULL,                   \
      "nginx worker processes; 0: one a core.")                                          \
    X(WHOLE, struct sprout_config, max_body_mib, "64", RANGE(1, 4096), NULL,             \
      "Greatest request body; above it 413.")                                            \
    X(WHOLE, struct sprout_config, upstream_timeout_s, "600", RANGE(1, 86400), NULL,     \
      "How long the upstream may be silent.")                                            \
    X(MAP, struct sprout_config, wire, NULL, NO_BOUND, NULL,                             \
      "What is done on the wire beside the directive.")                                  \
    X(LIST, struct sprout_config, levels, NULL, NO_BOUND, NULL,                          \
      "What may be added to a prompt, from nothing (the first) to the shortest; "        \
      "default: L0 nothing, L1 \"Answer briefly.\", L2 \"Answer very briefly, in one "   \
      "short sentence.\"")                                                               \
    X(MAP, struct sprout_config, grid, NULL, NO_BOUND, NULL, "Carbon intensity.")        \
    X(MAP, struct sprout_config, quality, NULL, NO_BOUND, NULL,                          \
      "The floor under quality.")                                                        \
    X(MAP, struct sprout_config, accuracy, NULL, NO_BOUND, NULL,                         \
      "The floor under accuracy.")                                                       \
    X(MAP, struct sprout_config, evaluation, NULL, NO_BOUND, NULL,                       \
      "How quality is measured here.")                                                   \
    X(MAP, struct sprout_config, predictor, NULL, NO_BOUND, NULL,                        \
      "Tells prompts apart one by one.")                                                 \
    X(PROTECTED, struct sprout_config, protect, NULL, NO_BOUND, NULL,                    \
      "What stays at L0 always: `maths`, `code`, or a route such as `/exam/*`.")         \
    X(NUMBER, struct sprout_config, holdout, "0.05", RANGE(0, 1), NULL,                  \
      "Share of conversations always at L0: what savings are measured against.")         \
    X(NUMBER, struct sprout_config, explore, "0.02", RANGE(0, 1), NULL,                  \
      "Share of conversations at a random level, to keep estimates of unused ones "      \
      "alive.")                                                                          \
    X(MAP, struct sprout_config, clients, NULL, NO_BOUND, NULL,                          \
      "What clients may ask for where no rule says.")                                    \
    X(MAP, struct sprout_config, feedback, NULL, NO_BOUND, NULL,                         \
      "What follows from what users say and show.")                                      \
    X(MAP, struct sprout_config, carbon, NULL, NO_BOUND, NULL,                           \
      "From joules and seconds to grams.")                                               \
    X(LIST, struct sprout_config, profiles, NULL, NO_BOUND, NULL,                        \
      "Energy and time per token, by model; default: Llama-2-13B on one A100.")          \
    X(LIST, struct sprout_config, prices, NULL, NO_BOUND, NULL,                          \
      "Prices of tokens, by model, for `sprout report --config`.")                       \
    X(TEXT, struct sprout_config, currency, "EUR", RANGE(1, 16), sprout_expect_name,     \
      "Of the prices; a name in reports, nothing is converted.")                         \
    X(LIST, struct sprout_config, meters, NULL, NO_BOUND, NULL,                          \
      "What measures energy here; without any, energy is modelled by `profiles`.")       \
    X(MAP, struct sprout_config, metering, NULL, NO_BOUND, NULL,                         \
      "How measured energy is divided among requests.")                                  \
    X(LIST, struct sprout_config, rules, NULL, NO_BOUND, NULL,                           \
      "What is different for some requests; the first that matches counts.")             \
    X(WHOLE, struct sprout_config, retention_days, "90", RANGE(1, 36500), NULL,          \
      "How long single receipts are kept; hourly sums stay.")                            \
    X(WHOLE, struct sprout_config, journal_rotate_mib, "256", RANGE(0, 1e6), NULL,       \
      "`sprout up` starts a new journal when it is larger; 0: never.")                   \
    X(WHOLE, struct sprout_config, journal_keep, "3", RANGE(0, 10000), NULL,             \
      "Rotated journals kept after the ledger has all of them.")                         \
    X(WHOLE, struct sprout_config, plan_interval_s, "60", RANGE(1, 3600), NULL,          \
      "Longest time between two policies.")                                              \
    X(WHOLE, struct sprout_config, valid_s, "900", RANGE(10, 86400), NULL,               \
      "How long a policy holds if no newer one comes; then L0.")
static const cyaml_schema_field_t top_fields[] = {TOP_ROWS(FIELD) CYAML_FIELD_END};
const struct config_note sprout_config_notes[] = {TOP_ROWS(NOTE){0}};

const cyaml_schema_value_t sprout_config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sprout_config, top_fields)};
