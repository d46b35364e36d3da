"""What a cluster brings and costs: the same 200 runs on one worker and on two, and in own processes."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from distributed import Client

import gradproof as gp
from benchmarks.timing import print_ratios
from gradproof.running.cluster import cluster
from gradproof.running.foreign_runs import ForeignRuns
from gradproof.running.limits import ORDINARY
from gradproof.running.own_runs import OwnRuns, Runs
from gradproof.running.planning import plan
from gradproof.running.task import Task
from gradproof.verdicts.records import Outcome

_RUNS = 200
_SECONDS = 60.0
_ENDING = 3.0


def runs_on_workers() -> None:
    """Time 200 runs of the reference on one process and two, of this machine and of a cluster on loopback."""
    scenarios = [
        gp.Scenario(
            name=f"square_{number}",
            loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
            gradient=lambda params, batch: {"w": 2 * params["w"] * batch["x"] ** 2},
            params={"w": np.ones(8)},
            batch={"x": np.ones(8)},
            training=gp.GradientDescent(0.1, 300),
        )
        for number in range(_RUNS // 2)
    ]
    tasks, _ = plan(scenarios, ["reference"], ("float64", "float32"))
    # Each once: all of them start their processes anew.
    seconds = {f"{jobs} of own processes": _timed(OwnRuns(jobs, ORDINARY), tasks) for jobs in (1, 2)}
    for workers in (1, 2):
        with _started(workers) as address, cluster(address) as executor:
            seconds[f"{workers} of a cluster's workers"] = _timed(ForeignRuns(executor, ORDINARY), tasks)
    print_ratios(f"{_RUNS} runs of the reference", seconds, "no goal: with a core each, two take half of one")


def _timed(runs: Runs, tasks: Sequence[Task]) -> float:
    start = time.perf_counter()
    assert all(isinstance(result, Outcome) for result in runs.results(tasks))  # noqa: S101 - else it would be fast
    return time.perf_counter() - start


def _address(told: Path) -> str:
    """Give a scheduler's address as soon as its file is written to the end."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            address: str = json.loads(told.read_text(encoding="utf-8"))["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return address


@contextmanager
def _started(workers: int) -> Iterator[str]:
    """Start a scheduler and workers, wait until all are there, and give its address."""
    with tempfile.TemporaryDirectory() as folder:
        told, processes = Path(folder, "scheduler.json"), []

        def start(module: str, *options: str) -> None:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *options, "--no-dashboard"]
            processes.append(subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL))

        try:
            start("dask_scheduler", "--port", "0", "--scheduler-file", str(told))
            address = _address(told)
            for _ in range(workers):
                start("dask_worker", address, "--nthreads", "1", "--no-nanny")
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=_SECONDS)
            yield address
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in reversed(processes):
                try:
                    process.wait(_ENDING)
                except subprocess.TimeoutExpired:  # it may wait for what it has itself cancelled
                    process.kill()
                    process.wait()
