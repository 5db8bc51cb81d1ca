/* SPDX-License-Identifier: Apache-2.0 */
/* plot.c - see plot.h.
 *
 * A panel maps data to a rectangle; everything else is lines, text and marks in it.
 * Colours are Okabe and Ito's, which stay apart for colour-blind readers and in grey. */
#include "sim/plot.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/instant.h"

enum {
    WIDTH = 960,
    LEFT = 72,
    RIGHT = 790, /* the legend's column begins here */
    TIME_HEIGHT = 620,
    FRONTIER_HEIGHT = 620,
    TICKS = 5,
    LEGEND_LINE = 18,
    LABEL_GAP = 14,
};

static const char *const colours[] = {"#000000", "#0072b2", "#d55e00", "#009e73",
                                      "#cc79a7", "#e69f00", "#56b4e9", "#999999"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

static const char *const level_colours[] = {"#bdbdbd", "#7fbf7b", "#1b7837", "#404040"};

static const char *colour_of(size_t i)
{
    return colours[i % COLOURS];
}

struct panel {
    FILE *to;
    double x0, x1, y0, y1; /* of the rectangle; y0 is its lower edge */
    double left, right;    /* of the data */
    double low, high;
};

static double px(const struct panel *p, double x)
{
    return p->x0 + (x - p->left) / (p->right - p->left) * (p->x1 - p->x0);
}

static double py(const struct panel *p, double y)
{
    return p->y0 - (y - p->low) / (p->high - p->low) * (p->y0 - p->y1);
}

static void open_svg(FILE *to, int height, const char *title)
{
    fprintf(
        to,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\" font-family=\"Helvetica, Arial, sans-serif\" "
        "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
        "<text x=\"%d\" y=\"26\" font-size=\"15\" font-weight=\"bold\">%s</text>\n",
        WIDTH, height, WIDTH, height, LEFT, title);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them fit. */
static double nice_step(double range)
{
    const double raw = range / TICKS;
    const double power = pow(10, floor(log10(raw)));
    const double f = raw / power;
    return power * (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10);
}

static void draw_y_axis(const struct panel *p, const char *label)
{
    const double step = nice_step(p->high - p->low);
    for (double y = ceil(p->low / step) * step; y <= p->high + step * 1e-9; y += step) {
        const double at = py(p, y);
        fprintf(
            p->to,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e5e5\"/>\n"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n",
            p->x0, at, p->x1, at, p->x0 - 6, at + 4, fabs(y) < step * 1e-9 ? 0 : y);
    }
    fprintf(p->to,
            "<text x=\"16\" y=\"%.1f\" text-anchor=\"middle\" "
            "transform=\"rotate(-90 16 %.1f)\">%s</text>\n",
            (p->y0 + p->y1) / 2, (p->y0 + p->y1) / 2, label);
}

static void draw_frame(const struct panel *p)
{
    fprintf(p->to,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
            "stroke=\"#333333\"/>\n",
            p->x0, p->y1, p->x1 - p->x0, p->y0 - p->y1);
}

static void legend_entry(FILE *to, double y, const char *colour, bool box,
                         const char *text)
{
    if (box) {
        fprintf(to,
                "<rect x=\"%d\" y=\"%.1f\" width=\"18\" height=\"10\" fill=\"%s\"/>\n",
                RIGHT + 14, y - 9, colour);
    } else {
        fprintf(to,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" "
                "stroke-width=\"2.5\"/>\n",
                RIGHT + 14, y - 4, RIGHT + 32, y - 4, colour);
    }
    fprintf(to, "<text x=\"%d\" y=\"%.1f\">%s</text>\n", RIGHT + 38, y, text);
}

/* ---- over time ----------------------------------------------------------------------- */

enum series { SERIES_CI, SERIES_GRAMS };

static double series_at(const struct sprout_world *w, const struct sprout_sim_run *r,
                        enum series s, size_t h)
{
    return s == SERIES_CI ? w->hour[h].ci.v : r->hour[h].grams * 1000;
}

static void draw_series(const struct panel *p, const struct sprout_world *w,
                        const struct sprout_sim_run *r, enum series s, const char *colour)
{
    fprintf(p->to, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.2\" points=\"",
            colour);
    for (size_t h = 0; h < w->hours; h++) {
        fprintf(p->to, "%.1f,%.1f ", px(p, (double)h), py(p, series_at(w, r, s, h)));
    }
    fputs("\"/>\n", p->to);
}

static double series_max(const struct sprout_world *w, const struct sprout_sim_run *r,
                         enum series s)
{
    double max = 0;
    for (size_t h = 0; h < w->hours; h++) {
        max = fmax(max, series_at(w, r, s, h));
    }
    return max > 0 ? max : 1;
}

/* One area per option, stacked from L0 at the bottom. */
static void draw_mix(const struct panel *p, const struct sprout_sim_run *r)
{
    for (size_t o = 0; o < r->options; o++) {
        fprintf(p->to, "<polygon stroke=\"none\" fill=\"%s\" points=\"",
                level_colours[o]);
        for (size_t i = 0; i < 2 * r->hours; i++) {
            const bool back = i >= r->hours;
            const size_t h = back ? 2 * r->hours - 1 - i : i;
            double y = 0;
            for (size_t k = 0; k < o + (back ? 0 : 1); k++) {
                y += r->hour[h].mix[k];
            }
            fprintf(p->to, "%.1f,%.1f ", px(p, (double)h), py(p, y));
        }
        fputs("\"/>\n", p->to);
    }
}

static void draw_time_axis(const struct panel *p, const struct sprout_world *w)
{
    const double step = fmax(24, 24 * ceil((double)w->hours / 24 / 8));
    for (double h = 0; h < (double)w->hours; h += step) {
        char text[32];
        struct sprout_buf b = sprout_buf_of(text, sizeof text);
        sprout_instant_put(&b, sprout_world_begins(w, (size_t)h));
        fprintf(
            p->to,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#333333\"/>\n"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.10s</text>\n",
            px(p, h), p->y0, px(p, h), p->y0 + 5, px(p, h), p->y0 + 19, text);
    }
}

/* The policy whose mix is shown: ours if it ran, else the paper's, else the last. */
static size_t shown_mix(const struct sprout_experiment *e, size_t from, size_t to)
{
    static const char *const preferred[] = {"prompt", "sprout"};
    for (size_t n = 0; n < sizeof preferred / sizeof preferred[0]; n++) {
        for (size_t i = from; i < to; i++) {
            if (strcmp(sprout_experiment_run_at(e, i)->policy, preferred[n]) == 0) {
                return i;
            }
        }
    }
    return to - 1;
}

static void draw_zone(FILE *to, const struct sprout_experiment *e, size_t from,
                      size_t end)
{
    static const char *const level_names[] = {"L0", "L1", "L2", "7B"};
    const struct sprout_world *const w = sprout_experiment_world(e, from);
    const struct sprout_sim_run *const shown =
        sprout_experiment_run_at(e, shown_mix(e, from, end));
    char title[128], label[64];
    struct sprout_buf t = sprout_buf_of(title, sizeof title);
    sprout_buf_printf(&t, "%s: carbon per request and mix of levels", w->zone);
    title[t.len] = '\0';
    open_svg(to, TIME_HEIGHT, title);

    struct panel p = {.to = to, .x0 = LEFT, .x1 = RIGHT, .right = (double)(w->hours - 1)};
    p.right = fmax(p.right, 1);
    p.y1 = 44;
    p.y0 = 164;
    p.high = 1.05 * series_max(w, sprout_experiment_run_at(e, from), SERIES_CI);
    draw_y_axis(&p, "grid, g/kWh");
    draw_series(&p, w, sprout_experiment_run_at(e, from), SERIES_CI, "#555555");
    draw_frame(&p);

    p.y1 = 184;
    p.y0 = 414;
    p.high = 0;
    for (size_t i = from; i < end; i++) {
        p.high = fmax(p.high,
                      1.05 * series_max(w, sprout_experiment_run_at(e, i), SERIES_GRAMS));
    }
    draw_y_axis(&p, "carbon, mg per request");
    for (size_t i = from; i < end; i++) {
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
        draw_series(&p, w, r, SERIES_GRAMS, colour_of(i - from));
        legend_entry(to, 196 + LEGEND_LINE * (double)(i - from), colour_of(i - from),
                     false, r->policy);
    }
    draw_frame(&p);

    p.y1 = 434;
    p.y0 = 574;
    p.high = 1;
    draw_mix(&p, shown);
    struct sprout_buf b = sprout_buf_of(label, sizeof label);
    sprout_buf_printf(&b, "mix of %s", shown->policy);
    label[b.len] = '\0';
    draw_y_axis(&p, label);
    for (size_t o = 0; o < shown->options; o++) {
        const char *const name =
            shown->options == 2 && o == 1 ? level_names[3] : level_names[o];
        legend_entry(to, 446 + LEGEND_LINE * (double)o, level_colours[o], true, name);
    }
    draw_frame(&p);
    draw_time_axis(&p, w);
    fputs("</svg>\n", to);
}

/* ---- saved against quality ----------------------------------------------------------- */

static void draw_mark(const struct panel *p, double quality, double saved,
                      const char *colour, double radius, double opacity)
{
    fprintf(
        p->to,
        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\"%.2f\" "
        "stroke=\"#ffffff\" stroke-width=\"0.8\"/>\n",
        px(p, quality), py(p, saved), radius, colour, opacity);
}

static void draw_x_axis(const struct panel *p, const char *label)
{
    const double step = nice_step(p->right - p->left);
    for (double x = ceil(p->left / step) * step; x <= p->right + step * 1e-9; x += step) {
        fprintf(
            p->to,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e5e5\"/>\n"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.6g</text>\n",
            px(p, x), p->y0, px(p, x), p->y1, px(p, x), p->y0 + 18, x);
    }
    fprintf(p->to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
            (p->x0 + p->x1) / 2, p->y0 + 40, label);
}

static void fit(struct panel *p, const struct sprout_experiment *e)
{
    p->left = p->low = INFINITY;
    p->right = p->high = -INFINITY;
    for (size_t i = 0; i < sprout_experiment_run_count(e); i++) {
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
        p->left = fmin(p->left, 100 * r->quality);
        p->right = fmax(p->right, 100 * r->quality);
        p->low = fmin(p->low, 100 * r->saved);
        p->high = fmax(p->high, 100 * r->saved);
    }
    p->left -= 2;
    p->right += 2;
    p->low -= 6;
    p->high += 8;
}

static void draw_policy(const struct panel *p, const struct sprout_experiment *e,
                        size_t first, size_t policies)
{
    const size_t runs = sprout_experiment_run_count(e);
    double quality = 0, saved = 0, n = 0;
    for (size_t i = first; i < runs; i += policies) {
        const struct sprout_sim_run *const r = sprout_experiment_run_at(e, i);
        draw_mark(p, 100 * r->quality, 100 * r->saved, colour_of(first), 3.5, 0.45);
        quality += 100 * r->quality;
        saved += 100 * r->saved;
        n++;
    }
    draw_mark(p, quality / n, saved / n, colour_of(first), 7, 1);
    fprintf(p->to,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"%s\">%s</text>\n",
            px(p, quality / n), py(p, saved / n) - LABEL_GAP, colour_of(first),
            sprout_experiment_run_at(e, first)->policy);
    char text[96];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_printf(&b, "%s %.1f / %.1f", sprout_experiment_run_at(e, first)->policy,
                      saved / n, quality / n);
    text[b.len] = '\0';
    legend_entry(p->to, 78 + LEGEND_LINE * (double)first, colour_of(first), true, text);
}

static void draw_frontier(FILE *to, const struct sprout_experiment *e, size_t policies)
{
    struct panel p = {
        .to = to, .x0 = LEFT, .x1 = RIGHT, .y0 = FRONTIER_HEIGHT - 60, .y1 = 44};
    open_svg(to, FRONTIER_HEIGHT, "Carbon saved against quality kept");
    fprintf(to, "<text x=\"%d\" y=\"58\" fill=\"#555555\">saved / quality, %%</text>\n",
            RIGHT + 14);
    fit(&p, e);
    draw_x_axis(&p, "quality, % of always-L0");
    draw_y_axis(&p, "carbon saved, % of always-L0");
    fprintf(to,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#555555\" "
            "stroke-dasharray=\"4 3\"/>\n",
            px(&p, 100), p.y0, px(&p, 100), p.y1);
    draw_frame(&p);
    for (size_t i = 0; i < policies; i++) {
        draw_policy(&p, e, i, policies);
    }
    fputs("</svg>\n", to);
}

/* ---- files --------------------------------------------------------------------------- */

static FILE *open_plot(const char *folder, const char *name, char *path, size_t size,
                       struct sprout_error *err)
{
    struct sprout_buf b = sprout_buf_of(path, size - 1);
    sprout_buf_printf(&b, "%s/%s.svg", folder, name);
    path[b.full ? 0 : b.len] = '\0';
    FILE *const f = b.full ? NULL : fopen(path, "w");
    if (f == NULL) {
        sprout_fail(err, SPROUT_IO, "%s/%s.svg: cannot open for writing: %s", folder,
                    name, strerror(errno));
    }
    return f;
}

static enum sprout_status close_plot(FILE *f, const char *path, struct sprout_error *err)
{
    const bool bad = ferror(f) != 0;
    return fclose(f) != 0 || bad ? sprout_fail(err, SPROUT_IO, "%s: cannot write", path)
                                 : SPROUT_OK;
}

enum sprout_status sprout_plot_write(const char *folder,
                                     const struct sprout_experiment *e,
                                     struct sprout_error *err)
{
    const size_t runs = sprout_experiment_run_count(e);
    char path[SPROUT_EXPERIMENT_PATH_MAX];
    size_t policies = 1;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return sprout_fail(err, SPROUT_IO, "%s: cannot make the folder: %s", folder,
                           strerror(errno));
    }
    while (policies < runs &&
           sprout_experiment_world(e, policies) == sprout_experiment_world(e, 0)) {
        policies++;
    }
    for (size_t i = 0; i < runs; i += policies) {
        FILE *const f = open_plot(folder, sprout_experiment_world(e, i)->zone, path,
                                  sizeof path, err);
        if (f == NULL) {
            return SPROUT_IO;
        }
        draw_zone(f, e, i, i + policies);
        const enum sprout_status st = close_plot(f, path, err);
        if (st != SPROUT_OK) {
            return st;
        }
    }
    FILE *const f = open_plot(folder, "frontier", path, sizeof path, err);
    if (f == NULL) {
        return SPROUT_IO;
    }
    draw_frontier(f, e, policies);
    return close_plot(f, path, err);
}
