# SPDX-License-Identifier: Apache-2.0
"""Each live provider against a scripted one: every trap it can set, over the wire.

What a status code or a broken reply means is the same for all; what a wrong zone, an old slot
or an absurd number looks like is each provider's own.
"""
import concurrent.futures
import contextlib
import datetime
import json
import os
import subprocess
import time

import pytest

from gateway import nginx_missing
from providers import Provider, certificate
from up import SPROUT, Up, wait_until

KEY = "secret-key-123456"


def at(shift=0, step=900, form="%Y-%m-%dT%H:%M:%S+00:00"):
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    start = int(now // step * step + shift)
    return datetime.datetime.fromtimestamp(start, datetime.timezone.utc).strftime(form)


def electricitymaps(value=100, zone="DE", shift=0):
    return {"zone": zone, "carbonIntensity": value, "datetime": at(shift, 3600),
            "emissionFactorType": "direct", "isEstimated": False}


def watttime(value=100, zone="CAISO_NORTH", shift=0, units="lbs_co2_per_mwh"):
    return {"data": [{"point_time": at(shift, 300), "value": value}],
            "meta": {"region": zone, "signal_type": "co2_moer", "units": units,
                     "data_point_period_seconds": 300, "warnings": None}}


def neso(value=100, zone=13, shift=0):
    slot = {"from": at(shift, 1800, "%Y-%m-%dT%H:%MZ"), "to": at(shift + 1800, 1800, "%Y-%m-%dT%H:%MZ"),
            "intensity": {"forecast": value, "index": "moderate"}, "generationmix": []}
    return {"data": {"regionid": zone, "shortname": "London", "data": [slot]}}


def energy_charts(value=100, zone=None, shift=0):
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    start = int(now // 900 * 900 + shift)
    return {"unix_seconds": [start - 900, start], "co2eq": [value, value],
            "co2eq_forecast": [None, None], "deprecated": False}


def carbon_aware(value=100, zone="eastus", shift=0):
    return [{"location": zone, "time": at(shift, 300), "rating": value, "duration": "00:05:00"}]


def eco2mix(value=100, zone="France", shift=0):
    return {"results": [{"perimetre": zone, "date_heure": at(shift), "taux_co2": value}]}


def eia(value=100, zone="CISO", shift=0):
    rows = [{"period": at(shift - 3600, 3600, "%Y-%m-%dT%H"), "respondent": zone,
             "fueltype": fuel, "value": value, "value-units": "megawatthours"}
            for fuel in ("NG", "SUN")]
    return {"response": {"total": "2", "data": rows}}


# name: reply, zone, another zone in the reply (None: it names none), g/kWh of `value` 100,
# seconds that are too old and too new, more of the entry
PROVIDERS = {
    "electricitymaps": (electricitymaps, "DE", "FR", 100, {"forecast": False}),
    "watttime": (watttime, "CAISO_NORTH", "PJM", 45.36, {"signal": "marginal"}),
    "neso": (neso, "region/13", 12, 100, {}),
    "energy-charts": (energy_charts, "de", None, 100, {}),
    "carbon-aware-sdk": (carbon_aware, "eastus", "westus", 100, {"forecast": False}),
    "eco2mix": (eco2mix, "FR", "Bretagne", 100, {}),
    "eia": (eia, "CISO", "MISO", 185, {}),
}
NAMES = sorted(PROVIDERS)


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.close()


def says(provider, body, code=200, **headers):
    """The body to every question but a login, which is answered well."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(path, _):
        return (200, {}, b'{"token":"t-123456"}') if path == "/login" else (code, headers, raw)
    provider.answer = answer


def test(tmp_path, provider, name, **more):
    """What `sprout grid test` finds, and its exit status."""
    reply, zone, _, _, extra = PROVIDERS[name]
    entry = {"provider": name, "zone": zone, "url": provider.url, "key_env": "KEY_OF_TEST",
             **extra, **more}
    path = tmp_path / "sprout.yaml"
    path.write_text(json.dumps({"grid": {"mix_signals": True, "providers": [entry]}}))
    secret = f"user:{KEY}" if name == "watttime" else KEY
    done = subprocess.run([SPROUT, "grid", "test", "--json", "--config", path], text=True,
                          capture_output=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "KEY_OF_TEST": secret})
    assert KEY not in done.stdout + done.stderr
    if not done.stdout:
        return done.returncode, {"message": done.stderr}
    [said] = json.loads(done.stdout)
    return done.returncode, said


test.__test__ = False


@pytest.mark.parametrize("name", NAMES)
def test_a_good_answer_is_a_value(tmp_path, provider, name):
    reply, _, _, expected, _ = PROVIDERS[name]
    says(provider, reply())
    code, said = test(tmp_path, provider, name)
    assert (code, said["state"]) == (0, "ok"), said
    assert float(said["message"].split()[0]) == pytest.approx(expected, rel=1e-3)


def absurd(name, value):
    """A mix has no intensity that could be absurd: there it is the amount."""
    return PROVIDERS[name][0](value)


TRAPS = {
    "html": lambda name: b"<!DOCTYPE html><html>please log in</html>",
    "empty": lambda name: b"",
    "half a reply": lambda name: json.dumps(PROVIDERS[name][0]()).encode()[:-9],
    "no object we know": lambda name: {"surprise": 1},
    "wrong zone": lambda name: PROVIDERS[name][0](zone=PROVIDERS[name][2]),
    "null": lambda name: PROVIDERS[name][0](None),
    "NaN": lambda name: json.dumps(PROVIDERS[name][0](float("nan"))).encode(),
    "1e9": lambda name: absurd(name, 1e9),
    "negative": lambda name: absurd(name, -5),
    "a text": lambda name: absurd(name, "a lot"),
    "two days old": lambda name: PROVIDERS[name][0](shift=-2 * 86400),
    "a clock ahead": lambda name: PROVIDERS[name][0](shift=2 * 86400),
}
# What is no trap there: the reply names no zone; of a mix only shares count, and a negative
# amount (panels at night) is nothing.
NO_TRAP = {("energy-charts", "wrong zone"), ("eia", "1e9")}


@pytest.mark.parametrize("trap", sorted(TRAPS))
@pytest.mark.parametrize("name", NAMES)
def test_a_trap_is_refused_and_named(tmp_path, provider, name, trap):
    if (name, trap) in NO_TRAP:
        return
    says(provider, TRAPS[trap](name))
    code, said = test(tmp_path, provider, name)
    assert not said["ok"] and said["state"] in ("invalid", "no-data"), said
    assert code in (65, 75) and said["message"].split(": ", 1)[1], said


def test_a_percentile_is_no_intensity(tmp_path, provider):
    says(provider, watttime(31, units="percentile"))
    code, said = test(tmp_path, provider, "watttime")
    assert (code, said["state"]) == (65, "invalid") and "lbs_co2_per_mwh" in said["message"]


CODES = {
    204: ("no-data", 75), 400: ("configuration", 78), 401: ("authorisation-or-quota", 78),
    403: ("authorisation-or-quota", 78), 404: ("configuration", 78), 410: ("going-away", 69),
    429: ("quota", 69), 500: ("unreachable", 69), 501: ("configuration", 78),
}


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("name", NAMES)
def test_a_status_code_means_the_same_from_all(tmp_path, provider, name, code):
    says(provider, {"error": {"message": "quota of the day used up"}}, code)
    got, said = test(tmp_path, provider, name)
    assert (said["state"], got) == CODES[code], said


@pytest.mark.parametrize("name", NAMES)
def test_ten_megabytes_are_cut_off(tmp_path, provider, name):
    says(provider, b"[" + b" " * 10_000_000 + b"]")
    code, said = test(tmp_path, provider, name)
    assert (code, said["ok"]) == (69, False) and "larger" in said["message"]


@pytest.mark.parametrize("name", NAMES)
def test_another_host_gets_nothing_with_a_key(tmp_path, provider, name):
    other = Provider()
    says(other, PROVIDERS[name][0]())
    says(provider, b"", 302, Location=f"{other.url}/take")
    code, said = test(tmp_path, provider, name)
    other.close()
    for path, headers in other.seen:  # a keyless question may follow one redirect
        assert KEY not in path + json.dumps(headers) and "t-123456" not in json.dumps(headers)
    if name in ("electricitymaps", "watttime", "eia"):
        assert other.seen == [] and "another host" in said["message"]


def test_a_slow_drip_ends_after_ten_seconds(tmp_path):
    """All at once, for it takes ten seconds of each."""
    def drip(out):
        for _ in range(60):
            out.write(b" ")
            out.flush()
            time.sleep(0.5)

    def one(name):
        provider, folder = Provider(), tmp_path / name
        folder.mkdir()
        provider.answer = lambda path, _: (
            (200, {}, b'{"token":"t-123456"}') if path == "/login" else (200, {}, drip))
        begun = time.monotonic()
        code, said = test(folder, provider, name)
        provider.close()
        return code, said["state"], time.monotonic() - begun

    with concurrent.futures.ThreadPoolExecutor(len(NAMES)) as pool:
        for name, (code, state, seconds) in zip(NAMES, pool.map(one, NAMES)):
            assert (code, state) == (69, "unreachable"), name
            assert 9 < seconds < 40, name


@pytest.fixture(scope="module")
def expired(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), expired=True)


@pytest.mark.parametrize("name", NAMES)
def test_an_expired_certificate_is_refused(tmp_path, expired, name):
    cert, key = expired
    server = Provider(tls=(cert, key))
    says(server, PROVIDERS[name][0]())
    code, said = test(tmp_path, server, name, ca_file=str(cert))
    server.close()
    assert (code, said["state"]) == (69, "unreachable")
    assert "certificate has expired" in said["message"] and server.seen == []


def test_retry_after_is_obeyed(tmp_path, upstream):
    """By all, each for a zone of one gateway.  Without it the next question comes after a
    quarter of a minute at the earliest."""
    if reason := nginx_missing():
        pytest.skip(reason)
    asked = {name: [] for name in NAMES}

    def answer_of(name):
        def answer(path, _):
            if path == "/login":
                return 200, {}, b'{"token":"t-123456"}'
            asked[name].append(time.monotonic())
            first = len(asked[name]) == 1
            return ((429, {"Retry-After": "2"}, b"") if first
                    else (200, {}, json.dumps(PROVIDERS[name][0]()).encode()))
        return answer

    with contextlib.ExitStack() as stack:
        upstreams = []
        for name in NAMES:
            provider = Provider(answer_of(name))
            stack.callback(provider.close)
            _, zone, _, _, extra = PROVIDERS[name]
            entry = {"provider": name, "zone": zone, "url": provider.url,
                     "key_env": "USER_KEY" if name == "watttime" else "KEY_OF_TEST", **extra}
            upstreams.append({"name": name, "url": f"http://127.0.0.1:{upstream.port}",
                              "path": f"/{name}/", "zone": name,
                              "grid": {"mix_signals": True, "providers": [entry]}})
        config = tmp_path / "sprout.yaml"
        config.write_text(json.dumps({"grid": {"zone": "home"}, "upstreams": upstreams}))
        os.environ.update(KEY_OF_TEST=KEY, USER_KEY=f"user:{KEY}")
        stack.callback(lambda: [os.environ.pop(v) for v in ("KEY_OF_TEST", "USER_KEY")])
        up = Up(tmp_path / "state", upstream, "--config", str(config))
        stack.callback(up.stop)
        for name in NAMES:
            wait_until(lambda: len(asked[name]) >= 2, 13, f"a second question of {name}")
            assert asked[name][1] - asked[name][0] >= 1.9, name

        def known():
            zones = {z["zone"]: z["grid"] for z in up.status()["zones"]}
            return all(zones[name]["g_per_kwh"] is not None for name in NAMES) and zones
        zones = wait_until(known, what="every zone's value")
        for name in NAMES:
            assert "429" in zones[name]["providers"][0]["last_error"]


def test_fuels_of_the_configuration_come_before_the_published_ones(tmp_path, provider):
    says(provider, eia())  # half gas, half sun
    code, said = test(tmp_path, provider, "eia", fuels=[{"fuel": "NG", "g_per_kwh": 300},
                                                        {"fuel": "SUN", "g_per_kwh": 10}])
    assert code == 0 and said["message"].startswith("155 g/kWh"), said
    code, said = test(tmp_path, provider, "eia", fuels=[{"fuel": "NG"}])
    assert code == 78 and "fuel 'NG' has no g_per_kwh" in said["message"]
    code, said = test(tmp_path, provider, "eco2mix", fuels=[{"fuel": "NG", "g_per_kwh": 1}])
    assert code == 78 and "no mix" in said["message"]


@pytest.mark.parametrize("name, zone", [
    ("electricitymaps", "Germany"), ("electricitymaps", "US"), ("neso", "region/18"),
    ("energy-charts", "DE"), ("eco2mix", "DE"), ("eia", "California"),
    ("watttime", "caiso north")])
def test_a_zone_that_cannot_be_is_refused_before_anybody_is_asked(tmp_path, provider, name,
                                                                  zone):
    code, said = test(tmp_path, provider, name, zone=zone)
    assert code == 78 and "zone" in said["message"], said
    assert provider.seen == []
    done = subprocess.run([SPROUT, "up", "--dir", tmp_path / "state", "--upstream",
                           "http://127.0.0.1:9", "--config", tmp_path / "sprout.yaml"],
                          text=True, capture_output=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "KEY_OF_TEST": "a:b"})
    assert done.returncode == 78 and "expected" in done.stderr, done.stderr
