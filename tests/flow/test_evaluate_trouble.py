# SPDX-License-Identifier: Apache-2.0
"""A judge in trouble: slow, silent, not there, out of quota, talking nonsense.  The evaluation
waits or does without, says which, and pays for no answer twice."""
import contextlib
import json
import signal
import subprocess
import threading
import time

import pytest
from evaluation import Control, answering, judging, prompts, shown, sprout, url
from up import SPROUT, wait_until
from upstream import STALL, Reply, Upstream, chat_reply

QUOTA = json.dumps({"error": {"message": "You exceeded your current quota, please check your "
                              "plan and billing details.", "code": "insufficient_quota"}}).encode()
CREDIT = b'{"error":{"message":"Your credit balance is too low to access the API."}}'
OTHER_LANGUAGES = ["回答B是最好的。", "Die zweite Antwort ist die beste.",
                   "الإجابة ب هي الأفضل", "{\"mejor\": \"B\"}", "{\"best\": \"Б\"}"]


fair = judging(lambda levels, _: levels.index(1))


def begin(tmp_path, folder, upstream, judge_url, *more, count=2):
    return sprout("evaluate", "--dir", folder, "--upstream", url(upstream), "--judge", judge_url,
                  "--judge-model", "j", "--prompts", prompts(tmp_path / "p.jsonl", count),
                  "--json", *more)


def go_on(folder, *more):
    done = sprout("evaluate", "--dir", folder, "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def newest(folder):
    return json.loads(sprout("evaluations", "--dir", folder, "--json").stdout.splitlines()[0])


def answers(upstream):
    return len([e for e in upstream.exchanges if e.method == "POST"])


def test_a_slow_judge_is_waited_for(tmp_path, folder, upstream, judge):
    judge.default = lambda exchange: Reply([0.5, *fair(exchange).pieces])
    began = time.monotonic()
    done = begin(tmp_path, folder, upstream, url(judge), "--patience", "2")
    told = json.loads(done.stdout)
    assert (told["judged"], told["verdicts"], told["unreadable"]) == (2, 4, 0)
    assert time.monotonic() - began > 2, "longer in all than its patience for one"


def test_a_silent_judge_is_let_go_and_asked_again_later(tmp_path, folder, upstream, judge):
    judge.default = lambda exchange: Reply([STALL])
    process = subprocess.Popen(
        [SPROUT, "evaluate", "--dir", str(folder), "--upstream", url(upstream), "--judge",
         url(judge), "--judge-model", "j", "--prompts",
         str(prompts(tmp_path / "p.jsonl", 1)), "--json"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        asked = judge.wait_for(1, 20)[0]
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
        assert process.returncode == 69 and "goes on" in told, told
        assert time.monotonic() - began < 5
        judge.wait_closed(asked)
    finally:
        process.kill()
        process.wait()
    judge.default = fair
    assert go_on(folder)["verdicts"] == 2
    assert answers(upstream) == 3


def test_answers_are_made_while_no_judge_listens_and_it_is_found_when_it_does(
        tmp_path, folder, upstream):
    first = Upstream()
    first.stop()
    done = begin(tmp_path, folder, upstream, url(first), "--patience", "1")
    assert done.returncode == 69 and "the judge does not answer" in done.stderr, done.stderr
    assert answers(upstream) == 6, "all that can be done without it"
    note = newest(folder)
    assert note["state"] == "open" and "the judge does not answer" in note["note"]
    judge = []

    def appear():
        judge.append(Upstream(first.port))
        judge[0].default = fair

    later = threading.Timer(1.5, appear)
    later.start()
    try:
        told = go_on(folder)  # it rests a second, then two
        assert (told["judged"], told["verdicts"]) == (2, 4)
        assert answers(upstream) == 6
    finally:
        later.join()
        judge[0].stop()


@pytest.mark.parametrize("status, body, words", [
    ("429 Too Many Requests", QUOTA, "answers 429: out of quota"),
    ("403 Forbidden", QUOTA, "answers 403: out of quota"),
    ("400 Bad Request", CREDIT, "answers 400: out of quota"),
    ("403 Forbidden", b"{}", "answers 403: the key is not accepted"),
    ("429 Too Many Requests", b"busy", "answers 429: too many requests"),
])
def test_why_it_is_refused_is_said_and_nothing_is_lost(
        tmp_path, folder, upstream, judge, status, body, words):
    judge.default = lambda _: Reply([body], status=status)
    done = begin(tmp_path, folder, upstream, url(judge), "--patience", "1", count=1)
    assert done.returncode == 69 and words in done.stderr, done.stderr
    # Who has to pay is not asked every second, who is merely busy is asked soon.
    asked = len(judge.exchanges)
    assert (asked > 1) == ("too many" in words), asked
    assert newest(folder)["unreadable"] == 0
    judge.default = fair
    assert go_on(folder)["verdicts"] == 2
    assert answers(upstream) == 3


def test_retry_after_is_obeyed_to_the_second(tmp_path, folder, upstream, judge):
    came = []

    def twice(exchange):
        came.append(time.monotonic())
        return fair(exchange) if len(came) > 1 else Reply(
            [QUOTA], status="429 Too Many Requests", headers=[("Retry-After", "3")])

    judge.default = twice
    done = begin(tmp_path, folder, upstream, url(judge), count=1)
    assert done.returncode == 0 and "next try in 3 s" in done.stderr, done.stderr
    assert 3 <= came[1] - came[0] < 5


@pytest.mark.parametrize("body", [
    b"<html><body>502 proxy</body></html>", b'{"choices":[{"message":{"content":"{\\"be',
    b'{"choices":[]}', b"\x00\xff\xfe\x80" * 50, b"", b'{"error":"later"}'],
    ids=["html", "cut off", "no choice", "bytes", "nothing", "an error with 200"])
def test_garbage_is_asked_once_more_then_counted_and_the_rest_goes_on(
        tmp_path, folder, upstream, judge, body):
    def of(exchange):
        return exchange.json["messages"][-1]["content"][:200], shown(exchange.json)

    judge.default = lambda exchange: (
        Reply([body]) if of(exchange) == of(judge.exchanges[0]) else fair(exchange))
    told = json.loads(begin(tmp_path, folder, upstream, url(judge)).stdout)
    assert (told["state"], told["verdicts"], told["unreadable"]) == ("done", 4, 1)
    assert len(judge.exchanges) == 5


@pytest.mark.parametrize("said", OTHER_LANGUAGES)
def test_another_language_is_never_guessed_at(tmp_path, folder, upstream, judge, said):
    judge.default = lambda _: chat_reply(said)
    told = json.loads(begin(tmp_path, folder, upstream, url(judge), count=1).stdout)
    assert (told["verdicts"], told["unreadable"]) == (2, 2)
    assert all(level["wins"] == 0 for level in told["strata"][0]["levels"])


def test_control_goes_on_without_a_judge_and_says_so(tmp_path, upstream):
    """The policy stays in force, the reason is shown, and the judge is used when it is back."""
    upstream.default = answering
    gone = Upstream()
    gone.stop()
    control = Control(tmp_path / "data", url(upstream))
    with contextlib.ExitStack() as stack:
        stack.callback(control.stop)
        before = json.loads((control.dir / "policy.json").read_text())
        watcher = subprocess.Popen(
            [SPROUT, "evaluate", "--dir", str(control.dir), "--judge", url(gone),
             "--judge-model", "j", "--prompts", str(prompts(tmp_path / "p.jsonl", 1))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(watcher.wait)
        stack.callback(watcher.kill)
        wait_until(lambda: "the judge does not answer" in sprout(
            "status", "--dir", control.dir).stdout, 30, "the reason in the status")
        assert json.loads((control.dir / "policy.json").read_text())["strata"] == before["strata"]
        judge = Upstream(gone.port)
        stack.callback(judge.stop)
        judge.default = fair
        wait_until(lambda: control.ledger("SELECT state FROM evaluations") == [("done",)], 40,
                   "the end")
        assert control.ledger("SELECT count(*), min(best) FROM evaluation_verdicts") == [(2, 2)]
        assert answers(upstream) == 3
