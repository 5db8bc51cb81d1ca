# SPDX-License-Identifier: Apache-2.0
"""The whole loop with a real llama.cpp: prompts in, answers at three levels, a judge, a
posterior, another policy, and the next requests served by it."""
import http.client
import json
import time

import pytest
from evaluation import sprout, url
from gateway import nginx_missing
from up import Up, wait_until
from upstream import Upstream, chat_reply


def prefers_the_shortest_that_says_something(exchange):
    """By the answers' texts alone, as a judge does: it is shown no level."""
    parts = exchange.json["messages"][-1]["content"].split("Answer ")[1:]
    bodies = [part.split(":\n\n", 1)[1].split("\n\n-----")[0] for part in parts]
    best = min(range(len(bodies)), key=lambda i: (len(bodies[i].strip()) < 2, len(bodies[i])))
    return chat_reply(json.dumps({"best": "ABC"[best]}), usage=(300, 8))


def ask(up, model, text):
    connection = http.client.HTTPConnection(up.listen, timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": model, "max_tokens": 40, "messages": [{"role": "user", "content": text}]}),
        {"Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    connection.close()
    assert reply.status == 200
    return reply.headers["Sprout-Level"], reply.headers["Sprout-Policy"]


def test_from_prompts_to_the_next_request_with_a_real_model(tmp_path, llama):
    if reason := nginx_missing():
        pytest.skip(reason)
    (tmp_path / "sprout.yaml").write_text(
        "predictor: {weights: none}\nholdout: 0\nexplore: 0\n"
        "quality: {rule: fixed, floor: 1}\n")
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({
        "prompt": f"Tell me something about the number {i}.", "max_tokens": 40}) + "\n"
        for i in range(36)))
    judge = Upstream()
    judge.default = prefers_the_shortest_that_says_something
    up = Up(tmp_path / "data", llama["url"], "--config", str(tmp_path / "sprout.yaml"))
    try:
        before = up.status()["policy"]
        began = time.monotonic()
        done = sprout("evaluate", "--dir", up.dir, "--judge", url(judge), "--judge-model", "j",
                      "--concurrency", "2", "--prompts", tmp_path / "p.jsonl", "--json",
                      timeout=560)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["answers"], told["verdicts"], told["unreadable"]) == (108, 72, 0)
        means = [level["tokens_mean"] for level in told["strata"][0]["levels"]]
        assert all(mean > 0 for mean in means)
        wait_until(lambda: "judged here" in up.status()["policy"]["quality_source"], 60,
                   "a policy by verdicts")
        after = up.status()["policy"]
        print(f"the loop took {time.monotonic() - began:.0f} s; {means}; {after['levels']}")
        assert after["id"] != before["id"]
        wins = [level["wins"] for level in told["strata"][0]["levels"]]
        share = {level["level"]: level["share"] for level in after["levels"]}
        old = {level["level"]: level["share"] for level in before["levels"]}
        assert share != old, (wins, share)
        # nginx takes a new policy within a second.
        wait_until(lambda: ask(up, llama["model"], "Are you there?")[1] != before["id"],
                   what="the new policy in nginx")
        served = [ask(up, llama["model"], f"Question {i}?")[0] for i in range(8)]
        assert all(share[level] > 0 for level in served), (served, share)
    finally:
        up.stop()
        judge.stop()
