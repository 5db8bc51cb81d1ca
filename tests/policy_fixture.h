/* SPDX-License-Identifier: Apache-2.0 */
/* policy_fixture.h - a small valid policy for tests, by value: change it and look.
 *
 * Three levels, one stratum, no rules.  The salt is fixed, so that draws repeat. */
#ifndef SPROUT_TESTS_POLICY_FIXTURE_H
#define SPROUT_TESTS_POLICY_FIXTURE_H

#include "core/policy.h"

struct policy_fixture {
    struct sprout_policy policy;
    struct sprout_stratum stratum;
    struct sprout_rule rules[3];
    struct sprout_policy_profile profile;
};

/* Points into *f: keep it where it is. */
static inline struct sprout_policy *policy_fixture_init(struct policy_fixture *f)
{
    *f = (struct policy_fixture){
        .stratum = {.name = SPROUT_STR("all"),
                    .mix = {0.2, 0.5, 0.3},
                    .level = {{0.40, {1000}, {4.0}, 170, 10},
                              {0.38, {300}, {1.2}, 50, 20},
                              {0.22, {100}, {0.4}, 17, 30}}},
        .policy = {.id = SPROUT_STR("p-1"),
                   .created = {INT64_C(1000) * SPROUT_NS_PER_SECOND},
                   .valid_until = {INT64_C(2000) * SPROUT_NS_PER_SECOND},
                   .salt = {0x0123456789abcdef, 0xfedcba9876543210},
                   .floor = 0.9,
                   .levels = {{SPROUT_STR("L0"), {"", 0}},
                              {SPROUT_STR("L1"), SPROUT_STR("Answer briefly.")},
                              {SPROUT_STR("L2"), SPROUT_STR("Answer very briefly.")}},
                   .level_count = 3,
                   .stratum_count = 1,
                   .grid = {.zone = SPROUT_STR("GB"),
                            .source = SPROUT_STR("csv"),
                            .quality = SPROUT_STR("replayed"),
                            .intensity = {360}}},
    };
    f->policy.strata = &f->stratum;
    f->policy.rules = f->rules;
    f->policy.carbon = sprout_carbon_paper;
    return &f->policy;
}

/* A rule that matches everything and changes nothing. */
static inline struct sprout_rule *policy_fixture_rule(struct policy_fixture *f)
{
    struct sprout_rule *r = &f->rules[f->policy.rule_count++];
    *r = (struct sprout_rule){.name = SPROUT_STR("rule"), .floor = NAN};
    return r;
}

#endif
