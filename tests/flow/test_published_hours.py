# SPDX-License-Identifier: Apache-2.0
"""`sprout optimize` on the 3 600 hours that the paper's authors published.

Each hour is the paper's LP over three levels: what the authors' solver answered is in
their data, and so are its inputs (quality at the last evaluation, the grid value, the cost
of each level).  The data lies beside the repository, not in it; without it these tests are
skipped and say so.
"""
import csv
import json
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
ZONES = ["AU-SA", "GB", "NL", "US-CAL-CISO", "US-TEX-ERCO"]
XI = 0.1

pytestmark = pytest.mark.skipif(
    not (DATA / "paper").is_dir(),
    reason="the authors' data is not there (../shared/data/paper)",
)


def direct_range(zone):
    """Extremes of the whole year of the zone's direct intensity, as the authors took them."""
    with open(DATA / "grid" / f"{zone}_2023_hourly.csv", newline="", encoding="utf-8") as f:
        reader = csv.DictReader(f)
        [column] = [name for name in reader.fieldnames if name.endswith("(direct)")]
        values = [float(row[column]) for row in reader if row[column]]
    return min(values), max(values)


def problems(paper, k0_min, k0_max):
    """One problem an hour, with the mix that was published for it."""
    sprout, base, least = (paper["schemes"][s] for s in ("sprout", "base", "co2_opt"))
    evaluated = set(paper["evaluation_hours"]) | {0}
    for hour in range(paper["hours"]):
        if hour in evaluated:
            q0, q2 = base["preference"][hour], least["preference"][hour]
            quality = [q0, 1 - q0 - q2, q2]
        k0 = paper["ci_g_per_kwh"][hour]
        x = sprout["x"][hour]
        c0 = base["carbon_g_per_request"][hour]
        c2 = least["carbon_g_per_request"][hour]
        # What the published mix cost gives the level whose cost was not published; where
        # it has no share, anything between the other two is as good.
        spent = sprout["carbon_g_per_request"][hour]
        c1 = (spent - c0 * x[0] - c2 * x[2]) / x[1] if x[1] > 0 else (c0 + c2) / 2
        floor = (1 - XI * (k0 - k0_min) / (k0_max - k0_min)) * quality[0]
        item = {"weight": 1, "cost": [c0, c1, c2], "quality": quality}
        yield {"items": [item], "floor": floor}, x


def solve(lines):
    done = subprocess.run(
        [ROOT / "build" / "sprout", "optimize"],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True, text=True, check=True, timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def hours():
    rows = []
    for zone in ZONES:
        paper = json.loads((DATA / "paper" / f"{zone}_feb.json").read_text())
        pairs = list(problems(paper, *direct_range(zone)))
        answers = solve(problem for problem, _ in pairs)
        assert len(answers) == len(pairs) == 720
        rows += [(zone, hour, *pair, answer)
                 for hour, (pair, answer) in enumerate(zip(pairs, answers))]
    return rows


def distance(published, answer):
    return max(abs(a - b) for a, b in zip(published, answer["mix"][0]))


def test_the_published_mix_is_the_optimum_of_its_hour(hours):
    assert len(hours) == 3600
    differing = [row for row in hours if distance(row[3], row[4]) > 1e-9]
    print(f"{len(hours) - len(differing)} of {len(hours)} hours equal to 1e-9")
    assert len(differing) <= 5
    # Where it differs the level of unknown cost had next to no share, and the noise of the
    # draw in its cost decides which two levels are active.
    assert all(published[1] < 0.08 for _, _, _, published, _ in differing)


def test_every_hour_is_optimal_and_holds_its_floor(hours):
    for _, _, problem, _, answer in hours:
        assert answer["status"] == "optimal"
        assert answer["quality"] >= problem["floor"] - 1e-12
        assert answer["price"] >= 0
