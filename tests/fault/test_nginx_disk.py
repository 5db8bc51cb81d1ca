# SPDX-License-Identifier: Apache-2.0
"""A full disk under the journal: serving goes on, the loss can be counted, the end of it too."""
import json
import os
import subprocess
import time

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 128 KiB; needs root and a system that lets it mount."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_journal_costs_records_and_nothing_else(start, small_disk):
    journal = small_disk / "journal.ndjson"
    gateway = start(journal=str(journal))
    gateway.expected = ("No space left on device", "was incomplete")
    for _ in range(20):
        assert gateway.chat()[0] == 200
    filler = small_disk / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"x" * 1024)
        except OSError:
            pass
    for _ in range(50):
        assert gateway.chat()[0] == 200  # served, though nothing can be written
    filler.unlink()
    time.sleep(1.1)  # nginx writes no line in the second of a failure
    for _ in range(20):
        assert gateway.chat()[0] == 200

    whole, torn = [], 0
    for line in journal.read_bytes().split(b"\n")[:-1]:
        try:
            whole.append(json.loads(line))
        except ValueError:
            torn += 1
    numbers = [record["seq"] for record in whole]
    assert numbers == sorted(set(numbers))
    lost = numbers[-1] - len(numbers)
    assert numbers[-1] == 90 and lost > 0, "the gap in seq says how many were lost"
    assert torn <= 1 and len(numbers) >= 20 + 19
    print(f"{lost} records lost to the full disk, {torn} line torn")
    assert gateway.status()["journalled"] == 90
