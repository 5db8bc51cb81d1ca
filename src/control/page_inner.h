/* SPDX-License-Identifier: Apache-2.0 */
/* page_inner.h - what the files of the page share; nobody else includes it. */
#ifndef SPROUT_CONTROL_PAGE_INNER_H
#define SPROUT_CONTROL_PAGE_INNER_H

#include "control/page.h"

/* Colours, fonts and layout, in pieces, the last one NULL; page_style.c. */
extern const char *const sprout_page_style[];

/* Text with the bytes that mean something to HTML escaped. */
void sprout_page_text(FILE *out, const char *text);

/* "27 Nov 14:00"; with `short_form` "27 Nov" or, where a day is much, "14:00". */
void sprout_page_moment(FILE *out, const struct sprout_page *p, int64_t hour,
                        bool short_form);

/* The charts over time: grid, mix, carbon. */
void sprout_page_grid_chart(FILE *out, const struct sprout_page *p);
void sprout_page_mix_chart(FILE *out, const struct sprout_page *p);
void sprout_page_carbon_chart(FILE *out, const struct sprout_page *p);

#endif
