# SPDX-License-Identifier: Apache-2.0
"""`sprout evaluate`: answers at every level, a judge, the ledger, and every way it goes wrong."""
import contextlib
import json
import random
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from evaluation import (Control, answering, judging, level_of, prompts, shown, sprout, url)
from up import SPROUT, wait_until
from upstream import STALL, Reply, chat_reply


def evaluate(folder, upstream, judge, *more, **how):
    flags = ["--judge", url(judge), "--judge-model", "j"] if judge else []
    return sprout("evaluate", "--dir", folder, "--upstream", url(upstream), *flags, *more,
                  "--json", **how)


def asked(server):
    return [e for e in server.exchanges if e.target == "/v1/chat/completions"]


def test_every_prompt_is_answered_at_every_level_and_judged_in_both_orders(
        tmp_path, folder, upstream, judge):
    done = evaluate(folder, upstream, judge, "--prompts", prompts(tmp_path / "p.jsonl", 6))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["prompts"], told["judged"]) == ("done", 6, 6)
    assert (told["answers"], told["verdicts"], told["unreadable"]) == (18, 12, 0)
    assert sorted(level_of(e.json) for e in asked(upstream)) == [0] * 6 + [1] * 6 + [2] * 6
    assert all(e.json["model"] == "m-1" for e in asked(upstream))
    orders = [tuple(shown(e.json)) for e in asked(judge)]
    assert len(set(orders)) == 6 and all(orders.count(o) == 2 for o in orders)
    [stratum] = told["strata"]
    assert [level["wins"] for level in stratum["levels"]] == [0, 12, 0]
    assert [level["tokens_mean"] for level in stratum["levels"]] == [60, 20, 6]
    card = told["judge"]
    assert card["agrees_with_itself"] == 1 and card["unreadable_share"] == 0
    assert card["slots"] == pytest.approx([1 / 3] * 3)
    assert told["tokens"] == 6 * (3 * 20 + 86) + 12 * 208 and told["energy_j"] > 0
    assert not list((folder / "spool").iterdir()), "texts are deleted once judged"
    said = sprout("report", "--dir", folder).stdout  # gross and net, of both
    assert re.search(r"took 18 answers and 12 verdicts, [\d ]+ J and [\d.]+ g", said), said


def test_what_training_needs_is_kept_until_learning_is_switched_off(
        tmp_path, folder, upstream, judge):
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in (
        "Is a zyzzyva a beetle?", "Is a zyzzyva a beetle?", "What is a quagga?")))
    assert evaluate(folder, upstream, judge, "--prompts", path).returncode == 0
    control = Control(folder, url(upstream))
    try:
        [(one,), (same,), (other,)] = control.ledger(
            "SELECT features FROM examples ORDER BY item")
        assert one == same != other and 40 < len(one) < 200
        assert b"zyzzyva" not in one
    finally:
        control.stop()
    (tmp_path / "sprout.yaml").write_text("predictor: {learn: false}\n")
    control = Control(folder, url(upstream), "--config", str(tmp_path / "sprout.yaml"))
    try:
        wait_until(lambda: control.ledger("SELECT count(*) FROM examples") == [(0,)],
                   what="no examples")
        assert control.ledger("SELECT value FROM meta WHERE name = 'learn'") == [("off",)]
        assert sprout("evaluate", "--dir", folder, "--upstream", url(upstream), "--judge",
                      url(judge), "--judge-model", "j", "--prompts", path).returncode == 0
        assert control.ledger("SELECT count(*) FROM examples") == [(0,)]
    finally:
        control.stop()


def test_the_directive_stands_where_nginx_puts_it(tmp_path, folder, upstream, judge):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"messages": [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "Why?"}]}) + "\n")
    assert evaluate(folder, upstream, judge, "--prompts", path).returncode == 0
    systems = {e.json["messages"][0]["content"] for e in asked(upstream)}
    assert systems == {"You are kind.", "You are kind.\n\nAnswer briefly.",
                       "You are kind.\n\nAnswer very briefly, in one short sentence."}


def test_references_say_right_or_wrong_without_a_judge(tmp_path, folder, upstream):
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (
        {"prompt": "Which level?", "reference": ["level 2", "answer of level 2"]},
        {"prompt": "What number?", "answer": -1},
        {"prompt": "An essay?"})))
    told = json.loads(evaluate(folder, upstream, None, "--prompts", path).stdout)
    levels = told["strata"][0]["levels"]
    assert [(level["right"], level["with_reference"]) for level in levels] == [
        (0, 2), (1, 2), (1, 2)]
    assert levels[1]["accuracy"] == 0.5 and levels[1]["accuracy_low"] < 0.5
    assert told["verdicts"] == 0 and levels[0]["share"] is None


def test_pairwise_compares_each_level_with_l0(tmp_path, folder, upstream, judge):
    judge.default = judging(lambda levels, _: levels.index(min(levels)))
    told = json.loads(evaluate(folder, upstream, judge, "--form", "pairwise", "--prompts",
                               prompts(tmp_path / "p.jsonl", 4)).stdout)
    pairs = [tuple(shown(e.json)) for e in asked(judge)]
    assert {pairs.count(p) for p in ((0, 1), (1, 0), (0, 2), (2, 0))} == {4}
    assert [(level["wins"], level["compared"]) for level in told["strata"][0]["levels"]] == [
        (16, 16), (0, 8), (0, 8)]


def kinds_taken(folder, run):
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as db:
        return {kind: (count, weight) for kind, count, weight in db.execute(
            "SELECT kind, count(*), sum(weight) FROM evaluation_items WHERE run = ? "
            "GROUP BY kind", (run,))}


def test_kinds_whose_quality_is_least_known_are_asked_more(tmp_path, folder, upstream, judge):
    known, both = tmp_path / "known.jsonl", tmp_path / "both.jsonl"
    prompts(known, 60, kind="known")
    both.write_text(known.read_text() + prompts(tmp_path / "n.jsonl", 60, kind="new").read_text()
                    + prompts(tmp_path / "r.jsonl", 6, kind="rare").read_text())
    assert evaluate(folder, upstream, judge, "--prompts", known, "--concurrency",
                    "8").returncode == 0
    done = evaluate(folder, upstream, judge, "--prompts", both, "--n", 24, "--concurrency", "8")
    assert json.loads(done.stdout)["prompts"] == 24, done.stderr
    taken = kinds_taken(folder, 2)
    assert taken["new"][0] > 2 * taken["known"][0], taken
    assert taken["rare"][0] == taken["known"][0] == 2, "each has a third of the quarter"
    # Together they stand for what is in the file.
    assert {kind: weight for kind, (_, weight) in taken.items()} == pytest.approx(
        {"known": 24 * 60 / 126, "new": 24 * 60 / 126, "rare": 24 * 6 / 126})


@pytest.mark.parametrize("said", ["I like the second one.", "", "{\"best\": \"D\"}",
                                  "La réponse B est la meilleure"])
def test_what_cannot_be_read_is_asked_once_more_and_then_counted(
        tmp_path, folder, upstream, judge, said):
    judge.default = judging(lambda levels, request: said)
    told = json.loads(evaluate(folder, upstream, judge, "--prompts",
                               prompts(tmp_path / "p.jsonl", 2)).stdout)
    assert (told["verdicts"], told["unreadable"]) == (4, 4)
    assert len(asked(judge)) == 8
    assert told["strata"][0]["levels"][0]["share"] is None
    assert told["tokens"] == 2 * 146 + 8 * 208, "a reply that is no use was paid for too"


def test_a_judge_that_wants_time_is_given_it_and_answers_go_on(
        tmp_path, folder, upstream, judge):
    judge.script(Reply([b"slow down"], status="429 Too Many Requests",
                       headers=[("Retry-After", "2")]),
                 Reply([b"oops"], status="503 Service Unavailable", headers=[]))
    began = time.monotonic()
    done = evaluate(folder, upstream, judge, "--prompts", prompts(tmp_path / "p.jsonl", 3))
    told = json.loads(done.stdout)
    assert time.monotonic() - began >= 2
    assert (told["judged"], told["unreadable"]) == (3, 0)
    assert len(asked(upstream)) == 9
    assert "429" in done.stderr and "too many requests" in done.stderr


@pytest.mark.parametrize("status, words", [
    ("401 Unauthorized", "the key is not accepted"),
    ("402 Payment Required", "out of quota")])
def test_out_of_patience_it_stays_open_and_goes_on_later(
        tmp_path, folder, upstream, judge, status, words):
    judge.default = lambda _: Reply([b"no"], status=status)
    done = evaluate(folder, upstream, judge, "--patience", "1", "--prompts",
                    prompts(tmp_path / "p.jsonl", 2))
    assert done.returncode == 69 and words in done.stderr, done.stderr
    assert "goes on" in done.stderr
    [line] = sprout("evaluations", "--dir", folder, "--json").stdout.splitlines()
    assert json.loads(line)["state"] == "open" and words in json.loads(line)["note"]
    judge.default = judging(lambda levels, _: 0)
    told = json.loads(sprout("evaluate", "--dir", folder, "--json").stdout)
    assert (told["state"], told["judged"], told["verdicts"]) == ("done", 2, 4)
    assert len(asked(upstream)) == 6, "no answer was paid for twice"


def test_the_key_is_sent_and_stands_nowhere(tmp_path, folder, upstream, judge):
    key = tmp_path / "key"
    key.write_text("sk-verysecret\n")
    done = evaluate(folder, upstream, judge, "--judge-key-file", key, "--prompts",
                    prompts(tmp_path / "p.jsonl", 1))
    assert {e.header("Authorization") for e in asked(judge)} == {"Bearer sk-verysecret"}
    assert asked(upstream)[0].header("Authorization") is None
    assert "verysecret" not in done.stdout + done.stderr
    for path in folder.rglob("*"):
        assert not path.is_file() or b"verysecret" not in path.read_bytes(), path


def test_it_waits_while_the_upstream_has_no_idle_slot(tmp_path, folder, upstream, judge):
    busy = []

    def with_slots(exchange):
        if exchange.target == "/slots":
            busy.append(len(busy) < 2)
            return Reply([json.dumps([{"id": 0, "is_processing": busy[-1]}]).encode()])
        return answering(exchange)

    upstream.default = with_slots
    done = evaluate(folder, upstream, judge, "--prompts", prompts(tmp_path / "p.jsonl", 1))
    assert done.returncode == 0 and "no idle slot" in done.stderr
    first = next(i for i, e in enumerate(upstream.exchanges)
                 if e.target == "/v1/chat/completions")
    assert [e.target for e in upstream.exchanges[:first]].count("/slots") == 3


def test_a_dry_run_asks_nobody(tmp_path, folder, upstream, judge):
    told = json.loads(evaluate(folder, upstream, judge, "--dry-run", "--prompts",
                               prompts(tmp_path / "p.jsonl", 10)).stdout)
    assert (told["prompts"], told["answers"], told["questions"]) == (10, 30, 20)
    assert told["energy_j"] > told["judge_energy_j"] > 0 and told["judge_energy_estimated"]
    assert not upstream.exchanges and not judge.exchanges


def test_a_bad_line_is_named(tmp_path, folder, upstream, judge):
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "a"}\n\n{"promt": "b"}\n')
    done = evaluate(folder, upstream, judge, "--prompts", path)
    assert done.returncode != 0
    assert f'{path}:3: expected a "prompt"' in done.stderr
    assert not upstream.exchanges


def test_a_running_control_does_the_work_and_plans_anew(tmp_path, upstream, judge):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream))
    try:
        done = sprout("evaluate", "--dir", control.dir, "--judge", url(judge),
                      "--judge-model", "j", "--json", "--prompts",
                      prompts(tmp_path / "p.jsonl", 4))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["judged"] == 4
        status = sprout("status", "--dir", control.dir)
        assert "evaluation 1 is done: 4 of 4 prompts, 8 verdicts" in status.stdout
        newest = json.loads(sprout("status", "--dir", control.dir, "--json").stdout)[
            "evaluation"]["newest"]
        assert newest["finished"] and (newest["state"], newest["done"]) == ("done", 4)
    finally:
        control.stop()
    assert "evaluation-done" in (tmp_path / "data.log").read_text()


def test_killed_ten_times_it_ends_with_every_verdict_once_and_no_answer_twice(
        tmp_path, upstream, judge):
    """Kills at random moments.  An answer that arrived just before a kill may be lost and made
    again: nobody had written it down.  No other is asked for twice."""
    def slowly(reply):
        return lambda exchange: Reply([0.1, *reply(exchange).pieces])

    upstream.default = slowly(answering)
    judge.default = slowly(judging(lambda levels, _: levels.index(1)))
    control = Control(tmp_path / "data", url(upstream))
    chance = random.Random(7)
    kills, watcher = [], None
    try:
        watcher = subprocess.Popen(
            [SPROUT, "evaluate", "--dir", control.dir, "--judge", url(judge), "--judge-model",
             "j", "--concurrency", "4", "--prompts",
             str(prompts(tmp_path / "p.jsonl", 60)), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wait_until(lambda: len(asked(upstream)) > 3, 30, "the first answers")
        watcher.kill()  # nobody needs to watch
        for _ in range(10):
            done = control.ledger("SELECT count(*) FROM evaluation_answers")[0][0]
            wait_until(lambda: control.ledger(
                "SELECT count(*) FROM evaluation_answers")[0][0] > done, 30, "an answer")
            time.sleep(chance.uniform(0, 0.2))
            kills.append(time.monotonic())
            control.kill()
            control.start()
        wait_until(lambda: control.ledger("SELECT state FROM evaluations") == [("done",)],
                   60, "the end")
        [(answers, items)] = control.ledger(
            "SELECT count(*), count(DISTINCT item) FROM evaluation_answers")
        assert (answers, items) == (180, 60)
        assert control.ledger("SELECT count(*), min(best) > 0 FROM evaluation_verdicts") == [
            (120, 1)]
        # What was answered and then asked again was answered just before a kill.
        first = {}
        for exchange in (e for e in asked(upstream) if e.closed is None):
            before = first.setdefault(exchange.body, exchange)
            if before is not exchange:
                answered = before.arrived + 0.1
                assert any(-0.2 < kill - answered < 1.0 for kill in kills), (answered, kills)
    finally:
        if watcher is not None:
            watcher.kill()
            watcher.wait()
            watcher.stdout.close()
        control.stop()
    assert not list((tmp_path / "data/spool").iterdir())


def test_stopped_it_lets_go_at_once(tmp_path, upstream, judge):
    upstream.default = lambda e: (Reply([STALL]) if e.method == "POST" else answering(e))
    control = Control(tmp_path / "data", url(upstream))
    watcher = subprocess.Popen(
        [SPROUT, "evaluate", "--dir", control.dir, "--judge", url(judge), "--judge-model",
         "j", "--prompts", str(prompts(tmp_path / "p.jsonl", 1))],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: asked(upstream), 30, "the first question")
        began = time.monotonic()
        control.stop()
        assert time.monotonic() - began < 5
        upstream.wait_closed(asked(upstream)[0])
    finally:
        watcher.kill()
        watcher.wait()
        control.stop()


HEADER = ("Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
          "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,"
          "Data Source,Data Estimated")


def valley(hour):
    """Dirty half of the day, clean the other, cleanest at six."""
    return 300 if hour % 24 >= 12 else 100 + 10 * abs(hour % 24 - 6)


def replayed(tmp_path, start, more="", speed=3600):
    """A month of valleys, played from `start`, as a rule at an hour a second."""
    grid = tmp_path / "grid.csv"
    rows = [f"2023-02-{1 + hour // 24:02d} {hour % 24:02d}:00:00,GB,GB,GB,{valley(hour)},"
            f"{valley(hour)},50,50,x,false" for hour in range(24 * 28)]
    grid.write_text("\n".join([HEADER, *rows]) + "\n")
    (tmp_path / "sprout.yaml").write_text(
        f'grid: {{source: csv, csv: {{file: {grid}, start: "{start}", speed: {speed}}}}}\n' + more)
    return str(tmp_path / "sprout.yaml")


def grid_hour(control):
    status = json.loads(sprout("status", "--dir", control.dir, "--json").stdout)
    return int(status["grid"]["clock"][11:13])


def judge_flags(judge):
    return ["--judge", url(judge), "--judge-model", "j", "--judge-max-tokens", "20"]


def test_by_hand_it_waits_for_the_clean_hour_and_says_so(tmp_path, upstream, judge):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream), "--config",
                      replayed(tmp_path, "2023-02-20T06:00Z"))
    command = [SPROUT, "evaluate", "--dir", str(control.dir), *judge_flags(judge), "--prompts",
               str(prompts(tmp_path / "p.jsonl", 1))]
    waiting = None
    try:
        sprout(*command[1:], "--now")
        assert len(asked(upstream)) == 3, "the first does not wait"
        # Seven hours later it is dirty; the next low is a day after this one.
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        line = waiting.stderr.readline()
        assert re.match(r"waiting for a clean hour: about 1\d\d g/kWh in \d+ h, at most "
                        r"\d+ h left; --now begins at once", line), line
        wait_until(lambda: len(asked(upstream)) == 6, 70, "the answers of the clean hour")
        assert grid_hour(control) < 12, "the clean half of the day"
        out, _ = waiting.communicate(timeout=30)
        assert waiting.returncode == 0 and "evaluation 2" in out, out
    finally:
        if waiting is not None and waiting.poll() is None:
            waiting.kill()
            waiting.wait()
        control.stop()


def test_the_hour_after_an_evaluation_is_another_at_once(tmp_path, upstream, judge):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream), "--config",
                      replayed(tmp_path, "2023-02-20T06:10Z", speed=1))

    def next_hour():
        told = sprout("status", "--dir", control.dir, "--json").stdout
        return (json.loads(told)["evaluation"]["next"] or {}).get("in_hours")
    try:
        wait_until(lambda: next_hour() == 0, 10, "an hour for the first")
        sprout("evaluate", "--dir", control.dir, *judge_flags(judge), "--prompts",
               prompts(tmp_path / "p.jsonl", 1))
        wait_until(lambda: (next_hour() or 0) >= 7, 10, "six hours between two")
    finally:
        control.stop()


def test_stopped_while_it_waits_it_has_asked_nobody(tmp_path, upstream, judge):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream), "--config",
                      replayed(tmp_path, "2023-02-20T06:00Z", "evaluation: {when: paper}\n"))
    flags = [*judge_flags(judge), "--prompts", str(prompts(tmp_path / "p.jsonl", 1))]
    waiting = None
    try:
        sprout("evaluate", "--dir", control.dir, *flags, "--now")
        (tmp_path / "bad.jsonl").write_text("no JSON\n")  # told at once, not after the wait
        bad = sprout("evaluate", "--dir", control.dir, *judge_flags(judge), "--prompts",
                     tmp_path / "bad.jsonl")
        assert bad.returncode == 65 and "bad.jsonl:1" in bad.stderr
        waiting = subprocess.Popen([SPROUT, "evaluate", "--dir", str(control.dir), *flags],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "waiting for a clean hour: at most" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        _, told = waiting.communicate(timeout=10)
        assert waiting.returncode == 69 and "nothing was asked" in told, told
        assert len(asked(upstream)) == 3
        assert control.ledger("SELECT count(*) FROM evaluations") == [(1,)]
    finally:
        if waiting is not None and waiting.poll() is None:
            waiting.kill()
            waiting.wait()
        control.stop()


@pytest.mark.parametrize("when", ["paper", "forecast"])
def test_control_evaluates_by_itself_and_spends_no_more_than_its_share(
        tmp_path, upstream, judge, when):
    """Served energy is put into the ledger."""
    upstream.default = answering
    path = prompts(tmp_path / "mine.jsonl", 40)
    control = Control(tmp_path / "data", url(upstream), "--config", replayed(
        tmp_path, "2023-02-10T00:00Z", f"""
evaluation: {{enabled: true, prompts: {path}, share: 0.01, when: {when},
  judge: {{url: {url(judge)}, model: j}}}}
"""))
    try:
        time.sleep(2)
        assert control.ledger("SELECT count(*) FROM evaluations") == [(0,)], "nothing served"
        one = json.loads(sprout("evaluate", "--dir", control.dir, *judge_flags(judge), "--dry-run",
                                "--json", "--prompts",
                                prompts(tmp_path / "one.jsonl", 1)).stdout)["energy_j"]
        control.ledger_write(round(one * 550 * 1e6))  # 1 % of it pays for five prompts
        wait_until(lambda: control.ledger("SELECT state FROM evaluations")[:1] == [("done",)],
                   60, "an evaluation")
        assert control.ledger("SELECT count(*) FROM evaluation_items WHERE run = 1") == [(5,)]
        [(spent,)] = control.ledger(
            "SELECT (SELECT sum(energy_uj) FROM evaluation_answers)"
            " + (SELECT sum(energy_uj) FROM evaluation_verdicts)")
        assert 0 < spent <= 0.01 * one * 550 * 1e6
    finally:
        control.stop()
