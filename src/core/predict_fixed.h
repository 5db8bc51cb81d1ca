/* SPDX-License-Identifier: Apache-2.0 */
/* predict_fixed.h - logarithm, exponential and root in integers, the same on every machine.
 *
 * Q16 is 1.0 = 65536.  Tables of 65 points and straight lines between them: errors stay
 * under 4e-5 of the value (exponential) and 4e-5 absolute (logarithm).  Pure. */
#ifndef SPROUT_CORE_PREDICT_FIXED_H
#define SPROUT_CORE_PREDICT_FIXED_H

#include <stdint.h>

/* Natural logarithm of x >= 1, Q16; 0 for 0. */
int32_t sprout_fixed_ln(uint64_t x);

/* e^x, both Q16.  x is kept within -24 and +20. */
int64_t sprout_fixed_exp(int64_t x);

/* Floor of the square root. */
uint32_t sprout_fixed_sqrt(uint64_t x);

#endif
