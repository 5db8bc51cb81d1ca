# SPDX-License-Identifier: Apache-2.0
"""`sprout up` as a story: it starts, serves, accounts, survives its parts, and stops."""
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import threading
import urllib.request

import pytest

from up import SPROUT, Load, alive, wait_until
from upstream import chat_reply


def test_it_tells_where_it_listens_in_one_line_of_json(start_up):
    up = start_up()
    assert set(up.told) == {"listen", "admin", "pid", "dir"}
    assert up.told["pid"] == up.process.pid
    assert up.told["dir"] == str(up.dir.resolve())
    for name in ("nginx.conf", "policy.json", "ledger.db", "control.pid", "nginx.pid"):
        assert (up.dir / name).exists(), name
    assert up.get("/healthz") == (200, "ok\n")
    assert up.get("/readyz")[0] == 200


def test_a_request_is_served_with_a_directive_and_is_in_the_ledger(
        tmp_path, start_up, upstream):
    config = tmp_path / "sprout.yaml"
    config.write_text("holdout: 0\nexplore: 0\n")  # nothing left to chance
    up = start_up("--config", str(config), "--floor", "0.5")
    code, headers, _ = up.chat("How many legs has a cat?")
    assert code == 200
    assert headers["Sprout-Level"] in ("L1", "L2"), headers
    assert "briefly" in upstream.last.json["messages"][-1]["content"]
    assert up.settled(1) == 1
    [(prompt, completion, energy, method, grid, quality)] = up.ledger(
        "SELECT prompt, completion, energy_uj, method, g_per_kwh, grid FROM requests")
    assert (prompt, completion) == (12, 3)
    assert energy > 0 and method
    assert (grid, quality) == (473.0, "assumed")


def test_a_published_figure_by_batch_takes_what_runs_together(tmp_path, start_up, upstream):
    config = tmp_path / "sprout.yaml"
    config.write_text("plan_interval_s: 1\n"
                      "profiles: [{model: '*', name: llama-3.1-8b/h100, seconds: [0, 0, 0.01]}]\n")
    up = start_up("--config", str(config))

    def slow(_):
        reply = chat_reply()
        reply.pieces.insert(0, 1.0)
        return reply

    upstream.default = slow
    threads = [threading.Thread(target=up.chat, args=(f"Number {n}?",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert up.settled(8) == 8
    policy = up.dir / "policy.json"
    text = wait_until(lambda: policy.read_text() if "-measured" in policy.read_text() else "",
                      what="a plan with what was measured")
    found = re.search(r'"llama-3\.1-8b/h100@1/batch-([\d.]+)-measured"', text)
    assert found and 4 < float(found[1]) <= 8, text
    methods = {method for method, in up.ledger("SELECT method FROM requests")}
    assert methods == {"llama-3.1-8b/h100@1/batch-1"}  # settled by the policy they met


WIRE = """\
holdout: 0
explore: 0
wire: {decode: yes, ping_s: 15}
levels:
  - name: full
  - name: terse
    patches:
      - {api: openai-chat, parameter: verbosity, value: low, model: 'gpt*'}
  - {name: short, directive: Answer briefly.}
rules:
  - {name: late, match: {route: /late/*}, placement: last-user, with_tools: yes}
"""


def test_what_the_configuration_says_of_the_wire_reaches_the_upstream(
        tmp_path, start_up, upstream):
    config = tmp_path / "sprout.yaml"
    config.write_text(WIRE)
    up = start_up("--config", str(config))
    text = (up.dir / "nginx.conf").read_text()
    assert "sprout_ping 15s;" in text and "sprout_decode on;" in text
    talk = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},
            {"role": "user", "content": "R"}]

    def ask(level, path="", pack=bytes, **body):
        body = pack(json.dumps({"model": "gpt-5", "messages": talk, **body}).encode())
        headers = {"Sprout-Level": level, "Content-Type": "application/json"}
        if pack is not bytes:
            headers["Content-Encoding"] = "gzip"
        reply = urllib.request.urlopen(urllib.request.Request(
            f"http://{up.listen}{path}/v1/chat/completions", body, headers), timeout=20)
        return reply.headers["Sprout-Level"], upstream.last.json

    assert ask("terse") == ("terse", {"model": "gpt-5", "messages": talk, "verbosity": "low"})
    assert ask("terse", model="other")[0] == "full"
    level, sent = ask("short", "/late", tools=[{"type": "function"}])
    assert level == "short"
    assert [m["content"] for m in sent["messages"]] == ["Q", "A", "R\n\nAnswer briefly."]
    level, sent = ask("short", pack=gzip.compress)
    assert [m["content"] for m in sent["messages"]] == ["Q\n\nAnswer briefly.", "A", "R"]
    wait_until(lambda: len(up.journal()) == 4, what="four lines")
    # Each worker writes its own lines, in its own time.
    assert sorted(line["reason"] for line in up.journal()) == [
        "forced", "forced", "forced", "no-patch"]


def test_status_and_metrics_say_the_same(start_up):
    up = start_up("--floor", "0.5", "--holdout", "0")
    for i in range(5):
        up.chat(f"question {i}")
    up.settled(5)
    status = wait_until(lambda: (s := up.status())["ledger"]["receipts"] == 5 and s)
    assert status["grid"]["quality"] == "assumed"
    assert status["policy"]["quality_source"] == "published prior, not measured here"
    assert status["journal"]["lag_bytes"] == 0
    assert sum(g["requests"] for g in status["requests"]) == 5
    metrics = up.metrics()
    ok = [v for k, v in metrics.items()
          if k.startswith("sprout_requests_total") and 'outcome="ok"' in k]
    assert sum(ok) == 5
    joules = sum(v for k, v in metrics.items() if k.startswith("sprout_energy_joules"))
    assert joules == pytest.approx(sum(g["energy_j"] for g in status["requests"]))
    assert metrics["sprout_ledger_up"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_leaves_no_process(start_up, number):
    up = start_up()
    up.chat("last words")
    parts = [up.pid("control"), up.pid("nginx")]
    assert up.stop(number) == 0
    assert not any(alive(pid) for pid in parts)
    assert up.receipts() == 1  # the last line was counted before control stopped


def test_killed_itself_it_takes_its_children_along(start_up):
    up = start_up()
    parts = [up.pid("control"), up.pid("nginx")]
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not any(alive(pid) for pid in parts), what="the end of the children")


def test_control_that_is_killed_comes_back_where_it_was(start_up):
    up = start_up()
    up.chat("one")
    up.settled(1)
    salt = json.loads((up.dir / "policy.json").read_text())["salt"]
    first = up.kill("control")
    assert up.chat("two")[0] == 200  # nobody is missed
    wait_until(lambda: up.pid("control") not in (None, first), what="the next control")
    up.chat("three")
    assert up.settled(3) == 3
    wait_until(lambda: up.get("/readyz")[0] == 200)  # on the same admin address
    assert json.loads((up.dir / "policy.json").read_text())["salt"] == salt


def test_nginx_that_is_killed_is_started_again(start_up):
    up = start_up()
    first = up.kill("nginx")
    wait_until(lambda: up.pid("nginx") not in (None, first), what="the next nginx")

    def served():
        try:
            return up.chat("again")[0] == 200
        except OSError:
            return False

    wait_until(served, what="serving")


def test_a_folder_has_one_master(start_up, upstream):
    up = start_up()
    second = subprocess.run(
        [SPROUT, "up", "--dir", str(up.dir), "--upstream", "http://127.0.0.1:9"],
        capture_output=True, text=True, timeout=20)
    assert second.returncode == 75
    assert "another 'sprout up'" in second.stderr
    assert up.chat("still there")[0] == 200


def test_two_controls_never_share_a_folder(start_up):
    up = start_up()
    second = subprocess.run([SPROUT, "control", "--dir", str(up.dir)],
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 75
    assert f"pid {up.pid('control')}" in second.stderr


def test_a_port_that_is_taken_is_named(tmp_path, start_up):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        up = start_up("--listen", address, ready=False)
        assert up.process.wait(20) == 75
        assert address in up.log()


@pytest.mark.parametrize("flags, code, said", [
    (["--grid", "static:lots"], 2, "found 'lots'"),
    (["--grid", "csv:/nowhere.csv"], 66, "/nowhere.csv"),
    (["--floor", "2"], 2, "floor"),
    (["--frob"], 2, "--frob"),
    (["--config", "/nowhere.yaml"], 66, "/nowhere.yaml"),
])
def test_what_is_wrong_is_said_and_nothing_is_left_running(start_up, flags, code, said):
    up = start_up(*flags, ready=False)
    assert up.process.wait(20) == code
    assert said in up.log()
    assert up.process.stdout.read() == ""


def test_a_restarted_up_goes_on_with_the_same_ledger(start_up):
    first = start_up()
    first.chat("one")
    first.settled(1)
    first.stop()
    second = start_up()
    second.chat("two")
    assert second.settled(2) == 2
    journal = second.journal()
    assert len(journal) == 2  # appended to, not begun anew


def test_rotation_by_rename_and_usr1_loses_and_doubles_nothing(start_up):
    up = start_up()
    for i in range(3):
        up.chat(f"before {i}")
    os.rename(up.dir / "journal.ndjson", up.dir / "journal.ndjson.1")
    up.chat("in between")
    os.kill(up.pid("nginx"), signal.SIGUSR1)
    wait_until(lambda: (up.dir / "journal.ndjson").exists(), what="the new journal")
    for i in range(3):
        up.chat(f"after {i}")
    wait_until(lambda: up.receipts() == 7, what="all seven receipts")
    ledger = up.status()["ledger"]
    assert (ledger["missing"], ledger["duplicates"], ledger["damaged"]) == (0, 0, 0)
    assert up.status()["journal"]["rotations"] == 1


def test_a_large_journal_is_rotated_and_no_line_is_lost(tmp_path, start_up):
    config = tmp_path / "sprout.yaml"
    config.write_text("journal_rotate_mib: 1\njournal_keep: 100\n")
    up = start_up("--config", str(config))
    load = Load(up)
    wait_until(lambda: list(up.dir.glob("journal.ndjson.*")), 60, "a rotation")
    load.stop()
    assert load.failed == []
    wait_until(lambda: up.receipts() == load.answered, 20, "every receipt")
    ledger = up.status()["ledger"]
    assert (ledger["missing"], ledger["duplicates"], ledger["damaged"]) == (0, 0, 0)


def test_a_hangup_signal_loads_the_configuration_anew_or_says_why_not(tmp_path, start_up):
    config = tmp_path / "sprout.yaml"
    config.write_text("quality: {rule: fixed, floor: 0.5}\nholdout: 0\n")
    up = start_up("--config", str(config))
    assert up.status()["policy"]["floor"] == 0.5
    config.write_text("quality: {rule: fixed, floor: 0.75}\nholdout: 0\n")
    up.process.send_signal(signal.SIGHUP)
    wait_until(lambda: up.status()["policy"]["floor"] == 0.75, what="the new floor")
    config.write_text("quality: {rule: fixed, floor: lots}\n")
    up.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload-refused" in up.log(), what="the refusal")
    assert up.status()["policy"]["floor"] == 0.75
    assert up.chat("still there")[0] == 200
