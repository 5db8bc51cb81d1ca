# SPDX-License-Identifier: Apache-2.0
"""A real node exporter (Debian's) over a tree of files that stands for RAPL: its page, read by the
meters, holds the joules of the files to a microjoule."""
import contextlib
import shutil
import socket
import subprocess
import urllib.request

import pytest

from up import Up, wait_until

EXPORTER = shutil.which("prometheus-node-exporter")


class Zones:
    """Counters of the kernel, as files."""

    def __init__(self, folder):
        self.folder = folder
        for zone, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "dram")):
            path = folder / "class/powercap" / zone
            path.mkdir(parents=True)
            (path / "name").write_text(name + "\n")
            (path / "max_energy_range_uj").write_text("262143328850\n")
        self.say(137062350261, 40)

    def say(self, package, dram):
        powercap = self.folder / "class/powercap"
        for zone, uj in (("intel-rapl:0", package), ("intel-rapl:0:0", dram)):
            new = powercap / zone / "new"
            new.write_text(f"{uj}\n")
            new.replace(powercap / zone / "energy_uj")


@pytest.fixture
def zones(tmp_path):
    return Zones(tmp_path / "sys")


@pytest.fixture
def page(zones, tmp_path):
    if EXPORTER is None:
        pytest.skip("prometheus-node-exporter is not installed (scripts/deps)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with open(tmp_path / "exporter.log", "wb") as log:
        exporter = subprocess.Popen(
            [EXPORTER, f"--path.sysfs={zones.folder}", "--collector.disable-defaults",
             "--collector.rapl", f"--web.listen-address={address}"], stdout=log, stderr=log)
    url = f"http://{address}/metrics"

    def answers():
        assert exporter.poll() is None, (tmp_path / "exporter.log").read_text()
        with contextlib.suppress(OSError):
            return b"node_rapl_package" in urllib.request.urlopen(url, timeout=5).read()
    wait_until(answers, 30, "a page")
    yield url
    exporter.terminate()
    exporter.wait(10)


def test_its_page_holds_the_joules_to_a_microjoule(zones, page, tmp_path):
    config = tmp_path / "sprout.yaml"
    config.write_text(f"""
meters:
  - {{kind: prometheus, preset: node, url: "{page}"}}
  - {{kind: prometheus, preset: node-dram, url: "{page}"}}
metering: {{settle_s: 0}}
""")
    up = Up(tmp_path / "run", "http://127.0.0.1:1", "--config", str(config))

    def meters():
        return up.status()["meters"] or {}
    try:
        wait_until(lambda: meters().get("up"), 30, "a reading")
        assert meters()["covers"] == "cpu+dram"
        zones.say(137062350261 + 1234567, 40 + 89)
        wait_until(lambda: meters()["measured_uj"] == 1234567 + 89, 30, "all of it")
        # It wraps, and the page has no range to know that by: a gap, and nothing made up.
        zones.say(5, 40 + 89)
        wait_until(lambda: meters()["gaps"] == 1, 30, "a gap")
        zones.say(5 + 700, 40 + 89 + 1)
        wait_until(lambda: meters()["measured_uj"] == 1234567 + 89 + 701, 30, "the rest")
        assert meters()["unattributed_uj"] == meters()["measured_uj"]
    finally:
        up.stop()
