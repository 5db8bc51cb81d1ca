# SPDX-License-Identifier: Apache-2.0
"""What users say of answers: taken in by the admin API, compared with the holdout."""
import contextlib
import json
import random
import sqlite3
import time
import urllib.error
import urllib.request

import pytest
from evaluation import Control, answering, judging, prompts, sprout, url
from up import wait_until
from upstream import Upstream


@pytest.fixture
def control(tmp_path, upstream):
    it = Control(tmp_path / "data", f"http://127.0.0.1:{upstream.port}")
    wait_until((it.dir / "control.addr").exists, what="control.addr")
    yield it
    it.stop()


def call(control, path, body=None, **headers):
    base = "http://" + (control.dir / "control.addr").read_text().strip()
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def say(control, request, feedback):
    return call(control, "/v1/feedback", {"request": request, "feedback": feedback})


def told(control):
    return call(control, "/v1/status")[1]["feedback"]


def serve(control, count, level, arm, name, stratum="all"):
    """Receipts of requests NAME-0, NAME-1, ... as ingest would have written them."""
    db = sqlite3.connect(control.dir / "ledger.db", timeout=20)
    with contextlib.closing(db), db:
        series = db.execute("INSERT INTO series(level, model, arm, rule, stratum, method) "
                            "VALUES(?, 'm', ?, '', ?, '')", (level, arm, stratum)).lastrowid
        db.execute("INSERT OR IGNORE INTO workers(id, name, last_seq, missing, seen) "
                   "VALUES(1, 'w', 0, 0, 0)")
        db.execute("INSERT OR IGNORE INTO slots(id, zone, quality, at) "
                   "VALUES(1000, 'Z', 'live', 0)")
        db.executemany(
            "INSERT INTO receipts(worker, seq, at, series, slot, request, stream, usage, "
            "outcome) VALUES(1, ?, ?, ?, 1000, ?, 0, 'reported', 'ok')",
            [(series * 100000 + i, int(time.time() * 1e6), series, f"{name}-{i}")
             for i in range(count)])


def test_the_last_word_holds_and_is_counted_once(control):
    serve(control, 1, "L1", "mix", "a")
    assert say(control, "a-0", "down") == (200, {"request": "a-0", "value": -1, "known": True})
    assert say(control, "a-0", "down")[0] == 200
    feedback = told(control)
    assert (feedback["ratings"], feedback["alarms"]) == (1, 0)
    assert say(control, "a-0", 0.5)[1]["value"] == 0.5
    [level] = told(control)["levels"]
    assert level["treated"] == {"ratings": 1, "disliked": 0.25}
    assert level["holdout"] == {"ratings": 0, "disliked": None}


def test_what_comes_before_its_receipt_waits_for_it(control):
    assert say(control, "late-0", "up") == (200, {"request": "late-0", "value": 1,
                                                 "known": False})
    assert (told(control)["ratings"], told(control)["waiting"]) == (0, 1)
    serve(control, 1, "L2", "mix", "late")
    assert (told(control)["ratings"], told(control)["waiting"]) == (1, 0)


@pytest.mark.parametrize("body, expected", [
    (b"{", "JSON object"), (b"[]", "JSON object"), ({"feedback": "up"}, "request"),
    ({"request": "", "feedback": "up"}, "request"),
    ({"request": "x" * 4000, "feedback": "up"}, "request"),
    ({"request": "x"}, "up"), ({"request": "x", "feedback": "nice"}, "up"),
    ({"request": "x", "feedback": 2}, "-1 to 1"),
    ({"request": "x", "feedback": True}, "-1 to 1"),
])
def test_what_is_no_feedback_is_refused_with_what_was_expected(control, body, expected):
    code, why = call(control, "/v1/feedback", body)
    assert code == 400 and expected in why
    assert told(control)["waiting"] == 0


def test_other_sites_long_bodies_and_other_methods_are_refused(control):
    good = {"request": "x", "feedback": "up"}
    assert call(control, "/v1/feedback", good, Origin="https://evil.example")[0] == 403
    assert call(control, "/v1/feedback", good, Host="evil.example")[0] == 403
    assert call(control, "/v1/feedback", b"x" * 5000)[0] == 413
    assert call(control, "/v1/feedback")[0] == 405
    assert told(control)["waiting"] == 0


def test_short_answers_that_annoy_raise_an_alarm(control):
    random.seed(1)
    serve(control, 400, "L2", "mix", "short")
    serve(control, 400, "L0", "holdout", "long")
    for i in range(400):
        for name, bad in (("short", 0.3), ("long", 0.1)):
            assert say(control, f"{name}-{i}", "down" if random.random() < bad else "up")[0] == 200
        if told(control)["alarms"]:
            break
    feedback = told(control)
    [level] = feedback["levels"]
    assert level["alarm"] and level["level"] == "L2" and feedback["alarms"] == 1
    assert level["treated"]["disliked"] > level["holdout"]["disliked"]
    base = "http://" + (control.dir / "control.addr").read_text().strip()
    with urllib.request.urlopen(base + "/metrics", timeout=20) as answer:
        assert b"\nsprout_feedback_alarms 1\n" in answer.read()


# ---- what follows ----------------------------------------------------------------------------

def annoy(control, count=300, stratum="all"):
    random.seed(1)
    serve(control, count, "L2", "mix", "short", stratum)
    serve(control, count, "L0", "holdout", "long", stratum)
    for i in range(count):
        for name, bad in (("short", 0.5), ("long", 0.1)):
            assert say(control, f"{name}-{i}", "down" if random.random() < bad else "up")[0] == 200
        if i % 25 == 24 and told(control)["alarms"]:
            return
    raise AssertionError("no alarm")


def levels_of(control):
    policy = json.loads((control.dir / "policy.json").read_text())
    return {rule["name"]: rule.get("levels") for rule in policy["rules"]}


def test_an_alarm_is_shown_and_changes_nothing_by_itself(control):
    annoy(control)
    assert "ALARM    all, L2: disliked more" in sprout("status", "--dir", control.dir).stdout
    report = json.loads(sprout("report", "--dir", control.dir, "--json").stdout)
    assert report["feedback"]["alarms"] == 1
    words = sprout("report", "--dir", control.dir).stdout
    assert "What users say" in words and "ALARM" in words
    assert told(control)["withdrawn"] == [] and "withdrawn-by-users" not in levels_of(control)


def test_a_level_is_withdrawn_until_it_is_judged_again(tmp_path, upstream):
    (tmp_path / "sprout.yaml").write_text("feedback: {withdraw: true}\nrules: [{name: mine, "
                                          "match: {header: x-a}, levels: [L1, L2]}]\n")
    control = Control(tmp_path / "data", url(upstream), "--config", str(tmp_path / "sprout.yaml"))
    try:
        annoy(control)
        wait_until(lambda: "withdrawn-by-users" in levels_of(control), what="withdrawal")
        assert levels_of(control)["withdrawn-by-users"] == ["L0", "L1"]
        assert levels_of(control)["mine"] == ["L1"]
        assert told(control)["withdrawn"] == ["L2"]
        assert "L2 is withdrawn" in sprout("status", "--dir", control.dir).stdout
        judge = Upstream()
        judge.default = judging(lambda levels, _: levels.index(1))
        upstream.default = answering
        done = sprout("evaluate", "--dir", control.dir, "--judge", url(judge), "--judge-model",
                      "j", "--prompts", prompts(tmp_path / "p.jsonl", 3))
        judge.stop()
        assert done.returncode == 0, done.stderr
        wait_until(lambda: "withdrawn-by-users" not in levels_of(control), what="its return")
        assert told(control)["withdrawn"] == []
    finally:
        control.stop()


def test_a_level_is_withdrawn_from_the_kind_whose_users_dislike_it(tmp_path, upstream):
    (tmp_path / "sprout.yaml").write_text("feedback: {withdraw: true}\nrules: [{name: mine, "
                                          "match: {header: x-a}, levels: [L1, L2]}]\n")
    control = Control(tmp_path / "data", url(upstream), "--config", str(tmp_path / "sprout.yaml"))
    try:
        annoy(control, stratum="maths")
        wait_until(lambda: "withdrawn-by-users:maths" in levels_of(control), what="withdrawal")
        levels = levels_of(control)
        assert levels["withdrawn-by-users:maths"] == ["L0", "L1"]
        assert levels["mine:maths"] == ["L1"] and levels["mine"] == ["L1", "L2"]
        assert "withdrawn-by-users" not in levels
        assert told(control)["withdrawn"] == []
        assert told(control)["withdrawn_of"] == {"maths": ["L2"]}
        assert "L2 is withdrawn from maths" in sprout("status", "--dir", control.dir).stdout

        body = tmp_path / "bodies.jsonl"
        body.write_text("".join(json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": text}]}) + "\n" for text in (
                "Natalia sold clips to 48 of her friends in April, and then she sold half as many "
                "clips in May. How many clips did Natalia sell altogether in April and May?",
                "Who wrote the novel Moby Dick?")))
        out = sprout("policy", "test", "--dir", control.dir, "--bodies", body, "--json")
        assert out.returncode == 0, out.stderr
        maths, other = [json.loads(line) for line in out.stdout.splitlines()]
        assert maths["rule"] == "withdrawn-by-users:maths" and other["rule"] is None
    finally:
        control.stop()


def test_who_comes_back_after_short_answers_raises_an_alarm(control):
    serve(control, 1, "L1", "mix", "none")  # the tables of the ledger
    old, rows = int(time.time() * 1e6) - 4_000_000_000, []
    db = sqlite3.connect(control.dir / "ledger.db", timeout=20)
    with contextlib.closing(db), db:
        for level, arm, often in (("L2", "mix", 2), ("L0", "holdout", 20)):
            series = db.execute(
                "INSERT INTO series(level, model, arm, rule, stratum, method) "
                "VALUES(?, 's', ?, '', 'all', '')", (level, arm)).lastrowid
            rows += [(series * 100000 + i * 2 + turn, old + i * 1000 + turn * 10_000_000, series,
                      series * 100000 + i, 100 + turn * 50)
                     for i in range(400) for turn in range(1 + (i % often == 0))]
        rows.sort(key=lambda row: row[1])  # as they would have come
        db.executemany(
            "INSERT INTO receipts(worker, seq, at, series, slot, conversation, bytes_in, "
            "duration_us, stream, usage, outcome) VALUES(1, ?, ?, ?, 1000, ?, ?, 1000, 0, "
            "'reported', 'ok')", rows)
    signs = wait_until(lambda: (s := told(control)["signs"])["conversations"] > 700 and s,
                       what="the signs")
    assert (signs["returned"], signs["repeated"], signs["alarms"]) == (220, 0, 1)
    [level] = signs["levels"]
    assert level["level"] == "L2" and level["treated"]["came_back"] == pytest.approx(0.5)
    assert "people come back" in sprout("status", "--dir", control.dir).stdout
    assert "Who comes back" in sprout("report", "--dir", control.dir).stdout
