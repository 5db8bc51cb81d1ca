/* SPDX-License-Identifier: Apache-2.0 */
/* predict_fixed.c - see predict_fixed.h. */
#include "core/predict_fixed.h"

enum { STEPS = 64, STEP_BITS = 10 }; /* a table step is 2^10 of 2^16 */

#define LN2   INT64_C(2977044472) /* ln 2, Q32 */
#define LOG2E INT64_C(6196328019) /* 1 / ln 2, Q32 */

/* log2(1 + i / 64), Q16. */
static const int32_t log_table[STEPS + 1] = {
    0,     1466,  2909,  4331,  5732,  7112,  8473,  9814,  11136, 12440, 13727,
    14996, 16248, 17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711, 26830,
    27936, 29029, 30109, 31178, 32234, 33279, 34312, 35334, 36346, 37346, 38336,
    39316, 40286, 41246, 42196, 43137, 44068, 44990, 45904, 46809, 47705, 48593,
    49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410, 56229, 57040, 57845,
    58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536,
};

/* 2^(i / 64), Q16. */
static const int32_t exp_table[STEPS + 1] = {
    65536,  66250,  66971,  67700,  68438,  69183,  69936,  70698,  71468,  72246,
    73032,  73828,  74632,  75444,  76266,  77096,  77936,  78785,  79642,  80510,
    81386,  82273,  83169,  84074,  84990,  85915,  86851,  87796,  88752,  89719,
    90696,  91684,  92682,  93691,  94711,  95743,  96785,  97839,  98905,  99982,
    101070, 102171, 103283, 104408, 105545, 106694, 107856, 109031, 110218, 111418,
    112631, 113858, 115098, 116351, 117618, 118899, 120194, 121502, 122825, 124163,
    125515, 126882, 128263, 129660, 131072,
};

/* The table at `fraction` (Q16, under 1). */
static int32_t between(const int32_t table[STEPS + 1], uint32_t fraction)
{
    const uint32_t i = fraction >> STEP_BITS;
    const int32_t rest = (int32_t)(fraction & ((1u << STEP_BITS) - 1));
    return table[i] + (int32_t)(((table[i + 1] - table[i]) * rest) >> STEP_BITS);
}

int32_t sprout_fixed_ln(uint64_t x)
{
    if (x == 0) {
        return 0;
    }
    const int exponent = 63 - __builtin_clzll(x);
    const uint64_t top = x << (63 - exponent); /* leading bit at 63 */
    const int64_t log2 =
        ((int64_t)exponent << 16) + between(log_table, (top >> 47) & 0xffff);
    return (int32_t)((log2 * LN2) >> 32);
}

int64_t sprout_fixed_exp(int64_t x)
{
    const int64_t least = -24 * 65536, most = 20 * 65536;
    x = x < least ? least : x > most ? most : x;
    const int64_t log2 = (x * LOG2E) >> 32;
    const int64_t whole = log2 >> 16;
    const int64_t power = between(exp_table, (uint32_t)(log2 & 0xffff));
    if (whole >= 0) {
        return power << whole;
    }
    return whole < -17 ? 0 : power >> -whole;
}

uint32_t sprout_fixed_sqrt(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 62; bit != 0; bit >>= 2) {
        const uint64_t next = root + bit;
        root >>= 1;
        if (x >= next) {
            x -= next;
            root += bit;
        }
    }
    return (uint32_t)root;
}
