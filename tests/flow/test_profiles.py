# SPDX-License-Identifier: Apache-2.0
"""`sprout profiles`, as a program reads it."""
import json
import subprocess

import pytest

from up import SPROUT


def run(*args):
    return subprocess.run([SPROUT, "profiles", *args], capture_output=True, text=True)


def test_every_profile_names_its_source_and_version():
    profiles = json.loads(run("--json").stdout)["profiles"]
    assert len({p["name"] for p in profiles}) == len(profiles) >= 9
    assert all(p["source"] and p["version"] for p in profiles)
    by_name = {p["name"]: p for p in profiles}
    assert by_name["llama-2-13b-chat/a100/batch-1"]["joules"] == [-3.52, 0.043, 5.87]
    assert by_name["ecologits/hosted"]["joules"] is None


def test_a_batch_says_what_a_token_costs():
    profiles = json.loads(run("--json", "--batch", "16").stdout)["profiles"]
    by_name = {p["name"]: p["joules_per_output_token"] for p in profiles}
    assert by_name["llama-3.1-8b/h100"] == pytest.approx(0.0665 + 3.16 / 16)
    assert by_name["llama-2-7b-chat/a100/batch-1"] is None


@pytest.mark.parametrize("args", [["--batch"], ["--batch", "0"], ["--mystery"]])
def test_a_wrong_command_line_is_said(args):
    result = run(*args)
    assert result.returncode == 2 and args[0] in result.stderr
