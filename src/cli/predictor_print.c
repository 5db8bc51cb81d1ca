/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_print.c - see predictor_print.h. */
#include "cli/predictor_print.h"

#include <stdio.h>

#include "core/instant.h"
#include "core/predict_model.h"
#include "sim/train.h"

enum { LEVELS = SPROUT_PREDICT_LEVELS, TEXT_MAX = 64 * 1024 };

static double fraction(int32_t fixed)
{
    return (double)fixed / SPROUT_PREDICT_ONE;
}

static double tokens(int32_t fixed)
{
    return (double)fixed / SPROUT_PREDICT_TOKEN;
}

static void print_when(int64_t ns)
{
    char text[40];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_instant_put(&b, (sprout_instant){ns});
    printf("%.*s", (int)b.len, text);
}

/* ---- for a person ---------------------------------------------------------------------- */

static void print_row(const char *name, const double v[LEVELS])
{
    printf("  %-26s", name);
    for (int l = 0; l < LEVELS; l++) {
        printf("  %8.3f", v[l]);
    }
    putchar('\n');
}

static void print_losses(const struct sprout_predict_figures *f)
{
    printf("\nlog loss of preference      %.4f, base rate %.4f: better by %.4f "
           "(standard error %.4f)\n\n",
           f->prefer_loss, f->prefer_base, f->prefer_base - f->prefer_loss,
           f->prefer_gain_error);
    printf("  %-26s  %8s  %8s  %8s\n", "", "L0", "L1", "L2");
    print_row("R2 of log length", f->r2_log);
    print_row("R2 of length", f->r2_tokens);
    if (f->referenced > 0) {
        print_row("log loss of being right", f->right_loss);
        print_row("  by the base rate", f->right_base);
    }
    if (f->maths > 0) {
        printf("\nmaths: %.2f %% recognised, and %.2f %% of the others taken for it\n",
               100 * f->maths_recall, 100 * f->maths_false);
    }
    puts("code: a rule on fences, braces and keywords, not learned");
}

static void print_bins(const char *title,
                       const struct sprout_predict_bin bin[LEVELS][SPROUT_PREDICT_BINS])
{
    printf("\n%s\n  %-12s", title, "predicted");
    for (int l = 0; l < LEVELS; l++) {
        printf("  L%d: said  came  prompts", l);
    }
    putchar('\n');
    for (int b = 0; b < SPROUT_PREDICT_BINS; b++) {
        printf("  %.1f to %.1f  ", b / 10.0, (b + 1) / 10.0);
        for (int l = 0; l < LEVELS; l++) {
            const struct sprout_predict_bin *const x = &bin[l][b];
            if (x->count == 0) {
                printf("  %23s", "-");
            } else {
                printf("  %8.3f %5.3f %8lld", x->predicted, x->came_true,
                       (long long)x->count);
            }
        }
        putchar('\n');
    }
}

void sprout_predictor_print(const struct sprout_predictor *p)
{
    const struct sprout_predict_figures *const f = &p->model->figures;
    printf("predictor %016llx, format %u, %llu bytes\n", (unsigned long long)p->id,
           p->model->format, (unsigned long long)p->model->bytes);
    printf("trained   ");
    print_when(f->trained_at);
    printf(", seed %llu\non        %s\n          %lld prompts, %lld judged, %lld with a "
           "reference\n",
           (unsigned long long)f->seed, f->trained_on, (long long)f->prompts,
           (long long)f->judged, (long long)f->referenced);
    printf("\nOn prompts held out, in %d folds:\n", SPROUT_TRAIN_FOLDS);
    print_losses(f);
    printf(
        "unlike anything trained on: %.2f %% of them (%.0f %% or more of the words and "
        "pairs unseen)\n",
        100 * f->unlike, 100 * fraction(p->model->unlike_from));
    print_bins("calibration of preference, held out", f->prefer);
    if (f->referenced > 0) {
        print_bins("calibration of being right, held out", f->right);
    }
}

void sprout_prediction_print(const struct sprout_prediction *p)
{
    printf("kind %s (maths %.2f), %.0f %% unseen%s\n", sprout_kind_text(p->kind),
           fraction(p->maths), 100 * fraction(p->unseen),
           p->unlike ? ": unlike anything trained on" : "");
    for (int l = 0; l < LEVELS; l++) {
        printf("  L%d  preferred %.3f", l, fraction(p->quality[l]));
        if (p->right[l] >= 0) {
            printf("  right %.3f", fraction(p->right[l]));
        }
        printf("  tokens %.1f\n", tokens(p->tokens[l]));
    }
}

/* ---- for a program --------------------------------------------------------------------- */

static void put_number(struct sprout_buf *b, const char *name, double v)
{
    sprout_buf_printf(b, ",\"%s\":", name);
    sprout_buf_f64(b, v);
}

static void put_levels(struct sprout_buf *b, const char *name, const double v[LEVELS])
{
    sprout_buf_printf(b, ",\"%s\":[", name);
    for (int l = 0; l < LEVELS; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",") : SPROUT_STR(""));
        sprout_buf_f64(b, v[l]);
    }
    sprout_buf_byte(b, ']');
}

static void put_bins(struct sprout_buf *b, const char *name,
                     const struct sprout_predict_bin bin[LEVELS][SPROUT_PREDICT_BINS])
{
    sprout_buf_printf(b, ",\"%s\":[", name);
    for (int l = 0; l < LEVELS; l++) {
        sprout_buf_put(b, l > 0 ? SPROUT_STR(",[") : SPROUT_STR("["));
        for (int i = 0; i < SPROUT_PREDICT_BINS; i++) {
            const struct sprout_predict_bin *const x = &bin[l][i];
            sprout_buf_printf(b, "%s{\"count\":%lld", i > 0 ? "," : "",
                              (long long)x->count);
            put_number(b, "predicted", x->predicted);
            put_number(b, "came_true", x->came_true);
            sprout_buf_byte(b, '}');
        }
        sprout_buf_byte(b, ']');
    }
    sprout_buf_byte(b, ']');
}

static void put_figures(struct sprout_buf *b, const struct sprout_predict_figures *f)
{
    sprout_buf_printf(b,
                      ",\"seed\":%llu,\"prompts\":%lld,\"judged\":%lld,"
                      "\"referenced\":%lld,\"maths\":%lld,\"trained_on\":",
                      (unsigned long long)f->seed, (long long)f->prompts,
                      (long long)f->judged, (long long)f->referenced,
                      (long long)f->maths);
    sprout_buf_json(b, sprout_str_of(f->trained_on));
    put_number(b, "log_loss", f->prefer_loss);
    put_number(b, "log_loss_base", f->prefer_base);
    put_number(b, "log_loss_gain_error", f->prefer_gain_error);
    put_levels(b, "r2_log_length", f->r2_log);
    put_levels(b, "r2_length", f->r2_tokens);
    put_levels(b, "right_log_loss", f->right_loss);
    put_levels(b, "right_log_loss_base", f->right_base);
    put_number(b, "maths_recall", f->maths_recall);
    put_number(b, "maths_false", f->maths_false);
    put_number(b, "unlike", f->unlike);
    put_bins(b, "calibration", f->prefer);
    put_bins(b, "right_calibration", f->right);
}

static void print_buf(const struct sprout_buf *b)
{
    printf("%.*s\n", (int)b->len, b->ptr);
}

void sprout_predictor_print_json(const struct sprout_predictor *p)
{
    char text[TEXT_MAX];
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_printf(
        &b, "{\"id\":\"%016llx\",\"format\":%u,\"bytes\":%llu,\"trained\":\"",
        (unsigned long long)p->id, p->model->format, (unsigned long long)p->model->bytes);
    sprout_instant_put(&b, (sprout_instant){p->model->figures.trained_at});
    sprout_buf_byte(&b, '"');
    put_figures(&b, &p->model->figures);
    put_number(&b, "unlike_from", fraction(p->model->unlike_from));
    sprout_buf_byte(&b, '}');
    print_buf(&b);
}

void sprout_prediction_print_json(const struct sprout_prediction *p)
{
    char text[1024];
    double quality[LEVELS], right[LEVELS], length[LEVELS], ln[LEVELS];
    for (int l = 0; l < LEVELS; l++) {
        quality[l] = fraction(p->quality[l]);
        right[l] = p->right[l] < 0 ? NAN : fraction(p->right[l]);
        length[l] = tokens(p->tokens[l]);
        ln[l] = fraction(p->log_tokens[l]);
    }
    struct sprout_buf b = sprout_buf_of(text, sizeof text);
    sprout_buf_printf(&b, "{\"kind\":\"%s\"", sprout_kind_text(p->kind));
    put_number(&b, "maths", fraction(p->maths));
    put_number(&b, "unseen", fraction(p->unseen));
    sprout_buf_printf(&b, ",\"unlike\":%s", p->unlike ? "true" : "false");
    put_levels(&b, "quality", quality);
    put_levels(&b, "right", right);
    put_levels(&b, "tokens", length);
    put_levels(&b, "log_tokens", ln);
    sprout_buf_byte(&b, '}');
    print_buf(&b);
}
