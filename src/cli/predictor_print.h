/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_print.h - what a predictor says of itself, for a person or a program. */
#ifndef SPROUT_CLI_PREDICTOR_PRINT_H
#define SPROUT_CLI_PREDICTOR_PRINT_H

#include "core/predict.h"

void sprout_predictor_print(const struct sprout_predictor *p);
void sprout_predictor_print_json(const struct sprout_predictor *p);

/* One prediction. */
void sprout_prediction_print(const struct sprout_prediction *p);
void sprout_prediction_print_json(const struct sprout_prediction *p);

#endif
