# SPDX-License-Identifier: Apache-2.0
"""policy.json absent, broken and in motion: requests are served, the right policy holds."""
import json
import os
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from gateway import policy, rfc3339


def level_and_reason(gateway):
    status, headers, _ = gateway.chat()
    assert status == 200
    return headers["Sprout-Level"], headers["Sprout-Reason"]


def wait_errors(gateway, count, timeout=5.0):
    until = time.monotonic() + timeout
    while (errors := gateway.status()["policy_errors"]) < count:
        assert time.monotonic() < until, errors
        time.sleep(0.01)
    return errors


def test_without_a_policy_requests_are_served_at_l0(start):
    gateway = start(policy=None)
    assert level_and_reason(gateway) == ("L0", "policy-missing")
    gateway.write_policy(policy())
    gateway.wait_policy("p-1", timeout=1.0)
    assert level_and_reason(gateway) == ("L1", "mix")
    [record, _] = gateway.journal.wait_for(2)
    assert record["policy"] is None


def test_past_its_validity_a_policy_means_l0(start):
    now = datetime.now(timezone.utc)
    gateway = start(policy=policy(created=rfc3339(now - timedelta(seconds=60)),
                                  valid_until=rfc3339(now - timedelta(seconds=5))))
    assert level_and_reason(gateway) == ("L0", "policy-expired")
    assert gateway.status()["policy"]["valid"] is False


def test_a_removed_policy_stays_in_force(gateway):
    gateway.policy_path.unlink()
    wait_errors(gateway, 1)
    assert level_and_reason(gateway) == ("L1", "mix")
    gateway.write_policy(policy(id="p-2"))
    gateway.wait_policy("p-2", timeout=1.0)


BAD = {
    "empty": b"",
    "not JSON": b"{",
    "not an object": b"[]",
    "another format": json.dumps(policy(format=2)).encode(),
    "shares that do not sum": json.dumps(policy(mix=(0.5, 0.4, 0.0))).encode(),
    "a negative share": json.dumps(policy(mix=(1.5, -0.5, 0.0))).encode(),
    "too few shares": json.dumps(policy(mix=(1.0,))).encode(),
    "holdout above 1": json.dumps(policy(holdout=1.5)).encode(),
    "a directive of 1 MB": json.dumps(policy(levels=[
        {"name": "L0", "directive": ""}, {"name": "L1", "directive": "x" * (1 << 20)},
        {"name": "L2", "directive": "y"}])).encode(),
    "a directive of 8 kB": json.dumps(policy(levels=[
        {"name": "L0", "directive": ""}, {"name": "L1", "directive": "x" * 8192},
        {"name": "L2", "directive": "y"}])).encode(),
    "no strata": json.dumps(policy(strata=[])).encode(),
    "text where a number belongs": json.dumps(policy(holdout="0.1")).encode(),
    "trailing bytes": json.dumps(policy()).encode() + b"x",
    "bytes that are no UTF-8": json.dumps(policy()).encode().replace(b"p-1", b"\xff\xfe"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_and_the_old_policy_stays(gateway, name):
    gateway.write_policy(BAD[name])
    wait_errors(gateway, 1)
    assert level_and_reason(gateway) == ("L1", "mix")
    assert gateway.status()["policy"]["id"] == "p-1"
    [line] = [line for line in gateway.errors().splitlines() if "refused" in line]
    assert 'policy "p-1" stays in force' in line and "policy.json" in line
    gateway.write_policy(policy(id="p-2"))
    gateway.wait_policy("p-2", timeout=1.0)


def test_a_file_cut_at_any_byte_is_refused(start):
    """Every byte with SPROUT_LONG=1 (a quarter of a second each), else every 97th; that the
    reader refuses every cut is shown by its unit test too."""
    gateway = start()
    whole = json.dumps(policy(id="p-cut")).encode()
    step = 1 if os.environ.get("SPROUT_LONG") else 97
    cuts = sorted({*range(0, len(whole), step), len(whole) - 1})
    for cut in cuts:
        before = gateway.status()["policy_errors"]
        gateway.write_policy(whole[:cut])
        wait_errors(gateway, before + 1)
        assert level_and_reason(gateway) == ("L1", "mix")
        assert gateway.status()["policy"]["id"] == "p-1"
    gateway.write_policy(whole)
    gateway.wait_policy("p-cut", timeout=1.0)


def test_a_file_written_in_place_is_taken_when_it_is_whole(gateway):
    whole = json.dumps(policy(id="p-2")).encode()
    with open(gateway.policy_path, "wb") as file:
        for i in range(0, len(whole), 200):
            file.write(whole[i:i + 200])
            file.flush()
            time.sleep(0.01)
    gateway.wait_policy("p-2", timeout=2.0)


def test_a_folder_or_a_pipe_in_its_place_does_not_stop_the_worker(gateway):
    gateway.policy_path.unlink()
    os.mkfifo(gateway.policy_path)
    wait_errors(gateway, 1)
    assert level_and_reason(gateway) == ("L1", "mix")
    gateway.policy_path.unlink()
    gateway.policy_path.mkdir()
    time.sleep(0.6)
    assert level_and_reason(gateway) == ("L1", "mix")


def test_every_worker_takes_a_new_policy_within_a_second(start):
    gateway = start(workers=4)
    gateway.write_policy(policy(id="p-2", mix=(0.0, 0.0, 1.0)))
    time.sleep(1.0)
    seen = set()
    for _ in range(60):
        status = gateway.status()
        seen.add(status["worker"])
        assert status["policy"]["id"] == "p-2"
        assert level_and_reason(gateway)[0] == "L2"
    assert len(gateway.workers()) == 4


def test_a_policy_replaced_a_hundred_times_a_second_under_load(gateway, upstream):
    stop = threading.Event()
    replaced = 0

    def replace():
        nonlocal replaced
        while not stop.is_set():
            replaced += 1
            mix = (0.0, 1.0, 0.0) if replaced % 2 else (0.0, 0.0, 1.0)
            bad = replaced % 5 == 0
            gateway.write_policy(b"{" if bad else policy(id=f"p-{replaced}", mix=mix))
            time.sleep(0.01)

    writer = threading.Thread(target=replace)
    writer.start()
    until = time.monotonic() + 3
    policies = set()
    while time.monotonic() < until:
        status, headers, _ = gateway.chat()
        assert status == 200 and headers["Sprout-Level"] in ("L1", "L2")
        odd = int(headers["Sprout-Policy"][2:]) % 2 == 1
        # The text that went upstream is the one of the policy that is named.
        assert headers["Sprout-Level"] == ("L1" if odd else "L2")
        text = upstream.last.json["messages"][0]["content"]
        assert text.endswith("briefly." if odd else "sentence.")
        policies.add(headers["Sprout-Policy"])
    stop.set()
    writer.join()
    assert len(policies) > 5
    gateway.write_policy(policy(id="p-1000001"))
    gateway.wait_policy("p-1000001", timeout=1.0)


def test_a_request_keeps_the_policy_it_began_with(gateway, upstream):
    from upstream import STALL, stream_events, stream_reply
    events = stream_events(usage=(12, 3))
    upstream.script(stream_reply(events[:2] + [3.0] + events[2:]))
    done = []
    slow = threading.Thread(target=lambda: done.append(
        gateway.chat(stream=True, headers={"Sprout-Receipt": "1"})))
    slow.start()
    upstream.wait_for(1)
    for i in range(3):
        gateway.write_policy(policy(id=f"p-{i + 2}"))
        gateway.wait_policy(f"p-{i + 2}")
    slow.join()
    [(status, headers, reply)] = done
    assert (status, headers["Sprout-Policy"]) == (200, "p-1")
    assert b": sprout-receipt {" in reply
    records = gateway.journal.wait_for(1)
    assert records[0]["policy"] == "p-1"


ZONES = [{"zone": "FR", "g_per_kwh": 20.0, "at": "2026-11-23T08:00:00Z", "source": "eco2mix",
          "quality": "live", "explore": 0.0, "floor": 1.0, "price": 0.0,
          "mix": [[1.0, 0.0, 0.0]]},
         {"zone": "PL", "g_per_kwh": 700.0, "at": "2026-11-23T08:00:00Z", "source": "csv",
          "quality": "replayed", "explore": 0.0, "floor": 0.9, "price": 0.1,
          "mix": [[0.0, 0.0, 1.0]]}]


@pytest.mark.parametrize("zone, level, grid", [
    ("FR", "L0", "20; zone=FR; age="), ("PL", "L2", "700; zone=PL; age="),
    ("XX", "L0", "unknown; zone=XX; age=unknown"), (None, "L1", "473; zone=GB; age=")])
def test_a_location_is_served_by_the_policy_of_its_zone(start, zone, level, grid):
    gateway = start(policy=policy(zones=ZONES),
                    location=f"sprout_zone {zone};" if zone else "")
    status, headers, _ = gateway.chat(headers={"Sprout-Receipt": "1"})
    assert status == 200 and headers["Sprout-Level"] == level
    assert headers["Sprout-Grid"].startswith(grid)
    [record] = gateway.journal.wait_for(1)
    assert (record["zone"], record["level"]) == (zone, level)
    receipt = json.loads(headers["Sprout-Receipt"])
    assert (receipt["grams"] is None) == (zone == "XX") and receipt["joules"] is not None


def test_grams_follow_the_grid_of_the_zone(start):
    grams = {}
    for zone in ("FR", "PL"):
        gateway = start(policy=policy(zones=[{**z, "mix": [[1.0, 0.0, 0.0]]} for z in ZONES]),
                        location=f"sprout_zone {zone};")
        _, headers, _ = gateway.chat(headers={"Sprout-Receipt": "1"})
        receipt = json.loads(headers["Sprout-Receipt"])
        grams[zone] = (receipt["joules"], receipt["grams"])
    (joules, low), (same, high) = grams["FR"], grams["PL"]
    assert joules == same
    assert high - low == pytest.approx(joules * (700 - 20) / 3.6e6)
