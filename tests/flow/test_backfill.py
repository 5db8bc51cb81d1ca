# SPDX-License-Identifier: Apache-2.0
"""Requests served while nobody knew the grid: joules and no grams, until the history comes."""
import datetime
import json
import sqlite3
import subprocess

import pytest

from gateway import nginx_missing
from providers import Provider
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
    # One arm for all, and so one row an hour.
    config.write_text(json.dumps({"holdout": 0, "explore": 0, "grid": {
        "zone": "DE", "providers": [
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
    sci = json.loads(sprout("report", "--dir", dark, "--sci", "--json")[1])["sci"]
    assert sci["requests"] == 0 and sci["operational_g"] is None, "unknown is not 0"
    assert rows(dark, WAITING) == [(3,)]
    requests, metered, graded, grams, l0, joules = rows(dark, SUMS)[0]
    assert (requests, metered, graded, grams, l0) == (3, 3, 0, 0, 0) and joules > 0
    with sqlite3.connect(dark / "ledger.db") as db:
        db.execute("UPDATE hourly SET predicted = 2, quality = 70000, quality_l0 = 60000")
    file = history(tmp_path / "de.csv", [360, 360, 360])
    code, out, err = sprout("ledger", "backfill", "--csv", file, "--dir", dark, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert (said["receipts"], said["hours_unknown"], said["hours_forgotten"]) == (3, 0, 0)
    # 360 g/kWh is 100 ug a joule: each receipt's grams are its joules, rounded once.
    for energy, grams in rows(dark, "SELECT energy_uj, operational_ug FROM receipts"):
        assert grams == round(energy * 1e-4)
    after = rows(dark, SUMS)
    said_of_quality = rows(dark, "SELECT sum(predicted), sum(quality), sum(quality_l0) FROM hourly")
    assert said_of_quality == [(2, 70000, 60000)]  # moved with the rest
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


# ---- grams that come by themselves ------------------------------------------------------

def long_ago(folder, hours):
    """The ledger as if what is in it had happened so many hours earlier."""
    us = hours * 3600 * 1000000
    with sqlite3.connect(folder / "ledger.db") as db:
        db.execute("UPDATE receipts SET at = at - ?", (us,))
        db.execute("UPDATE hourly SET hour = hour - ?", (hours,))
        db.execute("UPDATE conversations SET hour = hour - ?", (hours,))


def day_of(values, missing=()):
    """A reply of energy-charts: each quarter of an hour of the last day at one value an
    hour (hours ago -> g/kWh); None where it is missing."""
    now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
    quarters = range(now // 900 * 900 - 24 * 3600, now + 900, 900)
    measured = [None if t // 3600 - now // 3600 in missing
                else values(now // 3600 - t // 3600) for t in quarters]
    return {"unix_seconds": list(quarters), "co2eq": measured,
            "co2eq_forecast": [None] * len(measured), "deprecated": False}


@pytest.fixture
def provider():
    made = Provider()
    made.says({}, code=503)
    yield made
    made.close()


@pytest.fixture
def outage(tmp_path, upstream, provider):
    """Three requests of five hours ago, when the only provider was out of order; starts
    control again."""
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text(json.dumps({"grid": {"zone": "DE", "providers": [
        {"provider": "energy-charts", "zone": "de", "url": provider.url}]}}))
    started = []

    def start():
        started.append(Up(tmp_path / "state", upstream, "--config", str(config)))
        return started[-1]

    up = start()
    for i in range(3):
        code, headers, _ = up.chat(f"question {i}")
        assert code == 200 and headers["Sprout-Level"] == "L0"
    up.settled(3)
    up.stop()
    long_ago(up.dir, 5)
    yield start
    for up in started:
        up.stop()


def test_when_the_provider_is_back_the_grams_of_the_outage_come_by_themselves(
        outage, provider, tmp_path):
    folder = tmp_path / "state"
    joules = rows(folder, SUMS)[0][5]
    assert rows(folder, WAITING) == [(3,)]
    now = {"full": day_of(lambda ago: 100 + ago)}

    def answer(path, _):
        if "start=" in path:
            return 200, {}, json.dumps(now["full"]).encode()
        fresh = day_of(lambda ago: 100 + ago)
        last = {k: v[-2:] for k, v in fresh.items() if isinstance(v, list)}
        return 200, {}, json.dumps({**last, "deprecated": False}).encode()

    provider.answer = answer
    up = outage()
    wait_until(lambda: rows(folder, WAITING) == [(0,)], 20, "grams")
    for energy, grams in rows(folder, "SELECT energy_uj, operational_ug FROM receipts"):
        assert grams == round(energy * 105 / 3.6e6)  # the value of five hours ago
    assert rows(folder, "SELECT DISTINCT s.zone, s.quality, s.g FROM receipts r JOIN slots s "
                        "ON s.id = r.slot") == [("DE", "backfilled", 105.0)]
    requests, metered, graded, grams, _, after = rows(folder, SUMS)[0]
    assert (requests, metered, graded, after) == (3, 3, 3, joules)
    [asked] = {path for path, _ in provider.seen if "start=" in path}
    assert asked.startswith("/co2eq?country=de&start=")
    assert up.chat("after")[1]["Sprout-Grid"].startswith("100; zone=DE")


def test_what_the_provider_does_not_know_of_the_outage_stays_unknown(
        outage, provider, tmp_path):
    folder = tmp_path / "state"
    before = rows(folder, SUMS)
    # The hour lacks its quarters, or has forecasts only: neither is what was.
    provider.says(day_of(lambda ago: 100 + ago, missing=(-5,)))
    up = outage()
    wait_until(lambda: any("start=" in path for path, _ in provider.seen), 20, "a question")
    wait_until(lambda: up.status()["grid"]["quality"] == "live")
    up.stop()
    assert rows(folder, WAITING) == [(3,)] and rows(folder, SUMS) == before
