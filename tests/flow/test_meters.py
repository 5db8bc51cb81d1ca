# SPDX-License-Identifier: Apache-2.0
"""Measured energy, end to end: a real llama.cpp on a machine whose power follows its tokens, an
exporter's page that counts it, and what each receipt of the ledger says against the truth.

Every answer has a length of its own, by which receipt and truth find each other."""
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from machine import IDLE_W, STRANGER, Machine, ask
from up import ROOT, SPROUT, Up, wait_until

A_TOKEN = 40  # an output token costs as much as so many of the prompt, about


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("xllamacpp")
    with open(tmp_path_factory.mktemp("model") / "log", "wb") as log:
        server = subprocess.Popen([sys.executable, str(ROOT / "scripts/demo-model"),
                                   "--slots", "16"], stdout=subprocess.PIPE, stderr=log)
    said = server.stdout.readline()
    assert said, "llama.cpp did not start: see its log"
    yield json.loads(said)["url"]
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="module")
def machine(model):
    machine = Machine(model)
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:  # every slot has seen the prompt
        list(pool.map(lambda n: ask(f"127.0.0.1:{machine.port}", n, STRANGER), [6] * 16))
    # The longest answers take six times as many tokens: energy must wait for them, and no
    # longer than that.  A busy machine is slower by far.
    machine.settle_s = min(90, math.ceil(6 + 8 * (time.monotonic() - began)))
    yield machine
    machine.server.shutdown()


def start(folder, machine, settle_s):
    config = folder / "sprout.yaml"
    config.write_text(f"""
meters:
  - kind: prometheus
    url: {machine.url}/metrics
    metric: sim_gpu_joules_total
    covers: gpu
metering:
  idle_watts: {IDLE_W}
  prompt_weight: 1
  output_weight: {A_TOKEN}
  settle_s: {settle_s}
  server_metrics: {machine.url}/metrics
""")
    up = Up(folder / "run", machine.url, "--config", str(config))
    # A window that begins before the first request.
    wait_until(lambda: (up.status()["meters"] or {}).get("up"), 30, "a reading")
    next_window()
    return up


def next_window():
    """The page is read once a second: what comes after this is in a window of its own."""
    time.sleep(2.2)


def receipts(up, lengths):
    """Microjoules and method by length, once all are there."""
    def read():
        rows = up.ledger("SELECT completion, energy_uj, method FROM requests")
        found = {n: (uj, method) for n, uj, method in rows if n in lengths}
        return found if len(found) == len(lengths) else None
    return wait_until(read, 200, f"{len(lengths)} receipts")


def report(up):
    done = subprocess.run([SPROUT, "report", "--dir", str(up.dir), "--json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Played:
    """All that is asked of the gateway, one part after the other; tests look at it afterwards,
    so that the time for settling passes once."""
    ALONE = [140, 141, 142]
    PARTS = {4: range(90, 94), 16: range(26, 42)}
    BESIDE = range(46, 50)  # a stranger is there as well
    LAST = 20  # with its receipt every window before it is divided, the stranger's too
    OURS = [*ALONE, *PARTS[4], *PARTS[16], *BESIDE, LAST]
    STRANGERS = [120, 121]

    def __init__(self, up, machine):
        self.up, self.machine = up, machine
        self.spent_before = machine.active
        for n in self.ALONE:
            ask(up.listen, n)
        next_window()
        for clients, lengths in self.PARTS.items():
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda n: ask(up.listen, n), lengths))
        with ThreadPoolExecutor(2) as pool:
            ours = pool.submit(lambda: [ask(up.listen, n) for n in self.BESIDE])
            wait_until(lambda: machine.running, 30, "ours")
            for n in self.STRANGERS:
                pool.submit(ask, f"127.0.0.1:{machine.port}", n, STRANGER).result()
            ours.result()
        next_window()
        ask(up.listen, self.LAST)
        self.receipts = receipts(up, self.OURS)
        self.answers = wait_until(lambda: machine.served(self.OURS), 10, "all ended")
        self.truth = machine.truth(self.answers)
        self.meters = up.status()["meters"]

    def errors(self, lengths):
        """How far each receipt is from the truth, as a share of it."""
        assert {self.receipts[n][1] for n in lengths} == {"measured:prometheus"}
        return [abs(self.receipts[n][0] / 1e6 - self.truth[n]) / self.truth[n]
                for n in lengths]


@pytest.fixture(scope="module")
def played(tmp_path_factory, machine):
    up = start(tmp_path_factory.mktemp("metered"), machine, machine.settle_s)
    yield Played(up, machine)
    up.stop()


def test_one_at_a_time_each_receipt_is_within_five_percent(played):
    found = played.errors(Played.ALONE)
    print("errors:", [f"{e:.3f}" for e in found])
    assert max(found) < 0.05


@pytest.mark.parametrize("clients", [4, 16])
def test_many_at_once_are_within_ten_percent_on_average(played, clients):
    found = played.errors(Played.PARTS[clients])
    print(f"mean error at {clients}: {sum(found) / len(found):.3f}, worst {max(found):.3f}")
    assert sum(found) / len(found) < 0.10


def test_a_stranger_is_unattributed(played):
    ours = played.answers.values()
    # What is nobody's: the stranger's tokens, and idle while none of ours was there.
    alone = played.meters["idle_j"] - IDLE_W * played.machine.somebody(ours)
    expected = played.machine.active - played.spent_before - sum(a.joules for a in ours)
    got = played.meters["unattributed_uj"] / 1e6 - alone
    print(f"stranger: {got:.1f} J of {expected:.1f} J")
    assert expected > 400
    assert abs(got - expected) / expected < 0.10


def test_all_of_it_is_the_sum_to_a_microjoule(played):
    m = played.meters
    assert m["gaps"] == 0
    assert m["requests_measured"] == len(Played.OURS)
    assert m["attributed_uj"] + m["unattributed_uj"] == m["measured_uj"]
    receipts_uj = sum(uj for uj, _ in played.receipts.values())
    assert m["attributed_uj"] == receipts_uj
    # And in the ledger, where idle that is nobody's stands by itself.
    metered = report(played.up)["metered"]
    assert metered["attributed_uj"] == receipts_uj
    assert metered["measured_uj"] == (metered["attributed_uj"] + metered["idle_uj"] +
                                      metered["unattributed_uj"])
    assert metered["measured_uj"] >= m["measured_uj"] and metered["idle_uj"] > 0
    text = subprocess.run([SPROUT, "report", "--dir", str(played.up.dir)],
                          capture_output=True, text=True).stdout
    assert "modelled " not in text.split("\n", 1)[1]  # the first line has the shares
    assert "Energy: measured:prometheus." in text and "\nMeters: " in text


def test_a_meter_that_dies_leaves_receipts_modelled(tmp_path, machine):
    up = start(tmp_path, machine, 1)
    try:
        machine.page = lambda: "nothing here\n"
        wait_until(lambda: not up.status()["meters"]["up"], 20, "the failure")
        assert "sim_gpu_joules_total" in up.status()["meters"]["error"]
        ask(up.listen, 20)
        (uj, method), = receipts(up, [20]).values()
        assert method.startswith("llama-2-13b") and uj > 0
        assert up.metrics()["sprout_meter_up"] == 0
    finally:
        del machine.page
        up.stop()
