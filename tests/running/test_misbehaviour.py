"""Whatever a backend does, the report is whole, its row says what happened, and no other row is changed."""

import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path

import bad_backends
import pytest
from bad_backends import KINDS, install, loss, scenario

import gradproof as gp

QUICK = (
    "segfault",
    "last_words",
    "exit",
    "hang",
    "one_large_array",
    "system_exit",
    "unspeakable",
    "patch",
    "batch_in_place",
)
LIMITS = gp.Limits(seconds=2.0, memory=2**30)

LONG = 12
"""Seconds in which a stack of a million frames is filled on a busy machine, too."""


def bits(report):
    """What the reference recorded, step by step."""
    rows = report.steps[report.steps["backend"] == "reference"]
    return rows.drop(columns=["seconds"], errors="ignore").reset_index(drop=True).astype(object)


@pytest.fixture(scope="module")
def right():
    return gp.verify([scenario()], ["reference"], limits=None)


def verified(names, tmp_path, monkeypatch, **options):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    backends = install(tmp_path, {name: KINDS[name] for name in names})
    # Each culprit comes before rows that are right, and after some.
    return gp.verify([scenario()], [*backends[::2], "reference", *backends[1::2]], **options)


def assert_told(report, names, right):
    assert not report.ok
    runs = report.runs.set_index(["backend", "dtype"])
    off = {}
    for name in names:
        for dtype in report.runs["dtype"].unique():
            _, _, status, told = KINDS[name]
            row = runs.loc[(f"bad_{name}", dtype)]
            if row["status"] != status or told not in row["reason"] or len(row["reason"]) > 3000:
                off[name] = (row["status"], row["reason"][:300])
    assert not off
    for dtype in report.runs["dtype"].unique():
        assert runs.loc[("reference", dtype)]["status"] == "run"
    expected = bits(right)
    expected = expected[expected["dtype"].isin(report.runs["dtype"])].reset_index(drop=True)
    assert bits(report).equals(expected)


def test_a_backend_that_ends_its_process_hangs_or_changes_others_is_a_row(tmp_path, monkeypatch, right):
    report = verified(QUICK, tmp_path, monkeypatch, dtypes=["float64"], limits=LIMITS)
    assert_told(report, QUICK, right)
    report.write(tmp_path / "report")
    assert gp.read_report(tmp_path / "report").runs.equals(report.runs)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_every_way_to_misbehave_is_a_row(jobs, tmp_path, monkeypatch, right):
    report = verified(KINDS, tmp_path, monkeypatch, jobs=jobs, limits=gp.Limits(LONG, 2**30))
    assert_told(report, KINDS, right)


TEST = """
import pytest
from bad_backends import scenario

@pytest.mark.gradproof_scenarios(scenario())
def test_it(gradproof_outcome):
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_way_to_misbehave_is_a_row_in_pytest(workers, tmp_path, monkeypatch, right):
    backends = install(tmp_path, KINDS)
    (tmp_path / "test_it.py").write_text(TEST)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path(bad_backends.__file__).parent}")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--gradproof-time-limit", f"{LONG}"]
    command += ["--gradproof-memory-limit", "1", "--gradproof-require", ",".join(backends)]
    command += ["--gradproof-backends", ",".join([*backends[::2], "reference", *backends[1::2]])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1
    report = gp.read_report(tmp_path / "reports/latest")
    assert_told(report, KINDS, right)


def test_a_scenario_that_no_process_can_be_sent_is_told_with_what_to_do():
    lock = threading.Lock()

    def locked(xp, params, batch):
        with lock:
            return loss(xp, params, batch)

    held = dataclasses.replace(scenario(), loss=locked)
    with pytest.raises(gp.InputError, match=r"cannot pickle.*limits=None or --in-process"):
        gp.verify([held], ["reference"])
    assert gp.verify([held], ["reference"], limits=None).ok


HELPS = """
import numpy as np
import gradproof as gp

def loss(xp, params, batch):
    return xp.sum(params["w"] ** 2)

def gradient(params, batch):
    return {"w": 2 * params["w"]}

params = {"w": np.ones(2)}
mine = gp.Scenario(name="mine", loss=loss, gradient=gradient, params=params, batch={})
print(gp.verify([mine], ["reference"], ["float64"]).ok)
"""
MAIN = """
import gradproof as gp
import helps

def loss(xp, params, batch):
    return helps.loss(xp, params, batch)

def gradient(params, batch):
    return helps.gradient(params, batch)

mine = gp.Scenario(name="more", loss=loss, gradient=gradient, params=helps.params, batch={})
print(gp.verify([mine], ["reference"], ["float64"]).runs["reason"].tolist())
"""


def test_a_module_that_verifies_when_it_is_imported_starts_no_processes_without_end(tmp_path):
    (tmp_path / "helps.py").write_text(HELPS)
    (tmp_path / "main.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    first, second = done.stdout.splitlines()
    assert first == "True"
    assert "starts a verification itself" in second
    assert done.returncode == 0
