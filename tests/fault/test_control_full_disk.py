# SPDX-License-Identifier: Apache-2.0
"""A full disk, first under the ledger alone, then under everything (small tmpfs mounts).

Serving goes on; what is wrong is shown; when there is room again, control catches up by
itself.  Under the ledger nothing is lost, because the journal has it; under the journal
lines are lost, and how many is counted by their sequence numbers.
"""
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))

from gateway import nginx_missing  # noqa: E402
from up import Up, wait_until  # noqa: E402
from upstream import Upstream  # noqa: E402


@pytest.fixture
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB; skipped where it cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(folder)],
        capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("a tmpfs cannot be mounted (needs root and CAP_SYS_ADMIN)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder):
    """Not one byte of room in `folder` inside the block."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as f:
        with contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def start_up(upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    started = []

    def begin(folder):
        started.append(Up(folder, upstream))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


def test_a_full_disk_under_the_ledger_delays_receipts_and_loses_none(
        tmp_path, small_disk, start_up):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "ledger.db").symlink_to(small_disk / "ledger.db")
    up = start_up(folder)
    up.chat("while there is room")
    up.settled(1)
    with filled(small_disk):
        served = 1
        while up.status()["ledger"]["state"] == "ok":  # until its last free page is used
            assert up.chat(f"question {served}")[0] == 200
            served += 1
            assert served < 20000
        for i in range(20):
            assert up.chat(f"while it is full {i}")[0] == 200
        served += 20
        ledger = up.status()["ledger"]
        assert "disk is full" in ledger["error"]
        assert ledger["errors"] >= 1
        assert up.metrics()["sprout_ledger_up"] == 0
        assert up.get("/readyz")[0] == 503
        wait_until(lambda: len(up.journal()) == served, what="the journal")
    wait_until(lambda: up.status()["ledger"]["state"] == "ok", what="the recovery")
    assert up.settled(served) == served
    ledger = up.status()["ledger"]
    assert (ledger["missing"], ledger["duplicates"], ledger["damaged"]) == (0, 0, 0)
    assert up.get("/readyz")[0] == 200


def test_a_full_disk_under_everything_is_survived_and_the_loss_is_counted(
        small_disk, start_up):
    up = start_up(small_disk / "data")
    for i in range(5):
        up.chat(f"while there is room {i}")
    up.settled(5)
    served = 5
    with filled(small_disk):
        for i in range(50):
            assert up.chat(f"while it is full {i}")[0] == 200
        served += 50

    def one_more_is_counted():
        nonlocal served
        assert up.chat(f"room again {served}")[0] == 200
        served += 1
        return up.receipts() >= 8  # nginx does not log for the rest of a second

    wait_until(one_more_is_counted, what="the recovery")
    wait_until(lambda: up.status()["ledger"]["state"] == "ok")

    def all_accounted():
        ledger = up.status()["ledger"]
        up.chat("one more line, so that the gap before it is seen")
        return ledger["receipts"] + ledger["missing"] >= served and ledger

    ledger = wait_until(all_accounted, what="the loss in the books")
    assert ledger["missing"] > 0
    assert ledger["duplicates"] == 0
    assert len({(r["worker"], r["seq"]) for r in whole_lines(up)}) == len(whole_lines(up))


def whole_lines(up):
    """The journal's lines that are whole; half a line may stand before one of them."""
    import json
    records = []
    for line in (up.dir / "journal.ndjson").read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError):
            records.append(json.loads(line))
    return records
