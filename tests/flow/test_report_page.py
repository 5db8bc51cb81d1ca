# SPDX-License-Identifier: Apache-2.0
"""`sprout report --html` in a real browser: it opens offline, says nothing on the console,
fits 400 pixels, and follows light and dark.

SPROUT_PICTURES=FOLDER keeps its screenshots, to be looked at."""
import json
import math
import os
import random
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

import browser
from gateway import nginx_missing
from up import SPROUT, Up
from upstream import Upstream, chat_reply

NASTY = "<script>alert('x')</script>&\"amp;"
LEVELS = ("L0", "L1", "L2")
TOKENS = (300, 110, 40)
FIRST_HOUR = 490000  # in November 2025
SIZES = [(400, 800), (1280, 900)]


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def insert(db, table, **values):
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    cursor = db.execute(f"INSERT INTO {table}({names}) VALUES({marks})", tuple(values.values()))
    return cursor.lastrowid


class Ledger:
    """Days of traffic, made up, in the tables of a real ledger."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.random = random.Random(7)
        self.series_of = {}
        self.worker = insert(self.db, "workers", name="made-up", last_seq=0, missing=0, seen=0)
        self.seq = 0

    def series(self, level, model, arm, route, method="llama-2-13b-chat/a100/batch-1"):
        key = (level, model, arm, route, method)
        if key not in self.series_of:
            self.series_of[key] = insert(
                self.db, "series", level=level, model=model, arm=arm, rule="", stratum="all",
                method=method, route=route)
        return self.series_of[key]

    def hour(self, hour, requests, quality="live"):
        g = 230 + 140 * math.sin(hour * math.tau / 24) + 25 * self.random.random()
        slot = insert(self.db, "slots", zone="GB", quality=quality, g=g, at=hour * 3_600_000_000)
        dirty = min(max((g - 150) / 220, 0), 1)
        for i in range(requests):
            arm = "holdout" if self.random.random() < 0.15 else "mix"
            level = 0 if arm == "holdout" else self.random.choices(
                (0, 1, 2), (1.02 - dirty, 0.6, dirty))[0]
            self.request(hour, slot, g, arm, level, i)

    def request(self, hour, slot, g, arm, level, i):
        tokens = max(5, round(self.random.gauss(TOKENS[level], TOKENS[level] / 4)))
        model = self.random.choices(
            ("llama-2-13b-chat", "qwen2.5-72b-instruct-awq-turbo-long-name", NASTY),
            (6, 3, 1))[0]
        route = self.random.choice(("/v1/chat/completions", "/team-research/v1/chat/completions"))
        energy, us = 40 + 4 * tokens, 200_000 + 26_000 * tokens
        grams, l0 = energy * g / 3.6e6, (40 + 4 * TOKENS[0]) * g / 3.6e6
        series = self.series(LEVELS[level], model, arm, route)
        embodied = 170 * us // 1_000_000
        known = dict(
            requests=1, ok=1, client_closed=0, upstream_error=0, refused=0, reported=1, metered=1,
            prompt=50, cached=0, completion=tokens, completion_sq=tokens * tokens, reasoning=0,
            duration_us=us, overhead_us=60, time_us=us, energy_uj=energy * 1_000_000, graded=1,
            operational_ug=round(grams * 1e6), embodied_ug=embodied,
            energy_l0_uj=(40 + 4 * TOKENS[0]) * 1_000_000, grams_l0_ug=round(l0 * 1e6))
        row = {"hour": hour, "slot": slot, "series": series, **known}
        row = {name: row[name] for name in columns(self.db, "hourly") if name in row}
        sums = ", ".join(f"{n} = {n} + excluded.{n}" for n in known)
        self.db.execute(
            f"INSERT INTO hourly({', '.join(row)}) VALUES({', '.join('?' * len(row))}) "
            f"ON CONFLICT(hour, slot, series) DO UPDATE SET {sums}", tuple(row.values()))
        self.seq += 1
        at = hour * 3_600_000_000 + i
        insert(self.db, "conversations", key=self.seq,
               series=self.series("", model, arm, "", ""), hour=hour, requests=1, metered=1,
               graded=1, at_l1=int(level == 1), tokens=tokens, energy_uj=energy * 1_000_000, prompt=50,
               time_us=us, grams_ug=round(grams * 1e6) + embodied)
        insert(self.db, "receipts", worker=self.worker, seq=self.seq, at=at, series=series,
               slot=slot, conversation=self.seq, stream=0, completion=tokens, usage="reported",
               duration_us=us, outcome="ok", status=200)

    def done(self):
        self.db.commit()
        self.db.close()


@pytest.fixture(scope="module")
def empty_ledger(tmp_path_factory):
    """The folder of a gateway that served one request; its ledger has a real schema."""
    if reason := nginx_missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("page")
    upstream = Upstream()
    up = Up(folder / "data", upstream)
    try:
        upstream.script(lambda _: chat_reply(usage=(20, 30)))
        assert up.chat("one question")[0] == 200
        up.settled(1)
    finally:
        up.stop()
        upstream.stop()
    return folder / "data"


@pytest.fixture(scope="module")
def served(empty_ledger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "ledger.db").write_bytes((empty_ledger / "ledger.db").read_bytes())
    ledger = Ledger(folder / "ledger.db")
    for day_hour in range(96):
        ledger.hour(FIRST_HOUR + day_hour, 3 + round(8 * abs(math.sin(day_hour / 7))),
                    "live" if day_hour % 9 else "last-good")
    ledger.done()
    return folder


def page_of(folder, *arguments):
    done = subprocess.run([SPROUT, "report", "--dir", str(folder), "--html", *arguments],
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.fixture(scope="module")
def page(served):
    prices = served / "prices.yaml"
    prices.write_text("prices:\n"
                      "  - {model: '*', input_per_million: 0.5, output_per_million: 1.5}\n")
    text = page_of(served, "--until", "2025-12-31", "--config", str(prices))
    path = served / "report.html"
    path.write_text(text)
    return path


def test_it_needs_nothing_else_and_runs_nothing(page):
    text = page.read_text()
    assert len(text) < 400_000
    assert not re.search(r"<script|javascript:|\son\w+=|@import|url\(", text)
    assert not re.search(r"(?:src|href)=(?!\"data:)", text)
    assert "&#60;script&#62;alert(&#39;x&#39;)&#60;/<wbr>script&#62;" in text  # a model's name
    body = re.sub(r"<[^>]*>", "", text[text.index("<body>"):]).strip()
    assert body.startswith("Location-based, ")


def test_its_figures_are_those_of_the_report(page, served):
    told = json.loads(subprocess.run(
        [SPROUT, "report", "--dir", str(served), "--json", "--until", "2025-12-31"],
        capture_output=True, timeout=30, check=True).stdout)
    text = re.sub(r"<[^>]*>", " ", page.read_text().replace("<wbr>", ""))
    saved = told["saved"]["carbon_percent"]
    assert told["saved"]["carbon_state"] == "ok" and 20 < saved["value"] < 80
    assert f"{saved['value']:.1f} %" in text
    assert f"{saved['low']:.1f} to {saved['high']:.1f}" in text
    assert f"{told['latency']['faster_percent']['value']:.1f}" in text
    few = told["saved"]["holdout_predicted"]
    assert f"not adjusted by predicted length: {few} conversations of the holdout" in text
    for name in ("/v1/chat/completions", "/team-research/v1/chat/completions", "L2"):
        assert name in text


def test_the_l0_line_adds_up_to_what_the_holdout_says(page, served):
    """The hours' titles, summed, are the counterfactual of the whole."""
    told = json.loads(subprocess.run(
        [SPROUT, "report", "--dir", str(served), "--json", "--by", "arm", "--until",
         "2025-12-31"], capture_output=True, timeout=30, check=True).stdout)
    rows = {row["arm"]: row["carbon_g"] for row in told["rows"]}
    at_l0 = rows["mix"] / (1 - told["saved"]["carbon_percent"]["value"] / 100)
    units = {"g": 1, "mg": 1e-3, "kg": 1e3}
    drawn = sum(float(v) * units[u] for v, u in
                re.findall(r"\nat L0 ([\d.]+) (m?k?g)/h", page.read_text()))
    assert drawn == pytest.approx(rows["holdout"] + at_l0, rel=0.01)


def test_several_zones_have_a_table(page, served, tmp_path):
    assert "By zone" not in page.read_text()
    (tmp_path / "ledger.db").write_bytes((served / "ledger.db").read_bytes())
    db = sqlite3.connect(tmp_path / "ledger.db")
    db.execute("UPDATE slots SET zone = 'FR' WHERE id % 2")
    db.commit()
    db.close()
    text = page_of(tmp_path, "--until", "2025-12-31")
    assert "By zone" in text and "<td>FR<td>" in text and "weighted by requests" in text


def test_of_nothing_it_is_a_page_too(empty_ledger):
    text = page_of(empty_ledger, "--until", "2020-01-01")
    assert "Location-based, no requests." in text and "</html>" in text


def test_without_holdout_the_line_is_said_to_be_an_expectation(empty_ledger):
    assert "expected of L0, and not measured" in page_of(empty_ledger)


def test_it_stands_beside_no_other_form(empty_ledger):
    done = subprocess.run([SPROUT, "report", "--dir", str(empty_ledger), "--html", "--json"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "--html" in done.stderr


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if reason := browser.missing():
        pytest.skip(reason)
    with browser.Browser(tmp_path_factory.mktemp("chromium")) as b:
        yield b


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width,height", SIZES)
def test_a_browser_has_nothing_to_complain_of(chromium, page, width, height, dark):
    chromium.open(page, width, height, dark)
    assert chromium.complaints() == []
    assert chromium.value("document.documentElement.scrollWidth") == width
    assert chromium.value(
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('svg') && "
        f"e.getBoundingClientRect().right > {width} + 0.5).length") == 0
    # Each text that is seen is large enough to read.
    assert chromium.value(
        "Math.min(...[...document.querySelectorAll('span,p,td,th,b,li')].map("
        "e => parseFloat(getComputedStyle(e).fontSize)))") >= 11.5
    light = chromium.value(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        ".reduce((a, b) => a + b) / 3")
    assert (light < 60) if dark else (light > 200)
    if folder := os.environ.get("SPROUT_PICTURES"):
        chromium.picture(Path(folder) / f"report-{width}-{'dark' if dark else 'light'}.png")
