"""The command as a process: what ends it, what it leaves running, where its output goes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradproof as gp
from gradproof import cli
from gradproof.backends.reference_backend import ReferenceBackend

SCENARIO = """
import atexit, os, sys, time
import numpy as np
import gradproof as gp

calls = []

def loss(xp, params, batch):
    {loss}
    return xp.sum((params["w"] * batch["x"]) ** 2)

def gradient(params, batch):
    {gradient}
    return {{"w": np.sum(2 * params["w"] * batch["x"] ** 2)}}

params, batch = {{"w": np.array(1.0)}}, {{"x": np.array([1.0, 2.0])}}
claims = [gp.value_claim("loss", "the loss is 5", "page 1", "5")]
mine = gp.Scenario(name="mine", loss=loss, gradient=gradient, params=params, batch=batch, claims=claims)
{file}
"""

ENDS = {
    "sys.exit": "sys.exit(0)",
    "SystemExit": "raise SystemExit",
    "GeneratorExit": "raise GeneratorExit",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
}
AGAIN = "calls.append(1)\n    if len(calls) > 1: {ends}"
PLACES = {
    "the file": {"file": "{ends}"},
    "the loss": {"loss": "{ends}"},
    "the gradient": {"gradient": "{ends}"},
    "the loss on the tape": {"loss": "if 'tape' in type(xp).__module__: {ends}"},
    "the loss after its first call": {"loss": AGAIN},
    "the gradient after its first call": {"gradient": AGAIN},
}
QUICK = ("--backends", "reference", "--dtypes", "float64", "--jobs", "1", "--formats", "csv")


def written(folder: Path, ends: str = "", place: dict[str, str] | None = None) -> str:
    """The file of a right gradient, which ends the process at a place."""
    pieces = {name: text.replace("{ends}", ends) for name, text in (place or {}).items()}
    path = folder / "mine.py"
    path.write_text(SCENARIO.format(**{"loss": "", "gradient": "", "file": "", **pieces}), encoding="utf-8")
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_code_that_ends_the_process_is_no_success(
    ends: str, place: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0 says that all was checked, and told."""
    file = written(folder, ends, place)
    wanted = {2, 130} if "Keyboard" in ends else {1, 2}
    assert cli.main(["verify", file, *QUICK]) in wanted
    output = capsys.readouterr()
    assert "ends the process" in output.err or "raises when" in output.err or "interrupted" in output.err or (
        "could not be run" in output.out
    )  # fmt: skip
    assert "Traceback" not in output.out
    status = cli.main(["audit", file])
    output = capsys.readouterr()
    assert status in wanted or (status == 0 and "1 confirmed" in output.out.lower()), output


@pytest.mark.parametrize("ends", ["sys.exit", "SystemExit", "GeneratorExit"])
@pytest.mark.parametrize("function", ["check", "verify", "audit", "judge", "true_gradient", "rounding_noise"])
def test_the_functions_turn_it_into_an_error(function: str, ends: str, folder: Path) -> None:
    """A program that calls them would end with status 0 otherwise."""
    names: dict[str, Any] = {}
    exec(compile(Path(written(folder)).read_text(), "mine.py", "exec"), names)  # noqa: S102 - the text above

    def loss(*_: Any) -> None:
        exec(ENDS[ends], {"sys": sys})  # noqa: S102 - one of the lines above

    params, batch, gradient = names["params"], names["batch"], names["gradient"]
    scenario = gp.Scenario(name="mine", loss=loss, params=params, batch=batch, claims=names["claims"])
    call: dict[str, Callable[[], Any]] = {
        "check": lambda: gp.check(loss, gradient, params, batch),
        "verify": lambda: gp.verify([scenario], backends=["torch"]),
        "audit": lambda: gp.audit([scenario]),
        "judge": lambda: gp.judge(loss, params, batch, params),
        "true_gradient": lambda: gp.true_gradient(loss, params, batch),
        "rounding_noise": lambda: gp.rounding_noise(loss, params, batch),
    }
    with pytest.raises(gp.InputError, match="ends the process"):
        call[function]()


@pytest.mark.parametrize("ends", ["sys.exit(0)", "raise GeneratorExit", "raise BaseException('mine')"])
@pytest.mark.parametrize("method", ["run", "versions", "__init__"])
def test_a_backend_that_ends_the_process_is_a_failed_row(
    method: str, ends: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ending(*_: Any, **__: Any) -> None:
        exec(ends, {"sys": sys})  # noqa: S102 - one of the lines above

    monkeypatch.setattr(ReferenceBackend, method, ending)
    assert cli.main(["verify", written(folder), *QUICK, "--in-process"]) == 1
    assert Path("reports/latest/runs.csv").is_file()
    output = " ".join(capsys.readouterr().out.split())
    assert ends.partition(" ")[2].partition("(")[0] in output or "SystemExit: 0" in output


# -------------------------------------------------------------------- the installed command


def start(*arguments: str, folder: Path, **options: Any) -> "subprocess.Popen[str]":
    """Start the installed command."""
    command = [str(Path(sys.executable).with_name("gradproof")), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, text=True, **{**pipes, **options})  # type: ignore[call-overload]


def finished(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its status, and what it printed."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


VERIFY = ("verify", "mine.py", "--backends", "reference", "--formats", "csv")


@pytest.mark.parametrize("command", [(*VERIFY, "--jobs", "1"), ("audit", "mine.py")], ids=["verify", "audit"])
def test_os_exit_in_the_only_process_is_no_success(command: tuple[str, ...], folder: Path) -> None:
    written(folder, "os._exit(0)", PLACES["the loss"])
    status, out, err = finished(start(*command, folder=folder))
    assert (status, out) == (2, "")
    assert err.startswith(
        "gradproof: The code that was run ended the process with status 0 before there was a report"
    )
    assert err.count("\n") == 1


def test_os_exit_in_one_of_several_processes_is_a_failed_row(folder: Path) -> None:
    """The other runs are made."""
    written(folder, "os._exit(0)", {"gradient": "if params['w'].dtype == 'float32': {ends}"})
    status, out, err = finished(start(*VERIFY, "--jobs", "2", folder=folder))
    assert status == 1
    told = " ".join(out.split())
    assert (
        "mine reference/numpy float32 could not be run: it ended the process that made it (exit status 0)"
        in told
    )
    assert "[2/2]" in err
    runs = (folder / "reports/latest/runs.csv").read_text("utf-8")
    assert "AGREES" in runs


def test_what_is_registered_for_the_end_of_the_process_does_not_change_the_status(folder: Path) -> None:
    written(
        folder,
        "",
        {"file": "atexit.register(lambda: os._exit(0))", "gradient": "batch = {'x': 2 * batch['x']}"},
    )
    status, out, _ = finished(start(*VERIFY, "--jobs", "1", folder=folder))
    assert status == 1
    assert "Not everything agrees" in out


def test_several_processes_tell_the_lines_of_the_users_file(folder: Path) -> None:
    """Some versions of cloudpickle leave the names of files out."""
    written(folder, "", {"gradient": "return {'w': np.sum(params['w'] * batch['x'] ** 2)}"})
    _, out, _ = finished(start(*VERIFY, "--jobs", "2", folder=folder))
    assert "(mine.py:10)" in " ".join(out.split())


# -------------------------------------------------------------------- signals


def group_of(pid: int) -> list[int]:
    """The processes that a process started, and those that these did."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found[1:]


def running(pids: list[int]) -> list[int]:
    """Those of the processes that have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}/stat").is_file() and not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def waited(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition gives, once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="tells processes from /proc")
@pytest.mark.parametrize(
    ("sent", "status", "jobs"),
    [
        *(("SIGTERM", 143, "1"), ("SIGINT", 130, "2"), ("SIGKILL", -9, "2")),
        pytest.param("SIGKILL", -9, "1", marks=pytest.mark.slow),
        pytest.param("SIGTERM", 143, "2", marks=pytest.mark.slow),
        pytest.param("SIGHUP", 129, "2", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_all_processes_within_two_seconds(
    sent: str, status: int, jobs: str, folder: Path
) -> None:
    sleep = """
def sleep():
    open(f"{os.getpid()}.started", "w").close()
    while True:
        time.sleep(5)
"""
    written(folder, "", {"gradient": "if params['w'].dtype == 'float32': sleep()", "file": sleep})
    process = start(*VERIFY, "--jobs", jobs, "--dtypes", "float32,float64", folder=folder)
    waited(lambda: list(folder.glob("*.started")))
    others = group_of(process.pid)
    assert len(others) >= int(jobs)
    process.send_signal(getattr(signal, sent))
    begin = time.monotonic()
    got, _, err = finished(process)
    waited(lambda: not running(others), 5 - (time.monotonic() - begin))
    assert got == status
    assert "Traceback" not in err
    assert sent == "SIGKILL" or "no report was written" in err
    assert not list(folder.glob("reports/*"))


STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="tells processes from /proc")
@pytest.mark.parametrize("first", ["pass", STUBBORN], ids=["that waits", "that heeds no signal"])
def test_what_was_done_before_an_interruption_is_told(first: str, folder: Path) -> None:
    """Also where a run has to be killed."""
    hang = f"""
import signal
def hang():
    {first}
    open("started", "w").close()
    while True:
        time.sleep(5)
"""
    written(
        folder,
        "",
        {
            "gradient": "if params['w'].dtype == 'float32': hang()\n    batch = {'x': batch['x'] * 2}",
            "file": hang,
        },
    )
    process = start(*VERIFY, "--jobs", "2", folder=folder)
    waited((folder / "started").is_file)
    line = process.stderr.readline()  # type: ignore[union-attr]
    assert line.startswith("[1/2] mine reference/numpy float64: DISAGREES")
    others = group_of(process.pid)
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    status, _, err = finished(process)
    waited(lambda: not running(others), 4 - (time.monotonic() - begin))
    assert status == 130, err
    # Interrupted while it is printed, a line may be printed once more.
    told = [each for each in err.splitlines() if each != line.rstrip("\n")]
    assert told[0] == "1 of 2 runs were done; 0 of them pass."
    assert told[1].startswith("mine reference/numpy float64: DISAGREES")
    assert told[-1] == "gradproof: interrupted; no report was written."
    assert not list(folder.glob("reports/*"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="tells processes from /proc")
def test_the_processes_of_a_program_that_is_killed_end_with_it(folder: Path) -> None:
    """Without the command, nobody ends them but they themselves."""
    sleep = "open(f'{os.getpid()}.started', 'w').close(); time.sleep(60)"
    written(folder, "", {"gradient": f"if params['w'].dtype == 'float32': {sleep}"})
    call = "gp.verify(load_scenarios('mine.py'), backends=['reference'], jobs=2)"
    program = f"import gradproof as gp; from gradproof.scenarios.finding import load_scenarios; {call}"
    process = subprocess.Popen([sys.executable, "-c", program], cwd=folder)
    waited(lambda: list(folder.glob("*.started")))
    others = group_of(process.pid)
    process.kill()
    process.wait()
    waited(lambda: not running(others), 3)


# -------------------------------------------------------------------- where the output goes

WRITE = {"gradient": "print('a line of the users', flush=True)"}
COMMANDS = {
    "verify": (*VERIFY, "--jobs", "1"),
    "audit": ("audit", "mine.py"),
    "check": ("check", "mine.py", "--points", "2"),
    "list": ("list",),
    "compare": ("compare", "one", "two"),
    "--help": ("--help",),
}


@pytest.fixture(scope="module")
def two_reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two reports of the same."""
    folder = tmp_path_factory.mktemp("two_reports")
    report = gp.verify([gp.dense_network([1, 1], ["tanh"], "sum_squared_error")], ["reference"], limits=None)
    for name in ("one", "two"):
        report.write(folder / name, ["csv"])
    return folder


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_has_seen_enough_changes_nothing(command: tuple[str, ...], two_reports: Path) -> None:
    written(two_reports, "", WRITE)
    read, write = os.pipe()
    process = start(*command, folder=two_reports, stdout=write)
    os.close(write)
    os.close(read)
    status, _, err = finished(process)
    assert (status, [line for line in err.splitlines() if not line.startswith("[")]) == (0, [])


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("to", ["/dev/full", pytest.param("closed", marks=pytest.mark.slow)])
def test_an_output_that_cannot_be_written_is_told_in_one_message(
    command: tuple[str, ...], to: str, two_reports: Path
) -> None:
    written(two_reports, "", WRITE)
    command = (
        "sh",
        "-c",
        f'"$@" >{"&-" if to == "closed" else to}',
        "-",
        sys.executable,
        "-m",
        "gradproof",
        *command,
    )
    done = subprocess.run(command, cwd=two_reports, stderr=subprocess.PIPE, text=True, check=False)
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert done.returncode == 2
    assert line.startswith(
        f"gradproof: Standard output {'is closed' if to == 'closed' else 'cannot be written'}"
    )
