# SPDX-License-Identifier: Apache-2.0
"""`sprout check`: all that is wrong at once, then what the configuration names is tried."""
import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway import ROOT, free_port, nginx_missing

SPROUT = ROOT / "build/sprout"


def check(*args, cwd=None):
    done = subprocess.run([SPROUT, "check", *map(str, args)], cwd=cwd, text=True,
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def config(tmp_path):
    def write(text):
        path = tmp_path / "sprout.yaml"
        path.write_text(text)
        return path
    return write


def test_every_problem_of_a_file_is_told_at_once_with_its_line(config):
    path = config("listen: 8080\n"
                  "gird: {source: csv}\n"
                  "quality:\n"
                  "  floor: 1.5\n")
    code, out, err = check("--config", path)
    assert (code, out) == (78, "")
    assert err.splitlines() == [
        f"{path}:1:9: listen: found '8080', expected ADDRESS:PORT, such as 127.0.0.1:8080",
        f"{path}:2:1: unknown key 'gird': did you mean 'grid'?",
        f"{path}:4:10: quality.floor: found '1.5', expected a number from 0 to 1",
    ]


def test_for_programs_the_problems_are_json(config):
    code, out, _ = check("--json", "--config", config("holdout: [1]\n"))
    said = json.loads(out)
    assert code == 78 and said["ok"] is False and said["findings"] == []
    assert said["problems"] == [{
        "line": 1, "column": 10,
        "message": "holdout: found a list, expected a single value"}]


def test_a_configuration_that_would_run_is_ok(config, upstream, tmp_path):
    if reason := nginx_missing():
        pytest.skip(reason)
    grid = tmp_path / "gb.csv"
    grid.write_text("Datetime (UTC),Zone id,Carbon intensity gCO2eq/kWh (direct)\n"
                    "2023-01-01 00:00:00,GB,57\n")
    path = config(f"upstream: http://127.0.0.1:{upstream.port}\n"
                  "dir: state\n"
                  "grid: {source: csv, zone: GB, csv: {file: gb.csv}}\n"
                  "evaluation: {sample: {rate: 0.1}}\n")  # nginx opens a file in the spool
    code, out, err = check("--json", "--config", path)
    said = json.loads(out)
    assert (code, err, said["ok"]) == (0, "", True), said
    text = {f["what"]: f["text"] for f in said["findings"]}
    assert text["grid"].startswith("57 g/kWh now in zone GB (replayed): gb.csv sha256 ")
    assert "answers (HTTP " in text["upstream"]
    assert text["folder"] == f"{tmp_path}/state will be made"
    assert text["nginx"] == "loads the module and accepts the configuration"
    assert not (tmp_path / "state").exists()  # nothing was changed


def test_what_does_not_work_is_told_with_the_way_to_mend_it(config, tmp_path):
    port = free_port()
    path = config(f"upstream: http://127.0.0.1:{port}\n"
                  "dir: file/below\n"
                  "grid: {source: csv, csv: {file: none.csv}}\n")
    (tmp_path / "file").write_text("")
    code, out, _ = check("--config", path)
    lines = {line.split()[1]: line for line in out.splitlines()}
    assert code == 66  # the first of them: no such file
    assert lines["grid"].startswith("WRONG") and "none.csv: cannot open" in lines["grid"]
    assert lines["upstream"].startswith("WRONG") and "running?" in lines["upstream"]
    assert lines["folder"].startswith("WRONG")


def test_a_grid_of_another_zone_is_wrong(config, tmp_path, upstream):
    (tmp_path / "de.csv").write_text(
        "Datetime (UTC),Zone id,Carbon intensity gCO2eq/kWh (direct)\n"
        "2023-01-01 00:00:00,DE,57\n")
    path = config(f"upstream: http://127.0.0.1:{upstream.port}\n"
                  "grid: {source: csv, zone: GB, csv: {file: de.csv}}\n")
    code, out, _ = check("--config", path)
    assert code == 65
    assert "line 2: the zone id is 'DE': expected GB" in out


def test_without_an_upstream_it_says_where_to_name_one():
    code, out, _ = check()
    assert code == 78
    assert "give --upstream http://HOST:PORT" in out


def test_the_nginx_configuration_is_printed_and_nginx_takes_it(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    folder = tmp_path / "state"
    folder.mkdir()
    code, out, err = check("--print-nginx", "--dir", folder, "--upstream",
                           f"http://127.0.0.1:{upstream.port}")
    assert (code, err) == (0, "")
    assert out.startswith("# Written by sprout")
    (folder / "nginx.conf").write_text(out)
    subprocess.run(["nginx", "-t", "-p", folder, "-c", folder / "nginx.conf", "-e",
                    folder / "error.log"], check=True, capture_output=True)


def test_a_module_that_nginx_cannot_load_is_wrong(tmp_path, upstream):
    if reason := nginx_missing():
        pytest.skip(reason)
    broken = tmp_path / "module.so"
    broken.write_text("no module")
    done = subprocess.run(
        [SPROUT, "check", "--upstream", f"http://127.0.0.1:{upstream.port}"], text=True,
        capture_output=True, env={**os.environ, "SPROUT_MODULE": str(broken)})
    assert done.returncode == 1
    assert "nginx refuses the configuration: " in done.stdout
    assert f"{broken}: file too short" in done.stdout


def test_the_command_line_is_checked_like_the_file():
    code, _, err = check("--holdout", "2")
    assert code == 2
    assert err == "sprout check: holdout: found '2', expected a number from 0 to 1\n"
    assert check("--frobnicate")[0] == 2
    assert check("--config")[0] == 2
    code, out, _ = check("--help")
    assert code == 0 and out.startswith("usage: sprout check")


def test_the_keys_it_prints_are_those_of_the_page():
    code, out, _ = check("--keys")
    assert code == 0
    assert out in (Path(ROOT) / "docs/configuration.md").read_text()
