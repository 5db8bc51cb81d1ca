# SPDX-License-Identifier: Apache-2.0
"""One floor over a day, in service: clean hours give what dirty ones do not, and the account
outlives control."""
import contextlib
import datetime
import json
import subprocess

from up import SPROUT, Load, wait_until

CLEAN, DIRTY = 50, 500
HOUR = datetime.timedelta(hours=1)


def write_grid(path):
    """Three weeks, clean from 10 to 16 o'clock."""
    at = datetime.datetime(2023, 2, 1)
    lines = ["Datetime (UTC),Zone id,Carbon intensity gCO2eq/kWh (direct)"]
    for _ in range(21 * 24):
        lines.append(f"{at:%Y-%m-%d %H:%M:%S},XX,{CLEAN if 10 <= at.hour < 16 else DIRTY}")
        at += HOUR
    path.write_text("\n".join(lines) + "\n")
    return path


def explain(up, *flags):
    done = subprocess.run([SPROUT, "policy", "explain", "--dir", str(up.dir), *flags],
                          capture_output=True, text=True, check=True)
    return done.stdout


def test_clean_hours_of_a_day_give_what_dirty_ones_do_not(tmp_path, start_up):
    up = start_up(config=(
        "predictor: {weights: none}\nholdout: 0\nexplore: 0\nplan_interval_s: 1\n"
        "quality: {rule: fixed, floor: 0.95, hourly_floor: 0.9}\n"
        f"grid: {{source: csv, csv: {{file: {write_grid(tmp_path / 'grid.csv')},\n"
        "       start: 2023-02-09T00:00Z, speed: 18000}}\n"))  # five hours a second
    load = Load(up, clients=2)
    seen = {CLEAN: set(), DIRTY: set()}

    def a_day_later():
        status = up.status()
        window, policy = status["policy"]["window"], status["policy"]
        if window["acts"]:
            seen[status["grid"]["g_per_kwh"]].add(policy["quality_expected"])
            assert window["over"] == "day" and window["hourly_floor"] == 0.9
            assert window["forecast"] == window["hours_ahead"] - 1
            assert policy["quality_expected"] >= 0.9 - 1e-9
        return window["traffic_hours"] >= 72

    wait_until(a_day_later, 40, "three days of traffic")
    load.stop()
    assert not load.failed
    assert max(seen[CLEAN]) > 0.95 + 1e-3 and min(seen[DIRTY]) < 0.95 - 1e-3
    assert sum(seen[CLEAN]) / len(seen[CLEAN]) > sum(seen[DIRTY]) / len(seen[DIRTY])
    words = explain(up)
    assert "That floor is kept over the day from 2023-02-" in words
    assert "no hour falls under 0.9" in words


def test_the_account_outlives_control(start_up):
    up = start_up(config="holdout: 0\nexplore: 0\nplan_interval_s: 1\n"
                         "quality: {rule: fixed, floor: 0.9, budget_window: month}\n")
    for i in range(12):
        assert up.chat(f"question {i}")[0] == 200

    def told():
        with contextlib.suppress(OSError):  # it may be between two controls
            window = (up.status()["policy"] or {}).get("window") or {}
            return window if window.get("requests") == 12 else None
        return None

    before = wait_until(told, 10, "an account of twelve requests")
    assert not before["acts"] and before["in_reach"]
    control = up.kill("control")
    wait_until(lambda: up.pid("control") not in (None, control), what="another control")
    after = wait_until(told, 10, "the same account")
    assert after["account"] == before["account"] and after["start"] == before["start"]
    told = json.loads(explain(up, "--json"))["window"]
    assert told["over"] == "month" and told["requests"] == 12
    assert "each hour keeps the floor itself" in explain(up)
