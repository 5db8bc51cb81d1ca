/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h. */
#include "sim/report.h"

#include "core/instant.h"

enum { PIECE_MAX = 16 * 1024 };

/* Text on its way to a file, written piece by piece. */
struct piece {
    FILE *to;
    struct sprout_buf b;
    char memory[PIECE_MAX];
};

static void begin(struct piece *p, FILE *to)
{
    p->to = to;
    p->b = sprout_buf_of(p->memory, sizeof p->memory);
}

static void flush(struct piece *p)
{
    fwrite(p->b.ptr, 1, p->b.len, p->to);
    p->b.len = 0;
}

static void put(struct piece *p, const char *text)
{
    sprout_buf_put(&p->b, sprout_str_of(text));
}

static void put_string(struct piece *p, const char *name, const char *value)
{
    sprout_buf_json(&p->b, sprout_str_of(name));
    sprout_buf_byte(&p->b, ':');
    sprout_buf_json(&p->b, sprout_str_of(value));
}

static void put_number(struct piece *p, const char *name, double v)
{
    sprout_buf_json(&p->b, sprout_str_of(name));
    sprout_buf_byte(&p->b, ':');
    sprout_buf_f64(&p->b, v);
}

static void put_spread(struct piece *p, struct sprout_experiment_spread s)
{
    put(p, ",");
    put_number(p, "saved_percent_low", 100 * s.saved_low);
    put(p, ",");
    put_number(p, "saved_percent_high", 100 * s.saved_high);
    put(p, ",");
    put_number(p, "quality_percent_low", 100 * s.quality_low);
    put(p, ",");
    put_number(p, "quality_percent_high", 100 * s.quality_high);
}

static void put_means(struct piece *p, const struct sprout_experiment *e)
{
    for (size_t i = 0; i < sprout_experiment_mean_count(e); i++) {
        const struct sprout_experiment_mean m = sprout_experiment_mean_at(e, i);
        put(p, i > 0 ? ",{" : "{");
        put_string(p, "policy", m.policy);
        put(p, ",");
        put_number(p, "saved_percent", 100 * m.saved);
        put(p, ",");
        put_number(p, "quality_percent", 100 * m.quality);
        put_spread(p, m.spread);
        put(p, "}");
    }
}

static void put_head(struct piece *p, const struct sprout_experiment *e,
                     const struct sprout_report_context *c)
{
    put(p, "{");
    put_string(p, "version", c->version);
    put(p, ",\"arguments\":[");
    for (int i = 0; i < c->argc; i++) {
        put(p, i > 0 ? "," : "");
        sprout_buf_json(&p->b, sprout_str_of(c->argv[i]));
        flush(p);
    }
    put(p, "],\"seed\":");
    sprout_buf_u64(&p->b, c->opts->settings.seed);
    put(p, ",\"draws\":");
    sprout_buf_i64(&p->b, c->opts->settings.draws);
    put(p, ",\"start\":\"");
    sprout_instant_put(&p->b, c->opts->start);
    put(p, "\",\"inputs\":[");
    for (size_t i = 0; i < sprout_experiment_input_count(e); i++) {
        const struct sprout_experiment_input *const in = sprout_experiment_input_at(e, i);
        put(p, i > 0 ? ",{" : "{");
        put_string(p, "role", in->role);
        put(p, ",");
        put_string(p, "path", in->path);
        put(p, ",");
        put_string(p, "sha256", in->sha256);
        put(p, "}");
        flush(p);
    }
    put(p, "],\"tested_on_trained\":");
    sprout_buf_u64(&p->b, sprout_experiment_tested(e).trained_on);
    put(p, ",\"means\":[");
    put_means(p, e);
    put(p, "],\"runs\":[");
    flush(p);
}

static void put_hour(struct piece *p, const struct sprout_sim_run *r, size_t h,
                     sprout_g_per_kwh ci)
{
    const struct sprout_sim_hour *const hour = &r->hour[h];
    put(p, h > 0 ? ",{" : "{");
    put_number(p, "ci", ci.v);
    put(p, ",\"mix\":[");
    for (size_t o = 0; o < r->options; o++) {
        put(p, o > 0 ? "," : "");
        sprout_buf_f64(&p->b, hour->mix[o]);
    }
    put(p, "],");
    put_number(p, "carbon_g", hour->grams);
    put(p, ",");
    put_number(p, "carbon_l0_g", hour->grams_base);
    put(p, ",");
    put_number(p, "quality", hour->quality / hour->quality_base);
    put(p, ",");
    put_number(p, "preference", hour->quality);
    put(p, ",");
    put_number(p, "preference_l0", hour->quality_base);
    put(p, ",");
    put_number(p, "floor", hour->floor);
    put(p, "}");
    flush(p);
}

static void put_evaluations(struct piece *p, const struct sprout_sim_run *r)
{
    bool first = true;
    put(p, ",\"evaluation_hours\":[");
    for (size_t h = 0; h < r->hours; h++) {
        /* Hour 0 is judged before the window begins and is not counted by the authors. */
        if (r->hour[h].evaluated && h > 0) {
            put(p, first ? "" : ",");
            sprout_buf_u64(&p->b, h);
            first = false;
        }
    }
    put(p, "]");
    flush(p);
}

static void put_accuracy(struct piece *p, const char *name, const double *accuracy,
                         const struct sprout_world *w)
{
    bool first = true;
    sprout_buf_json(&p->b, sprout_str_of(name));
    put(p, ":{");
    for (size_t k = 0; k < w->tasks; k++) {
        if (!isnan(accuracy[k])) {
            put(p, first ? "" : ",");
            put_number(p, w->task[k].task, 100 * accuracy[k]);
            first = false;
        }
    }
    put(p, "}");
}

static void put_run(struct piece *p, const struct sprout_sim_run *r,
                    const struct sprout_world *w, struct sprout_experiment_spread spread)
{
    put(p, "{");
    put_string(p, "zone", r->zone);
    put(p, ",");
    put_string(p, "policy", r->policy);
    put(p, ",");
    put_number(p, "floor", r->floor);
    put(p, ",");
    put_number(p, "saved_percent", 100 * r->saved);
    put(p, ",");
    put_number(p, "quality_percent", 100 * r->quality);
    put_spread(p, spread);
    put(p, ",");
    put_number(p, "hours_under_floor_percent",
               r->floored > 0 ? 100.0 * (double)r->missed / (double)r->floored : NAN);
    put(p, ",");
    put_accuracy(p, "accuracy_percent", r->accuracy, w);
    put(p, ",");
    put_accuracy(p, "accuracy_l0_percent", r->accuracy_base, w);
    put_evaluations(p, r);
    put(p, ",");
    put_number(p, "evaluation_ci_percent", 100 * r->evaluation_ci);
    put(p, ",");
    put_number(p, "longest_idle_hours", (double)r->longest_idle);
    put(p, ",");
    put_number(p, "evaluation_energy_percent",
               100 * r->judging_joules / r->served_joules);
    put(p, ",\"hours\":[");
    for (size_t h = 0; h < r->hours; h++) {
        put_hour(p, r, h, w->hour[h].ci);
    }
    put(p, "]}");
    flush(p);
}

void sprout_report_json(FILE *to, const struct sprout_experiment *e,
                        const struct sprout_report_context *c)
{
    struct piece p;
    begin(&p, to);
    put_head(&p, e, c);
    for (size_t i = 0; i < sprout_experiment_run_count(e); i++) {
        put(&p, i > 0 ? ",\n" : "\n");
        put_run(&p, sprout_experiment_run_at(e, i), sprout_experiment_world(e, i),
                sprout_experiment_spread_at(e, i));
    }
    put(&p, "]}\n");
    flush(&p);
}

void sprout_report_csv(FILE *to, const struct sprout_experiment *e)
{
    struct piece p;
    begin(&p, to);
    put(&p,
        "zone,policy,hour,ci_g_per_kwh,mix_0,mix_1,mix_2,carbon_g,carbon_l0_g,quality,"
        "preference,preference_l0,floor,evaluated\n");
    for (size_t i = 0; i < sprout_experiment_run_count(e); i++) {
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
        const struct sprout_world *const w = sprout_experiment_world(e, i);
        for (size_t h = 0; h < r->hours; h++) {
            const struct sprout_sim_hour *const x = &r->hour[h];
            const double column[] = {w->hour[h].ci.v,
                                     x->mix[0],
                                     x->mix[1],
                                     x->mix[2],
                                     x->grams,
                                     x->grams_base,
                                     x->quality / x->quality_base,
                                     x->quality,
                                     x->quality_base,
                                     x->floor};
            sprout_buf_printf(&p.b, "%s,%s,%zu", r->zone, r->policy, h);
            for (size_t c = 0; c < sizeof column / sizeof column[0]; c++) {
                put(&p, ",");
                if (!isnan(column[c])) { /* an empty field is how CSV says unknown */
                    sprout_buf_f64(&p.b, column[c]);
                }
            }
            put(&p, x->evaluated ? ",1\n" : ",0\n");
            flush(&p);
        }
    }
}

static void table_number(FILE *to, int width, int digits, double v)
{
    if (isnan(v)) {
        fprintf(to, " %*s", width, "-");
    } else {
        fprintf(to, " %*.*f", width, digits, v);
    }
}

static int table_width(const char *name)
{
    const int n = (int)strlen(name);
    return n > 6 ? n : 6;
}

static void table_runs(FILE *to, const struct sprout_experiment *e)
{
    fprintf(to, "%-14s %-8s %9s %11s %15s %12s %8s %6s %7s\n", "zone", "policy",
            "saved %", "quality %", "under floor % h", "evaluations", "in ci %", "idle h",
            "cost %");
    for (size_t i = 0; i < sprout_experiment_run_count(e); i++) {
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
        fprintf(to, "%-14s %-8s %9.2f %11.2f", r->zone, r->policy, 100 * r->saved,
                100 * r->quality);
        table_number(to, 15, 1,
                     r->floored > 0 ? 100.0 * (double)r->missed / (double)r->floored
                                    : (double)NAN);
        fprintf(to, " %12zu", r->evaluations);
        table_number(to, 8, 1, 100 * r->evaluation_ci);
        table_number(to, 6, 0, r->evaluations > 0 ? (double)r->longest_idle : NAN);
        table_number(to, 7, 2, 100 * r->judging_joules / r->served_joules);
        fputc('\n', to);
    }
}

static void table_means(FILE *to, const struct sprout_experiment *e)
{
    for (size_t i = 0; i < sprout_experiment_mean_count(e); i++) {
        const struct sprout_experiment_mean m = sprout_experiment_mean_at(e, i);
        fprintf(to, "%-14s %-8s %9.2f %11.2f", "mean", m.policy, 100 * m.saved,
                100 * m.quality);
        if (!isnan(m.spread.saved_low)) {
            fprintf(to, "   95 %%: saved %.2f to %.2f, quality %.2f to %.2f",
                    100 * m.spread.saved_low, 100 * m.spread.saved_high,
                    100 * m.spread.quality_low, 100 * m.spread.quality_high);
        }
        fputc('\n', to);
    }
}

/* Share of right answers per task, `policy` or (its count) L0; mean of the zones. */
static void table_right(FILE *to, const struct sprout_experiment *e, size_t policy)
{
    const struct sprout_world *const w = sprout_experiment_world(e, 0);
    const size_t policies = sprout_experiment_mean_count(e);
    const size_t runs = sprout_experiment_run_count(e);
    const bool at_l0 = policy == policies;
    fprintf(to, "%-14s %-8s", "",
            at_l0 ? "at L0" : sprout_experiment_mean_at(e, policy).policy);
    for (size_t k = 0; k < w->tasks; k++) {
        double sum = 0;
        for (size_t i = at_l0 ? 0 : policy; i < runs; i += policies) {
            const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
            sum += at_l0 ? r->accuracy_base[k] : r->accuracy[k];
        }
        if (!isnan(w->right[k][0])) {
            table_number(to, table_width(w->task[k].task), 1,
                         100 * sum * (double)policies / (double)runs);
        }
    }
    fputc('\n', to);
}

/* Accuracy by match with the reference, of the tasks that have references. */
static void table_accuracy(FILE *to, const struct sprout_experiment *e)
{
    const struct sprout_world *const w = sprout_experiment_world(e, 0);
    const size_t policies = sprout_experiment_mean_count(e);
    size_t known = 0;
    for (size_t k = 0; k < w->tasks; k++) {
        known += isnan(w->right[k][0]) ? 0 : 1;
    }
    if (known == 0) {
        return;
    }
    fprintf(to, "\n%-14s %-8s", "mean, right %", "policy");
    for (size_t k = 0; k < w->tasks; k++) {
        if (!isnan(w->right[k][0])) {
            fprintf(to, " %*s", table_width(w->task[k].task), w->task[k].task);
        }
    }
    fputc('\n', to);
    for (size_t p = 0; p < policies; p++) {
        table_right(to, e, p);
    }
    table_right(to, e, policies); /* at L0, to compare with */
}

void sprout_report_table(FILE *to, const struct sprout_experiment *e)
{
    table_runs(to, e);
    table_means(to, e);
    table_accuracy(to, e);
}
