/* SPDX-License-Identifier: Apache-2.0 */
/* page_chart.c - the page's charts over time.
 *
 * A plot is an SVG stretched to its box (0 to 1000 across, 0 to 100 down); strokes do not
 * scale.  Labels stand beside it in HTML.  Each step of time has a transparent bar over the
 * whole height whose title a pointer shows. */
#include <math.h>

#include "control/figure.h"
#include "control/page_inner.h"
#include "core/instant.h"

enum { WIDTH = 1000, HEIGHT = 100, TICKS = 4, LABELS = 5 };

static double x_of(const struct sprout_page *p, double bin)
{
    return bin * WIDTH / (double)p->bins;
}

static double y_of(double v, double top)
{
    return HEIGHT - v * HEIGHT / top;
}

/* The least round number at or above `v`. */
static double round_up(double v)
{
    if (!(v > 0)) {
        return 1;
    }
    const double ten = pow(10, floor(log10(v)));
    static const double steps[] = {1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10};
    size_t i = 0;
    while (steps[i] * ten < v * (1 - 1e-9) && i + 1 < sizeof steps / sizeof steps[0]) {
        i++;
    }
    return steps[i] * ten;
}

/* ---- the frame ------------------------------------------------------------------------- */

static void put_moment_title(FILE *out, const struct sprout_page *p, size_t bin)
{
    sprout_page_moment(out, p, p->first_hour + (int64_t)bin * p->step, false);
}

/* Digits after the point that tell the ticks below `top` apart. */
static int tick_digits(double top)
{
    return top >= 40 ? 0 : top >= 4 ? 1 : top >= 0.4 ? 2 : 4;
}

static void begin_plot(FILE *out, const char *label, double top, const char *unit)
{
    char text[SPROUT_FIGURE];

    fprintf(out, "<div class=plot><div class=unit>%s</div><div class=ys>", unit);
    for (int i = TICKS; i >= 0; i -= 2) {
        const int digits = i == 0 ? 0 : tick_digits(top);
        fprintf(out, "<span>%s</span>", sprout_figure(top * i / TICKS, digits, text));
    }
    fprintf(out,
            "</div><svg viewBox=\"0 0 %d %d\" preserveAspectRatio=none role=img "
            "aria-label=\"%s\">",
            WIDTH, HEIGHT, label);
    for (int i = 1; i <= TICKS; i++) {
        const double y = HEIGHT - (double)i * HEIGHT / TICKS;
        fprintf(out, "<path class=rule d=\"M0 %.2fH%d\"/>", y, WIDTH);
    }
}

static void end_plot(FILE *out, const struct sprout_page *p)
{
    fputs("<path class=axis d=\"M0 100H1000\"/></svg><div class=xs>", out);
    const size_t labels = p->bins < LABELS ? p->bins : LABELS;
    for (size_t i = 0; i < labels; i++) {
        const size_t bin = labels == 1 ? 0 : i * (p->bins - 1) / (labels - 1);
        fprintf(out, "<span%s>", i % 2 == 1 ? " class=opt" : "");
        sprout_page_moment(out, p, p->first_hour + (int64_t)bin * p->step, true);
        fputs("</span>", out);
    }
    fputs("</div></div>", out);
}

static void begin_hit(FILE *out, const struct sprout_page *p, size_t bin)
{
    fprintf(out, "<g class=hit><rect x=\"%.2f\" y=0 width=\"%.2f\" height=100 /><title>",
            x_of(p, (double)bin), x_of(p, 1));
    put_moment_title(out, p, bin);
}

static void end_hit(FILE *out)
{
    fputs("</title></g>", out);
}

/* ---- lines ----------------------------------------------------------------------------- */

typedef double value_fn(const struct sprout_page *p, const struct sprout_page_bin *b);

/* A line of steps; where nothing is known it is broken. */
static void put_steps(FILE *out, const struct sprout_page *p, const char *class,
                      value_fn *value, double top)
{
    bool open = false;

    fprintf(out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < p->bins; i++) {
        const double v = value(p, &p->bin[i]);
        if (isnan(v)) {
            open = false;
            continue;
        }
        if (open) {
            fprintf(out, "V%.2f", y_of(v, top));
        } else {
            fprintf(out, "M%.2f %.2f", x_of(p, (double)i), y_of(v, top));
        }
        fprintf(out, "H%.2f", x_of(p, (double)i + 1));
        open = true;
    }
    fputs("\"/>", out);
}

/* What lies between two values of each step. */
static void put_area(FILE *out, const struct sprout_page *p, const char *class,
                     value_fn *low, value_fn *high, double top)
{
    fprintf(out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < p->bins; i++) {
        const double a = low(p, &p->bin[i]), b = high(p, &p->bin[i]);
        if (!isnan(a) && !isnan(b)) {
            fprintf(out, "M%.2f %.2fH%.2fV%.2fH%.2fZ", x_of(p, (double)i), y_of(a, top),
                    x_of(p, (double)i + 1), y_of(b, top), x_of(p, (double)i));
        }
    }
    fputs("\"/>", out);
}

static double greatest(const struct sprout_page *p, value_fn *value)
{
    double most = 0;
    for (size_t i = 0; i < p->bins; i++) {
        const double v = value(p, &p->bin[i]);
        most = v > most ? v : most;
    }
    return most;
}

/* ---- grid ------------------------------------------------------------------------------ */

static double zero(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    (void)p, (void)b;
    return 0;
}

static double intensity(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    (void)p;
    return b->gridded > 0 ? b->intensity / b->gridded : NAN;
}

void sprout_page_grid_chart(FILE *out, const struct sprout_page *p)
{
    const double top = round_up(greatest(p, intensity));

    begin_plot(out, "Carbon intensity of the grid over time", top, "g/kWh");
    put_area(out, p, "grid-area", zero, intensity, top);
    put_steps(out, p, "grid-line", intensity, top);
    for (size_t i = 0; i < p->bins; i++) {
        const double v = intensity(p, &p->bin[i]);
        if (!isnan(v)) {
            begin_hit(out, p, i);
            fprintf(out, "\n%.0f g/kWh", v);
            end_hit(out);
        }
    }
    end_plot(out, p);
}

/* ---- mix ------------------------------------------------------------------------------- */

static void put_mix_bin(FILE *out, const struct sprout_page *p, size_t bin)
{
    const struct sprout_page_bin *const b = &p->bin[bin];
    double below = 0;

    for (size_t l = 0; l < p->levels; l++) {
        const double share = (double)b->level[l] / (double)b->requests;
        if (b->level[l] > 0) {
            fprintf(out,
                    "<rect class=\"l%zu\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                    "height=\"%.2f\"/>",
                    l, x_of(p, (double)bin), HEIGHT * (1 - below - share),
                    x_of(p, 1) + 0.4, HEIGHT * share);
        }
        below += share;
    }
}

void sprout_page_mix_chart(FILE *out, const struct sprout_page *p)
{
    begin_plot(out, "Share of each level over time", 100, "%");
    for (size_t i = 0; i < p->bins; i++) {
        const struct sprout_page_bin *const b = &p->bin[i];
        if (b->requests == 0) {
            continue;
        }
        put_mix_bin(out, p, i);
        begin_hit(out, p, i);
        for (size_t l = 0; l < p->levels; l++) {
            fputc('\n', out);
            sprout_page_text(out, p->level[l]);
            fprintf(out, " %.0f %%", 100 * (double)b->level[l] / (double)b->requests);
        }
        fprintf(out, "\n%lld requests", (long long)b->requests);
        end_hit(out);
    }
    end_plot(out, p);
}

/* ---- carbon ---------------------------------------------------------------------------- */

static double per_hour(const struct sprout_page *p, const struct sprout_page_bin *b,
                       double grams)
{
    return b->graded > 0 ? grams / (double)p->step : NAN;
}

static double actual(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    return per_hour(p, b, b->grams);
}

static double l0(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    return per_hour(p, b, sprout_page_l0(b, p->l0));
}

static double l0_low(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    return per_hour(p, b, sprout_page_l0(b, p->l0_low));
}

static double l0_high(const struct sprout_page *p, const struct sprout_page_bin *b)
{
    return per_hour(p, b, sprout_page_l0(b, p->l0_high));
}

static void put_carbon_title(FILE *out, const struct sprout_page *p, size_t bin)
{
    const struct sprout_page_bin *const b = &p->bin[bin];
    char cell[4][SPROUT_FIGURE];

    begin_hit(out, p, bin);
    fprintf(out, "\nemitted %s/h\nat L0 %s/h",
            sprout_figure_unit(actual(p, b), "g", cell[0]),
            sprout_figure_unit(l0(p, b), "g", cell[1]));
    if (p->measured) {
        fprintf(out, " (%s to %s)", sprout_figure_unit(l0_low(p, b), "g", cell[2]),
                sprout_figure_unit(l0_high(p, b), "g", cell[3]));
    }
    end_hit(out);
}

void sprout_page_carbon_chart(FILE *out, const struct sprout_page *p)
{
    const double a = greatest(p, actual), b = greatest(p, l0_high);
    const double top = round_up(a > b ? a : b);

    begin_plot(out, "Carbon per hour, emitted and at L0", top, "g/h");
    if (p->measured) {
        put_area(out, p, "band", l0_low, l0_high, top);
    }
    put_area(out, p, "actual-area", zero, actual, top);
    put_steps(out, p, "actual-line", actual, top);
    put_steps(out, p, p->measured ? "l0-line" : "l0-line expected", l0, top);
    for (size_t i = 0; i < p->bins; i++) {
        if (p->bin[i].graded > 0) {
            put_carbon_title(out, p, i);
        }
    }
    end_plot(out, p);
}
