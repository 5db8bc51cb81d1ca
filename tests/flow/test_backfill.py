# SPDX-License-Identifier: Apache-2.0
"""Requests served while nobody knew the grid: joules and no grams, until the history comes."""
import datetime
import json
import sqlite3
import subprocess

import pytest

from gateway import nginx_missing
from up import SPROUT, Up, wait_until


def sprout(*args):
    done = subprocess.run([SPROUT, *map(str, args)], text=True, capture_output=True,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


def rows(folder, sql):
    with sqlite3.connect(folder / "ledger.db") as db:
        return db.execute(sql).fetchall()


def history(path, values, step=3600):
    """A file whose rows begin an hour before now; None: a hole."""
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    first = int(now // 3600 * 3600) - 3600
    lines = ["Datetime (UTC),Zone Id,Carbon Intensity gCO2eq/kWh (direct)"]
    for i, value in enumerate(values):
        at = datetime.datetime.fromtimestamp(first + i * step, datetime.timezone.utc)
        if value is not None:
            lines.append(f"{at:%Y-%m-%d %H:%M:%S},DE,{value}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def dark(tmp_path, upstream):
    """Three requests in a ledger that knows no grid, and control still running."""
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text(json.dumps({"grid": {"zone": "DE", "providers": [
        {"provider": "energy-charts", "zone": "de", "url": "http://127.0.0.1:9"}]}}))
    up = Up(tmp_path / "state", upstream, "--config", str(config))
    for i in range(3):
        code, headers, _ = up.chat(f"question {i}")
        assert code == 200 and headers.get("Sprout-Level") == "L0"
    wait_until(lambda: rows(tmp_path / "state", "SELECT count(*) FROM receipts") == [(3,)], 20)
    yield tmp_path / "state"
    up.stop()


WAITING = "SELECT count(*) FROM receipts WHERE energy_uj > 0 AND operational_ug IS NULL"
SUMS = ("SELECT sum(requests), sum(metered), sum(graded), sum(operational_ug), "
        "sum(grams_l0_ug), sum(energy_uj) FROM hourly")


def test_grams_come_with_the_history_and_exactly_once(dark, tmp_path):
    assert rows(dark, WAITING) == [(3,)]
    requests, metered, graded, grams, l0, joules = rows(dark, SUMS)[0]
    assert (requests, metered, graded, grams, l0) == (3, 3, 0, 0, 0) and joules > 0
    file = history(tmp_path / "de.csv", [360, 360, 360])
    code, out, err = sprout("ledger", "backfill", "--csv", file, "--dir", dark, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["receipts"], said["hours_unknown"], said["hours_forgotten"]) == (3, 0, 0)
    # 360 g/kWh is 100 ug a joule: each receipt's grams are its joules, rounded once.
    for energy, grams in rows(dark, "SELECT energy_uj, operational_ug FROM receipts"):
        assert grams == round(energy * 1e-4)
    after = rows(dark, SUMS)
    assert after[0][:3] == (3, 3, 3) and after[0][3] == said["operational_ug"]
    assert after[0][4] > 0 and after[0][5] == joules
    assert rows(dark, "SELECT DISTINCT s.zone, s.quality, s.g FROM receipts r "
                      "JOIN slots s ON s.id = r.slot") == [("DE", "backfilled", 360.0)]
    assert rows(dark, "SELECT sum(graded), sum(grams_ug) FROM conversations") == rows(
        dark, "SELECT count(*), sum(operational_ug + embodied_ug) FROM receipts")
    code, out, _ = sprout("ledger", "backfill", "--csv", file, "--dir", dark, "--json")
    assert code == 0 and json.loads(out)["receipts"] == 0
    assert rows(dark, SUMS) == after
    code, out, _ = sprout("report", "--dir", dark, "--json")
    assert code == 0 and "backfilled" in out


def test_a_hole_in_the_history_leaves_grams_unknown(dark, tmp_path):
    file = history(tmp_path / "de.csv", [360, 360, None, 360], step=1800)
    before = rows(dark, SUMS)
    code, out, _ = sprout("ledger", "backfill", "--csv", file, "--dir", dark, "--json")
    said = json.loads(out)
    assert code == 0 and said["receipts"] == 0 and said["hours_unknown"] > 0
    assert rows(dark, WAITING) == [(3,)] and rows(dark, SUMS) == before


def test_zero_grams_are_known_grams(dark, tmp_path):
    file = history(tmp_path / "de.csv", [0, 0, 0])
    assert sprout("ledger", "backfill", "--csv", file, "--dir", dark)[0] == 0
    assert rows(dark, "SELECT DISTINCT operational_ug FROM receipts") == [(0,)]
    assert rows(dark, SUMS)[0][2] == 3


def test_what_is_wrong_is_said(tmp_path):
    file = history(tmp_path / "de.csv", [1, 1])
    assert sprout("ledger", "backfill", "--csv", file, "--dir", tmp_path)[0] == 66
    assert sprout("ledger", "backfill", "--dir", tmp_path)[0] == 2
    assert sprout("ledger", "backfill", "--csv", file, "--zone", "FR", "--dir", tmp_path)[0] == 65
    assert sprout("ledger")[0] == 2
