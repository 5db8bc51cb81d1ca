# SPDX-License-Identifier: Apache-2.0
"""From verdicts to the mix: a good judge moves the policy, a bad one does not, and
`sprout policy explain` leads from one to the other."""
import contextlib
import json
import random
import sqlite3

import pytest
from evaluation import Control, answering, judging, prompts, sprout, url
from gateway import ROOT
from up import wait_until
from upstream import Upstream


@pytest.fixture
def control(tmp_path, upstream):
    upstream.default = answering
    (tmp_path / "sprout.yaml").write_text(
        "predictor: {weights: none}\nquality: {rule: fixed, floor: 0.95}\n")
    it = Control(tmp_path / "data", url(upstream), "--config", str(tmp_path / "sprout.yaml"))
    yield it
    it.stop()


def explain(control):
    done = sprout("policy", "explain", "--dir", control.dir, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def evaluate(control, upstream, tmp_path, choose, count=60):
    judge = Upstream()
    judge.default = judging(choose)
    try:
        done = sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream), "--judge",
                      url(judge), "--judge-model", "j", "--prompts",
                      prompts(tmp_path / "p.jsonl", count), "--json")
        assert done.returncode == 0, done.stderr
    finally:
        judge.stop()
    wait_until(lambda: (explain(control)["verdicts"] or {}).get("verdicts") == 2 * count, 60,
               "a policy that knows the verdicts")
    return explain(control)


def shares(told):
    return [level["share"] for level in told["levels"]]


def of_a_mind(odds):
    """Prefers a level per prompt, as often as `odds` say, whatever the order."""
    def choose(levels, request):
        text = request["messages"][-1]["content"]
        number = int(text.split("Question ")[1].split(":")[0])
        return levels.index(random.Random(number).choices((0, 1, 2), odds)[0])
    return choose


def test_a_judge_that_prefers_brevity_moves_the_policy_and_it_is_explained(
        control, tmp_path, upstream):
    before = explain(control)
    assert before["verdicts"] is None and "published prior" in before["quality_source"]
    after = evaluate(control, upstream, tmp_path, of_a_mind((1, 8, 1)))
    verdicts = after["verdicts"]
    assert verdicts["used"] and verdicts["n"] == pytest.approx(60, rel=0.01)
    assert "judged here, 120 verdicts" in after["quality_source"]
    assert shares(before)[0] > 0.3 and shares(after)[0] == 0
    brief = verdicts["levels"][1]
    assert 1 < brief["low"] < brief["cautious"] < brief["relative"] < brief["high"]
    # The optimum takes the cautious value, and that has a price.
    assert after["levels"][1]["quality"] == pytest.approx(brief["cautious"])
    assert verdicts["caution_g"] >= 0
    # The table's posterior is the one that the plan took.
    [stratum] = json.loads(sprout("evaluations", "1", "--dir", control.dir, "--json").stdout)[
        "strata"]
    shares_now = [level["posterior"] for level in stratum["levels"]]
    assert sum(shares_now) == pytest.approx(1)
    assert shares_now[1] / shares_now[0] == pytest.approx(brief["relative"], rel=0.05)
    words = sprout("policy", "explain", "--dir", control.dir).stdout
    assert "120 verdicts, worth 60 comparisons" in words and "caution costs" in words


@pytest.mark.parametrize("choose, why", [
    (lambda levels, request: random.Random(str(request["messages"])).randrange(3),
     "no more than by chance"),
    (lambda levels, _: 0, "one place"),
    (lambda levels, _: levels.index(0), "longest"),
    (lambda levels, request: "I like them all.", "cannot be read"),
], ids=["random", "always A", "longest", "unreadable"])
def test_a_bad_judge_is_found_out_and_moves_nothing(control, tmp_path, upstream, choose, why):
    before = explain(control)
    count = 60
    judge = Upstream()
    judge.default = judging(choose)
    try:
        sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream), "--judge",
               url(judge), "--judge-model", "j", "--prompts",
               prompts(tmp_path / "p.jsonl", count), "--json")
    finally:
        judge.stop()
    wait_until(lambda: why in explain(control)["quality_source"], 60, why)
    after = explain(control)
    assert "published prior" in after["quality_source"]
    assert shares(after) == pytest.approx(shares(before))
    assert not after["verdicts"]["used"] and why in after["verdicts"]["why_not"]


def test_a_judge_that_goes_bad_under_his_name_moves_nothing_from_there_on(
        control, tmp_path, upstream):
    good = evaluate(control, upstream, tmp_path, of_a_mind((1, 8, 1)))
    judge = Upstream()
    judge.default = judging(lambda levels, _: 0)
    try:
        sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream), "--judge",
               url(judge), "--judge-model", "j", "--prompts",
               prompts(tmp_path / "q.jsonl", 60), "--json")
    finally:
        judge.stop()
    wait_until(lambda: "evaluation 2 is left out" in explain(control)["quality_source"], 60,
               "a policy that knows of it")
    after = explain(control)
    assert "judged here, 120 verdicts" in after["quality_source"]
    assert after["verdicts"]["n"] == pytest.approx(good["verdicts"]["n"], rel=0.01)
    assert shares(after) == pytest.approx(shares(good), abs=0.01)
    cards = [json.loads(sprout("evaluations", str(run), "--dir", control.dir, "--json").stdout)[
        "judge"] for run in (1, 2)]
    assert [card["used"] for card in cards] == [True, False]
    assert "one place" in cards[1]["why_not"]
    assert "not used" in sprout("evaluations", "2", "--dir", control.dir).stdout


@pytest.mark.parametrize("judged", [True, False], ids=["judged", "references alone"])
def test_a_floor_of_accuracy_waits_for_references_and_then_is_kept(tmp_path, upstream, judged):
    """A judge that loves what is wrong: L2 is never right, and preferred by all."""
    upstream.default = answering
    (tmp_path / "sprout.yaml").write_text(
        "predictor: {weights: none}\nquality: {rule: fixed, floor: 0.9}\n"
        "accuracy: {floor: 0.97}\n")
    control = Control(tmp_path / "data", url(upstream), "--config", tmp_path / "sprout.yaml")
    try:
        before = explain(control)
        assert shares(before) == [1, 0, 0]
        assert [level["withheld"] for level in before["accuracy"]["levels"]] == [
            False, True, True]
        assert "reference" in before["levels"][2]["why"]
        words = sprout("policy", "explain", "--dir", control.dir).stdout
        assert "no answer was compared with a reference yet" in words
        told = json.loads(sprout("status", "--dir", control.dir, "--json").stdout)
        assert told["policy"]["accuracy"]["withheld"] == ["L1", "L2"]
        assert "too few references for L1, L2" in sprout("status", "--dir", control.dir).stdout

        judge = Upstream()
        judge.default = judging(lambda levels, _: levels.index(2))
        try:
            path = prompts(tmp_path / "p.jsonl", 60, reference="level 0; level 1")
            done = sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream),
                          "--prompts", path, "--json",
                          *(["--judge", url(judge), "--judge-model", "j"] if judged else []))
            assert done.returncode == 0, done.stderr
        finally:
            judge.stop()
        wait_until(lambda: not explain(control)["accuracy"]["levels"][2]["withheld"], 60,
                   "a policy that knows the references")
        after = explain(control)
        accuracy = after["accuracy"]["levels"]
        assert [level["relative"] for level in accuracy] == [1, 1, 0]
        assert accuracy[1]["prompts"] == pytest.approx(60, rel=1e-3)
        assert 0.97 < accuracy[1]["cautious"] < 1
        kept = sum(share * level["cautious"]
                   for share, level in zip(shares(after), accuracy))
        assert kept == pytest.approx(after["accuracy"]["mix"]) and kept >= 0.97 - 1e-9
        assert shares(after)[2] < 0.03 and (shares(after)[1] > 0.9 or not judged)
        plan = json.loads((control.dir / "plan.json").read_text())
        assert plan["accuracy"]["levels"] == after["accuracy"]["levels"]
        words = sprout("policy", "explain", "--dir", control.dir).stdout
        assert "by 60 prompts; taken as" in words and "The mix keeps" in words
    finally:
        control.stop()


def bodies_of(control, path, questions):
    path.write_text("".join(json.dumps({"model": "m-1", "messages": [
        {"role": "user", "content": text}]}) + "\n" for text in questions))
    done = sprout("policy", "test", "--dir", control.dir, "--json", "--bodies", path)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_if_served(control, said):
    """The prompts' predictions, as nginx would have put them into the journal."""
    predictor = int(json.loads((control.dir / "policy.json").read_text())["predictor"]["id"], 16)
    signed = predictor - (1 << 64) if predictor >> 63 else predictor
    kinds = ("other", "maths", "code")
    with contextlib.closing(sqlite3.connect(control.dir / "ledger.db", timeout=10)) as db:
        db.executemany("INSERT INTO samples VALUES(?,?,?,?,?,?,?,?,?)", [
            (i, signed, kinds.index(one["kind"]), *(int(q * 65536) for q in one["quality"]),
             *(int(t * 256) for t in one["tokens"])) for i, one in enumerate(said)])
        db.commit()


def test_a_judge_who_wants_maths_long_moves_maths_alone(tmp_path, upstream):
    upstream.default = answering
    (tmp_path / "sprout.yaml").write_text(
        "predictor: {samples_min: 50}\nquality: {rule: fixed, floor: 0.95}\n")
    rows = [[json.loads(line)["prompt"] for line in
             (ROOT / f"data/demo/{name}.jsonl").read_text().splitlines()][:60]
            for name in ("gsm8k", "triviaqa")]
    maths, others = rows
    control = Control(tmp_path / "data", url(upstream), "--config", tmp_path / "sprout.yaml")
    judge = Upstream()
    judge.default = judging(lambda levels, request: levels.index(
        0 if any(text[:60] in request["messages"][-1]["content"] for text in maths) else 2))
    try:
        said = [one["predicted"] for one in
                bodies_of(control, tmp_path / "bodies.jsonl", maths + others)]
        is_maths = [one["kind"] == "maths" for one in said]
        assert sum(is_maths[:len(maths)]) > 50 and sum(is_maths[len(maths):]) < 5
        as_if_served(control, said)
        questions = tmp_path / "q.jsonl"
        questions.write_text("".join(json.dumps({"prompt": text, "model": "m-1"}) + "\n"
                                     for text in maths + others))
        done = sprout("evaluate", "--dir", control.dir, "--upstream", url(upstream), "--judge",
                      url(judge), "--judge-model", "j", "--prompts", questions, "--json")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: (explain(control)["verdicts"] or {}).get("verdicts") == 240, 60,
                   "a policy that knows the verdicts")
        told = explain(control)
        kinds = {one["kind"]: one for one in told["verdicts"]["kinds"]}
        assert kinds["maths"]["verdicts"] + kinds["other"]["verdicts"] > 230
        assert kinds["maths"]["levels"][2]["high"] < 1 < kinds["other"]["levels"][2]["low"]
        moved = told["predictor"]["corrections"]
        assert moved["maths"][0] > 0.2 > 0 > moved["other"][0]
        assert moved["other"][2] > 0.2 and moved["code"] != moved["other"]
        now = bodies_of(control, tmp_path / "bodies.jsonl", maths + others)
        assert all(one["level"] != "L0" for one in now
                   if one["predicted"]["kind"] == "other" and one["reason"] == "predicted")
        mixes = {stratum["name"]: stratum["mix"] for stratum in told["strata"]}
        assert mixes["all"] == shares(told) and mixes["other"][2] > mixes["maths"][2]
        words = sprout("policy", "explain", "--dir", control.dir).stdout
        assert "of kind maths" in words and "preference predicted of maths" in words
    finally:
        judge.stop()
        control.stop()
