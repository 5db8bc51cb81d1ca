# SPDX-License-Identifier: Apache-2.0
"""`sprout optimize` as a program at the end of a pipe."""
import json
import pathlib
import subprocess

import pytest

SPROUT = pathlib.Path(__file__).resolve().parents[2] / "build" / "sprout"
PROBLEM = {"items": [{"weight": 1, "cost": [4, 2, 1], "quality": [3, 2, 1]}]}


def run(text, *arguments):
    return subprocess.run([SPROUT, "optimize", *arguments], input=text,
                          capture_output=True, timeout=60)


def answers(*lines):
    done = run("\n".join(lines).encode())
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_floor_and_a_budget_are_answered():
    floor, budget = answers(json.dumps(PROBLEM | {"floor": 1.5}),
                            json.dumps(PROBLEM | {"budget": 3}))
    assert floor == {"status": "optimal", "mix": [[0, 0.5, 0.5]],
                     "cost": 1.5, "quality": 1.5, "price": 1}
    assert budget == {"status": "optimal", "mix": [[0.5, 0.5, 0]],
                      "cost": 3, "quality": 2.5, "price": 2}


def test_a_floor_of_accuracy_beside_that_of_quality():
    items = [{"weight": 1, "cost": [4, 2, 1], "quality": [3, 2, 1], "accuracy": [1, 0.5, 0.4]}]
    binds, idle, short = answers(
        json.dumps({"items": items, "floor": 1.5, "accuracy_floor": 0.75}),
        json.dumps({"items": items, "floor": 1.5, "accuracy_floor": 0.4}),
        json.dumps({"items": items, "floor": 1.5, "accuracy_floor": 1.5}))
    assert binds["mix"][0] == pytest.approx([7 / 12, 0, 5 / 12])
    assert binds["accuracy"] == pytest.approx(0.75)
    assert (binds["price"], binds["accuracy_price"]) == (0, pytest.approx(5))
    assert (idle["mix"], idle["price"], idle["accuracy_price"]) == ([[0, 0.5, 0.5]], 1, 0)
    assert idle["accuracy"] == pytest.approx(0.45)
    assert (short["status"], short["mix"]) == ("infeasible", [[1, 0, 0]])


def test_infeasible_gives_the_best_that_can_be_had():
    floor, budget = answers(json.dumps(PROBLEM | {"floor": 4}),
                            json.dumps(PROBLEM | {"budget": 0.5}))
    assert (floor["status"], floor["mix"]) == ("infeasible", [[1, 0, 0]])
    assert (budget["status"], budget["mix"]) == ("infeasible", [[0, 0, 1]])


def test_numbers_come_back_with_all_their_digits():
    third = {"items": [{"weight": 1, "cost": [1, 0], "quality": [1, 0]}], "floor": 1 / 3}
    [answer] = answers(json.dumps(third))
    assert answer["quality"] == 1 / 3 == answer["mix"][0][0]


@pytest.mark.parametrize(("line", "column", "message"), [
    ('{"items":[{"weight":1,"cost":[4,"quality":[3]}],"floor":1}', 42, "expected"),
    ('{"items":[],"floor":0} x', 24, "end of file"),
    ("", 1, "expected"),
    ("[1]", 1, "expected an object"),
    ('{"items":[{"weight":-1,"cost":[4],"quality":[3]}],"floor":1}', 1, "items[0].weight"),
    ('{"items":[{"weight":1,"cost":[4],"quality":[3,2]}],"floor":1}', 1, "items[0]"),
    ('{"items":[{"weight":1,"cost":["4"],"quality":[3]}],"floor":1}', 1, "items[0].cost[0]"),
    ('{"items":[{"weight":1,"cost":[],"quality":[]}],"floor":1}', 1, "one at least"),
    ('{"items":[]}', 1, "floor"),
    ('{"items":[],"floor":0,"budget":1}', 1, "not both"),
    ('{"items":[],"budget":0,"accuracy_floor":1}', 1, "accuracy_floor"),
    ('{"items":[{"weight":1,"cost":[4],"quality":[3]}],"floor":1,"accuracy_floor":1}', 1,
     "items[0]"),
    ('{"items":[{"weight":1,"cost":[4],"quality":[3],"accuracy":[1,2]}],"floor":1,'
     '"accuracy_floor":1}', 1, "items[0].accuracy"),
    ('{"items":[{"weight":1,"cost":[4],"quality":[3],"accuracy":[1e101]}],"floor":1,'
     '"accuracy_floor":1}', 1, "items[0].accuracy[0]"),
    ('{"items":[],"flor":0,"floor":0}', 1, "flor"),
    ('{"items":[],"floor":1e999}', 25, "overflow"),
    ('{"items":[],"floor":1e101}', 1, "1e100"),
])
def test_a_bad_line_says_where_and_does_not_stop_the_next(line, column, message):
    error, good = answers(line, json.dumps(PROBLEM | {"floor": 1}))
    assert error["status"] == "error"
    assert error["column"] == column
    assert message in error["message"]
    assert good["status"] == "optimal"


def test_each_line_is_answered_before_the_next_is_sent():
    with subprocess.Popen([SPROUT, "optimize"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        for floor in (1, 2, 3):
            process.stdin.write(json.dumps(PROBLEM | {"floor": floor}) + "\n")
            assert json.loads(process.stdout.readline())["quality"] == floor


def test_a_long_line_is_a_line_like_any_other():
    n = 200_000
    item = {"weight": 1, "cost": list(range(n)), "quality": list(range(n))}
    [answer] = answers(json.dumps({"items": [item], "floor": n / 2}))
    assert answer["quality"] == pytest.approx(n / 2, abs=1e-9)
    assert len(answer["mix"][0]) == n


def test_a_line_above_the_limit_is_refused_and_the_next_one_answered():
    too_long = b" " * (64 * 1024 * 1024 + 1) + b"\n"
    done = run(too_long + json.dumps(PROBLEM | {"floor": 1}).encode())
    error, good = (json.loads(line) for line in done.stdout.splitlines())
    assert "64 MiB" in error["message"]
    assert good["status"] == "optimal"


def test_nothing_in_is_nothing_out():
    done = run(b"")
    assert (done.returncode, done.stdout) == (0, b"")


def test_help_and_a_wrong_command_line():
    assert run(b"", "--help").stdout.startswith(b"usage: sprout optimize")
    wrong = run(b"", "--floor", "1")
    assert wrong.returncode == 2
    assert b"standard input" in wrong.stderr
