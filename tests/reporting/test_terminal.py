"""What the terminal shows: it fits, cuts nothing, and is coloured only where that is wanted."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import builders
import planted_reports as planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from gradproof.reporting.report import Report
from gradproof.scenarios import CATALOGUE
from gradproof.verdicts.records import FormulaRecord, NotRun, RunStatus, Subject
from gradproof.verdicts.verdict import Verdict

IMPLEMENTATIONS = [
    ("reference", "numpy"),
    ("torch", "eager"),
    ("torch", "func"),
    ("jax", "jit"),
    ("jax", "eager"),
]


def large_report(*, wrong: bool = False) -> Report:
    """The documents' scenarios on gradproof's own backends; wrong ones have the widest cells."""
    outcomes = []
    for name in CATALOGUE:
        for backend, variant in IMPLEMENTATIONS:
            for dtype in ("float64", "float32"):
                judged = builders.record()
                if wrong:
                    judged = planted.judged(Verdict.DISAGREES, cause=planted.CAUSE.format("w"))
                steps = 50 if variant == "eager" else 2
                subject = Subject(name, backend, variant, dtype)
                outcomes.append(builders.outcome(subject, gradients=(judged,), planned_steps=steps))
    scenarios = [builders.scenario(name, origin=name) for name in CATALOGUE]
    not_run = [
        NotRun(Subject(name, "mine", "", "float64"), "It needs " + "it " * 40, RunStatus.NOT_RUN)
        for name in CATALOGUE
    ]
    formulas = [FormulaRecord("line_fit", "m", 0, 3.5, "WRONG", "")] if wrong else []
    return Report.from_outcomes(scenarios, outcomes, not_run, formulas, processes=2)


REPORTS = {
    "all agrees": large_report(),
    "much is wrong": large_report(wrong=True),
    "one of each": planted.report_of("everything"),
    "nothing": builders.report(),
}


def unbroken(line: str) -> bool:
    """Whether a line is one word, or the command to copy, which stay in one piece."""
    return len(line.split()) == 1 or line.startswith("  repeat    ")


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 120])
@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_no_line_is_wider_than_the_console(report: Report, columns: int) -> None:
    lines = planted.printed(report, columns).splitlines()
    assert lines
    for line in lines:
        assert cell_len(line) <= columns or unbroken(line), line
        assert line == line.rstrip()


def test_a_wrong_matrix_is_wider_than_80_columns_and_so_is_divided() -> None:
    """The guard of the test above: it would be wider, and the divided one holds every column once."""
    wide = planted.printed(large_report(wrong=True), 200).splitlines()
    assert cell_len(wide[2]) > 80
    text = planted.printed(large_report(wrong=True), 80)
    heads = [line for line in text.splitlines() if line.startswith("scenario")]
    assert len(heads) == 2
    assert " ".join(heads).split() == [
        "scenario",
        "dtype",
        *(backend for backend, _ in IMPLEMENTATIONS[:4]),
        "scenario",
        "dtype",
        *(backend for backend, _ in IMPLEMENTATIONS[4:]),
        "mine",
    ]


@pytest.mark.parametrize("columns", [20, 30, 80, 200])
def test_every_name_and_cell_is_there_at_any_width(columns: int) -> None:
    report = large_report(wrong=True)
    text = planted.printed(report, columns)
    assert "…" not in text
    for name in CATALOGUE:
        assert name in text.split()
    assert text.count("OFF 5e+04") == len(report.runs[report.runs["status"] == "run"])


names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=60)


@settings(max_examples=10)
@given(name=names, columns=st.integers(20, 120))
def test_a_long_name_is_not_cut(name: str, columns: int) -> None:
    report = planted.report_of("gradient", name=name)
    lines = planted.printed(report, columns).splitlines()
    matrix = lines[: next(number for number, line in enumerate(lines) if line.startswith("Cells:"))]
    assert any(line.startswith(name) for line in matrix)
    assert any(line.split() == ["scenario", name] or name in line for line in lines[len(matrix) :])


FIELDS = [
    "scenario",
    "backend",
    "dtype",
    "step",
    "entry",
    "value",
    "exact",
    "error",
    "noise",
    "cause",
    "why",
    "repeat",
]


def fields(text: str) -> dict[str, str]:
    """The labels and texts of the first failure."""
    lines = [line for line in text.splitlines() if re.match(r"  \w", line)]
    found: dict[str, str] = {}
    for line in lines:
        found.setdefault(line[:12].strip(), line[12:])
    return found


def test_the_first_failure_is_a_field_a_line() -> None:
    found = fields(planted.printed(planted.report_of("gradient")))
    assert list(found) == FIELDS
    assert found["backend"] == "torch/eager"
    assert found["entry"] == "w[0,1] (gradient)"
    assert found["step"] == "1 (of 2 judged, 1 do not pass)"
    assert found["cause"].startswith("the gradient of w is the true one with the derivative of sigmoid")
    assert found["why"] == planted.REASON
    assert shlex.split(found["repeat"]) == [
        *("gradproof", "verify", "mine.py::first"),
        *("--backends", "torch/eager", "--dtypes", "float64"),
    ]


def test_without_a_cause_it_says_so_and_why() -> None:
    found = fields(planted.printed(planted.report_of("not finite")))
    assert (found["cause"], found["why"], found["value"]) == ("none found", planted.REASON, "nan")


def test_a_row_with_a_cause_is_preferred_to_a_worse_one_without() -> None:
    wrong = (
        planted.judged(Verdict.DISAGREES, "a"),
        planted.judged(Verdict.DISAGREES, "b", cause="the sine is left out", spreads=[1.0, 99.0]),
    )
    report = builders.report(builders.outcome(gradients=wrong))
    assert fields(planted.printed(report))["entry"].startswith("b[")
    without = tuple(replace(each, cause="") for each in wrong)
    report = builders.report(builders.outcome(gradients=without))
    assert fields(planted.printed(report))["entry"].startswith("a[")


def test_the_costs_say_how_many_processes_ran() -> None:
    text = planted.printed(large_report())
    assert "measured in 2 processes side by side" in text
    (line,) = (line for line in text.splitlines() if line.startswith("jax/jit"))
    assert line.split() == ["jax/jit", "14", "28", "7", "s", "21", "s", "750", "ms", "35", "s"]


SHOW = """
import sys, tempfile
sys.path.append(sys.argv[1])
import planted_reports as planted
with tempfile.TemporaryDirectory() as folder:
    report = planted.report_of("everything")
    planted.print_report(report, report.write(folder + "/latest", ["jsonl"]))
"""
HELPERS = str(Path(planted.__file__).parent)


def output_on_a_terminal(**environ: str) -> str:
    """What the report looks like on a pseudo-terminal."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW, HELPERS],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.PIPE,
        env={**kept, "TERM": "xterm-256color", "COLUMNS": "80", **environ},
    )
    os.close(follower)
    parts = []
    with contextlib.suppress(OSError):  # Linux ends a terminal that nobody writes to any more with EIO
        while part := os.read(leader, 4096):
            parts.append(part)
    os.close(leader)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return b"".join(parts).decode()


def output_to_a_pipe(**environ: str) -> str:
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, "-c", SHOW, HELPERS],
        capture_output=True,
        check=True,
        env={**kept, "TERM": "xterm-256color", **environ},
    )
    return done.stdout.decode()


def test_colours_are_for_terminals_and_for_who_wants_them() -> None:
    coloured = output_on_a_terminal()
    assert "\x1b[31m" in coloured
    assert "Not everything agrees." in coloured
    assert "\x1b" not in output_on_a_terminal(NO_COLOR="1")
    piped = output_to_a_pipe()
    assert "Not everything agrees." in piped
    assert "\x1b" not in piped
    assert "\x1b[31m" in output_to_a_pipe(FORCE_COLOR="1")


ODD = """
import numpy as np
import gradproof as gp

odd = gp.Scenario(
    name="Größe Ω 网络",
    loss=lambda xp, params, batch: xp.sum((params["µ"] * batch["x"]) ** 2),
    gradient=lambda params, batch: {"µ": params["µ"] * np.sum(batch["x"] ** 2)},
    params={"µ": np.array(0.75)},
    batch={"x": np.array([1.0, 2.0])},
)
"""


@pytest.mark.parametrize("command", ["verify", "check"])
@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(each, marks=pytest.mark.slow) for each in ("latin-1", "utf-8"))]
)
def test_an_encoding_that_lacks_a_character_is_no_crash(encoding: str, command: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(ODD, encoding="utf-8")
    options = ("--backends", "reference", "--dtypes", "float64", "--jobs", "1", "--formats", "csv")
    words = ("mine.py", *options) if command == "verify" else ("mine.py",)
    done = subprocess.run(
        [sys.executable, "-m", "gradproof", command, *words],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
    )
    assert done.returncode == 1, done.stderr.decode(encoding)
    output = done.stdout.decode(encoding)
    told = "Größe Ω 网络" if encoding == "utf-8" else "Größe \\u03a9 \\u7f51\\u7edc"
    assert (told if encoding != "ascii" else "Gr\\xf6\\xdfe") in output
