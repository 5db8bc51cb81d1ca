# SPDX-License-Identifier: Apache-2.0
"""`sprout report` and `sprout status` over what was really served: the numbers are those of
the journal, and the saving is the one that the scripted upstream made."""
import json
import sqlite3
import statistics
import subprocess

import pytest

from gateway import nginx_missing
from up import SPROUT, Up
from upstream import chat_reply

TOKENS = {"": 300, "Answer briefly.": 100, "Answer very briefly, in one short sentence.": 30}

BASIS = ("Location-based, 200 requests.  Energy: 0 % measured, 100 % modelled, 0 % estimated, "
         "0 % unknown.  Grid: 0 % live, 0 % replayed, 100 % fallback, 0 % unknown.\n")


def run(*arguments):
    return subprocess.run([SPROUT, *arguments], capture_output=True, text=True, timeout=30)


def obedient(exchange):
    """A server that answers as briefly as it is told to."""
    text = exchange.json["messages"][-1]["content"]
    return chat_reply(usage=(20, next(
        tokens for directive, tokens in sorted(TOKENS.items(), reverse=True)
        if text.endswith(directive))))


@pytest.fixture
def up(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text("quality: {rule: fixed, floor: 0.9}\nholdout: 0.3\nexplore: 0\n")
    one = Up(tmp_path / "data", upstream, "--config", str(config))
    yield one
    one.stop()


@pytest.fixture
def served(up, upstream):
    """The gateway after 200 conversations."""
    upstream.script(*[obedient] * 200)
    for i in range(200):
        assert up.chat(f"question {i}")[0] == 200
    up.settled(200)
    return up


def report(up, *arguments):
    done = run("report", "--dir", str(up.dir), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_sums_are_the_journals(served):
    journal = served.journal()
    got = report(served)
    assert got["total"]["requests"] == got["total"]["ok"] == 200
    for row in got["rows"]:
        lines = [r for r in journal if r["level"] == row["level"]]
        assert row["requests"] == len(lines)
        assert row["output_tokens"] == sum(r["tokens"]["completion"] for r in lines)
        assert row["seconds_mean"] == pytest.approx(
            sum(r["duration_us"] for r in lines) / len(lines) / 1e6)
    assert got["holdout_requests"] == sum(r["arm"] == "holdout" for r in journal)
    assert got["energy_methods"] == ["llama-2-13b-chat/a100/batch-1@1"]
    assert got["grid"] == [{"zone": "-", "quality": "assumed", "requests": 200}]


def test_the_saving_is_the_one_the_upstream_made(served):
    saved = report(served)["saved"]
    assert saved["energy_state"] == "ok"
    percent = saved["energy_percent"]
    used = {r["level"]: r["tokens"]["completion"] for r in served.journal()}
    mix = [r["tokens"]["completion"] for r in served.journal() if r["arm"] == "mix"]
    truth = 100 * (1 - sum(mix) / len(mix) / used["L0"])  # energy is nearly tokens
    assert percent["low"] <= percent["value"] <= percent["high"]
    assert percent["value"] == pytest.approx(truth, abs=1)
    assert saved["holdout_conversations"] + saved["mix_conversations"] == 200
    # One grid value for all: grams save what energy saves, but for the embodied part.
    assert saved["carbon_percent"]["value"] == pytest.approx(percent["value"], abs=0.5)


def test_predicted_lengths_go_to_the_ledger_and_narrow_the_interval(served, tmp_path):
    journal = served.journal()
    ledger = sqlite3.connect(served.dir / "ledger.db")
    kept = dict(ledger.execute("SELECT key, predicted FROM conversations"))
    assert len(kept) == 200 and any(kept.values())
    for line in journal:  # kind, three preferences, three lengths: L0's is the first
        said = line["predicted"] and int(line["predicted"].split()[4])
        key = int(line["key"], 16)
        assert kept[key - (1 << 64) if key >= 1 << 63 else key] == said

    copy = tmp_path / "more"
    copy.mkdir()
    more = sqlite3.connect(copy / "ledger.db")
    ledger.backup(more)
    for i in range(2000):  # half is known before: the sum of what is and what is not
        arm, known, chance = "holdout" if i % 5 else "mix", i * 7 % 101, i * 13 % 103
        used = (100 + known + chance) * (1 if arm == "holdout" else 0.5)
        more.execute(
            "INSERT INTO conversations(series, hour, requests, metered, graded, at_l1, tokens,"
            " energy_uj, time_us, grams_ug, predicted) SELECT series, hour, 1, 1, 1, 0, ?, ?,"
            " 1, ?, ? FROM conversations JOIN series ON series.id = series WHERE arm = ?"
            " LIMIT 1", (round(used), round(used * 1e6), round(used * 100), 256 * known, arm))
    more.commit()
    more.close()

    few = report(served)["saved"]
    assert (few["adjusted"], few["energy_narrower_percent"]) == (False, None)
    assert few["holdout_predicted"] == sum(
        r["arm"] == "holdout" and r["predicted"] is not None for r in journal)
    done = run("report", "--dir", str(copy), "--json")
    many = json.loads(done.stdout)["saved"]
    assert many["adjusted"] and many["holdout_predicted"] >= 1600
    assert 10 < many["energy_narrower_percent"] < 40
    text = run("report", "--dir", str(copy)).stdout
    assert ("adjusted by predicted length: energy's interval is "
            f"{many['energy_narrower_percent']:.0f} % narrower for it") in text
    page = run("report", "--dir", str(copy), "--html").stdout
    assert ("adjusted by the length predicted before the choice: energy&#39;s is "
            f"{many['energy_narrower_percent']:.0f} % narrower for it") in page
    assert "not adjusted by predicted length" in run("report", "--dir", str(served.dir)).stdout


def test_both_intervals_and_the_cost_of_judging_are_told(served):
    told = report(served)
    saved = told["saved"]
    for what in ("energy", "carbon"):
        plain, anytime = saved[f"{what}_percent"], saved[f"{what}_anytime_percent"]
        if saved["holdout_conversations"] < 200:  # withheld, never a number
            assert anytime == {"value": None, "low": None, "high": None}
        else:
            assert anytime["low"] < plain["low"] < plain["high"] < anytime["high"]
    cost = told["evaluation"]
    assert (cost["answers"], cost["verdicts"], cost["energy_j"]) == (0, 0, 0)
    assert cost["saved_net_energy_j"] == saved["energy_j"]


def test_always_l1_stands_beside_it(served):
    beside = report(served)["always_l1"]
    assert beside["conversations"] == sum(
        r["level"] == "L1" and r["arm"] == "mix" for r in served.journal())
    assert beside["energy_percent"]["value"] == pytest.approx(100 * (1 - 100 / 300), abs=1)


@pytest.mark.parametrize("by", ["hour", "level", "model", "route", "arm"])
def test_rows_add_up_to_the_total_by_whatever_they_are_grouped(served, by):
    got = report(served, "--by", by)
    assert got["by"] == by
    for member in ("requests", "output_tokens"):
        assert sum(row[member] for row in got["rows"]) == got["total"][member]
    assert sum(row["carbon_g"] for row in got["rows"]) == pytest.approx(
        got["total"]["carbon_g"])


def test_routes_are_the_paths_that_were_asked_for(served):
    [row] = report(served, "--by", "route")["rows"]
    assert (row["route"], row["requests"]) == ("/v1/chat/completions", 200)
    assert {r["route"] for r in served.journal()} == {"/v1/chat/completions"}


def test_carbon_intensity_of_software_is_the_sums_by_the_standard(served):
    total = report(served)["total"]
    sci = report(served, "--sci")["sci"]
    assert (sci["requests"], sci["requests_unknown"]) == (200, 0)
    assert sci["energy_kwh"] == pytest.approx(total["energy_j"] / 3.6e6, rel=1e-6)
    assert sci["intensity_g_per_kwh"] == pytest.approx(473, rel=1e-3)  # the assumed grid
    assert sci["operational_g"] == pytest.approx(sci["energy_kwh"] * 473, rel=1e-3)
    ours_s = sum(r["overhead_us"] for r in served.journal()) / 1e6
    assert sci["gateway_kwh"] == pytest.approx(10 * ours_s / 3.6e6) and ours_s > 0
    assert sci["gateway_g"] == pytest.approx(sci["gateway_kwh"] * 473, rel=1e-3)
    assert sci["total_g"] == pytest.approx(total["carbon_g"] + sci["gateway_g"], rel=1e-9)
    assert sci["per_request_g"] == pytest.approx(sci["total_g"] / 200)
    assert sci["per_1000_tokens_g"] == pytest.approx(
        1000 * sci["total_g"] / sci["output_tokens"])
    said = run("report", "--dir", str(served.dir), "--sci")
    assert said.returncode == 0 and "SCI per request" in said.stdout
    assert said.stdout.startswith(BASIS)


def test_rows_as_csv_say_the_same(served):
    import csv
    import io
    done = run("report", "--dir", str(served.dir), "--csv", "--by", "level")
    assert done.stderr == BASIS
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for row, same in zip(rows, report(served)["rows"], strict=True):
        assert row["level"] == same["level"] and int(row["requests"]) == same["requests"]
        assert float(row["energy_j"]) == pytest.approx(same["energy_j"])


def test_of_nothing_an_intensity_is_unknown_and_not_zero(up):
    sci = report(up, "--sci")["sci"]
    assert sci["per_request_g"] is None and sci["intensity_g_per_kwh"] is None


def test_what_exploring_costs_is_told(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text("predictor: {weights: none}\nholdout: 0\nexplore: 0.5\n"
                      "quality: {rule: fixed, floor: 0}\n")
    up = Up(tmp_path / "data", upstream, "--config", str(config))
    try:
        upstream.script(*[obedient] * 60)
        for i in range(60):
            assert up.chat(f"question {i}")[0] == 200
        up.settled(60)
        rows = {row["arm"]: row for row in report(up, "--by", "arm")["rows"]}
        told = report(up)["explore"]
        each = {arm: row["energy_j"] / row["requests"] for arm, row in rows.items()}
        assert told["requests"] == rows["explore"]["requests"]
        assert told["cost_j"] == pytest.approx(
            (each["explore"] - each["mix"]) * told["requests"]) and told["cost_j"] > 0
        assert "Exploring, to keep unused levels known" in run(
            "report", "--dir", str(up.dir)).stdout
        plan = run("policy", "explain", "--dir", str(up.dir))
        assert "Exploring costs" in plan.stdout
        why = json.loads(run("policy", "explain", "--dir", str(up.dir), "--json").stdout)
        even = sum(level["grams"] for level in why["levels"]) / 3
        assert why["explore_cost_g"] == pytest.approx(0.5 * (even - why["mix"]["grams"]))
    finally:
        up.stop()


def test_too_little_holdout_is_said_and_gives_no_number(up):
    for i in range(10):
        up.chat(f"question {i}")
    up.settled(10)
    saved = report(up)["saved"]
    assert saved["energy_state"] == "not enough holdout yet"
    assert saved["energy_percent"] == {"value": None, "low": None, "high": None}
    text = run("report", "--dir", str(up.dir)).stdout
    assert "not enough holdout yet" in text


def test_a_period_without_requests_is_empty_and_not_an_error(served):
    got = report(served, "--until", "2020-01-01")
    assert got["total"]["requests"] == 0
    assert got["total"]["energy_j"] is None
    assert report(served, "--since", "1h")["total"]["requests"] == 200


def test_people_read_what_is_measured_before_what_is_modelled(served):
    text = run("report", "--dir", str(served.dir)).stdout
    assert text.index("measured") < text.index("modelled")
    assert "modelled from tokens, not measured: as if llama-2-13b-chat" in text
    assert "assumed" in text
    assert "\033" not in text  # not a terminal


def test_the_first_line_says_what_the_rest_is_worth(served):
    assert run("report", "--dir", str(served.dir)).stdout.startswith(BASIS)
    basis = report(served)["basis"]
    assert basis["method"] == "location-based"
    assert basis["energy"] == {"measured": 0, "modelled": 1, "estimated": 0, "unknown": 0}
    assert basis["grid"] == {"live": 0, "replayed": 0, "fallback": 1, "unknown": 0}


def test_latency_is_told_by_arm_as_the_journal_has_it(served):
    told = report(served)["latency"]
    for arm in ("holdout", "mix"):
        seconds = sorted(r["duration_us"] / 1e6 for r in served.journal() if r["arm"] == arm)
        assert told[arm]["answers"] == told[arm]["conversations"] == len(seconds)
        assert told[arm]["mean_s"]["value"] == pytest.approx(sum(seconds) / len(seconds))
        assert told[arm]["median_s"]["value"] == pytest.approx(
            statistics.median(seconds), rel=1e-6)
        for what in ("mean_s", "median_s"):
            assert told[arm][what]["low"] <= told[arm][what]["value"] <= told[arm][what]["high"]
    assert not told["newest_only"]
    assert "How long whole answers took" in run("report", "--dir", str(served.dir)).stdout


def test_money_is_tokens_at_their_price(served, tmp_path):
    assert report(served)["money"] is None
    config = tmp_path / "prices.yaml"
    config.write_text("currency: CHF\nprices:\n"
                      "  - {model: m-*, input_per_million: 1, output_per_million: 10}\n")
    money = report(served, "--config", str(config))["money"]
    arms = {arm: [r["tokens"]["prompt"] + 10 * r["tokens"]["completion"]
                  for r in served.journal() if r["arm"] == arm] for arm in ("holdout", "mix")}
    at_l0 = len(arms["mix"]) * sum(arms["holdout"]) / len(arms["holdout"])
    assert (money["currency"], money["state"]) == ("CHF", "ok")
    assert money["unpriced_conversations"] == 0
    assert money["spent"] == pytest.approx(sum(map(sum, arms.values())) / 1e6)
    saved = money["saved"]
    assert saved["value"] == pytest.approx((at_l0 - sum(arms["mix"])) / 1e6)
    assert saved["low"] <= saved["value"] <= saved["high"]
    assert money["percent"]["value"] == pytest.approx(100 * (1 - sum(arms["mix"]) / at_l0))
    said = run("report", "--dir", str(served.dir), "--config", str(config)).stdout
    assert said.index("  carbon") < said.index("money") < said.index("Always the first level")
    assert "CHF" in said
    config.write_text("prices:\n  - {model: other}\n")
    money = report(served, "--config", str(config))["money"]
    assert money["unpriced_conversations"] == 200 and money["saved"]["value"] is None


def test_the_ledger_can_be_read_after_everything_stopped(served):
    served.stop()
    assert report(served)["total"]["requests"] == 200


def test_status_is_told_to_people_and_programs(served):
    told = run("status", "--dir", str(served.dir))
    assert told.returncode == 0
    for word in ("ready", "473 g/kWh", "assumed", "published prior", "200 receipts"):
        assert word in told.stdout, told.stdout
    asked = run("status", "--admin", "http://" + served.admin, "--json")
    assert json.loads(asked.stdout)["ledger"]["receipts"] == 200


def test_status_of_nothing_says_what_to_do(tmp_path):
    nothing = run("status", "--dir", str(tmp_path))
    assert nothing.returncode == 66
    assert "sprout up" in nothing.stderr
    assert run("status", "--admin", "127.0.0.1:1").returncode == 69
    assert run("report", "--dir", str(tmp_path)).returncode == 66


@pytest.mark.parametrize("arguments", [
    ["report", "--by", "colour"], ["report", "--since", "yesterday"], ["report", "--dir"],
    ["report", "more"], ["status", "--colour"], ["up", "--floor"], ["control", "--what"]])
def test_a_wrong_command_line_is_refused_with_the_reason(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert arguments[-1] in done.stderr
