# SPDX-License-Identifier: Apache-2.0
"""The whole loop with a real llama.cpp: prompts in, answers at three levels, a judge, a
posterior, another policy, and the next requests served by it, all within two minutes, while
control is killed ten times at random moments."""
import http.client
import http.server
import json
import random
import re
import select
import subprocess
import threading
import time
from urllib.parse import urlsplit

import pytest
from evaluation import level_of, sprout, url
from gateway import nginx_missing
from up import SPROUT, Up, alive, wait_until
from upstream import Upstream, chat_reply

PROMPTS = 32  # a judge is believed from 30 comparisons on
TOKENS = 20  # so small a cap as 16 keeps directives out
KILLS = 10


class Between:
    """Stands before the real server and remembers what it answered in full, and when.  Who
    hangs up is hung up on, as if nobody stood between."""

    def __init__(self, target):
        self.answered = []  # (body, when)
        self.levels = {}    # of answers, by their text
        there = urlsplit(target)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(handler):
                body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                server = http.client.HTTPConnection(there.hostname, there.port, timeout=120)
                server.request(handler.command, handler.path, body,
                               {"Content-Type": "application/json"})
                ready, _, _ = select.select([server.sock, handler.connection], [], [], 120)
                if server.sock not in ready:  # the client is gone
                    server.close()
                    handler.close_connection = True
                    return
                reply = server.getresponse()
                text = reply.read()
                server.close()
                if handler.command == "POST":
                    self.answered.append((body, time.monotonic()))
                    said = json.loads(text)["choices"][0]["message"]["content"]
                    self.levels.setdefault(said.strip(), level_of(json.loads(body)))
                handler.send_response(reply.status)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)

            do_GET = do_POST = pass_on

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a killed client

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def prefers_the_briefest_level(between):
    """But for one prompt, whatever the order: answers of a small model differ too little in
    length for a judge of lengths to be of one mind."""
    def judge(exchange):
        question = exchange.json["messages"][-1]["content"]
        parts = re.split(r"Answer [ABC]:\n\n", question)[1:]
        levels = [between.levels.get(part.split("\n\n-----")[0].strip(), 0) for part in parts]
        wanted = 0 if "number 7" in question else max(levels)
        return chat_reply(json.dumps({"best": "ABC"[
            levels.index(wanted) if wanted in levels else 0]}), usage=(300, 8))
    return judge


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


def begin(up, judge, path):
    """An evaluation that control works on; who asked for it does not stay."""
    watcher = subprocess.Popen(
        [SPROUT, "evaluate", "--dir", str(up.dir), "--judge", url(judge), "--judge-model", "j",
         "--concurrency", "2", "--now", "--prompts", str(path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: up.ledger("SELECT count(*) FROM evaluation_answers") > [(0,)], 30,
                   "the first answer")
    finally:
        watcher.kill()
        watcher.wait()


def rows(up):
    return up.ledger("SELECT (SELECT count(*) FROM evaluation_answers) + "
                     "(SELECT count(*) FROM evaluation_verdicts)")[0][0]


def kill_control(up, chance):
    """Ten times, spread over the answers and verdicts, at any moment; the times."""
    kills = []
    for _ in range(KILLS):
        enough = rows(up) + chance.randrange(6, 16)
        wait_until(lambda: rows(up) >= enough, 60, "more answers and verdicts")
        time.sleep(chance.uniform(0, 0.6))
        old = up.kill("control")
        kills.append(time.monotonic())
        wait_until(lambda: (up.pid("control") or old) != old and alive(up.pid("control")), 20,
                   "another control")
    return kills


def check_nothing_is_made_twice(answered, kills):
    """What was answered in full and made again was answered in the very moment of a kill: it
    was not written down yet."""
    first = {}
    for body, when in answered:
        before = first.setdefault(body, when)
        assert before == when or any(-0.2 < kill - before < 0.3 for kill in kills), (
            before, kills)


def share_of(policy):
    return {level["level"]: level["share"] for level in policy["levels"]}


def test_from_prompts_to_the_next_request_with_a_real_model_and_ten_kills(tmp_path, llama):
    if reason := nginx_missing():
        pytest.skip(reason)
    (tmp_path / "sprout.yaml").write_text(
        "predictor: {weights: none}\nholdout: 0\nexplore: 0\n"
        "quality: {rule: fixed, floor: 1}\n")
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({
        "model": llama["model"], "max_tokens": TOKENS,
        "prompt": f"Tell me something about the number {i}."}) + "\n" for i in range(PROMPTS)))
    judge, between = Upstream(), Between(llama["url"])
    judge.default = prefers_the_briefest_level(between)
    up = Up(tmp_path / "data", between.url, "--config", str(tmp_path / "sprout.yaml"))
    try:
        before = up.status()["policy"]
        began = time.monotonic()
        begin(up, judge, tmp_path / "p.jsonl")
        kills = kill_control(up, random.Random(11))
        made = rows(up)
        wait_until(lambda: up.ledger("SELECT state FROM evaluations") == [("done",)], 100, "the end")
        assert up.ledger("SELECT count(*), count(DISTINCT item || '/' || level) "
                         "FROM evaluation_answers") == [(3 * PROMPTS, 3 * PROMPTS)]
        assert up.ledger("SELECT count(*), count(DISTINCT item || '/' || question), "
                         "min(best) > 0 FROM evaluation_verdicts") == [
            (2 * PROMPTS, 2 * PROMPTS, 1)]
        check_nothing_is_made_twice(between.answered, kills)
        [stratum] = json.loads(sprout("evaluations", "1", "--dir", up.dir, "--json").stdout)[
            "strata"]
        assert sum(level["posterior"] for level in stratum["levels"]) == pytest.approx(1)
        wait_until(lambda: "judged here" in up.status()["policy"]["quality_source"], 60,
                   "a policy by verdicts")
        after = up.status()["policy"]
        assert after["id"] != before["id"] and share_of(after) != share_of(before)
        # nginx takes a new policy within a second.
        wait_until(lambda: ask(up, llama["model"], "Are you there?")[1] != before["id"],
                   what="the new policy in nginx")
        served = [ask(up, llama["model"], f"Question {i}?")[0] for i in range(8)]
        assert all(share_of(after)[level] > 0 for level in served), (served, share_of(after))
        took = time.monotonic() - began
        print(f"the loop took {took:.0f} s; {made} of {5 * PROMPTS} rows were there when "
              f"the kills were over; "
              f"{[level['tokens_mean'] for level in stratum['levels']]}; {share_of(after)}")
        assert took < 120
    finally:
        up.stop()
        between.stop()
        judge.stop()
