# SPDX-License-Identifier: Apache-2.0
"""`sprout grid` and the live providers, against a scripted one: every trap is refused, with
words that say whose it is to mend, and no key in any of them."""
import json
import os
import sqlite3
import subprocess
import time

import pytest

from providers import Provider, certificate, electricitymaps, moment
from gateway import ROOT, nginx_missing
from up import SPROUT, Up, wait_until

KEY = "em-key-0123456789"


@pytest.fixture
def provider():
    p = Provider()
    yield p
    p.close()


def sprout(*args, env=None):
    done = subprocess.run([SPROUT, *map(str, args)], text=True, capture_output=True,
                          timeout=60, env={**os.environ, "ELECTRICITYMAPS_KEY": KEY,
                                           "WATTTIME_KEY": "me:pass-0123456789",
                                           "EIA_KEY": "eia-0123456789", **(env or {})})
    return done.returncode, done.stdout, done.stderr


def config(tmp_path, *entries, **grid):
    """sprout.yaml (which JSON is, too) with these providers."""
    path = tmp_path / "sprout.yaml"
    path.write_text(json.dumps({"grid": {**grid, "providers": list(entries)}}))
    return path


def em(provider, **more):
    return {"provider": "electricitymaps", "zone": "DE", "url": provider.url,
            "forecast": False, **more}


def ask(tmp_path, provider, **more):
    """The one provider's finding."""
    code, out, err = sprout("grid", "test", "--json", "--config",
                            config(tmp_path, em(provider, **more)))
    assert KEY not in out + err
    [said] = json.loads(out)
    return code, said


def test_a_good_answer_is_live(tmp_path, provider):
    provider.says(electricitymaps(412.5))
    code, said = ask(tmp_path, provider)
    assert (code, said["ok"], said["state"]) == (0, True, "ok")
    assert "412.5 g/kWh now (live, average, direct)" in said["message"]
    path, headers = provider.seen[0]
    assert "zone=DE" in path and "emissionFactorType=direct" in path
    assert "shouldUseFallbackCallerLookup=false" in path
    assert headers["auth-token"] == KEY


TRAPS = {
    "wrong zone": (electricitymaps(zone="FR"), "expected 'DE'"),
    "HTML with 200": (b"<html>log in</html>", "HTML"),
    "null": (electricitymaps(None), "null"),
    "text": (electricitymaps("412"), ""),
    "NaN": (electricitymaps(1).replace(b": 1,", b": NaN,", 1), "JSON"),
    "1e9": (electricitymaps(1e9), "2000"),
    "negative": (electricitymaps(-1), ""),
    "two days old": (electricitymaps(shift=-2 * 86400), "ago"),
    "clock skew": (electricitymaps(shift=3 * 3600), "clock"),
    "empty object": (b"{}", ""),
    "empty": (b"", "empty"),
    "half": (electricitymaps()[:40], "JSON"),
    "other factors": (electricitymaps(emissionFactorType="lifecycle"), "direct"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_an_answer_that_cannot_be_right_is_refused(tmp_path, provider, trap):
    body, words = TRAPS[trap]
    provider.says(body)
    code, said = ask(tmp_path, provider)
    assert (code, said["ok"], said["state"]) == (65, False, "invalid"), said
    assert words in said["message"], said


CODES = [
    (204, b"", "no-data", 75, "no data"),
    (400, {"error": "no zone"}, "configuration", 78, "no zone"),
    (404, b"", "configuration", 78, "404"),
    (501, b"", "configuration", 78, "501"),
    (401, {"error": "Invalid auth-token"}, "authorisation-or-quota", 78, "Invalid auth-token"),
    (403, b"", "authorisation-or-quota", 78, "plan"),
    (410, b"", "going-away", 69, "ended"),
    (429, b"", "quota", 69, "too often"),
    (500, b"", "unreachable", 69, "out of order"),
    (503, b"<html>", "unreachable", 69, "503"),
]


@pytest.mark.parametrize("code,body,state,exit_code,words", CODES)
def test_each_status_code_says_whose_it_is_to_mend(tmp_path, provider, code, body, state,
                                                   exit_code, words):
    provider.says(body, code)
    got, said = ask(tmp_path, provider)
    assert (got, said["state"]) == (exit_code, state), said
    assert words in said["message"], said


def test_a_server_that_repeats_the_key_does_not_get_it_printed(tmp_path, provider):
    provider.answer = lambda path, headers: (
        401, {}, json.dumps({"error": f"bad token {headers['auth-token']}"}).encode())
    code, said = ask(tmp_path, provider)
    assert "bad token ****" in said["message"]
    # Where there is no value the reason is whole, too, with the server's own words.
    code, out, err = sprout("grid", "--config", config(tmp_path, em(provider)))
    assert code == 75 and "it says: 'bad token ****" in out and KEY not in out + err


def test_zero_is_a_value(tmp_path, provider):
    provider.says(electricitymaps(0))
    code, said = ask(tmp_path, provider)
    assert code == 0 and said["message"].startswith("0 g/kWh now")


def test_a_body_of_ten_megabytes_is_cut_off(tmp_path, provider):
    provider.says(b"[" + b" " * 10_000_000 + b"]")
    code, said = ask(tmp_path, provider)
    assert (code, said["ok"]) == (69, False) and "larger" in said["message"]


def test_a_redirect_on_the_same_host_is_followed_once(tmp_path, provider):
    def answer(path, _):
        if path.startswith("/moved"):
            return 200, {}, electricitymaps(77)
        return 302, {"Location": f"{provider.url}/moved?x"}, b""
    provider.answer = answer
    code, said = ask(tmp_path, provider)
    assert code == 0 and said["message"].startswith("77 g")
    provider.answer = lambda *_: (302, {"Location": f"{provider.url}/again"}, b"")
    provider.seen.clear()
    code, said = ask(tmp_path, provider)
    assert code == 69 and "twice" in said["message"] and len(provider.seen) == 2


def test_a_key_never_goes_to_another_host(tmp_path, provider):
    other = Provider()
    other.says(electricitymaps())
    provider.says(b"", 307, Location=f"{other.url}/take")
    code, said = ask(tmp_path, provider)
    other.close()
    assert code == 69 and "another host" in said["message"]
    assert other.seen == []


def test_https_is_trusted_only_by_its_certificate(tmp_path):
    cert, key = certificate(tmp_path)
    server = Provider(lambda *_: (200, {}, electricitymaps(5)), tls=(cert, key))
    code, said = ask(tmp_path, server)
    assert code == 69 and "certificate" in said["message"]
    code, said = ask(tmp_path, server, ca_file=str(cert))
    server.close()
    assert code == 0 and said["message"].startswith("5 g/kWh")


def watttime(value=387.2, units="lbs_co2_per_mwh"):
    return {"data": [{"point_time": moment(i * 300, 300), "value": value} for i in range(12)],
            "meta": {"region": "CAISO_NORTH", "signal_type": "co2_moer", "units": units,
                     "data_point_period_seconds": 300}}


def test_watttime_logs_in_and_renews_its_token_once(tmp_path, provider):
    tokens = []

    def answer(path, headers):
        if path == "/login":
            assert headers["Authorization"].startswith("Basic ")
            tokens.append(f"token-{len(tokens)}")
            return 200, {}, json.dumps({"token": tokens[-1]}).encode()
        if headers["Authorization"] == "Bearer token-0":
            return 401, {}, b""
        return 200, {}, json.dumps(watttime()).encode()

    provider.answer = answer
    entry = {"provider": "watttime", "zone": "CAISO_NORTH", "url": provider.url}
    path = config(tmp_path, entry, signal="marginal")
    code, out, err = sprout("grid", "--json", "--config", path)
    said = json.loads(out)
    assert code == 0 and said["now"]["g_per_kwh"] == pytest.approx(175.63, abs=0.01)
    assert (said["now"]["kind"], said["now"]["quality"]) == ("marginal", "live")
    assert len(tokens) == 2 and "pass-0123456789" not in out + err
    provider.answer = lambda path, headers: (
        (200, {}, b'{"token":"token-x"}') if path == "/login" else (401, {}, b""))
    provider.seen.clear()
    code, out, _ = sprout("grid", "test", "--json", "--config", path)
    assert code == 78 and json.loads(out)[0]["state"] == "authorisation-or-quota"
    assert len(provider.seen) == 4  # login, asked, login, asked: and no more


def test_a_percentile_is_no_intensity(tmp_path, provider):
    provider.answer = lambda path, _: (
        200, {}, b'{"token":"t-123456"}' if path == "/login"
        else json.dumps(watttime(31.0, "percentile")).encode())
    entry = {"provider": "watttime", "zone": "CAISO_NORTH", "url": provider.url}
    code, out, _ = sprout("grid", "test", "--json", "--config",
                          config(tmp_path, entry, signal="marginal"))
    assert code == 65 and "percentile" in json.loads(out)[0]["message"]


def test_the_next_provider_serves_when_the_first_is_down(tmp_path, provider):
    provider.says({"data": [{"from": moment(0, 1800), "to": moment(1800, 1800),
                             "intensity": {"forecast": 266, "actual": None}}]})
    dead = {"provider": "electricitymaps", "zone": "GB", "url": "http://127.0.0.1:9"}
    path = config(tmp_path, dead,
                  {"provider": "neso", "zone": "GB", "url": provider.url},
                  {"provider": "static", "g_per_kwh": 300})
    code, out, _ = sprout("grid", "--json", "--config", path)
    said = json.loads(out)
    assert code == 0 and said["now"]["source"] == "neso" and said["now"]["forecast"] is True
    assert [p["ok"] for p in said["providers"]] == [False, True, True]
    provider.says(b"", 500)
    said = json.loads(sprout("grid", "--json", "--config", path)[1])
    assert (said["now"]["quality"], said["now"]["g_per_kwh"]) == ("assumed", 300)


def test_another_signal_or_other_factors_need_permission(tmp_path, provider):
    provider.says(electricitymaps())
    entries = (em(provider), {"provider": "static", "factors": "lifecycle", "g_per_kwh": 1})
    code, _, err = sprout("grid", "--config", config(tmp_path, *entries))
    assert code == 78 and "mix_signals" in err
    code, _, _ = sprout("grid", "--config", config(tmp_path, *entries, mix_signals=True))
    assert code == 0


def test_what_is_missing_is_said_before_anything_is_asked(tmp_path, provider):
    for entry, words in [({"provider": "carbon-aware-sdk", "zone": "eastus"}, "no url"),
                         ({"provider": "electricitymaps", "zone": "US"}, "zone 'US'"),
                         ({"provider": "neso"}, "no zone"),
                         ({"provider": "static"}, "g_per_kwh"),
                         ({"provider": "csv"}, "file")]:
        code, _, err = sprout("grid", "test", "--config", config(tmp_path, entry))
        assert code == 78 and words in err, err
    code, _, err = sprout("grid", "test", "--config", config(tmp_path, em(provider)),
                          env={"ELECTRICITYMAPS_KEY": ""})
    assert code == 78 and "ELECTRICITYMAPS_KEY" in err


def test_a_profile_stands_in_where_nobody_is_live(tmp_path):
    data = ROOT / "../shared/data/grid"
    files = sorted(data.glob("*GB*2023*.csv")) + sorted(data.glob("GB*.csv"))
    if not files:
        pytest.skip("no ../shared/data/grid")
    code, out, _ = sprout("grid", "--json", "--config", config(
        tmp_path, {"provider": "profile", "file": str(files[0].resolve())}, zone="GB"))
    said = json.loads(out)["now"]
    assert code == 0 and said["quality"] == "profile" and 20 < said["g_per_kwh"] < 400


def test_the_gateway_starts_at_once_and_takes_the_value_when_it_comes(tmp_path, upstream,
                                                                       provider):
    if reason := nginx_missing():
        pytest.skip(reason)
    open_door = []

    def answer(*_):
        wait_until(lambda: open_door, 30)
        return 200, {}, electricitymaps(234)
    provider.answer = answer
    os.environ["ELECTRICITYMAPS_KEY"] = KEY
    try:
        up = Up(tmp_path / "state", upstream, "--config", str(config(tmp_path, em(provider))))
    finally:
        del os.environ["ELECTRICITYMAPS_KEY"]
    try:
        assert up.status()["grid"]["quality"] == "none"
        code, headers, _ = up.chat("hello")
        assert code == 200 and headers.get("Sprout-Level") == "L0"
        open_door.append(True)
        wait_until(lambda: up.status()["grid"]["quality"] == "live", 20)
        grid = up.status()["grid"]
        assert (grid["g_per_kwh"], grid["source"], grid["zone"]) == (234, "electricitymaps", "DE")
        wait_until(lambda: json.loads((tmp_path / "state/policy.json").read_text())
                   ["grid"]["quality"] == "live", 10)
        for file in (tmp_path / "state").glob("*"):
            if file.is_file():
                assert KEY.encode() not in file.read_bytes(), file
        assert KEY not in up.log()
    finally:
        up.stop()


def test_live_values_are_kept_exported_and_make_the_range_after_a_restart(tmp_path, upstream,
                                                                          provider):
    if reason := nginx_missing():
        pytest.skip(reason)
    provider.says({"unix_seconds": [int(time.time() // 900 * 900)], "co2eq": [321.5],
                   "co2eq_forecast": [None], "deprecated": False})
    path = tmp_path / "sprout.yaml"
    path.write_text(json.dumps({
        "dir": str(tmp_path / "state"),
        "grid": {"zone": "de", "providers": [
            {"provider": "energy-charts", "zone": "de", "url": provider.url}]}}))

    def kept():
        with sqlite3.connect(tmp_path / "state/ledger.db") as db:
            return db.execute("SELECT zone, kind, scope, source, g, estimated, forecast "
                              "FROM grid_history").fetchall()
    up = Up(tmp_path / "state", upstream, "--config", str(path))
    wait_until(lambda: up.status()["grid"]["quality"] == "live", 20)
    wait_until(kept, 20)
    assert kept() == [("de", "average", "direct", "energy-charts", 321.5, 0, 0)]
    assert up.status()["grid"]["low_g_per_kwh"] is None  # less than a day
    up.stop()

    code, out, _ = sprout("grid", "export", "--config", path)
    assert code == 0 and len(out.splitlines()) == 2
    (tmp_path / "out.csv").write_text(out)
    code, again, _ = sprout("grid", "--json", "--grid",
                            f"csv:{tmp_path / 'out.csv'},zone=de")
    assert code == 0 and json.loads(again)["now"]["g_per_kwh"] == 321.5
    assert sprout("grid", "export", "--config", path, "--to", "2020-01-01T00:00Z")[0] == 66

    with sqlite3.connect(tmp_path / "state/ledger.db") as db:
        for hour in range(1, 31):
            start = int((time.time() // 900 * 900 - hour * 3600) * 1e6)
            db.execute("INSERT INTO grid_history VALUES('de', 'average', 'direct', ?, ?, "
                       "'energy-charts', ?, 0, 0, ?)", (start, start + 1, 100 + hour, start))
    up = Up(tmp_path / "state", upstream, "--config", str(path))
    try:
        wait_until(lambda: up.status()["grid"]["low_g_per_kwh"] == 101, 20)
        assert up.status()["grid"]["high_g_per_kwh"] == 321.5
    finally:
        up.stop()


def test_our_forecast_is_measured_on_a_file(tmp_path):
    lines = ["Datetime (UTC),Zone Id,Carbon Intensity gCO2eq/kWh (direct)"]
    for hour in range(70 * 24):  # the same every day
        at = time.strftime("%Y-%m-%d %H:00:00", time.gmtime(1672531200 + hour * 3600))
        lines.append(f"{at},GB,{100 + hour % 24}")
    file = tmp_path / "gb.csv"
    file.write_text("\n".join(lines) + "\n")
    code, out, _ = sprout("grid", "error", "--json", "--grid", f"csv:{file}")
    said = json.loads(out)
    assert code == 0 and len(said["ahead"]) == 24 and said["hours"] > 700
    # Each hour of the day is pulled a little towards the mean, by one of fifteen values.
    assert all(row["error"] < 1 for row in said["ahead"])
    assert said["ahead"][5]["error_as_now"] == pytest.approx(2 * 6 * 18 / 24, abs=0.1)
    assert sprout("grid", "error", "--grid", "static:1")[0] == 2
    code, out, _ = sprout("grid", "error", file, file)
    assert code == 0 and [line.split()[0] for line in out.splitlines()[2:]] == ["GB", "GB"]


def test_the_coming_day_is_our_forecast_where_nobody_foretells(tmp_path):
    lines = ["Datetime (UTC),Zone Id,Carbon Intensity gCO2eq/kWh (direct)"]
    for hour in range(40 * 24):  # the same every day, until all is different
        at = time.strftime("%Y-%m-%d %H:00:00", time.gmtime(1672531200 + hour * 3600))
        lines.append(f"{at},GB,{100 + hour % 24 if hour < 30 * 24 else 1900}")
    file = tmp_path / "gb.csv"
    file.write_text("\n".join(lines) + "\n")
    spec = f"csv:{file},start=2023-01-30T23:00Z"  # the last hour before
    code, out, _ = sprout("grid", "--json", "--grid", spec)
    said = json.loads(out)
    assert code == 0 and len(said["ahead"]) == 24
    assert {row["by"] for row in said["ahead"]} == {"sprout"}
    # Nothing of what the file says of later is looked at.
    assert all(row["g_per_kwh"] == pytest.approx(100 + i, abs=2)
               for i, row in enumerate(said["ahead"]))
    assert said["forecast_error"][0]["error"] < 1 and said["forecast_error"][0]["n"] > 100
    code, out, _ = sprout("grid", "--grid", spec)
    assert "= is our own forecast" in out and "its mean absolute error" in out
    # From a day on: the file's first hours foretell nothing.
    code, out, _ = sprout("grid", "--json", "--grid", f"csv:{file},start=2023-01-01T05:00Z")
    assert json.loads(out)["ahead"] == []


def test_each_providers_last_success_and_error_are_told(tmp_path, upstream, provider):
    if reason := nginx_missing():
        pytest.skip(reason)
    broken = Provider()
    try:
        broken.says({"error": "out of order"}, code=503)
        provider.says(electricitymaps(321))
        config(tmp_path,
               {"provider": "energy-charts", "zone": "de", "url": broken.url},
               {"provider": "electricitymaps", "key_env": "K", "url": provider.url,
                "forecast": False},
               {"provider": "energy-charts", "zone": "de", "url": provider.url},
               {"provider": "static", "g_per_kwh": 473}, zone="DE")
        os.environ["K"] = "k-123456"
        up = Up(tmp_path / "state", upstream, "--config", str(tmp_path / "sprout.yaml"))
        try:
            wait_until(lambda: up.status()["grid"]["g_per_kwh"] == 321)
            first, second, spare, third = up.status()["grid"]["providers"]
            assert (first["state"], first["quality"]) == ("unreachable", "none")
            assert first["last_success"] is None and first["last_failure"]
            assert "503" in first["last_error"] and first["answers"] >= 1
            assert (second["state"], second["quality"], second["g_per_kwh"]) == (
                "ok", "live", 321)
            assert second["age_s"] < 60 and second["last_error"] is None
            assert (spare["state"], spare["answers"]) == ("not-asked", 0)
            assert (third["provider"], third["quality"]) == ("static", "assumed")
            metrics = up.metrics()
            up_of = [v for k, v in metrics.items() if "provider_up" in k]
            assert up_of == pytest.approx([0, 1, float("nan"), 1], nan_ok=True)
            said = sprout("status", "--dir", tmp_path / "state")[1]
            assert "energy-charts    de         unreachable, last error" in said
        finally:
            up.stop()
    finally:
        del os.environ["K"]
        broken.close()
