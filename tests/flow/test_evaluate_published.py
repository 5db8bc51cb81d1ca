# SPDX-License-Identifier: Apache-2.0
"""The published verdicts, given by a judge: of each task the shares come out as published, and
the policy that follows is the one computed from them directly."""
import csv
import itertools
import json
import math

import pytest
from evaluation import Control, answering, judging, sprout, url
from up import ROOT, wait_until
from upstream import Upstream

DATA = ROOT.parent / "shared/data"
TASKS = ("alpaca", "gsm8k", "mmlu", "naturalqa", "scienceqa", "triviaqa")
PROMPTS = 50  # of each task

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")


def judged_prompts(task):
    """Judged prompts at even distances, so that nothing depends on their order."""
    lines = [json.loads(line) for line in (DATA / f"llama2/{task}.jsonl").open()]
    lines = [line for line in lines if line.get("preferred") in ("L0", "L1", "L2")]
    return [lines[i * len(lines) // PROMPTS] for i in range(PROMPTS)]


def published(task):
    with (DATA / "paper/task_means.csv").open() as file:
        return [float(row["preferred_share"]) for row in csv.DictReader(file)
                if row["task"] == task and row["option"] in ("L0", "L1", "L2")]


def test_of_each_task_the_shares_are_the_published_ones(tmp_path, upstream):
    upstream.default = answering
    judge = Upstream()
    control = Control(tmp_path / "data", url(upstream))
    control.stop()
    try:
        for task in TASKS:
            chosen = judged_prompts(task)
            numbered = {f"[{i}] {line['prompt']}": int(line["preferred"][1])
                        for i, line in enumerate(chosen)}
            path = tmp_path / f"{task}.jsonl"
            path.write_text("".join(json.dumps({"prompt": p, "kind": task}) + "\n"
                                    for p in numbered))

            def as_published(levels, request, numbered=numbered):
                text = request["messages"][-1]["content"].split("\n\n-----")[0]
                return levels.index(numbered[text.removeprefix("The request:\n\n")])

            judge.default = judging(as_published)
            done = sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream),
                          "--judge", url(judge), "--judge-model", "gpt-4", "--prompts", path,
                          "--concurrency", "4", "--json")
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            assert (told["judged"], told["unreadable"]) == (PROMPTS, 0)
            wins = [sum(stratum["levels"][level]["wins"] for stratum in told["strata"])
                    for level in range(3)]  # of whatever kinds the predictor takes them for
            mine = [list(numbered.values()).count(level) for level in range(3)]
            assert wins == [2 * n for n in mine], task
            for n, q in zip(mine, published(task)):
                sigma = math.sqrt(q * (1 - q) / PROMPTS)
                assert abs(n / PROMPTS - q) < 4 * sigma, (task, n, q)
            assert told["judge"]["agrees_with_itself"] == 1
            assert told["judge"]["slots"] == pytest.approx([1 / 3] * 3, abs=0.12)
    finally:
        control.stop()
        judge.stop()


# ---- the policy that follows ---------------------------------------------------------------

CONFIG = """
predictor: {weights: none}
grid: {source: static, static_g_per_kwh: 320}
carbon: {pue: 1.2}
quality: {rule: fixed, floor: 0.97, budget_window: hour, shares: [0.5, 0.3, 0.2],
          certainty: 0.8, half_life_days: 3650}
"""
PRIOR, PRIOR_WEIGHT = (0.5, 0.3, 0.2), 30
EMBODIED_G_PER_S = 26356.568 / (5 * 365 * 86400)  # of one A100, as the paper


def beta_cdf(a, b, x, steps=2000):
    """By Simpson's rule, for a and b well above 1."""
    log_b = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    def density(t):
        return 0 if t <= 0 or t >= 1 else math.exp(
            (a - 1) * math.log(t) + (b - 1) * math.log(1 - t) - log_b)

    h = x / steps
    inner = sum((4 if i % 2 else 2) * density(i * h) for i in range(1, steps))
    return h / 3 * (density(0) + inner + density(x))


def cautious(alpha, level, certainty):
    """q_l / q_0 = B / (1 - B), B ~ Beta(alpha_l, alpha_0): what is reached with `certainty`."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = ((middle, high)
                     if beta_cdf(alpha[level], alpha[0], middle) < 1 - certainty
                     else (low, middle))
    return low / (1 - low)


def optimum(cost, quality, floor):
    """The LP of one item by its vertices: one option or two of which the floor is met
    exactly.  Cost, shares, and the slope between the two."""
    found = []
    for a, b in itertools.product(range(3), repeat=2):
        if a == b and quality[a] >= floor:
            found.append((cost[a], [float(i == a) for i in range(3)], 0))
        elif quality[a] < floor <= quality[b]:
            x = (floor - quality[a]) / (quality[b] - quality[a])
            found.append((cost[a] + x * (cost[b] - cost[a]),
                          [x if i == b else 1 - x if i == a else 0 for i in range(3)],
                          (cost[b] - cost[a]) / (quality[b] - quality[a])))
    return min(found)


def test_the_policy_is_the_one_that_follows_from_the_verdicts_directly(tmp_path, upstream):
    """All tasks in one evaluation, judged as published.  What the plan then serves is
    computed here from the counts alone: prior, posterior, caution, costs, the LP."""
    upstream.default = answering
    (tmp_path / "sprout.yaml").write_text(CONFIG)
    control = Control(tmp_path / "data", url(upstream), "--config", tmp_path / "sprout.yaml")
    chosen = [line for task in TASKS for line in judged_prompts(task)[::2]]
    numbered = {f"[{i}] {line['prompt']}": int(line["preferred"][1])
                for i, line in enumerate(chosen)}
    counts = [list(numbered.values()).count(level) for level in range(3)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"prompt": p}) + "\n"
                                              for p in numbered))

    def as_published(levels, request):
        text = request["messages"][-1]["content"].split("\n\n-----")[0]
        return levels.index(numbered[text.removeprefix("The request:\n\n")])

    def explained():
        return json.loads(sprout("policy", "explain", "--dir", control.dir, "--json").stdout)

    judge = Upstream()
    judge.default = judging(as_published)
    try:
        done = sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream), "--judge",
                      url(judge), "--judge-model", "gpt-4", "--prompts", tmp_path / "p.jsonl",
                      "--concurrency", "4", "--json")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: (explained()["verdicts"] or {}).get("verdicts") == 2 * len(chosen),
                   60, "a policy that knows the verdicts")
        told = explained()
    finally:
        control.stop()
        judge.stop()

    alpha = [PRIOR_WEIGHT * share + n for share, n in zip(PRIOR, counts)]
    quality = [1, cautious(alpha, 1, 0.8), cautious(alpha, 2, 0.8)]
    cost = [320 * 1.2 * level["energy_j"] / 3.6e6 + EMBODIED_G_PER_S * level["time_s"]
            for level in told["levels"]]
    assert [level["quality"] for level in told["levels"]] == pytest.approx(quality, abs=1e-6)
    assert [level["grams"] for level in told["levels"]] == pytest.approx(cost, rel=1e-9)
    grams, mix, price = optimum(cost, quality, 0.97)
    assert [level["share"] for level in told["levels"]] == pytest.approx(mix, abs=1e-6)
    assert told["price"] == pytest.approx(price, rel=1e-6)
    assert told["mix"]["grams"] == pytest.approx(grams, rel=1e-6)
    assert price > 0 and sum(share > 0 for share in mix) == 2  # the floor binds, or it is idle
