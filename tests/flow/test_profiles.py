# SPDX-License-Identifier: Apache-2.0
"""`sprout profiles`, as a program reads it, and profiles in service."""
import json
import re
import subprocess

import pytest

from gateway import nginx_missing
from up import ROOT, SPROUT, Up


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


BATCH = {"name": "ours", "version": "3", "source": "measured here", "kind": "batch", "gpus": 1,
         "a_j": 0.1, "b_j": 4, "batch_from": 1, "batch_to": 64, "seconds": [0, 0, 0.01]}


def written(folder, profile):
    path = folder / "ours.json"
    path.write_text(json.dumps(profile))
    return str(path)


def test_a_file_of_ones_own_is_listed_with_the_others(tmp_path):
    result = run("--json", "--batch", "8", written(tmp_path, BATCH))
    assert result.returncode == 0, result.stderr
    ours = json.loads(result.stdout)["profiles"][-1]
    assert {key: ours[key] for key in BATCH} == BATCH
    assert ours["joules_per_output_token"] == pytest.approx(0.1 + 4 / 8)
    assert "0.1 + 4/B" in run(written(tmp_path, BATCH)).stdout
    # What is listed is a file again.
    assert run(written(tmp_path, ours)).returncode == 0


def test_the_example_is_a_profile():
    assert run(str(ROOT / "packaging/profiles/example.json")).returncode == 0


@pytest.mark.parametrize("lacking", ["name", "version", "source", "kind", "a_j", "b_j",
                                     "batch_from", "batch_to"])
def test_what_a_file_lacks_is_said(tmp_path, lacking):
    profile = {key: value for key, value in BATCH.items() if key != lacking}
    result = run(written(tmp_path, profile))
    assert result.returncode != 0 and f"'{lacking}'" in result.stderr


def test_a_configuration_uses_it(tmp_path):
    def said(profile, more=""):
        written(tmp_path, profile)
        config = tmp_path / "sprout.yaml"
        config.write_text("upstream: http://127.0.0.1:1\nprofiles:\n"
                          f"  - {{model: a, name: ours, file: ours.json, batch: 8{more}}}\n")
        result = subprocess.run([SPROUT, "check", "--config", str(config)],
                                capture_output=True, text=True)
        return result.stdout + result.stderr
    assert "profiles" not in said(BATCH)
    timeless = {**BATCH, "seconds": None}
    assert "'seconds'" in said(timeless)
    assert "'seconds'" not in said(timeless, ", seconds: [0, 0, 1]")
    assert "'kind'" in said({**BATCH, "kind": "x"})


def in_service(tmp_path, upstream, text):
    """The profiles of the policy that `sprout up` makes of a configuration."""
    if reason := nginx_missing():
        pytest.skip(reason)
    config = tmp_path / "sprout.yaml"
    config.write_text(text)
    up = Up(tmp_path / "data", upstream, "--config", str(config))
    try:
        return json.loads((tmp_path / "data/policy.json").read_text())["profiles"]
    finally:
        up.stop()


def test_a_profile_of_ones_own_is_named_with_its_version(tmp_path, upstream):
    written(tmp_path, BATCH)
    [own, default] = in_service(
        tmp_path, upstream, "profiles: [{model: a, name: mine, file: ours.json, batch: 8}]\n")
    assert own["name"] == "mine@3/batch-8" and own["joules"] == [0, 0, 0.1 + 4 / 8]
    assert default["name"] == "llama-2-13b-chat/a100/batch-1@1"


def test_a_name_too_long_for_receipts_is_refused(tmp_path):
    written(tmp_path, {**BATCH, "version": "9" * 40})
    config = tmp_path / "sprout.yaml"
    config.write_text("profiles: [{model: a, name: mine, file: ours.json}]\n")
    result = subprocess.run([SPROUT, "check", "--config", str(config)],
                            capture_output=True, text=True)
    assert result.returncode != 0 and "too long for receipts" in result.stdout + result.stderr


def test_a_hosted_model_is_what_the_page_says(tmp_path, upstream):
    page = (ROOT / "docs/meters.md").read_text()
    [example] = re.findall(r"```yaml\n(profiles:\n  - \{[^`]*ecologits/hosted[^`]*)```", page)
    [hosted, _] = in_service(tmp_path, upstream, example)
    assert f"`{hosted['name']}`" in page
    low, high = (float(v) for v in re.findall(r"[\d.]+(?=-to|-J)", hosted["name"]))
    assert hosted["joules"][2] * hosted["range"][0] == pytest.approx(low, rel=5e-3)
    assert hosted["joules"][2] * hosted["range"][1] == pytest.approx(high, rel=5e-3)
