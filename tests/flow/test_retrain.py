# SPDX-License-Identifier: Apache-2.0
"""The predictor learns in service: evaluations come in, control trains, and what is better
decides in nginx; whoever is killed meanwhile leaves what was."""
import contextlib
import hashlib
import http.client
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from evaluation import Control, judging, level_of, sprout, url
from gateway import nginx_missing
from up import SPROUT, Up, wait_until
from upstream import Reply, Upstream, chat_reply

WORDS = ("amber basalt cedar dune ember fjord granite harbour iris jade kelp linden marble "
         "nettle opal pine quartz reed slate tulip umber violet").split()
LENGTH = {True: (200, 60, 20), False: (12, 6, 2)}  # tokens at each level


def is_saga(text):
    return "saga" in text


def answering(exchange):
    """Sagas are long, colours are short."""
    if exchange.target != "/v1/chat/completions":
        return Reply([b"{}"], status="404 Not Found")
    level = level_of(exchange.json)
    saga = is_saga(exchange.json["messages"][-1]["content"])
    return chat_reply(f"answer-of-level-{level}", usage=(20, LENGTH[saga][level]))


def choose(levels, request):
    """Sagas are liked long, colours short."""
    return levels.index(0 if is_saga(request["messages"][-1]["content"]) else 2)


def questions(path, count, begin=0):
    pairs = [(a, b) for a in WORDS for b in WORDS][begin:begin + count]
    path.write_text("".join(json.dumps({
        "prompt": f"{('Tell the saga of', 'Which colour has')[(i + i // 7) % 2]} {a} {b}?",
        "model": "m-1"}) + "\n" for i, (a, b) in enumerate(pairs)))
    return path


def in_force(up):
    return json.loads((up.dir / "policy.json").read_text())["predictor"]


def weights(up):
    return sorted(path.name for path in up.dir.glob("predictor-*"))


def attempts(up):
    return up.ledger("SELECT state, before, after, fitted, held_out, prefer_before, "
                     "prefer_after FROM retrainings ORDER BY id")


def stop_the_trainer(up):
    """Its process, stopped as soon as it is there."""
    control = up.pid("control")
    children = Path(f"/proc/{control}/task/{control}/children")

    def catch():
        for pid in children.read_text().split():
            if b"--background" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGSTOP)
                return int(pid)
        return None  # or not itself yet: until exec it holds control's locks

    return wait_until(catch, 30, "training")


def nginx_says(up):
    connection = http.client.HTTPConnection(up.listen, timeout=5)
    connection.request("GET", "/sprout-status")
    return json.loads(connection.getresponse().read())["predictor"]


def start_control_anew(up):
    """Killed; another one has made a policy when this returns."""
    def written():
        return (up.dir / "policy.json").stat().st_mtime_ns

    before, control = written(), up.kill("control")
    wait_until(lambda: up.pid("control") not in (None, control), what="another control")
    wait_until(lambda: written() != before, what="a new policy")


def explains_itself(up):
    done = sprout("predictor", "--dir", up.dir)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_judge_gone_bad_said_is_not_learned(tmp_path, upstream):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream))
    judges = Upstream(), Upstream()
    judges[0].default = judging(choose)
    judges[1].default = judging(lambda levels, _: 0)
    try:
        for i, count in enumerate((320, 60)):
            done = sprout("evaluate", "--now", "--dir", control.dir, "--judge",
                          url(judges[i]), "--judge-model", "j", "--concurrency", "8",
                          "--prompts", questions(tmp_path / f"{i}.jsonl", count, 320 * i))
            assert done.returncode == 0, done.stderr
        done = sprout("train", "--ledger", control.dir / "ledger.db", "--out",
                      tmp_path / "out.weights", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["prompts"], told["judged"]) == (380, 320)
    finally:
        control.stop()
        for judge in judges:
            judge.stop()


def test_a_better_predictor_is_put_in_force_and_a_killed_control_leaves_the_old_one(
        tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    upstream.default = answering
    judge = Upstream()
    judge.default = judging(choose)
    config = tmp_path / "sprout.yaml"
    config.write_text("holdout: 0\nexplore: 0\npredictor: {retrain_after: 400}\n")
    up = Up(tmp_path / "data", url(upstream), "--config", str(config))
    try:
        old = in_force(up)["id"]
        evaluating = subprocess.Popen(
            [SPROUT, "evaluate", "--dir", up.dir, "--judge",
             url(judge), "--judge-model", "j", "--concurrency", "16", "--prompts",
             questions(tmp_path / "q.jsonl", 440)], stdout=subprocess.DEVNULL)
        assert evaluating.wait(100) == 0

        trainer = stop_the_trainer(up)
        for half_done in ("", ".tmp77"):  # as if killed between the file and the row
            (up.dir / f"predictor-00000000000000ab.weights{half_done}").write_bytes(b"?")
        start_control_anew(up)
        with contextlib.suppress(ProcessLookupError):  # the kernel may have woken it
            os.kill(trainer, signal.SIGCONT)
        wait_until(lambda: not Path(f"/proc/{trainer}").exists(), what="its end")
        assert in_force(up)["id"] == old and attempts(up) == []
        assert f"predictor-{old}.weights" in weights(up)

        wait_until(lambda: attempts(up), 120, "a retraining")
        [(state, before, new, fitted, held_out, loss_before, loss_after)] = attempts(up)
        assert (state, before, fitted + held_out) == ("replaced", old, 440)
        assert held_out >= 50 and loss_after < loss_before - 0.2
        wait_until(lambda: in_force(up)["id"] == new, what="a policy that names it")
        wait_until(lambda: weights(up) == sorted(f"predictor-{x}.weights" for x in (old, new)),
                   what="these two alone")
        wait_until(lambda: nginx_says(up) == new, what="nginx with it")
        assert "replaced" in explains_itself(up) and new in explains_itself(up)

        # Nothing is new since: a candidate is refused, and says why.
        done = sprout("train", "--dir", up.dir)
        assert done.returncode == 1 and "nothing can be said yet" in done.stderr
        assert [row[0] for row in attempts(up)] == ["replaced", "refused"]

        # What was learned is in force again after a start, unless its file is damaged.
        start_control_anew(up)
        wait_until(lambda: in_force(up)["id"] == new, what="what was learned")
        with open(up.dir / f"predictor-{new}.weights", "r+b") as file:
            file.seek(100_000)
            file.write(bytes([file.read(1)[0] ^ 1]))
        start_control_anew(up)
        wait_until(lambda: attempts(up)[-1][0] == "returned", what="the one before")
        assert in_force(up)["id"] == old
        assert attempts(up)[-1][:3] == ("returned", new, old)
    finally:
        up.stop()
        judge.stop()



SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "llama2"


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/llama2 is not here")
def test_of_measured_prompts_more_replace_fewer_and_fewer_do_not_replace_more(tmp_path):
    def part(name, most):
        """Prompts by their id's hash: of two parts the smaller is in the larger."""
        (tmp_path / name).mkdir()
        for file in SHARED.glob("*.jsonl"):
            (tmp_path / name / file.name).write_text("".join(
                line + "\n" for line in file.read_text().split("\n")[:-1]
                if hashlib.sha256(json.loads(line)["id"].encode()).digest()[0] < most))
        return tmp_path / name

    few, many, out = part("few", 64), part("many", 192), tmp_path / "out.weights"
    for folder in (few, many):
        done = sprout("train", "--requests", folder, "--out", f"{folder}.weights")
        assert done.returncode == 0, done.stderr
    # The larger part has seen the smaller one: that must not count for it, so nothing is left.
    for seen, says in ((["--seen", few], "nothing can be said yet"), ([], "not better")):
        done = sprout("train", "--requests", few, "--against", f"{many}.weights", *seen,
                      "--out", out)
        assert done.returncode == 1 and says in done.stderr, done.stderr
        assert not out.exists()
    done = sprout("train", "--requests", many, "--against", f"{few}.weights", "--seen", few,
                  "--out", out, "--at", "2026-11-30")
    assert done.returncode == 0 and "\nbetter: " in done.stdout, done.stdout + done.stderr
    first = out.read_bytes()
    done = sprout("train", "--requests", many, "--against", f"{few}.weights", "--seen", few,
                  "--out", out, "--at", "2026-11-30")
    assert done.returncode == 0 and out.read_bytes() == first
