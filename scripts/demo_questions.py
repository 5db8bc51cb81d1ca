# SPDX-License-Identifier: Apache-2.0
"""The demo's questions, their order, and whether an answer is right.

The prompts and known answers are those of data/demo (see data/README.md).  Nothing here
knows of levels.
"""

import json
import pathlib
import random
import re

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data/demo"
# How many questions of each task in every twenty: mostly short ones, so that a small machine
# answers enough of them for an estimate; a little reasoning, a few open ones.
TASKS = {"mmlu": 11, "triviaqa": 7, "gsm8k": 1, "mtbench": 1}
# What the client of each task allows an answer, whatever the level.  So small a model
# sometimes repeats itself without end; only reasoning needs more than the others get.
MAX_TOKENS = {"mmlu": 256, "triviaqa": 256, "gsm8k": 512, "mtbench": 256}

MATCH_RULE = ("by string match: the last number (gsm8k), the first option letter (mmlu), "
              "an accepted alias (triviaqa)")


def in_order():
    """Every question once, with its task, in a fixed shuffled order in which each stretch of
    twenty has the tasks in their proportions."""
    chance = random.Random(2023)
    left = {}
    for task in TASKS:
        lines = (FOLDER / f"{task}.jsonl").read_text().splitlines()
        left[task] = [{**json.loads(line), "task": task} for line in lines]
        chance.shuffle(left[task])
    order = []
    while all(len(left[task]) >= share for task, share in TASKS.items()):
        stretch = [left[task].pop() for task, share in TASKS.items() for _ in range(share)]
        chance.shuffle(stretch)
        order += stretch
    return order


def words(text):
    """The words of a text between single blanks, one at each end, case folded."""
    return " " + " ".join(re.findall(r"[^\W_]+", text.casefold())) + " "


def last_number(text):
    numbers = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return float(numbers[-1].replace(",", "")) if numbers else None


def first_option(text):
    """The first of A to D that is set off as an option, "(B)", "B)", "B:" or "B.", or that
    is the whole answer."""
    found = re.search(r"\(([A-D])\)|\b([A-D])[):.]|^([A-D])$", text.strip())
    return next(filter(None, found.groups())) if found else None


def is_correct(question, answer):
    """True or False by MATCH_RULE, None where no answer is known.  It errs both ways (a right
    answer in other words is missed), and the same way at every level."""
    if question["task"] == "gsm8k":
        return last_number(answer) == float(question["answer"])
    if question["task"] == "mmlu":
        return first_option(answer) == question["answer"]
    if question["task"] == "triviaqa":
        said = words(answer)
        return any(alias.strip() and alias in said for alias in map(words, question["answers"]))
    return None
