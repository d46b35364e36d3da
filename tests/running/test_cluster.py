"""A cluster of dask on loopback: the same bits, workers that are lost, what is told where there is none."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from bad_backends import KINDS, install

import gradproof as gp
from gradproof import cli
from gradproof.running import cluster as clusters
from gradproof.running.cluster import cluster

pytest.importorskip("distributed", reason="dask.distributed is not installed")

FILE = """
import os, time
import numpy as np
import gradproof as gp
import beside_the_file

def loss(xp, params, batch):
    return xp.sum(beside_the_file.square(params["w"] * batch["x"]))

def gradient(params, batch):
    {gradient}
    return {{"w": np.sum(2 * params["w"] * batch["x"] ** 2)}}

def make(name):
    return gp.Scenario(
        name=name, loss=loss, gradient=gradient, params={{"w": np.array(1.0)}},
        batch={{"x": np.array([1.0, 2.0])}}, training=gp.GradientDescent(0.01, 3),
    )

scenarios = [make(f"mine_{{number}}") for number in range({number})]
for each in scenarios:
    globals()[each.name] = each
"""
# Where a run is made: the parent of its process is the worker.
FIRST_WAITS = """
    if "worker" in os.environ.get("GRADPROOF_TEST", ""):
        path = os.environ["GRADPROOF_TEST_FOLDER"]
        try:
            with open(os.path.join(path, "first"), "x") as file:
                file.write(str(os.getppid()))
        except FileExistsError:
            pass
        else:
            time.sleep(60)
"""
KILLS = """
    if "worker" in os.environ.get("GRADPROOF_TEST", "") and params["w"].dtype == "float32":
        os.kill(os.getppid(), 9)
"""


def written(folder, gradient="", number=1):
    (folder / "beside_the_file.py").write_text("def square(x):\n    return x * x\n")
    path = folder / "mine.py"
    path.write_text(FILE.format(gradient=gradient, number=number))
    return str(path)


THREADS = "2" if os.environ.get("OMP_NUM_THREADS") == "1" else "1"
"""What the workers' machine has, as far as a report tells: another number than this one's."""


def address_in(file):
    """The scheduler's address, as soon as its file is written to the end."""
    end = time.monotonic() + 60
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(file.read_text())["address"]
        assert time.monotonic() < end
        time.sleep(0.05)


class Cluster:
    """A scheduler, and workers that are processes, in a folder that has nothing of the user's."""

    def __init__(self, folder, workers, *nanny):
        self.folder = folder
        self._processes = []
        file = folder / "scheduler.json"
        self._start("dask_scheduler", "--port", "0", "--scheduler-file", str(file))
        self.address = address_in(file)
        for _ in range(workers):
            self._start("dask_worker", self.address, "--nthreads", "1", *nanny)

    def _start(self, module, *arguments):
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder.parent),  # third parties' backends have to be installed there
            "GRADPROOF_TEST": "worker",
            "GRADPROOF_TEST_FOLDER": str(self.folder),
            "OMP_NUM_THREADS": THREADS,
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"],
            cwd=self.folder,
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)

    def close(self):
        for process in reversed(self._processes):
            process.send_signal(signal.SIGINT if process.poll() is None else 0)
        for process in reversed(self._processes):
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def started(tmp_path):
    """What starts clusters, which end with the test."""
    made = []

    def start(workers, *nanny):
        folder = tmp_path / f"cluster{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, workers, *nanny))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_the_bits_are_those_of_a_local_run_though_a_worker_is_killed(started, tmp_path):
    """One of two workers is killed in the middle of a run, which is then made by the other."""
    file = written(tmp_path, FIRST_WAITS, number=3)
    right = gp.verify(file, ["reference"], limits=None)
    made = started(2, "--no-nanny")
    killed = []

    def kill(*_):
        first = made.folder / "first"
        if not killed and first.is_file() and first.read_text():
            killed.append(int(first.read_text()))
            os.kill(killed[0], signal.SIGKILL)

    with cluster(made.address) as executor:
        report = gp.verify(file, ["reference"], executor=executor, progress=kill)
    assert killed
    assert (report.runs["status"] == "run").all(), report.runs["reason"].tolist()
    assert report.steps.equals(right.steps)
    assert report.findings.equals(right.findings)
    assert set(report.runs["machine"]) == {"machine 1"}
    (machine,) = report.environment["machines"].values()
    assert machine["variables"]["OMP_NUM_THREADS"] == THREADS
    assert machine["python"] == report.environment["python"]


@pytest.mark.slow
def test_a_run_that_ends_its_workers_is_told_after_the_fourth(started, tmp_path):
    file = written(tmp_path, KILLS)
    made = started(2, "--nanny")
    with cluster(made.address) as executor:
        runs = gp.verify(file, ["reference"], executor=executor).runs.set_index("dtype")
    assert runs.loc["float64"]["status"] == "run"
    assert runs.loc["float32"]["status"] == "crashed"
    assert "lost each of the 4 workers" in runs.loc["float32"]["reason"]


def taught(steps=3):
    """What the ways to misbehave are made for."""
    random = np.random.default_rng(0)
    return gp.Scenario(
        name="taught",
        loss=lambda xp, params, batch: xp.mean((batch["x"] @ params["w"] - batch["y"]) ** 2),
        gradient=lambda params, batch: {
            "w": batch["x"].T @ (batch["x"] @ params["w"] - batch["y"]) * (2 / batch["y"].size)
        },
        params={"w": random.normal(size=(3, 2))},
        batch={"x": random.normal(size=(4, 3)), "y": random.normal(size=(4, 2))},
        training=gp.GradientDescent(0.1, steps),
    )


@pytest.mark.slow
def test_every_way_to_misbehave_is_a_row_on_a_cluster(started, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    backends = install(tmp_path, KINDS)
    made = started(2, "--no-nanny")
    limits = gp.Limits(seconds=10.0, memory=2**30)
    with cluster(made.address) as executor:
        report = gp.verify(
            [taught()],
            [*backends[::2], "reference", *backends[1::2]],
            ["float64"],
            executor=executor,
            limits=limits,
        )
    runs = report.runs.set_index("backend")
    off = {}
    for name, (_, _, status, told) in KINDS.items():
        row = runs.loc[f"bad_{name}"]
        if row["status"] != status or told not in row["reason"]:
            off[name] = (row["status"], row["reason"][:300])
    assert not off
    right = gp.verify([taught()], ["reference"], ["float64"], limits=None)
    steps = report.steps[report.steps["backend"] == "reference"]
    assert steps["digest"].tolist() == right.steps["digest"].tolist()


@pytest.mark.slow
def test_the_command_runs_on_a_cluster(started, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = started(1, "--no-nanny")
    arguments = ("--backends", "reference", "--formats", "csv", "--cluster", made.address)
    assert cli.main(["verify", written(tmp_path), *arguments]) == 0
    assert "[2/2]" in capsys.readouterr().err
    assert set(gp.read_report("reports/latest").runs["machine"]) == {"machine 1"}
    # All workers are lost, and nobody brings new ones.
    monkeypatch.setattr(clusters, "_WITHOUT_WORKERS", 2.0)
    monkeypatch.setattr(clusters, "_LOOKS", 0.2)
    killing = KILLS.replace(' and params["w"].dtype == "float32"', "")
    assert cli.main(["verify", written(tmp_path, killing), *arguments]) == 1
    assert "has dropped it" in gp.read_report("reports/latest").runs["reason"][0]
    assert cli.main(["verify", written(tmp_path), *arguments]) == 2
    assert "has no workers" in capsys.readouterr().err


NO_CLUSTER = {
    "nobody there": (["--cluster", "tcp://127.0.0.1:1"], r"no scheduler of dask at tcp://127\.0\.0\.1:1"),
    "no address": (["--cluster", "nowhere://x"], "no scheduler of dask at nowhere://x"),
    "in this process": (["--cluster", "tcp://127.0.0.1:1", "--in-process"], "--in-process.*Leave one"),
    "and jobs": (["--cluster", "tcp://127.0.0.1:1", "--jobs", "2"], "--jobs.*Leave"),
}


@pytest.mark.parametrize(("arguments", "told"), NO_CLUSTER.values(), ids=NO_CLUSTER)
def test_a_cluster_that_is_not_there_is_told(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clusters, "_CONNECTING", 0.5)
    assert cli.main(["verify", "line_fit", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(told, error), error
    assert not Path("reports/latest").exists()


def test_without_dask_it_is_told_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert cli.main(["verify", "line_fit", "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'gradproof[dask]'" in capsys.readouterr().err
