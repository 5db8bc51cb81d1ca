# SPDX-License-Identifier: Apache-2.0
"""`sprout simulate` as a user runs it: a small world written here, and bad input."""
import json
import re
import subprocess
from pathlib import Path

import pytest

SPROUT = Path(__file__).parents[2] / "build" / "sprout"

GRID_HEADER = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,"
    "Data Source,Data Estimated,Data Estimation Method\n"
)
MEANS = """task,option,prompts,energy_wh,time_s,judged,preferred_share
talk,L0,9,0.5,8,9,0.5
talk,L1,9,0.2,3,9,0.3
talk,L2,9,0.1,1,9,0.2
talk,L0_7b,9,0.3,5,,
"""


def grid_rows(hours, skip=()):
    return [
        f"2023-01-{1 + h // 24:02d} {h % 24:02d}:00:00,X,Land,XX,{100 + 10 * (h % 24)},200,"
        "50,50,here,false,\n"
        for h in range(hours)
        if h not in skip
    ]


@pytest.fixture
def world(tmp_path):
    (tmp_path / "grid.csv").write_text(GRID_HEADER + "".join(grid_rows(72)))
    (tmp_path / "mix.csv").write_text("hour,talk\n" + "".join(f"{h},1\n" for h in range(48)))
    (tmp_path / "means.csv").write_text(MEANS)
    return tmp_path


def simulate(world, *more, start="2023-01-02T00:00"):
    files = {"--grid": "grid.csv", "--mix": "mix.csv", "--means": "means.csv"}
    files = [x for k, v in files.items() if k not in more for x in (k, v)]
    return subprocess.run(
        [SPROUT, "simulate", "--start", start, *files, *more],
        cwd=world, capture_output=True, text=True, timeout=60,
    )


def test_the_json_has_a_run_per_policy_and_a_row_per_hour(world):
    done = simulate(world, "--policy", "base,co2,sprout", "--json")
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert [r["policy"] for r in out["runs"]] == ["base", "co2", "sprout"]
    base, least, sprout = out["runs"]
    assert base["saved_percent"] == 0 and base["quality_percent"] == 100
    assert least["quality_percent"] == pytest.approx(40)
    assert least["saved_percent"] == pytest.approx(80, abs=1)
    assert len(sprout["hours"]) == 48 and sprout["zone"] == "XX"
    hour = sprout["hours"][0]
    assert hour["ci"] == 100 and sum(hour["mix"]) == pytest.approx(1)
    assert 0 < hour["carbon_g"] <= base["hours"][0]["carbon_g"]
    assert out["seed"] == 1 and len(out["inputs"]) == 3
    assert all(len(i["sha256"]) == 64 for i in out["inputs"])


def test_a_run_is_repeated_from_the_arguments_in_its_json(world):
    first = simulate(world, "--policy", "sprout", "--draws", "50", "--seed", "5", "--json")
    again = subprocess.run([SPROUT, *json.loads(first.stdout)["arguments"]], cwd=world,
                           capture_output=True, text=True, timeout=60)
    assert again.stdout == first.stdout
    other = simulate(world, "--policy", "sprout", "--draws", "50", "--seed", "6", "--json")
    assert json.loads(other.stdout)["runs"] != json.loads(first.stdout)["runs"]


def test_a_fixed_floor_is_kept_exactly(world):
    done = simulate(world, "--policy", "oracle,static", "--floor", "0.9", "--json")
    assert done.returncode == 2 and "--requests" in done.stderr
    done = simulate(world, "--policy", "static", "--floor", "0.9", "--json")
    run = json.loads(done.stdout)["runs"][0]
    assert run["quality_percent"] == pytest.approx(90) and run["floor"] == 0.9


def test_tables_and_plots_are_written(world):
    done = simulate(world, "--policy", "all", "--csv", "out.csv", "--plot", "plots")
    assert done.returncode == 0, done.stderr
    assert "static" in done.stdout
    rows = (world / "out.csv").read_text().splitlines()
    assert len(rows) == 1 + 6 * 48
    for name in ("XX.svg", "frontier.svg"):
        text = (world / "plots" / name).read_text()
        assert text.startswith("<svg") and text.rstrip().endswith("</svg>")


def test_the_table_says_what_is_right_beside_what_is_preferred(world):
    (world / "requests").mkdir()
    each = {"L0": 1.0, "L1": 0.4, "L2": 0.2, "L0_7b": 0.5}
    says = {"L0": "it is 4", "L1": "5", "L2": "6", "L0_7b": "4"}
    (world / "requests/talk.jsonl").write_text("".join(
        json.dumps({"id": str(i), "prompt": "?", "energy_wh": each, "time_s": each,
                    "preferred": f"L{i}", "reference": "#### 4", "response": says}) + "\n"
        for i in range(3)))
    done = simulate(world, "--means", "means.csv", "--requests", "requests",
                    "--policy", "base,l1")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.split("\n\n")[1].splitlines()]
    assert [line[-2:] for line in lines] == [
        ["policy", "talk"], ["base", "100.0"], ["l1", "0.0"], ["L0", "100.0"]]


def test_zones_of_a_folder_are_run_side_by_side(world):
    (world / "zones").mkdir()
    text = (world / "grid.csv").read_text()
    (world / "zones" / "b.csv").write_text(text)
    (world / "zones" / "a.csv").write_text(text.replace(",XX,", ",AA,"))
    done = simulate(world, "--grid", "zones", "--policy", "base,l1", "--json")
    assert [(r["zone"], r["policy"]) for r in json.loads(done.stdout)["runs"]] == [
        ("AA", "base"), ("AA", "l1"), ("XX", "base"), ("XX", "l1")]


@pytest.mark.parametrize("file, text, says", [
    ("grid.csv", GRID_HEADER + "".join(grid_rows(72, skip=(30,))), "grid.csv: line 31"),
    ("mix.csv", "hour,talk\n0,1\n1,0.9\n", "mix.csv: line 3: the shares sum to 0.9"),
    ("mix.csv", "hour,talk\n0,1\n", "mix.csv: line 2"),
    ("mix.csv", "hour,sing\n" + "".join(f"{h},1\n" for h in range(48)), "task 'sing'"),
    ("means.csv", MEANS.replace("0.2\n", "0.1\n"), "means.csv: task 'talk'"),
])
def test_damaged_data_are_an_error_with_file_and_line(world, file, text, says):
    (world / file).write_text(text)
    done = simulate(world, "--policy", "base", "--hours", "48")
    assert done.returncode in (65, 66), done.stderr
    assert says in done.stderr and done.stdout == ""


def half_hours(hours, at):
    """The rows, and one of half past `at`."""
    rows = grid_rows(hours)
    rows.insert(at + 1, rows[at].replace(":00:00,", ":30:00,"))
    return GRID_HEADER + "".join(rows)


@pytest.mark.parametrize("text, says", [
    (half_hours(72, at=7), "line 10: 1800 s after the row before"),
    (GRID_HEADER + "\n" + "".join(grid_rows(72)).replace(",120,", ",,", 1),
     "line 5: no intensity at 2023-01-01T02:00:00Z"),
])
@pytest.mark.parametrize("role", ["--grid", "--bounds-from"])
def test_a_row_that_is_no_hours_is_named_with_its_line(world, role, text, says):
    (world / "odd.csv").write_text(text)
    done = simulate(world, "--policy", "base", role, "odd.csv")
    assert done.returncode == 65 and f"odd.csv: {says}" in done.stderr


def test_evaluations_of_another_zone_are_named(world):
    preference = {"preference": [0.5] * 48}
    (world / "YY.json").write_text(json.dumps(
        {"zone": "YY", "ci_g_per_kwh": [1] * 48, "evaluation_hours": [],
         "schemes": {"base": preference, "co2_opt": preference}}))
    done = simulate(world, "--policy", "sprout", "--evaluations", "YY.json")
    assert done.returncode == 65 and "YY.json: the evaluations are of zone YY" in done.stderr


@pytest.mark.parametrize("means, says", [
    (MEANS.replace(",0.5\n", ",0\n").replace(",0.3\n", ",0.8\n"), "preferred at L0"),
    (MEANS.replace("L0,9,0.5,8", "L0,9,0,0"), "energy at L0"),
])
def test_relative_to_nothing_is_an_error_and_no_nan(world, means, says):
    (world / "means.csv").write_text(means)
    done = simulate(world, "--policy", "base,l1")
    assert done.returncode == 65 and says in done.stderr and done.stdout == ""


@pytest.mark.parametrize("command", [
    ["simulate", "--help"],
    ["train", "--help"],
    ["predictor", "--json", SPROUT.parents[1] / "data/predictor/default.weights"],
    ["--help"],
])
def test_output_that_is_lost_is_an_error(command):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SPROUT, *command], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60)
    assert done.returncode == 74 and "cannot write" in done.stderr


@pytest.mark.parametrize("more, says", [
    (["--policy", "nonsense"], "no policy 'nonsense'"),
    (["--policy", "base", "--hours", "0"], "--hours"),
    (["--policy", "base", "--xi", "2"], "--xi"),
    (["--policy", "base", "--column", "lca"], "direct or lifecycle"),
    (["--policy", "base", "--budget-window", "year"], "window, day, hour"),
    (["--policy", "base", "--protect", "poems"], "maths, code"),
    (["--policy", "base", "--without", "luck"], "--without"),
    (["--policy", "base", "--quality", "accuracy"], "--requests"),
    (["--policy", "base", "--bootstrap", "10"], "--requests"),
    (["--policy", "prompt"], "--requests"),
    ([], "--policy is missing"),
])
def test_a_wrong_command_line_says_what_was_expected(world, more, says):
    done = simulate(world, *more)
    assert done.returncode == 2 and says in done.stderr


def test_a_window_outside_the_trace_is_an_error(world):
    done = simulate(world, "--policy", "base", start="2023-01-03T00:00")
    assert done.returncode == 65 and "2023-01-04T00:00:00Z" in done.stderr


@pytest.mark.parametrize("args, says", [
    (["--requests", ".", "--out", "x", "--seen", "."], "--seen goes with --against"),
    (["--ledger", "x", "--out", "x", "--only", "talk"], "--only goes with --requests"),
    (["--requests", ".", "--out", "x", "--background"], "--background goes with --dir"),
])
def test_an_option_of_train_that_nobody_reads_is_an_error(tmp_path, args, says):
    done = subprocess.run([SPROUT, "train", *args], cwd=tmp_path, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2 and says in done.stderr


# ---- the policy that reads the prompt, on the measured data ---------------------------------

SHARED = SPROUT.parents[2] / "shared" / "data"
measured = pytest.mark.skipif(not (SHARED / "llama2").is_dir(),
                              reason="../shared/data is not here")


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """The measured prompts in two folders, every other line in one."""
    folder = tmp_path_factory.mktemp("halves")
    for half in (0, 1):
        (folder / str(half)).mkdir()
        for file in (SHARED / "llama2").glob("*.jsonl"):
            lines = file.read_text().split("\n")[:-1]
            (folder / str(half) / file.name).write_text("\n".join(lines[half::2]) + "\n")
    return folder


def run_prompt(halves, *more, zone="GB", policy="prompt"):
    done = subprocess.run(
        [SPROUT, "simulate", "--grid", SHARED / f"grid/{zone}_2023_hourly.csv",
         "--start", "2023-02-03T08:00", "--mix", SHARED / "paper/task_mix_hourly.csv",
         "--requests", halves / "1", "--train", halves / "0", "--policy", policy, *more,
         "--json"],
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["runs"]


@measured
def test_prompt_saves_more_than_a_fixed_brief_prompt_at_better_quality(halves):
    brief, prompt = run_prompt(halves, "--floor", "0.95", policy="l1,prompt")
    assert prompt["quality_percent"] >= 94
    assert prompt["saved_percent"] >= 78.5
    assert prompt["saved_percent"] > brief["saved_percent"] - 0.5
    assert prompt["hours_under_floor_percent"] < 5
    assert len(prompt["hours"]) == 720
    assert all(sum(h["mix"]) == pytest.approx(1) for h in prompt["hours"])


@measured
def test_protected_maths_is_as_right_as_at_l0(halves):
    [run] = run_prompt(halves, "--floor", "1", "--protect", "maths")
    right, right_l0 = (run[k]["gsm8k"] for k in ("accuracy_percent", "accuracy_l0_percent"))
    assert right == pytest.approx(right_l0, abs=0.7)
    assert run["saved_percent"] >= 70


@measured
def test_a_floor_of_accuracy_is_kept_over_the_tasks_with_references(halves):
    [run] = run_prompt(halves, "--floor", "0.98", "--quality", "accuracy")
    assert run["quality_percent"] >= 97
    assert 5 < run["saved_percent"] < 80


@measured
def test_a_predictor_that_is_wrong_costs_carbon_and_not_the_floor(halves, tmp_path):
    """Who judges now prefers L0 always: verdicts say so, no prediction does."""
    (tmp_path / "1").mkdir()
    (tmp_path / "0").symlink_to(halves / "0")
    for file in (halves / "1").glob("*.jsonl"):
        text = re.sub('("preferred": ?)"L."', r'\1"L0"', file.read_text())
        (tmp_path / "1" / file.name).write_text(text)
    [run] = run_prompt(tmp_path, "--floor", "0.95")
    assert run["quality_percent"] >= 95
    assert run["hours_under_floor_percent"] < 5


@measured
def test_prompts_that_were_trained_on_are_warned_of(halves):
    def run(train):
        done = subprocess.run(
            [SPROUT, "simulate", "--grid", SHARED / "grid/GB_2023_hourly.csv",
             "--start", "2023-02-03T08:00", "--hours", "2",
             "--mix", SHARED / "paper/task_mix_hourly.csv", "--requests", halves / "1",
             "--train", train, "--policy", "prompt", "--json"],
            capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["tested_on_trained"], done.stderr

    count, warning = run(halves / "1")
    assert count > 8000 and f"{count} of {count} prompts under test are in --train" in warning
    count, warning = run(halves / "0")
    assert count < 80 and warning == ""


@measured
def test_maths_is_known_by_its_references_and_not_by_a_files_name(halves, tmp_path):
    for task, name in (("gsm8k", "one"), ("triviaqa", "two"), ("mmlu", "three")):
        (tmp_path / f"{name}.jsonl").symlink_to(halves / "0" / f"{task}.jsonl")

    def train(*more):
        return subprocess.run([SPROUT, "train", "--requests", tmp_path, "--json",
                               "--out", tmp_path / "out.weights", *more],
                              capture_output=True, text=True, timeout=300)

    said = json.loads(train().stdout)
    assert said["maths_recall"] > 0.98 and said["maths_false"] < 0.03
    done = train("--maths", "gsm8k")
    assert done.returncode == 2 and "--maths: no task 'gsm8k'" in done.stderr


@measured
def test_what_is_refused_before_it_was_compared_has_no_figures_of_that(halves, tmp_path):
    """Verdicts by chance: no predictor beats the base rate."""
    for file in (halves / "0").glob("*.jsonl"):
        lines = file.read_text().split("\n")[:400]
        (tmp_path / file.name).write_text("\n".join(
            re.sub('("preferred": ?)"L."', rf'\1"L{len(line) % 3}"', line)
            for line in lines) + "\n")
    weights = SPROUT.parents[1] / "data/predictor/default.weights"
    done = subprocess.run([SPROUT, "train", "--requests", tmp_path, "--out", tmp_path / "x",
                           "--against", weights], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and not (tmp_path / "x").exists()
    assert "held out: not compared" in done.stdout and "nan" not in done.stdout
