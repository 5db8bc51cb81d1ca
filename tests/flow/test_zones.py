# SPDX-License-Identifier: Apache-2.0
"""Machines in two places: each request is decided and accounted by the grid of its own."""
import contextlib
import http.client
import json
import subprocess

import pytest

from gateway import nginx_missing
from up import SPROUT, Up, wait_until
from upstream import Upstream

EMBODIED = {"carbon": {"embodied_g": 0}}


@contextlib.contextmanager
def stopped(server):
    yield server
    server.stop()


def ask(up, path, text, **headers):
    """(reply headers) of one chat completion below `path`."""
    connection = http.client.HTTPConnection(up.listen, timeout=20)
    with contextlib.closing(connection):
        body = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": text}]})
        connection.request("POST", path + "v1/chat/completions", body, {
            "Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        assert reply.status == 200, reply.read()
        reply.read()
        return dict(reply.getheaders())


@pytest.fixture
def places(tmp_path, upstream):
    """Home in a dirty zone, a second server in a clean one, a third beside the first."""
    if reason := nginx_missing():
        pytest.skip(reason)
    with stopped(Upstream()) as clean:
        config = tmp_path / "sprout.yaml"
        config.write_text(json.dumps({
            "grid": {"zone": "PL", "source": "static", "static_g_per_kwh": 700},
            "upstreams": [
                {"name": "clean", "url": f"http://127.0.0.1:{clean.port}", "path": "/fr/",
                 "zone": "FR", "grid": {"source": "static", "static_g_per_kwh": 20}},
                {"name": "near", "url": f"http://127.0.0.1:{upstream.port}", "path": "/pl2/"}],
            "quality": {"k0_min_g_per_kwh": 20, "k0_max_g_per_kwh": 700},
            "holdout": 0, "explore": 0, **EMBODIED}))
        up = Up(tmp_path / "state", upstream, "--config", str(config))
        wait_until(lambda: ask(up, "/fr/", "ready?")["Sprout-Policy"] != "none")
        up.first = up.settled(1)
        up.clean, up.dirty = clean, upstream
        yield up
        up.stop()


def policy_of(up):
    return json.loads((up.dir / "policy.json").read_text())


def test_each_zone_has_its_own_floor_and_mix(places):
    policy = policy_of(places)
    [zone] = policy["zones"]
    assert (policy["grid"]["zone"], policy["grid"]["g_per_kwh"]) == ("PL", 700)
    assert (zone["zone"], zone["g_per_kwh"], zone["quality"]) == ("FR", 20, "assumed")
    assert zone["floor"] == 1 and zone["mix"] == [[1, 0, 0]] * len(policy["strata"])
    assert policy["floor"] < 1 and policy["strata"][0]["mix"][0] < 1


def test_requests_go_to_their_server_at_the_level_of_its_zone(places):
    before = len(places.clean.exchanges)
    levels = {"/": set(), "/fr/": set(), "/pl2/": set()}
    for path, seen in levels.items():
        for i in range(12):
            headers = ask(places, path, f"{path} {i}", **{"Sprout-Key": f"{path}{i}"})
            seen.add(headers["Sprout-Level"])
            zone = "20; zone=FR" if path == "/fr/" else "700; zone=PL"
            assert headers["Sprout-Grid"].startswith(zone + "; age=")
    assert levels["/fr/"] == {"L0"}
    assert levels["/"] - {"L0"} and levels["/pl2/"] - {"L0"}
    sent = places.clean.exchanges[before:]
    assert len(sent) == 12 and {r.target for r in sent} == {"/v1/chat/completions"}


def test_grams_are_those_of_the_zone_in_receipt_ledger_and_report(places):
    receipts = {}
    for path in ("/", "/fr/"):
        headers = ask(places, path, "the same", **{"Sprout-Level": "L0", "Sprout-Receipt": "1"})
        receipts[path] = json.loads(headers["Sprout-Receipt"])
    for path, intensity in (("/", 700), ("/fr/", 20)):
        said = receipts[path]
        assert said["grid"] == "assumed"
        assert said["grams"] == pytest.approx(said["joules"] * intensity / 3.6e6)
    places.settled(places.first + 2)
    rows = places.ledger(
        "SELECT s.zone, s.g, sum(r.operational_ug), sum(r.energy_uj) FROM receipts r "
        "JOIN slots s ON s.id = r.slot GROUP BY s.zone ORDER BY s.zone")
    assert [(zone, g) for zone, g, *_ in rows] == [("FR", 20), ("PL", 700)]
    for _, g, micrograms, microjoules in rows:
        assert micrograms == pytest.approx(microjoules * g / 3.6e6, abs=2)
    zones = {r["zone"] for r in places.journal()}
    assert zones == {"FR", None}


def test_the_report_splits_by_zone(places):
    for i in range(3):
        ask(places, "/", f"dirty {i}")
    places.settled(places.first + 3)
    done = subprocess.run([SPROUT, "report", "--by", "zone", "--json", "--dir", places.dir],
                          text=True, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    rows = {row["zone"]: row for row in json.loads(done.stdout)["rows"]}
    assert {zone: row["requests"] for zone, row in rows.items()} == {
        "FR": places.first, "PL": 3}
    per_joule = {z: r["operational_g"] / r["energy_j"] for z, r in rows.items()}
    assert per_joule["PL"] == pytest.approx(35 * per_joule["FR"], rel=0.05)


def test_status_and_metrics_know_all_zones(places):
    status = places.status()
    assert status["grid"]["zone"] == "PL" and status["grid"]["quality"] == "assumed"
    [zone] = status["zones"]
    assert (zone["zone"], zone["grid"]["g_per_kwh"], zone["floor"]) == ("FR", 20, 1)
    assert [level["share"] for level in zone["levels"]] == [1, 0, 0]
    metrics = places.metrics()
    assert metrics['sprout_grid_grams_per_kwh{zone="PL",quality="assumed"}'] == 700
    assert metrics['sprout_grid_grams_per_kwh{zone="FR",quality="assumed"}'] == 20
    assert metrics['sprout_policy_zone_share_ratio{zone="FR",level="L0"}'] == 1
    done = subprocess.run([SPROUT, "status", "--dir", places.dir], text=True,
                          capture_output=True, timeout=30)
    assert "700 g/kWh, zone PL, assumed" in done.stdout
    assert "20 g/kWh, zone FR, assumed" in done.stdout
    assert "floor 1.000, mix L0 100 % L1 0 % L2 0 %" in done.stdout


def test_check_and_grid_try_every_place(tmp_path, upstream):
    with stopped(Upstream()) as clean:
        config = tmp_path / "sprout.yaml"
        config.write_text(json.dumps({
            "upstream": f"http://127.0.0.1:{upstream.port}", "dir": str(tmp_path / "state"),
            "grid": {"zone": "PL", "source": "static", "static_g_per_kwh": 700},
            "upstreams": [
                {"name": "clean", "url": f"http://127.0.0.1:{clean.port}", "path": "/fr/",
                 "zone": "FR", "grid": {"source": "static", "static_g_per_kwh": 20}}]}))
        done = subprocess.run([SPROUT, "check", "--config", config, "--json"], text=True,
                              capture_output=True, timeout=60)
        found = json.loads(done.stdout)
        told = [f["text"] for f in found["findings"] if f["what"] == "grid"]
        assert [t.split(" in zone ")[1][:2] for t in told] == ["PL", "FR"]
        assert sum(f["what"] == "upstream" for f in found["findings"]) == 2
        done = subprocess.run([SPROUT, "grid", "--config", config, "--json"], text=True,
                              capture_output=True, timeout=60)
        said = json.loads(done.stdout)
        assert said["now"]["zone"] == "PL"
        assert [(z["zone"], z["now"]["g_per_kwh"]) for z in said["zones"]] == [("FR", 20)]


def test_the_policy_can_be_seen_from_a_zone(places):
    def policy(*args):
        done = subprocess.run([SPROUT, "policy", *args, "--dir", places.dir], text=True,
                              capture_output=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    code, out, _ = policy("test", "--json", "--zone", "FR")
    shares = json.loads(out)["shares"]
    assert code == 0 and (shares.get("L0") if isinstance(shares, dict) else shares[0]) == 1, out
    code, out, _ = policy("explain", "--zone", "FR")
    assert code == 0 and "20 g/kWh" in out and "FR" in out
    code, out, _ = policy("explain")
    assert code == 0 and "700 g/kWh" in out and "PL" in out
    code, _, err = policy("show", "--zone", "XX")
    assert code == 66 and "those there are: FR" in err


def test_a_zone_whose_grid_nobody_knows_does_not_drag_the_others_down(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text(json.dumps({
        "grid": {"zone": "PL", "source": "static", "static_g_per_kwh": 700},
        "upstreams": [{"name": "dark", "url": f"http://127.0.0.1:{upstream.port}",
                       "path": "/de/", "zone": "DE", "grid": {"providers": [
                           {"provider": "energy-charts", "zone": "de",
                            "url": "http://127.0.0.1:9"}]}}],
        "quality": {"k0_min_g_per_kwh": 20, "k0_max_g_per_kwh": 700}}))
    up = Up(tmp_path / "state", upstream, "--config", str(config))
    try:
        wait_until(lambda: ask(up, "/", "ready?")["Sprout-Policy"] != "none")
        for i in range(20):
            headers = ask(up, "/de/", f"dark {i}", **{"Sprout-Key": str(i),
                                                      "Sprout-Receipt": "1"})
            assert headers["Sprout-Level"] == "L0"
            assert headers["Sprout-Grid"] == "unknown; zone=DE; age=unknown"
            receipt = json.loads(headers["Sprout-Receipt"])
            assert receipt["grams"] is None and receipt["joules"] > 0
        assert ask(up, "/", "lit")["Sprout-Grid"].startswith("700; zone=PL")
        wait_until(lambda: up.ledger(
            "SELECT count(*), sum(r.energy_uj > 0), count(r.operational_ug) FROM receipts r "
            "JOIN slots s ON s.id = r.slot WHERE s.zone = 'DE' AND s.g IS NULL") == [(20, 20, 0)])
        status = up.status()
        assert status["grid"]["quality"] == "assumed"
        [zone] = status["zones"]
        assert zone["grid"]["quality"] == "none" and zone["levels"][0]["share"] == 1
    finally:
        up.stop()
