/* SPDX-License-Identifier: Apache-2.0 */
/* page_html.c - the page's frame: what stands where, in words and tables. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "control/basis.h"
#include "control/figure.h"
#include "control/page_inner.h"
#include "core/instant.h"

enum { SECONDS_PER_HOUR = 3600, HOURS_PER_DAY = 24, BASIS_MAX = 512 };

/* ---- words ----------------------------------------------------------------------------- */

void sprout_page_text(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
            fprintf(out, "&#%d;", c);
        } else if (c >= ' ' && c != 0x7F) {
            fputc(c, out);
            fputs(c == '/' ? "<wbr>" : "", out); /* paths may break there */
        } else {
            fputc(' ', out);
        }
    }
}

/* As text, unless it is no UTF-8, which a page must not hold. */
static void put_name(FILE *out, const char *name)
{
    if (name[0] == '\0') {
        fputs("<span class=soft>(unknown)</span>", out);
    } else if (!sprout_str_utf8(sprout_str_of(name))) {
        fputs("<span class=soft>(not UTF-8)</span>", out);
    } else {
        sprout_page_text(out, name);
    }
}

void sprout_page_moment(FILE *out, const struct sprout_page *p, int64_t hour,
                        bool short_form)
{
    char text[64];
    struct tm tm;
    const time_t t = (time_t)(hour * SECONDS_PER_HOUR);
    const bool one_day = (int64_t)p->bins * p->step <= 2 * HOURS_PER_DAY;
    const bool years = (int64_t)p->bins * p->step > 300 * HOURS_PER_DAY;
    const char *const form = !short_form ? "%e %b %Y %H:%M UTC"
                             : one_day   ? "%H:%M"
                             : years     ? "%b %Y"
                                         : "%e %b";
    if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof text, form, &tm) == 0) {
        return;
    }
    fputs(text[0] == ' ' ? text + 1 : text, out);
}

static void put_instant(FILE *out, sprout_instant t, const char *open)
{
    char memory[64];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);
    if (t.ns == INT64_MIN || t.ns == INT64_MAX) {
        fputs(open, out);
        return;
    }
    sprout_instant_put(&b, t);
    fprintf(out, "%.*s", (int)b.len, b.ptr);
}

/* ---- head ------------------------------------------------------------------------------ */

static void put_bar(FILE *out, const char *what, const double *share,
                    const char *const *name, const char *const *class, size_t n)
{
    fprintf(out, "<div><strong class=small>%s</strong><div class=bar>", what);
    for (size_t i = 0; i < n; i++) {
        if (share[i] > 0) {
            fprintf(out, "<i class=%s style=\"width:%.2f%%\"></i>", class[i],
                    100 * share[i]);
        }
    }
    fputs("</div><p class=legend>", out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "<span><i class=%s></i>%.0f&nbsp;%% %s</span>", class[i],
                100 * share[i], name[i]);
    }
    fputs("</p></div>", out);
}

static void put_basis(FILE *out, const struct sprout_savings *r)
{
    static const char *const energy[] = {"measured", "modelled", "estimated", "unknown"};
    static const char *const grid[] = {"live", "replayed", "fallback", "unknown"};
    static const char *const class[] = {"k-accent", "k-c1", "k-warm", "k-c0"};
    static const char *const grid_class[] = {"k-accent", "k-c1", "k-warm", "k-c0"};
    const struct sprout_basis s = sprout_basis_of(r);
    const double energies[] = {s.measured, s.modelled, s.estimated, s.unknown};
    const double grids[] = {s.live, s.replayed, s.fallback, s.no_grid};

    fputs("<section><h2>What the figures rest on</h2><div class=shares>", out);
    put_bar(out, "Energy, by request", energies, energy, class, 4);
    put_bar(out, "Grid, by request", grids, grid, grid_class, 4);
    fputs("</div></section>", out);
}

static void put_head(FILE *out, const struct sprout_savings *r)
{
    char memory[BASIS_MAX];
    struct sprout_buf b = sprout_buf_of(memory, sizeof memory);

    sprout_basis_put(&b, r);
    fputs("<!doctype html><html lang=en><head><meta charset=utf-8>"
          "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
          "<link rel=icon href=\"data:,\"><title>Sprout report</title><style>",
          out);
    for (size_t i = 0; sprout_page_style[i] != NULL; i++) {
        fputs(sprout_page_style[i], out);
    }
    fprintf(out,
            "</style></head><body><main><p class=\"basis small\">%.*s</p>"
            "<header><h1>What was served, emitted and saved</h1><p class=soft>",
            (int)b.len, b.ptr);
    fputs("From ", out);
    put_instant(out, r->range.since, "the beginning");
    fputs(" to ", out);
    put_instant(out, r->range.until, "now");
    fputs(" &middot; Sprout " SPROUT_VERSION "</p></header>", out);
}

/* ---- cards ----------------------------------------------------------------------------- */

static void put_card(FILE *out, const char *class, const char *value, const char *what)
{
    fprintf(out, "<div class=\"card%s\"><span>%s</span><b>%s</b>", class, what, value);
}

static void put_saved_card(FILE *out, const char *what, enum sprout_estimate_state state,
                           struct sprout_interval percent, struct sprout_interval amount,
                           const char *unit)
{
    char text[2 * SPROUT_FIGURE], cell[SPROUT_FIGURE];

    if (state != SPROUT_ESTIMATE_OK) {
        put_card(out, "", "not known yet", what);
        fprintf(out, "<span>%s</span></div>", sprout_estimate_state_text(state));
        return;
    }
    snprintf(text, sizeof text, "%.1f %%", percent.value);
    put_card(out, percent.low > 0 ? " good" : "", text, what);
    fprintf(out,
            "<span>95&nbsp;%%: %.1f to %.1f&nbsp;%%</span><span>%s in all</span></div>",
            percent.low, percent.high, sprout_figure_unit(amount.value, unit, cell));
}

static void put_money_card(FILE *out, const struct sprout_money *m)
{
    char text[2 * SPROUT_FIGURE], cell[3][SPROUT_FIGURE];

    if (!m->priced) {
        return;
    }
    if (m->state != SPROUT_ESTIMATE_OK) {
        put_card(out, "", "not known yet", "money saved");
        fprintf(out, "<span>%s</span></div>", sprout_estimate_state_text(m->state));
        return;
    }
    snprintf(text, sizeof text, "%s %s",
             sprout_figure(m->saved.value, sprout_figure_digits(m->saved.value), cell[0]),
             m->currency);
    put_card(out, m->saved.low > 0 ? " good" : "", text, "money saved");
    fprintf(out,
            "<span>95&nbsp;%%: %s to %s</span><span>%.1f&nbsp;%% of the tokens&#39; "
            "price</span></div>",
            sprout_figure(m->saved.low, sprout_figure_digits(m->saved.low), cell[1]),
            sprout_figure(m->saved.high, sprout_figure_digits(m->saved.high), cell[2]),
            m->percent.value);
}

static void put_cards(FILE *out, const struct sprout_savings *r)
{
    const struct sprout_estimate_result *const e = &r->saved;
    char cell[2][SPROUT_FIGURE];

    fputs("<div class=cards>", out);
    put_saved_card(out, "carbon saved", e->carbon_state, e->carbon_percent, e->grams,
                   "g");
    put_saved_card(out, "energy saved", e->energy_state, e->energy_percent, e->joules,
                   "J");
    put_money_card(out, &r->money);
    put_card(out, "", sprout_figure_unit(sprout_savings_grams(&r->total), "g", cell[0]),
             "emitted, CO<sub>2</sub>e");
    fprintf(out, "<span>of %s of energy</span></div>",
            sprout_figure_unit(sprout_savings_joules(&r->total), "J", cell[1]));
    put_card(out, "", sprout_figure((double)r->total.requests, 0, cell[0]), "requests");
    fprintf(out, "<span>%s output tokens each</span></div>",
            sprout_figure(sprout_savings_mean_tokens(&r->total), 0, cell[1]));
    fputs("</div>", out);
}

/* ---- charts ---------------------------------------------------------------------------- */

static void put_time(FILE *out, const struct sprout_page *p)
{
    fputs("<section><h2>Grid and mix over time</h2>"
          "<p class=soft>Carbon intensity in the hours that had requests",
          out);
    fputs(p->step > 1 || p->rows[SPROUT_PAGE_TABLES - 1] > 1
              ? ", as means weighted by requests.</p>"
              : ".</p>",
          out);
    sprout_page_grid_chart(out, p);
    fputs("<p class=legend>", out);
    for (size_t l = 0; l < p->levels; l++) {
        fprintf(out, "<span><i class=l%zu></i>", l);
        put_name(out, p->level[l]);
        fputs("</span>", out);
    }
    fputs("</p><div class=mix>", out);
    sprout_page_mix_chart(out, p);
    fputs("</div></section>", out);
}

static void put_carbon(FILE *out, const struct sprout_page *p)
{
    fputs("<section><h2>Carbon per hour, and what L0 would have emitted</h2>"
          "<p class=legend><span><i class=\"k-accent stroke\"></i>emitted</span>"
          "<span><i class=\"k-warm stroke\"></i>at L0",
          out);
    fputs(p->measured
              ? ", by the holdout</span><span><i class=k-band></i>95&nbsp;%</span></p>"
              : ", expected</span></p>",
          out);
    sprout_page_carbon_chart(out, p);
    fputs(
        p->measured
            ? "<p class=\"soft small\">The line is what was expected of L0 in each hour, "
              "scaled so that the whole period is what the holdout says; the band is the "
              "uncertainty of the whole, not of a single hour.</p></section>"
            : "<p class=\"soft small\">There is not enough holdout yet: the line is what "
              "was "
              "expected of L0, and not measured.</p></section>",
        out);
}

/* ---- tables ---------------------------------------------------------------------------- */

static void put_row(FILE *out, const char *name, const struct sprout_store_sum *s,
                    double all)
{
    char cell[5][SPROUT_FIGURE];
    const double grams = sprout_savings_grams(s);
    const double each = s->graded > 0 ? grams / (double)s->graded : NAN;

    fputs("<tr><td>", out);
    put_name(out, name);
    fprintf(out,
            "<td>%s<td class=opt>%s<td class=opt>%s<td>%s<td class=opt>%s"
            "<td class=share><div class=bar><i class=k-accent "
            "style=\"width:%.1f%%\"></i></div>",
            sprout_figure((double)s->requests, 0, cell[0]),
            sprout_figure(sprout_savings_mean_tokens(s), 0, cell[1]),
            sprout_figure_unit(sprout_savings_joules(s), "J", cell[2]),
            sprout_figure_unit(grams, "g", cell[3]),
            sprout_figure_unit(each, "g", cell[4]),
            all > 0 && isfinite(grams) ? 100 * grams / all : 0.0);
}

/* The rows beyond the maximum, as one. */
static void put_rest(FILE *out, const struct sprout_savings_row *row, size_t n,
                     double all)
{
    struct sprout_store_sum sum = {.hour = -1};
    for (size_t i = 0; i < n; i++) {
        const struct sprout_store_sum *const s = &row[i].sum;
        sum.requests += s->requests;
        sum.metered += s->metered;
        sum.completion += s->completion;
        sum.energy_uj += s->energy_uj;
        sum.graded += s->graded;
        sum.operational_ug += s->operational_ug;
        sum.embodied_ug += s->embodied_ug;
    }
    put_row(out, "all others", &sum, all);
}

static void put_table(FILE *out, const struct sprout_page *p, size_t which)
{
    static const char *const title[] = {"level", "model", "route", "zone"};
    const double all = sprout_savings_grams(&p->report->total);
    const size_t n = p->rows[which];
    const size_t shown = n > SPROUT_PAGE_ROWS_MAX ? SPROUT_PAGE_ROWS_MAX - 1 : n;

    fprintf(out,
            "<section><h2>By %s</h2><table><thead><tr><th class=name>%s<th>requests<th "
            "class=opt>tokens out<th class=opt>energy<th>CO<sub>2</sub>e<th "
            "class=opt>each<th "
            "class=share>share"
            "<tbody>",
            title[which], title[which]);
    for (size_t i = 0; i < shown; i++) {
        put_row(out, p->table[which][i].name, &p->table[which][i].sum, all);
    }
    if (n > shown) {
        put_rest(out, p->table[which] + shown, n - shown, all);
    }
    fputs("</table></section>", out);
}

/* ---- latency --------------------------------------------------------------------------- */

static void put_whisker(FILE *out, const char *class, struct sprout_interval i,
                        double top)
{
    const double low = isnan(i.low) ? i.value : fmax(i.low, 0);
    const double high = isnan(i.high) ? i.value : i.high;

    fprintf(out,
            "<div class=\"whisker %s\"><i style=\"left:%.1f%%;width:%.1f%%\"></i>"
            "<b style=\"left:%.1f%%\"></b></div>",
            class, 100 * low / top, 100 * (high - low) / top, 100 * i.value / top);
}

static void put_latency_row(FILE *out, const char *arm, const char *what,
                            const char *class, struct sprout_interval i, double top)
{
    char cell[3][SPROUT_FIGURE];

    fprintf(out, "<tr><td>%s, %s<td>%s<td class=opt>", arm, what,
            sprout_figure_unit(i.value, "s", cell[0]));
    if (!isnan(i.low)) {
        fprintf(out, "%s to %s", sprout_figure_unit(i.low, "s", cell[1]),
                sprout_figure_unit(i.high, "s", cell[2]));
    }
    fputs("<td>", out);
    put_whisker(out, class, i, top);
}

static double highest(const struct sprout_latency_arm *a)
{
    return fmax(isnan(a->mean.high) ? a->mean.value : a->mean.high,
                isnan(a->median.high) ? a->median.value : a->median.high);
}

static void put_latency(FILE *out, const struct sprout_latency *l)
{
    if (l->holdout.answers == 0 || l->mix.answers == 0) {
        return;
    }
    const double top = 1.08 * fmax(highest(&l->holdout), highest(&l->mix));

    fputs("<section><h2>How long answers took</h2><p class=soft>", out);
    if (isnan(l->faster_percent.value)) {
        fputs("Too few conversations yet for intervals.</p>", out);
    } else {
        fprintf(out,
                "Under the mix the mean is shorter by %.1f&nbsp;%% (95&nbsp;%%: %.1f to "
                "%.1f); %lld answers of the holdout, %lld under the mix%s.</p>",
                l->faster_percent.value, l->faster_percent.low, l->faster_percent.high,
                (long long)l->holdout.answers, (long long)l->mix.answers,
                l->cut ? ", the newest ones" : "");
    }
    fputs("<table><thead><tr><th class=name>arm<th>time<th class=opt>95&nbsp;%<th "
          "style=\"width:45%\"><tbody>",
          out);
    put_latency_row(out, "holdout", "median", "holdout", l->holdout.median, top);
    put_latency_row(out, "mix", "median", "", l->mix.median, top);
    put_latency_row(out, "holdout", "mean", "holdout", l->holdout.mean, top);
    put_latency_row(out, "mix", "mean", "", l->mix.mean, top);
    fputs("</table></section>", out);
}

/* ---- foot ------------------------------------------------------------------------------ */

static void put_sources(FILE *out, const struct sprout_savings *r)
{
    fputs("<li>Energy: ", out);
    for (size_t i = 0; i < r->methods; i++) {
        fputs(i == 0 ? "" : ", ", out);
        sprout_page_text(out, r->method[i]);
    }
    fputs(r->methods == 0 ? "no method known yet." : ".", out);
    fputs("<li>Grid: ", out);
    for (size_t i = 0; i < r->grids; i++) {
        fputs(i == 0 ? "" : ", ", out);
        sprout_page_text(out, r->grid[i].zone);
        fputs(" ", out);
        sprout_page_text(out, r->grid[i].quality);
        fprintf(out, " (%lld requests)", (long long)r->grid[i].requests);
    }
    fputs(r->grids == 0 ? "none." : ".", out);
}

static void put_adjusted(FILE *out, const struct sprout_estimate_result *e)
{
    char cell[SPROUT_FIGURE];

    if (!e->adjusted) {
        fprintf(out,
                "<li>The intervals are not adjusted by predicted length: %lld "
                "conversations of the holdout have one, %d are needed.",
                (long long)e->holdout_predicted, SPROUT_ESTIMATE_ADJUST_MIN);
        return;
    }
    fprintf(out,
            "<li>The intervals are adjusted by the length predicted before the choice: "
            "energy&#39;s is %s for it",
            sprout_figure_narrower(e->energy_narrower_percent, cell));
    if (!isnan(e->carbon_narrower_percent)) {
        fprintf(out, ", carbon&#39;s %s",
                sprout_figure_narrower(e->carbon_narrower_percent, cell));
    }
    fputs(".", out);
}

/* Gross is above; what judging took, and what is left. */
static void put_net(FILE *out, const struct sprout_savings *r)
{
    const double net = sprout_savings_net_joules(r).value;
    char cell[2][SPROUT_FIGURE];

    if (r->evaluation.answers + r->evaluation.verdicts == 0) {
        return;
    }
    fprintf(out, "<li>Judging quality took %s and %s, not subtracted above",
            sprout_figure_unit(sprout_savings_evaluation_joules(r), "J", cell[0]),
            sprout_figure_unit(sprout_savings_evaluation_grams(r), "g", cell[1]));
    if (!isnan(net)) {
        fprintf(out, "; net of it %s and %s were saved",
                sprout_figure_unit(net, "J", cell[0]),
                sprout_figure_unit(sprout_savings_net_grams(r).value, "g", cell[1]));
    }
    fputs(".", out);
}

static void put_foot(FILE *out, const struct sprout_savings *r)
{
    const struct sprout_estimate_result *const e = &r->saved;

    fputs("<section class=small><h2>Method</h2><ul><li>Location-based: grams are energy "
          "times "
          "the intensity of the grid it was taken from, and a share of the making of the "
          "hardware.",
          out);
    fprintf(out,
            "<li>Saved is measured against conversations that chance kept at L0: %lld of "
            "them, %lld under the mix, compared within %lld groups of rule, stratum and "
            "model.",
            (long long)e->holdout, (long long)e->mix, (long long)e->cells);
    put_adjusted(out, e);
    put_sources(out, r);
    fprintf(out, "<li>Unknown for %lld of %lld requests, which are in no sum of grams.",
            (long long)(r->total.requests - r->total.graded),
            (long long)r->total.requests);
    put_net(out, r);
    if (r->health.missing + r->health.damaged > 0) {
        fprintf(out, "<li>The journal lacks %lld lines and has %lld damaged ones.",
                (long long)r->health.missing, (long long)r->health.damaged);
    }
    fputs("</ul></section></main></body></html>\n", out);
}

void sprout_page_put(FILE *out, const struct sprout_page *p)
{
    put_head(out, p->report);
    put_cards(out, p->report);
    if (p->bins > 0) {
        put_carbon(out, p);
        put_time(out, p);
        for (size_t i = 0; i < SPROUT_PAGE_TABLES; i++) {
            if (p->rows[i] > 1 || i != SPROUT_PAGE_TABLES - 1) {
                put_table(out, p, i);
            }
        }
    }
    put_latency(out, &p->report->latency);
    put_basis(out, p->report);
    put_foot(out, p->report);
}
