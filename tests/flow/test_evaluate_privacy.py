# SPDX-License-Identifier: Apache-2.0
"""Prompt text is nowhere but where it was asked for: a canary is looked for in every file that
is left, in what is told, and in what is logged."""
import contextlib
import gzip
import http.client
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys

import pytest
from evaluation import Control, answering, judging, level_of, prompts, sprout, url
from up import SPROUT, wait_until
from upstream import STALL, Reply, Upstream, chat_reply

CANARY = "kanarienvogel-4711"


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


def post(up, body, path="/v1/chat/completions", **headers):
    connection = http.client.HTTPConnection(up.listen, timeout=20)
    connection.request("POST", path, body, {
        "Content-Type": "application/json",
        **{k.replace("_", "-"): v for k, v in headers.items()}})
    connection.getresponse().read()
    connection.close()


def test_with_sampling_off_a_prompt_is_nowhere(start_up, upstream):
    upstream.default = echoing
    up = start_up(config="holdout: 0\n")
    for i in range(5):
        assert up.chat(f"{CANARY} {i}")[0] == 200
    upstream.script(Reply([b"boom " + CANARY.encode()], status="500 Oops"))
    up.chat(CANARY, Sprout_Level=CANARY, Sprout_Key=CANARY)
    post(up, b'{"messages": [{"role": "user", "content": "%s"' % CANARY.encode())
    post(up, b'{"model": "m", "messages": "%s"}' % CANARY.encode())
    up.settled(8)
    assert places(up) == set()
    assert not (up.dir / "spool").exists()


def test_no_api_no_size_and_no_encoding_makes_an_exception(start_up, upstream):
    upstream.default = echoing
    up = start_up(config="holdout: 0\nwire: {decode: true}\n")
    upstream.default = lambda _: Reply([b"boom " + CANARY.encode()], status="500 Oops")
    question = [{"role": "user", "content": CANARY}]
    for path, body in (
            ("/v1/completions", {"prompt": CANARY}), ("/v1/responses", {"input": CANARY}),
            ("/v1/messages", {"messages": question, "max_tokens": 5}),
            ("/api/chat", {"messages": question}), ("/api/generate", {"prompt": CANARY}),
            ("/v1/chat/completions", {"messages": question, "stream": True}),
            ("/v1/chat/completions", {"messages": question, "user": CANARY}),
            # In a file of nginx's, and too large for the gateway.
            ("/v1/chat/completions", {"messages": [{"role": "user",
                                                    "content": CANARY * 100_000}]})):
        post(up, json.dumps({"model": "m", **body}), path)
    body = json.dumps({"model": "m", "messages": question}).encode()
    post(up, gzip.compress(body), Content_Encoding="gzip")
    post(up, gzip.compress(body)[:-9], Content_Encoding="gzip")
    up.settled(9)
    upstream.stop()  # nobody answers
    post(up, body)
    up.settled(10)
    assert places(up) == set()


# ---- core files ------------------------------------------------------------------------------

def with_core_files():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture
def dumps(tmp_path):
    """Skips where no process at all leaves a core file."""
    died = subprocess.Popen([sys.executable, "-c", "import os; os.abort()"], cwd=tmp_path,
                            preexec_fn=with_core_files, stderr=subprocess.DEVNULL)
    if not os.WCOREDUMP(os.waitpid(died.pid, 0)[1]):
        pytest.skip("this machine writes no core files: there is nothing to prevent")
    for core in tmp_path.glob("core*"):
        core.unlink()


def hanging(exchange):
    return Reply([STALL])


def test_a_worker_that_dies_with_a_prompt_in_its_memory_leaves_no_core_file(
        tmp_path, start_up, upstream, dumps):
    old = resource.getrlimit(resource.RLIMIT_CORE)
    with_core_files()  # for those that are started now
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        up = start_up(config="holdout: 0\nworkers: 1\n")
    finally:
        os.chdir(here)
        resource.setrlimit(resource.RLIMIT_CORE, old)
    upstream.default = hanging
    connection = http.client.HTTPConnection(up.listen, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": "m", "messages": [{"role": "user", "content": CANARY}]}),
        {"Content-Type": "application/json"})
    wait_until(lambda: upstream.exchanges, what="the prompt at the upstream")
    master = up.pid("nginx")
    [worker] = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True,
                              check=True).stdout.split()
    os.kill(int(worker), signal.SIGSEGV)
    errors = up.dir / "error.log"
    wait_until(lambda: "exited on signal 11" in errors.read_text(), what="its end")
    assert "core dumped" not in errors.read_text()
    assert not list(tmp_path.rglob("core*"))
    connection.close()


def test_control_and_evaluate_leave_no_core_file(tmp_path, upstream, dumps):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream))
    control.stop()
    upstream.default = hanging
    for args in (["control", "--upstream", url(upstream)],
                 ["evaluate", "--upstream", url(upstream), "--prompts",
                  str(prompts(tmp_path / "p.jsonl", 3))]):
        upstream.exchanges.clear()
        process = subprocess.Popen([SPROUT, *args, "--dir", str(tmp_path / "data")],
                                   cwd=tmp_path, preexec_fn=with_core_files,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if args[0] == "control":
            wait_until(lambda: (tmp_path / "data/control.pid").read_text().strip()
                       == str(process.pid), what="control")
        else:
            wait_until(lambda: upstream.exchanges, what="a prompt at the upstream")
        os.kill(process.pid, signal.SIGSEGV)
        ended = os.waitpid(process.pid, 0)[1]
        assert os.WTERMSIG(ended) == signal.SIGSEGV and not os.WCOREDUMP(ended)
    assert not list(tmp_path.rglob("core*"))


# ---- what a killed process leaves ------------------------------------------------------------

def states(control):
    return dict(control.ledger("SELECT id, state FROM evaluations"))


def test_prompts_of_a_run_that_was_killed_in_the_making_are_deleted(tmp_path, upstream):
    upstream.default = answering
    control = Control(tmp_path / "data", url(upstream))
    control.stop()
    spool = control.dir / "spool"
    many = prompts(tmp_path / "p.jsonl", 10_000, note=CANARY)
    maker = subprocess.Popen([SPROUT, "evaluate", "--dir", control.dir, "--upstream",
                              url(upstream), "--prompts", many], stderr=subprocess.DEVNULL)
    wait_until((spool / "run-1" / "3").exists, what="the first prompts")
    maker.send_signal(signal.SIGSTOP)
    assert states(control) == {1: "making"}
    (spool / "run-99").mkdir()
    (spool / "run-99" / "0").write_text(CANARY)
    control.start()
    wait_until(lambda: not (spool / "run-99").exists(), what="a sweep")
    assert (spool / "run-1" / "3").exists(), "its maker lives"
    control.stop()
    maker.kill()
    maker.wait()
    control.start()
    wait_until(lambda: not list(spool.iterdir()), what="an empty spool")
    assert states(control) == {1: "stopped"}
    control.stop()


def test_a_sample_that_no_judge_answers_for_is_deleted_in_time(start_up, upstream):
    upstream.default = echoing
    judge = Upstream()
    judge.default = lambda _: Reply([b"no"], status="503 Service Unavailable")
    up = start_up(config="evaluation: {sample: {rate: 1, keep_hours: 1}}\n")
    try:
        up.chat(CANARY)
        kept = up.dir / "spool/kept.ndjson"
        wait_until(lambda: kept.exists() and kept.read_bytes(), what="a prompt")
        before = kept.read_bytes()
        done = sprout("evaluate", "--dir", up.dir)
        assert done.returncode == 2 and "need a judge" in done.stderr
        assert kept.read_bytes() == before  # not used up for nothing
        watcher = subprocess.Popen(
            [SPROUT, "evaluate", "--dir", up.dir, "--judge", url(judge), "--judge-model", "j"],
            stderr=subprocess.PIPE, text=True)
        wait_until(lambda: judge.exchanges, what="a question to the judge")
        assert any(name.startswith("spool/run-1/") for name in places(up))
        with contextlib.closing(sqlite3.connect(up.dir / "ledger.db", timeout=20)) as db, db:
            db.execute("UPDATE evaluations SET created = created - 3600000000")
        up.kill("control")  # who goes on looks at the time anew
        assert "keep_hours" in watcher.communicate(timeout=20)[1]
        wait_until(lambda: places(up) == set(), what="a clean folder")
        assert up.ledger("SELECT state FROM evaluations") == [("stopped",)]
    finally:
        judge.stop()


def test_with_sampling_on_a_prompt_is_in_the_spool_and_gone_once_judged(start_up, upstream):
    judge = Upstream()
    judge.default = judging(lambda levels, _: levels.index(0))
    upstream.default = echoing
    up = start_up(config="""
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
    up = start_up(config="evaluation: {sample: {rate: 1, cap: 3, keep_hours: 1}}\n")
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
