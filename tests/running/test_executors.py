"""On any executor the runs are those that gradproof's own processes make, with the same limits."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from multiprocessing import get_context
from pathlib import Path

import pytest
from bad_backends import KINDS, install
from loky import get_reusable_executor

import gradproof as gp
from gradproof.running import foreign_runs, isolated, lending
from gradproof.running.executing import how, spread
from gradproof.running.foreign_runs import ForeignRuns, Parcel, carry_out_sent
from gradproof.running.isolated import IsolatedExecutor
from gradproof.running.limits import ORDINARY
from gradproof.running.task import Task, carry_out
from gradproof.running.user_modules import UserModules
from gradproof.running.worker_process import ProcessEndedError
from gradproof.scenarios import line_fit
from gradproof.verdicts.records import RunStatus, Subject

HELPER = """
import {deeper}

def square(x):
    return {deeper}.times(x, x)
"""
DEEPER = """
def times(a, b):
    return a * b
"""
MINE = """
import numpy as np
import gradproof as gp
import {helper}

def loss(xp, params, batch):
    return xp.sum({helper}.square(xp.tanh(params["w"] * batch["x"])))

def gradient(params, batch):  # without the derivative of tanh
    return {{"w": np.sum(2 * np.tanh(params["w"] * batch["x"]) * batch["x"])}}

mine = gp.Scenario(
    name="mine", loss=loss, gradient=gradient, params={{"w": np.array(1.0)}},
    batch={{"x": np.array([1.0, 2.0])}}, training=gp.GradientDescent(0.01, 5),
)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file with a scenario whose loss is in modules beside it, one of which imports the other."""
    folder = tmp_path_factory.mktemp("beside")
    names = {"helper": "beside_helper", "deeper": "beside_deeper"}
    for name, text in {"helper": HELPER, "deeper": DEEPER}.items():
        (folder / f"{names[name]}.py").write_text(text.format(**names))
    (folder / "mine.py").write_text(MINE.format(**names))
    return folder / "mine.py"


@pytest.fixture(scope="module")
def right(file):
    return gp.verify(str(file), ["reference"], limits=None)


def assert_same(report, right):
    assert (report.runs["status"] == "run").all(), report.runs["reason"].tolist()
    assert report.steps.equals(right.steps)
    assert report.findings.equals(right.findings)
    assert "mine.py:7" in report.findings["where"][0]


EXECUTORS = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, get_context("spawn")),  # jax warns of forks
    "loky": lambda: get_reusable_executor(2),
}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=pytest.mark.slow if name == "loky" else [])
        for name, make in EXECUTORS.items()
    ],
)
def test_the_report_is_that_of_own_processes(make, file, right):
    with make() as executor:
        report = gp.verify(str(file), ["reference"], executor=executor)
        assert executor.submit(int, "3").result() == 3  # it was not shut down
    assert_same(report, right)
    assert report.environment["processes"] == 2
    assert set(report.runs["machine"]) == {""}


def children():
    own = Path(f"/proc/{os.getpid()}/task")
    return [int(child) for task in own.glob("*/children") for child in task.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="tells processes from /proc")
def test_no_process_is_left_after_a_verification_on_threads(file):
    before = set(children())
    with ThreadPoolExecutor(1) as executor:
        gp.verify(str(file), ["reference"], ["float64"], executor=executor)
        assert set(children()) - before <= {child for child in children() if is_tracker(child)}


def is_tracker(child):
    """Of loky, which stays as long as this process."""
    return b"resource_tracker" in Path(f"/proc/{child}/cmdline").read_bytes()


def test_processes_that_are_idle_end(monkeypatch):
    monkeypatch.setattr(lending, "_IDLE", 0.2)
    monkeypatch.setattr(lending._stock, "is_looked_through", False)  # other tests' runs wait for longer
    with lending.lent("idle", ORDINARY) as executor:
        pid = executor.submit(os.getpid).result()
        assert Path(f"/proc/{pid}").exists()
    with lending.lent("idle", ORDINARY) as again:
        assert again is executor
    end = time.monotonic() + 10
    while lending._stock.idle["idle"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    with lending.lent("idle", ORDINARY) as another:
        assert another is not executor
    lending.end_all("idle")
    with pytest.raises(gp.InputError, match="has ended"), lending.lent("idle", ORDINARY):
        pass


# -------------------------------------------------------------------- what may go wrong


class Bad(Executor):
    """Does something else from the second task on."""

    def __init__(self, wrong):
        self.tasks = 0
        self.wrong = wrong

    def submit(self, fn, /, *args):
        self.tasks += 1
        future = Future()
        if self.tasks == 1:
            future.set_result(fn(*args))
        elif self.wrong == "cancels":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif isinstance(self.wrong, BrokenExecutor):
            raise self.wrong
        elif self.wrong == "was shut down":
            raise RuntimeError("cannot schedule new futures after shutdown")
        else:
            future.set_exception(self.wrong)
        return future


class KilledWorker(Exception):  # noqa: N818 - named as dask's is
    """What dask.distributed raises of a task whose workers were lost, again and again."""

    allowed_failures = 3


WRONG = {
    "cancels": ("cancels", "has dropped it"),
    "is broken": (BrokenExecutor("gone"), "is broken (BrokenExecutor: gone)"),
    "was shut down": ("was shut down", "after shutdown"),
    "loses its workers": (KilledWorker(), "lost each of the 4 workers that it was given to"),
}


@pytest.mark.parametrize(("wrong", "told"), WRONG.values(), ids=WRONG)
def test_what_an_executor_loses_is_a_row(wrong, told, file, right):
    report = gp.verify(str(file), ["reference"], executor=Bad(wrong))
    made, lost = report.runs.to_dict("records")
    assert (made["status"], lost["status"]) == ("run", "crashed")
    assert told in lost["reason"]
    assert not report.ok
    steps = right.steps[right.steps["dtype"] == made["dtype"]]
    assert report.steps["digest"].tolist() == steps["digest"].tolist()


def test_an_executor_and_this_process_are_not_both_the_place(file):
    with ThreadPoolExecutor(1) as executor, pytest.raises(gp.InputError, match="limits=None"):
        gp.verify(str(file), ["reference"], executor=executor, limits=None)
    with pytest.raises(gp.InputError, match=r"executor is 3.*concurrent\.futures\.Executor"):
        gp.verify(str(file), ["reference"], executor=3)


@pytest.mark.parametrize("name", ["gradproof", "Python"])
def test_a_worker_with_other_versions_is_told(name):
    versions = {**foreign_runs._versions(), name: "0.0.1"}
    parcel = Parcel(Subject("mine", "reference", "numpy", "float64"), ORDINARY, "other", versions, b"")
    result = foreign_runs._unpacked(carry_out_sent(parcel).contents)
    assert result.status is RunStatus.FAILED
    assert f"{name} {foreign_runs._versions()[name]}" in result.reason
    assert "asked for by 0.0.1" in result.reason


def test_limits_hold_on_any_executor(tmp_path, monkeypatch):
    names = ("segfault", "hang_ignoring", "one_large_array", "batch_in_place")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    backends = install(tmp_path, {name: KINDS[name] for name in names})
    with ThreadPoolExecutor(2) as executor:
        report = gp.verify(
            "line_fit",
            [*backends, "reference"],
            ["float64"],
            executor=executor,
            limits=gp.Limits(seconds=3.0, memory=2**30),
        )
    runs = report.runs.set_index("backend")
    for name in names:
        _, _, status, told = KINDS[name]
        assert runs.loc[f"bad_{name}"]["status"] == status
        assert told in runs.loc[f"bad_{name}"]["reason"]
    right = gp.verify("line_fit", ["reference"], ["float64"], limits=None)
    steps = report.steps[report.steps["backend"] == "reference"]
    assert steps["digest"].tolist() == right.steps["digest"].tolist()


# -------------------------------------------------------------------- the machines


def test_each_row_has_the_environment_of_the_machine_that_ran_it(file, right, monkeypatch):
    own = foreign_runs.machine()
    there = {**own, "platform": "Elsewhere-1.0", "variables": {**own["variables"], "OMP_NUM_THREADS": "7"}}
    told = iter([own, there, own])  # the first is asked for by the verification itself

    monkeypatch.setattr(foreign_runs, "machine", lambda: next(told))
    with ThreadPoolExecutor(1) as executor:
        report = gp.verify(str(file), ["reference"], executor=executor)
    assert report.runs["machine"].tolist() == ["machine 1", ""]
    (machine,) = report.environment["machines"].values()
    assert {name: machine[name] for name in there} == there
    assert machine["backends"] == right.environment["backends"]
    # What another machine explains is no nondeterminism, and what none explains is.
    here = report.runs.assign(machine=report.runs["machine"].map({"machine 1": "", "": ""}))
    before = gp.Report(
        {**report.frames, "runs": here.astype({"machine": "category"})},
        {name: value for name, value in report.environment.items() if name != "machines"},
    )
    changed = report.frames["steps"].assign(digest="0")
    other = gp.Report({**report.frames, "steps": changed}, report.environment)
    bits = gp.compare(before, other).bits.set_index("dtype")
    assert "platform" in bits.loc["float64"]["explanation"]
    assert bits["nondeterministic"].to_dict() == {"float64": False, "float32": True}
    assert {"platform", "variables.OMP_NUM_THREADS"} <= set(gp.compare(before, other).environment["key"])
    assert gp.compare(other, other).environment.empty


def test_the_users_modules_are_found_where_they_are_not(file, tmp_path):
    """In a process that has neither the folder nor its files."""
    scenario = gp.verification.find_scenarios(str(file))[0]
    parcel = ForeignRuns(ThreadPoolExecutor(1), ORDINARY)._parcel(
        Task(scenario, Subject("mine", "reference", "numpy", "float64")),
        UserModules.loaded([scenario.loss, scenario.gradient]),
    )
    sent = tmp_path / "sent"
    sent.write_bytes(pickle.dumps(parcel.contents))
    moved = file.parent.rename(tmp_path / "moved")
    program = (
        "import pickle, sys; from gradproof.running.foreign_runs import _carry_out_packed, _unpacked\n"
        "result = _unpacked(_carry_out_packed(pickle.loads(open('sent', 'rb').read())))\n"
        "print(result.gradients[0].cause, result.gradients[0].where)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    finally:
        moved.rename(file.parent)
    expected = carry_out(Task(scenario, Subject("mine", "reference", "numpy", "float64")))
    assert done.stdout.strip() == f"{expected.gradients[0].cause} {expected.gradients[0].where}", done.stderr


def test_modules_with_compiled_ones_and_installed_ones_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("plain_package", "compiled_package"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "inner" / "module.py").write_text("value = 'é'")
        __import__(f"{name}.inner.module")
    compiled = tmp_path / "compiled_package" / "fast.so"
    compiled.write_bytes(b"")
    fake = replace_file(sys.modules["compiled_package.inner.module"], str(compiled))
    monkeypatch.setitem(sys.modules, "compiled_package.fast", fake)
    found = UserModules.loaded()
    ours = {name for name in found.files if name.startswith(("plain", "compiled", "numpy", "gradproof"))}
    assert ours == {"plain_package", "plain_package.inner", "plain_package.inner.module"}
    assert found.packages & ours == {"plain_package", "plain_package.inner"}
    for name in ours:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "plain_package" / "inner" / "module.py").unlink()
    with found.importable():
        assert __import__("plain_package.inner.module").inner.module.value == "é"


def replace_file(module, file):
    changed = type(sys)(module.__name__)
    changed.__file__ = file
    return changed


def test_what_is_not_begun_is_given_up_where_nobody_waits_for_it_any_more():
    begun, release = [], threading.Event()

    def begin(item):
        begun.append(item)
        return item if item == 1 else release.wait()

    with ThreadPoolExecutor(1) as executor:
        results = spread(begin, range(1, 9), executor, lambda *_: None)
        assert next(results) == 1
        results.close()
        release.set()
    assert len(begun) <= 3


def flags_of(_):
    return os.getpid(), os.environ.get("XLA_FLAGS", "")


def test_a_run_has_a_process_that_starts_with_what_it_needs_in_its_environment(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    variants = ("jit", "eager", "sharded", "jit")
    tasks = [Task(line_fit(), Subject("line_fit", "jax", each, "float64")) for each in variants]
    executor = IsolatedExecutor(1, ORDINARY)
    try:
        told = [executor.submit(flags_of, task).result() for task in tasks]
    finally:
        executor.shutdown()
    flag = "--xla_force_host_platform_device_count=4"
    assert [flags for _, flags in told] == ["", "", flag, ""]
    assert told[0][0] == told[1][0]  # another process only where it is needed
    assert len({process for process, _ in told}) == 3


@pytest.mark.parametrize(
    ("error", "printed", "status", "text"),
    [
        (MemoryError("no room"), "", RunStatus.OUT_OF_MEMORY, "MemoryError: no room"),
        (ValueError("mine"), "all", RunStatus.FAILED, "ValueError: mine The last that it printed: all"),
        (
            ProcessEndedError(-9),
            "",
            RunStatus.CRASHED,
            "SIGKILL, which the system sends where memory runs out",
        ),
        (ProcessEndedError(-40), "", RunStatus.CRASHED, "(signal 40)"),
        (ProcessEndedError(1), "MemoryError", RunStatus.OUT_OF_MEMORY, "(exit status 1)"),
        (CancelledError(), "", RunStatus.CRASHED, "has dropped it"),
    ],
)
def test_an_end_without_a_result_is_told(error, printed, status, text):
    with ThreadPoolExecutor(1) as executor:
        found, told = how(error, executor, printed)
    assert found is status
    assert text in told


def test_an_end_is_told_where_there_is_no_signal_that_kills(monkeypatch):
    """As on Windows."""
    monkeypatch.delattr(signal, "SIGKILL", raising=False)
    with ThreadPoolExecutor(1) as executor:
        assert "(exit status 3)" in how(ProcessEndedError(3), executor, "")[1]


def test_a_run_that_prints_without_end_does_not_fill_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(isolated, "_MOST_PRINTED", 1000)
    monkeypatch.setattr(isolated, "_CUTS", 0.001)
    printed = tmp_path / "0.1"
    printed.write_text("much " * 1000, encoding="utf-8")
    executor = IsolatedExecutor(1, ORDINARY)
    try:
        executor._outputs[Future()] = (
            printed,
            tmp_path / "0.2",
        )  # the second is not there: nothing was printed
        end = time.monotonic() + 30
        while "left out" not in printed.read_text(encoding="utf-8") and time.monotonic() < end:
            time.sleep(0.001)
    finally:
        executor.shutdown()
    assert printed.read_text(encoding="utf-8") == "(what was printed before is left out)\n"
