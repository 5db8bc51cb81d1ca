# SPDX-License-Identifier: Apache-2.0
"""Control is killed at random moments: every request is in the ledger exactly once.

SPROUT_KILLS says how often (a dozen unless told otherwise).  What is compared are the
(worker, seq) of the journal's lines with those of the receipts; no duplicate was even
seen, which means that control went on at the byte where it stopped.
"""
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))

from gateway import nginx_missing  # noqa: E402
from up import SPROUT, Load, Up, wait_until  # noqa: E402
from upstream import Upstream  # noqa: E402

KILLS = int(os.environ.get("SPROUT_KILLS", "12"))


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


def chance():
    """Random, but told: a failure can be repeated with SPROUT_SEED."""
    seed = int(os.environ.get("SPROUT_SEED", time.time_ns() % 1_000_000))
    print(f"SPROUT_SEED={seed}")
    return random.Random(seed)


def exactly_once(up):
    """The ledger holds what the journal holds, no line more or less or twice."""
    lines = {(r["worker"], r["seq"]) for r in up.journal()}
    wait_until(lambda: up.receipts() >= len(lines), 60, "the rest of the journal")
    receipts = up.ledger("SELECT w.name, r.seq FROM receipts r "
                         "JOIN workers w ON w.id = r.worker")
    assert len(receipts) == len(lines)
    assert set(receipts) == lines
    assert up.ledger("SELECT sum(requests) FROM hourly") == [(len(lines),)]
    assert up.ledger("SELECT sum(requests) FROM conversations") == up.ledger(
        "SELECT count(*) FROM receipts r JOIN series s ON s.id = r.series "
        "WHERE s.arm IN ('mix', 'explore', 'holdout')")
    assert up.ledger("SELECT name, n FROM counts WHERE name <> 'samples'") == [], \
        "nothing double, nothing damaged"
    [(offset,)] = up.ledger("SELECT offset FROM position")
    assert offset == (up.dir / "journal.ndjson").stat().st_size
    return len(lines)


def test_kills_under_load_lose_nothing_and_double_nothing(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    dice = chance()
    up = Up(tmp_path / "data", upstream)
    load = Load(up)
    try:
        for _ in range(KILLS):
            time.sleep(dice.uniform(0, 0.25))
            killed = up.kill("control")
            wait_until(lambda: up.pid("control") != killed, what="the next control")
        load.stop()
        assert load.failed == []  # no client noticed anything
        wait_until(lambda: len(up.journal()) >= load.answered, what="nginx's log phase")
        assert exactly_once(up) == load.answered
        assert up.status()["ledger"]["missing"] == 0
    finally:
        load.stop()
        up.stop()


class Control:
    """`sprout control` on a folder, without nginx; asked through its files only."""

    ledger = Up.ledger
    journal = Up.journal
    receipts = Up.receipts

    def __init__(self, folder):
        self.dir = folder
        self.process = None

    def start(self):
        self.process = subprocess.Popen([SPROUT, "control", "--dir", str(self.dir)],
                                        stderr=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


def line(worker, seq):
    arm = ("mix", "holdout", "explore", "none")[seq % 4]
    return json.dumps({
        "v": 1, "worker": f"w{worker}", "seq": seq, "time": "2026-11-23T08:00:00.125Z",
        "id": f"r{worker}-{seq}", "api": "openai-chat", "model": "m", "stream": False,
        "level": "L1", "arm": arm, "reason": "mix", "rule": None, "stratum": "all",
        "policy": "p-1", "key": f"{seq // 3:016x}",
        "tokens": {"prompt": 12, "cached": None, "completion": 30, "reasoning": None},
        "usage": "reported", "ttfb_us": 100, "duration_us": 200, "overhead_us": 10,
        "status": 200, "outcome": "ok", "bytes_in": 100, "bytes_out": 200,
    }, separators=(",", ":")) + "\n"


def test_kills_in_the_middle_of_a_long_journal_lose_nothing_and_double_nothing(tmp_path):
    dice = chance()
    control = Control(tmp_path / "data")
    control.dir.mkdir()
    per_start = 6000  # about what a control takes before it is killed
    stops = []
    for turn in range(KILLS):
        with open(control.dir / "journal.ndjson", "a") as journal:
            journal.writelines(line(n % 3, turn * per_start // 3 + n // 3 + 1)
                               for n in range(per_start // 3 * 3))
        control.start()
        time.sleep(dice.uniform(0.005, 0.5))
        control.kill()
        with contextlib.suppress(sqlite3.Error):  # no ledger yet
            stops.append((control.receipts(), len(control.journal())))
    control.start()
    try:
        assert exactly_once(control) == len(control.journal())
    finally:
        control.kill()
    print(stops)
    assert any(0 < took < there for took, there in stops), "no kill fell into the work"
