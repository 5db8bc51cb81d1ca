# SPDX-License-Identifier: Apache-2.0
"""The published verdicts, given by a judge: of each task the shares come out as published."""
import csv
import json
import math

import pytest
from evaluation import Control, answering, judging, sprout, url
from up import ROOT
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
            wins = [level["wins"] for level in told["strata"][0]["levels"]]
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
