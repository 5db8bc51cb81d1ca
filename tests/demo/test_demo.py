# SPDX-License-Identifier: Apache-2.0
"""./demo, in small: the real model behind the real gateway, a few questions, and the end."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import demo_questions  # noqa: E402

KEYS = ["requests", "levels", "saved_percent", "saved_percent_low", "saved_percent_high",
        "holdout_requests", "correct_l0_percent", "correct_chosen_percent", "errors",
        "energy_method", "grid_zone", "evaluation"]


def start(folder, *options):
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts/demo.py", "--dir", folder, "--minutes", "0.1",
         "--requests", "12", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def processes_of(folder):
    """Processes that have the folder, or the model it wrote of, on their command line."""
    pids = (folder / "pids").read_text().split() if (folder / "pids").exists() else []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line or entry.name in pids:
                yield line


def wait_until(true, seconds):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


def test_a_short_run_ends_well_and_prints_one_object(tmp_path):
    demo = start(tmp_path / "run", "--json")
    out, err = demo.communicate(timeout=280)
    assert demo.returncode == 0, err
    told = json.loads(out)
    assert list(told) == KEYS
    assert told["requests"] == 12 and told["errors"] == 0
    assert sum(level["requests"] for level in told["levels"]) == 12
    assert all(level["output_tokens_mean"] > 0 and level["energy_j"] > 0 and
               level["carbon_g"] > 0 for level in told["levels"])
    assert told["saved_percent"] is None, "twelve requests are not enough for a number"
    assert told["grid_zone"] == "US-CAL-CISO"
    judged = told["evaluation"]
    assert (judged["state"], judged["prompts"], judged["judged"]) == ("done", 6, 6)
    assert all(level["with_reference"] == 6 for level in judged["strata"][0]["levels"])
    assert judged["judge"]["questions"] == 12
    assert not list(processes_of(tmp_path / "run"))


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, number, status):
    demo = start(tmp_path / "run")
    wait_until(lambda: len(list(processes_of(tmp_path / "run"))) >= 4, 60)
    demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode == status
    assert not list(processes_of(tmp_path / "run"))


def test_a_kept_run_still_answers_and_is_not_run_over_by_the_next(tmp_path):
    demo = start(tmp_path / "run", "--keep", "--json")
    out, err = demo.communicate(timeout=280)
    try:
        assert demo.returncode == 0, err
        assert json.loads(out)["errors"] == 0
        status = subprocess.run([ROOT / "build/sprout", "status", "--json", "--dir",
                                 tmp_path / "run"], capture_output=True, text=True, check=True)
        assert json.loads(status.stdout)["ready"] is True
        again = start(tmp_path / "run")
        assert "still runs" in again.communicate(timeout=60)[1] and again.returncode == 69
    finally:
        for pid in (tmp_path / "run/pids").read_text().split():
            os.kill(int(pid), signal.SIGTERM)
        wait_until(lambda: not list(processes_of(tmp_path / "run")), 20)


def test_every_question_comes_once_and_every_stretch_has_the_tasks_in_proportion():
    order = demo_questions.in_order()
    length = sum(demo_questions.TASKS.values())
    assert len({question["id"] for question in order}) == len(order) >= 150
    for first in range(0, len(order), length):
        tasks = [question["task"] for question in order[first:first + length]]
        assert {task: tasks.count(task) for task in tasks} == demo_questions.TASKS


@pytest.mark.parametrize("question, answer, right", [
    ({"task": "gsm8k", "answer": "18"}, "9 x 2 = 18, so $18.", True),
    ({"task": "gsm8k", "answer": "18"}, "18 eggs, then 9 are left", False),
    ({"task": "gsm8k", "answer": "1234"}, "That makes 1,234 dollars", True),
    ({"task": "gsm8k", "answer": "5"}, "I cannot say.", False),
    ({"task": "mmlu", "answer": "B"}, "The answer is (B): because A is wrong", True),
    ({"task": "mmlu", "answer": "B"}, "B", True),
    ({"task": "mmlu", "answer": "B"}, "(A): no, (B): yes", False),
    ({"task": "mmlu", "answer": "B"}, "A cat. It is obvious.", False),
    ({"task": "triviaqa", "answers": ["mars", "4th planet"]}, "It is on Mars.", True),
    ({"task": "triviaqa", "answers": ["mars", "4th planet"]}, "Marshall Islands", False),
    ({"task": "mtbench"}, "A long essay", None),
])
def test_an_answer_is_matched_by_the_rule_that_the_demo_states(question, answer, right):
    assert demo_questions.is_correct(question, answer) is right
