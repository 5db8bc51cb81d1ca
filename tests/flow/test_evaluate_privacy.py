# SPDX-License-Identifier: Apache-2.0
"""Prompt text is nowhere but where it was asked for: a canary is looked for in every file that
is left, in what is told, and in what is logged."""
import http.client
import json
import os

import pytest
from evaluation import answering, judging, level_of, sprout, url
from gateway import nginx_missing
from up import Up, wait_until
from upstream import Reply, Upstream, chat_reply

CANARY = "kanarienvogel-4711"


@pytest.fixture
def start_up(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    started = []

    def begin(config):
        path = tmp_path / "sprout.yaml"
        path.write_text(config)
        started.append(Up(tmp_path / "data", upstream, "--config", str(path)))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


def echoing(exchange):
    """Answers with the question: the canary is in answers, too."""
    if exchange.target != "/v1/chat/completions":
        return answering(exchange)
    text = exchange.json["messages"][-1]["content"]
    return chat_reply(f"{text} answer-of-level-{level_of(exchange.json)}", usage=(9, 5))


def places(up):
    """Names of the files, and of what is told, that hold the canary."""
    found = {str(path.relative_to(up.dir)) for path in up.dir.rglob("*")
             if path.is_file() and CANARY.encode() in path.read_bytes()}
    told = {"stderr": up.log(), "metrics": up.get("/metrics")[1],
            "status": up.get("/v1/status")[1],
            "report": sprout("report", "--dir", up.dir, "--json").stdout,
            "evaluations": sprout("evaluations", "--dir", up.dir, "--json").stdout}
    return found | {name for name, text in told.items() if CANARY in text}


def post(up, body):
    connection = http.client.HTTPConnection(up.listen, timeout=20)
    connection.request("POST", "/v1/chat/completions", body,
                       {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()


def test_with_sampling_off_a_prompt_is_nowhere(start_up, upstream):
    upstream.default = echoing
    up = start_up("holdout: 0\n")
    for i in range(5):
        assert up.chat(f"{CANARY} {i}")[0] == 200
    upstream.script(Reply([b"boom " + CANARY.encode()], status="500 Oops"))
    up.chat(CANARY, Sprout_Level=CANARY, Sprout_Key=CANARY)
    post(up, b'{"messages": [{"role": "user", "content": "%s"' % CANARY.encode())
    post(up, b'{"model": "m", "messages": "%s"}' % CANARY.encode())
    up.settled(8)
    assert places(up) == set()
    assert not (up.dir / "spool").exists()


def test_with_sampling_on_a_prompt_is_in_the_spool_and_gone_once_judged(start_up, upstream):
    judge = Upstream()
    judge.default = judging(lambda levels, _: levels.index(0))
    upstream.default = echoing
    up = start_up("""
holdout: 0
evaluation: {sample: {rate: 1, cap: 50}}
rules: [{name: secret, match: {header: x-team, header_value: legal}, sample: no}]
""")
    try:
        assert up.chat("not to be read", Sprout_Sample="no")[0] == 200
        assert up.chat("not to be read", X_Team="legal")[0] == 200
        assert all(e.header("Sprout-Sample") is None for e in upstream.exchanges)
        for i in range(4):
            assert up.chat(f"{CANARY}\n{i}")[0] == 200
        kept = up.dir / "spool/kept.ndjson"
        wait_until(lambda: kept.exists() and len(kept.read_bytes().splitlines()) == 4,
                   what="four prompts")
        assert b"not to be read" not in kept.read_bytes()
        asked = [json.loads(line)["request"] for line in kept.read_bytes().splitlines()]
        assert [r["messages"] for r in asked] == [
            [{"role": "user", "content": f"{CANARY}\n{i}"}] for i in range(4)]
        wait_until(lambda: places(up) == {"spool/kept.ndjson"}, what="an empty live file")
        assert (up.dir / "spool").stat().st_mode & 0o777 == 0o700
        for path in (up.dir / "spool").iterdir():
            assert path.stat().st_mode & 0o777 == 0o600, path
        done = sprout("evaluate", "--dir", up.dir, "--judge", url(judge), "--judge-model",
                      "j", "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["source"], told["judged"], told["unreadable"]) == ("sample", 4, 0)
        assert CANARY not in done.stdout + done.stderr
        wait_until(lambda: places(up) == set(), what="a clean folder")
    finally:
        judge.stop()


def test_what_nobody_judges_is_deleted_in_time(start_up, upstream):
    up = start_up("evaluation: {sample: {rate: 1, cap: 3, keep_hours: 1}}\n")
    for i in range(5):
        up.chat(f"{CANARY} {i}")
    kept = up.dir / "spool/kept.ndjson"
    wait_until(lambda: kept.exists() and len(kept.read_bytes().splitlines()) == 3
               and b"4" in kept.read_bytes().splitlines()[-1], what="the cap")
    lines = [json.loads(line) for line in kept.read_bytes().splitlines()]
    kept.write_bytes(b"".join(json.dumps({**line, "at": 1}, separators=(",", ":")).encode()
                              + b"\n" for line in lines))
    os.chmod(kept, 0o600)
    wait_until(lambda: kept.read_bytes() == b"", what="deletion")
    wait_until(lambda: places(up) == set(), what="a clean folder")
