"""The command: what it prints, where it writes, and its exit status."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scenario_sources import MAKE

import gradproof.running.own_runs
from gradproof import cli
from gradproof.reporting import writing
from gradproof.reporting.manifest import FileRecord
from gradproof.scenarios import CATALOGUE

RIGHT = MAKE + 'right = make("right")\n'
WRONG = RIGHT + 'wrong = make("wrong", factor=1.0)\n'

ONCE = ("--backends", "reference", "--dtypes", "float64", "--in-process")
QUICK = (*ONCE, "--formats", "csv,markdown")


def run(*arguments: str) -> int:
    """The exit status, whether main gives it or argparse raises it."""
    try:
        return cli.main(arguments)
    except SystemExit as error:
        return int(error.code or 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that nothing is written elsewhere by default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_status_0_all_agree_and_the_report_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", "line_fit", *QUICK, "--report", "out/here") == 0
    output = capsys.readouterr()
    assert "Everything that was checked agrees" in output.out
    assert "line_fit" in output.out
    assert "out/here" in output.out.replace("\n", "")
    assert "1/1" in output.err
    assert "Everything that was checked agrees" in (folder / "out/here/summary.md").read_text("utf-8")
    runs = pd.read_csv(folder / "out/here/runs.csv")
    assert runs[["scenario", "backend", "dtype"]].to_numpy().tolist() == [
        ["line_fit", "reference", "float64"]
    ]


def test_status_1_a_wrong_gradient_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", written(folder, WRONG), *QUICK) == 1
    output = capsys.readouterr().out
    assert "Not everything agrees" in output
    told = " ".join(output.split())
    assert re.search(r"DISAGREES: wrong reference/numpy float64, step \d, gradient of w", told)
    runs = pd.read_csv(folder / "reports/latest/runs.csv", index_col="scenario")
    assert runs.loc["right", "verdict"] == "AGREES"
    assert runs.loc["wrong", "verdict"] == "DISAGREES"
    assert "Not everything agrees" in (folder / "reports/latest/summary.md").read_text("utf-8")


def test_status_1_where_nothing_was_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(folder, f"from dataclasses import replace\n{RIGHT}right = replace(right, gradient=None)\n")
    assert run("verify", path, *QUICK) == 1
    assert "Nothing was run, so nothing was checked" in " ".join(capsys.readouterr().out.split())
    assert run("verify", path, *QUICK, "--baseline", "reports/latest") == 1


def test_status_1_a_backend_that_raises(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gradproof.backends.reference_backend import ReferenceBackend

    def raising(*_: Any, **__: Any) -> None:
        raise TypeError("no such axis\nand a second line")

    monkeypatch.setattr(ReferenceBackend, "run", raising)
    assert run("verify", written(folder, RIGHT), *QUICK) == 1
    assert "could not be run: TypeError: no such axis" in capsys.readouterr().out
    assert pd.read_csv("reports/latest/runs.csv")["status"].tolist() == ["failed"]


def test_status_1_a_backend_asked_for_by_name_that_is_not_installed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out without having been asked for, it is only told."""
    monkeypatch.setattr(
        "gradproof.backends.loading.find_spec", lambda name: None if name == "jax" else find_spec(name)
    )
    path = written(folder, RIGHT)
    monkeypatch.setattr("gradproof.running.planning.default_backends", lambda: ("reference", "jax"))
    options = ("--dtypes", "float64", "--in-process")
    assert run("verify", path, "--backends", "reference,jax", *options) == 1
    assert "gradproof[jax]" in capsys.readouterr().out
    assert run("verify", path, *options) == 0
    output = capsys.readouterr().out
    assert "Not checked" in output
    assert "gradproof[jax]" in output


@pytest.mark.parametrize("beside", [False, True], ids=["in the file", "in a file beside it"])
def test_several_processes_give_the_same_report(
    beside: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = written(folder, WRONG)
    if beside:
        shutil.move(path, "definitions_beside.py")
        path = written(folder, "from definitions_beside import *\n")
    for jobs in ("1", "2"):
        arguments = ("--backends", "reference", "--jobs", jobs, "--report", jobs, "--formats", "csv")
        assert run("verify", path, *arguments) == 1
    for name in ("findings", "gradients", "updates", "trajectories", "predictions", "provenance"):
        assert Path(f"1/{name}.csv").read_bytes() == Path(f"2/{name}.csv").read_bytes()
    runs = [pd.read_csv(f"{jobs}/runs.csv") for jobs in ("1", "2")]
    one, two = (frame.drop(columns=frame.filter(like="seconds").columns) for frame in runs)
    pd.testing.assert_frame_equal(one, two)


def test_a_dtype_named_twice_is_run_once(folder: Path) -> None:
    arguments = ("--backends", "reference,reference", "--dtypes", "float64,float64", "--jobs", "1")
    assert run("verify", written(folder, RIGHT), *arguments) == 0
    assert len(pd.read_csv("reports/latest/runs.csv")) == 1


def test_help_tells_commands_options_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    text = capsys.readouterr().out
    for part in ("verify", "list", "exit status", "examples", "--version"):
        assert part in text
    assert run("verify", "--help") == 0
    text = capsys.readouterr().out
    for part in ("--backends", "--dtypes", "--report", "--jobs", "FILE.py"):
        assert part in text


@pytest.mark.parametrize("command", ["", "verify", "merge", "compare", "check", "audit", "list"])
def test_help_fits_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(*command.split(), "--help") == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"gradproof {version('gradproof')}\n"


def test_no_command_shows_the_help_and_is_a_bad_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "usage: gradproof" in capsys.readouterr().out


def test_list_names_all_scenarios_and_backends(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    text = capsys.readouterr().out
    for name in (*CATALOGUE, "reference", "torch", "jax"):
        assert any(line.split()[:1] == [name] for line in text.splitlines()), name
    assert "10000 steps" in text


def test_list_tells_of_a_backend_that_cannot_be_used(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "gradproof.backends.torch_backend", raising=False)
    assert run("list") == 0
    assert "pip install 'gradproof[torch]'" in capsys.readouterr().out


RAW = {
    "a scenario without a name": ("gp.Scenario(name=None, loss=len, params={}, batch={})", "name is None"),
    "a text as learning rate": ('gp.GradientDescent("0.1", 10)', "learning rate is '0.1', a str"),
    "a text as stopping rule": ('gp.StoppingRule("a")', "is 'a', a str"),
}
"""What raised errors of Python's own."""

BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown scenario": (("verify", "line_fti"), "'line_fti'.*Did you mean 'line_fit'"),
    "an unknown backend": (("verify", "line_fit", "--backends", "troch"), "'troch'.*Did you mean 'torch'"),
    "no backend": (("verify", "line_fit", "--backends", ","), "No backend was chosen. Choose from reference"),
    "an unknown dtype": (("verify", "line_fit", "--dtypes", "float31"), "'float31'.*float64, float32"),
    "no dtype": (("verify", "line_fit", "--dtypes", ""), "No dtype was chosen. Choose from float64"),
    "a negative number of jobs": (
        ("verify", "line_fit", "--jobs", "-1"),
        "--jobs: '-1' is no whole number of 0 or more",
    ),
    "jobs that are no number": (
        ("verify", "line_fit", "--jobs", "two"),
        "--jobs: 'two' is no whole number of 0",
    ),
    "a report below a file": (
        ("verify", "line_fit", "--report", "file/below"),
        "file/below cannot be written",
    ),
    "a report in the place of a file": (("verify", "line_fit", "--report", "file"), "file cannot be written"),
    "a report in the current folder": (("verify", "line_fit", "--report", "."), ". is the current folder"),
    "a report in the place of something else": (
        ("verify", "line_fit", "--report", "own"),
        "holds 'notes.txt'",
    ),
    "an unknown format": (
        ("verify", "line_fit", "--formats", "csv,xls"),
        "'xls'.*csv, html, jsonl, junit, markdown, parquet",
    ),
    "no format": (
        ("verify", "line_fit", "--formats", ","),
        "No report format was chosen. Choose from csv, html",
    ),
    "a file that is missing": (("verify", "missing.py"), "There is no file .*missing.py"),
    "a file that raises": (("verify", "raises.py"), "raises.py.*line 2.*ZeroDivisionError"),
    "a file that exits": (("verify", "exits.py"), "exits.py.*SystemExit"),
    "a file without a scenario": (("verify", "none.py"), "none.py defines no Scenario"),
    "a file whose loss has no value": (("verify", "shapes.py"), "'right'.*ValueError"),
    **{what: (("verify", f"raw{n}.py"), message) for n, (what, (_, message)) in enumerate(RAW.items())},
    "two scenarios of one name": (("verify", "line_fit", "line_fit"), "Two scenarios are called 'line_fit'"),
    "an unknown command": (("verfy",), "invalid choice: 'verfy'"),
    "an unknown option": (("verify", "--dtype-list", "float64"), "unrecognized arguments|--dtype-list"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_status_2_a_bad_call_is_told_in_one_message_and_damages_nothing(
    arguments: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(folder, "kept", "file")
    written(folder, "x = 3\ny = x / 0\n", "raises.py")
    written(folder, "import sys\nsys.exit(0)\n", "exits.py")
    written(folder, "x = 3\n", "none.py")
    written(folder, RIGHT.replace("[0.5, 0.25]", "[0.5, 0.25, 1.0]"), "shapes.py")
    for number, (call, _) in enumerate(RAW.values()):
        written(folder, f"import gradproof as gp\n\nmine = {call}\n", f"raw{number}.py")
    (folder / "own").mkdir()
    written(folder, "kept", "own/notes.txt")
    (folder / "reports/latest").mkdir(parents=True)
    written(folder, "an older report", "reports/latest/summary.md")
    before = everything_below(folder)
    assert run(*arguments) == 2
    output = capsys.readouterr()
    assert re.search(message, output.err, re.DOTALL), output.err
    assert str(Path(cli.__file__).parent) not in output.err, "gradproof's own frames are shown"
    assert "os._exit" not in output.err
    assert output.out == ""
    assert everything_below(folder) == before


@pytest.mark.parametrize("name", ["updates.parquet", "summary.md", "report.json"])
def test_a_report_is_not_replaced_by_half_of_another(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(folder, RIGHT)
    assert run("verify", path, *ONCE) == 0
    before = everything_below(folder / "reports")
    write_file = writing.write_file

    def disk_full(target: Path, data: bytes) -> FileRecord:
        if target.name == name:
            raise OSError(28, "No space left on device")
        return write_file(target, data)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_file", disk_full)
        assert run("verify", written(folder, WRONG), *ONCE) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("gradproof: reports/latest cannot be written: no space left on device. Give")
    assert everything_below(folder / "reports") == before


def test_formats_are_chosen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "line_fit", *QUICK, "--formats", "csv,markdown") == 0
    endings = {path.suffix for path in (folder / "reports/latest").iterdir()}
    assert endings == {".csv", ".md", ".json"}
    told = "Report: reports/latest/summary.md (and beside it tables as CSV)\n"
    assert capsys.readouterr().out.endswith(told)


EXTRA = {"index.html": "jinja2", "*.parquet": "pyarrow", "junit.xml": "junitparser"}


def test_what_is_not_installed_is_told_and_a_report_without_it_is_written(folder: Path) -> None:
    """Named, it is an error, and that before anything is run."""
    packages = " ".join(EXTRA.values()).replace(",", "").replace(" and ", " ").split()
    # Hidden before anything is imported, as in an environment without the extra.
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({packages})); "
        "from gradproof.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def without_the_extra(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", script, "verify", "line_fit", *ONCE, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    written_without = without_the_extra()
    assert written_without.returncode == 0, written_without.stderr
    told = " ".join(written_without.stdout.split())  # which is wrapped
    for file, needed in EXTRA.items():
        are = "are" if " " in needed else "is"
        assert f"Report: not written: {file} needs {needed}, which {are} not installed. " in told
    assert told.endswith("pip install 'gradproof[report]'")
    there = {path.name for path in (folder / "reports/latest").iterdir()}
    assert {"summary.md", "verdicts.jsonl", "gradients.csv"} <= there
    assert not [name for name in there if name in EXTRA or name.endswith(".parquet")]
    refused = without_the_extra("--formats", "parquet", "--report", "other")
    assert refused.returncode == 2
    assert "The report format 'parquet' needs pyarrow" in refused.stderr
    assert not (folder / "other").exists()


def test_an_interruption_writes_no_report(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gradproof.running.own_runs, "carry_out", interrupted)
    assert run("verify", written(folder, RIGHT), *QUICK) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not list((folder / "reports").rglob("*.*"))


COMMANDS: dict[str, Callable[[], list[str]]] = {
    "gradproof": lambda: [str(Path(sys.executable).with_name("gradproof"))],
    "python -m gradproof": lambda: [sys.executable, "-m", "gradproof"],
}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, id=name, marks=pytest.mark.slow if name.startswith("python") else [])
        for name, command in COMMANDS.items()
    ],
)
def test_the_installed_command_ends_with_the_same_statuses(
    command: Callable[[], list[str]], folder: Path
) -> None:
    def status(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [*command(), *arguments], capture_output=True, text=True, check=False, cwd=folder
        )
        return done.returncode, done.stderr

    assert status("--version") == (0, "")
    assert status("verify", written(folder, WRONG), *QUICK)[0] == 1
    code, error = status("verify", "line_fti")
    assert code == 2
    assert error.startswith("gradproof: There is no scenario called 'line_fti'")
    assert error.count("\n") == 1
