"""Annotations and the step summary, read as GitHub's runner reads them."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import builders
import planted_reports as planted
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradproof import cli
from gradproof.reporting.formats import github, markdown
from gradproof.reporting.formats.github import annotations, append_summary, cut
from gradproof.reporting.report import Report
from gradproof.scenarios import Provenance
from gradproof.verdicts.records import NotRun, RunStatus, Subject
from gradproof.verdicts.verdict import Verdict


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Take a workflow command apart, in the order in which the runner unescapes it."""
    command, properties, data = re.fullmatch(r"::(\w+) ((?:(?!::).)*)::(.*)", line).groups()

    def unescaped(text: str, table: dict[str, str]) -> str:
        for code, character in table.items():
            text = text.replace(code, character)
        return text

    ends = {"%0D": "\r", "%0A": "\n"}
    pairs = dict(pair.split("=", 1) for pair in properties.split(","))
    inner = {**ends, "%3A": ":", "%2C": ",", "%25": "%"}
    return (
        command,
        {key: unescaped(value, inner) for key, value in pairs.items()},
        unescaped(data, {**ends, "%25": "%"}),
    )


def commands(report: Report, **environ: str) -> list[tuple[str, dict[str, str], str]]:
    return [
        read(line)
        for line in annotations(report.root_causes, report.findings, {"GITHUB_ACTIONS": "true", **environ})
    ]


@pytest.mark.parametrize("environ", [{}, {"GITHUB_ACTIONS": "false"}])
def test_outside_of_actions_there_is_none(environ: dict[str, str]) -> None:
    report = planted.report_of("gradient")
    assert annotations(report.root_causes, report.findings, environ) == []


def test_one_cause_is_one_error_however_many_runs_have_it() -> None:
    cause = planted.CAUSE.format("w")
    outcomes = [
        builders.outcome(
            replace(builders.SUBJECT, variant=variant),
            gradients=(planted.judged(Verdict.DISAGREES, cause=cause),),
        )
        for variant in ("eager", "func", "compile")
    ]
    [(name, properties, message)] = commands(builders.report(*outcomes))
    assert name == "error"
    assert properties["title"].startswith(
        "DISAGREES: the derivative of sigmoid (mine.py:12) left out, in 3 runs"
    )
    assert "line torch/func float64" in message


def test_a_failure_is_an_error_at_the_line_that_its_cause_names() -> None:
    (command,) = commands(planted.report_of("gradient"))
    name, properties, message = command
    assert name == "error"
    assert properties == {"file": "mine.py", "line": "12", "title": "DISAGREES: line torch/eager float64 w"}
    assert message.startswith(
        "DISAGREES: line torch/eager float64, step 1, gradient of w[0,1]\n  scenario  line\n"
    )
    assert "\n  repeat    gradproof verify mine.py::first --backends torch/eager --dtypes float64" in message


def report_from(origin: str, where: str = "") -> Report:
    wrong = planted.judged(Verdict.DISAGREES, cause="a sign", where=where)
    return Report.from_outcomes([builders.scenario(origin=origin)], [builders.outcome(gradients=(wrong,))])


@pytest.mark.parametrize(
    ("origin", "where", "place"),
    [
        ("line", "", {}),
        ("", "", {}),
        ("line", "sine at line.py:3", {"file": "line.py", "line": "3"}),
        ("sub/mine.py", "", {"file": "sub/mine.py", "line": "1"}),
        ("sub/mine.py::a", "sine at other.py:3", {"file": "other.py", "line": "3"}),
        ("sub/mine.py::a", "sine at a at b/other.py:31", {"file": "b/other.py", "line": "31"}),
        ("sub/mine.py::a", "sine at /elsewhere/other.py:3", {"file": "sub/mine.py", "line": "1"}),
        ("sub/mine.py::a", "sine at an unknown line", {"file": "sub/mine.py", "line": "1"}),
        ("sub/../mine.py", "sine at sub/../mine.py:5", {"file": "mine.py", "line": "5"}),
    ],
)
def test_the_place_is_the_line_of_the_cause_else_the_scenarios_file(
    origin: str, where: str, place: dict[str, str]
) -> None:
    """The loss may be in another file than the one that the command was given."""
    ((_, properties, _),) = commands(report_from(origin, where))
    assert {key: value for key, value in properties.items() if key != "title"} == place


def test_the_file_is_told_from_the_folder_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    for origin, file in (
        ("mine.py", "below/mine.py"),
        (str(tmp_path / "mine.py"), "mine.py"),
        ("../../out.py", (tmp_path.parent / "out.py").as_posix()),
    ):
        ((_, properties, _),) = commands(report_from(origin), GITHUB_WORKSPACE=str(tmp_path))
        assert properties["file"] == file


def test_at_most_ten_errors_and_then_the_count() -> None:
    wrong = tuple(
        planted.judged(
            Verdict.DISAGREES, f"w{number}", cause=f"the gradient of w{number} is {number + 2} times it"
        )
        for number in range(13)
    )
    found = commands(builders.report(builders.outcome(gradients=wrong)))
    assert [name for name, _, _ in found] == ["error"] * 10 + ["notice"]
    assert found[-1][2] == "3 more causes; the report holds all."


def test_what_was_not_run_is_told_once_a_reason() -> None:
    def missing(backend: str, variant: str, dtype: str, reason: str) -> NotRun:
        return NotRun(Subject("line", backend, variant, dtype), reason, RunStatus.NOT_RUN)

    left_out = [
        missing("jax", "", "float64", "not installed"),
        missing("jax", "", "float32", "not installed"),
        missing("torch", "func", "float32", "torch.func lacks, say: 100%"),
    ]
    assert commands(builders.report(builders.outcome(), not_run=left_out)) == [
        ("warning", {"title": "not run: torch/func (1 run)"}, "torch.func lacks, say: 100%"),
        ("notice", {"title": "not run: jax (2 runs)"}, "not installed"),
    ]


def test_a_report_of_nothing_is_an_error() -> None:
    assert commands(builders.report()) == [
        ("error", {"title": "gradproof"}, "Nothing was run, so nothing was checked.")
    ]


@example("%0A")
@example("%25")
@example("%3A, %2C")
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1))
def test_titles_and_messages_come_back(name: str) -> None:
    name = f"x{name}"
    ((_, properties, message),) = commands(planted.report_of("gradient", name=name))
    assert properties["title"] == f"DISAGREES: {name} torch/eager float64 w"
    assert message.startswith(f"DISAGREES: {name} torch/eager float64, step 1")


# The summary of the step.


def summary(report: Report) -> str:
    return markdown.render(report)


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    report = planted.report_of("gradient")
    assert append_summary(report, {"GITHUB_STEP_SUMMARY": str(path)}) == ""
    assert path.read_text(encoding="utf-8") == summary(report)
    path.write_text("# of another\n", encoding="utf-8")
    assert append_summary(report, {"GITHUB_STEP_SUMMARY": str(path)}) == ""
    assert path.read_text(encoding="utf-8") == f"# of another\n\n{summary(report)}"


def test_without_the_variable_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert append_summary(planted.report_of("gradient"), {}) == ""
    assert append_summary(planted.report_of("gradient"), {"GITHUB_STEP_SUMMARY": ""}) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", [0, 100, 1024 * 1024 - 200, 1024 * 1024 - 50, 1024 * 1024])
def test_a_summary_that_is_too_long_is_cut_at_a_section(tmp_path: Path, taken: int) -> None:
    """GitHub drops the whole summary of a step that is longer than 1 MiB."""
    path = tmp_path / "summary"
    path.write_bytes(b"x" * taken)
    provenance = [Provenance("x" * 1000, "given", "y" * 1000)] * 600
    report = Report.from_outcomes([builders.scenario("line", *provenance)], [builders.outcome()])
    assert len(summary(report)) > github.SUMMARY_LIMIT
    warning = append_summary(report, {"GITHUB_STEP_SUMMARY": str(path)})
    assert ("leaves no room" in warning) is (taken > 1024 * 1024 - 150)
    written = path.read_text(encoding="utf-8")
    assert len(written.encode()) <= github.SUMMARY_LIMIT
    told = written[taken:]
    assert "Where the values come from" not in told
    if taken <= 100:
        assert told.lstrip().startswith("# gradproof report")
        assert "## What it cost" in told
    assert ("left out here" in told) is (taken < 1024 * 1024 - 150)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.integers(0, 400))
def test_cut_never_exceeds_its_room_and_keeps_whole_sections(sections: list[str], room: int) -> None:
    text = cut(sections, room)
    assert len(text.encode("utf-8", "backslashreplace")) <= room
    whole = "\n\n".join(sections) + "\n"
    if len(whole.encode("utf-8", "backslashreplace")) <= room:
        assert text == whole
    else:
        assert not text or "left out" in text


BAD_FILES: dict[str, Callable[[Path], Path]] = {
    "a folder": lambda folder: folder,
    "below a file": lambda folder: folder / "file" / "below",
    "in no folder": lambda folder: folder / "none" / "summary",
}


@pytest.mark.parametrize("place", BAD_FILES.values(), ids=BAD_FILES)
def test_a_summary_that_cannot_be_written_is_a_warning_and_changes_no_status(
    place: Callable[[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place(tmp_path)))
    options = ("--backends", "reference", "--dtypes", "float64", "--in-process")
    assert cli.main(["verify", "line_fit", *options]) == 0
    errors = capsys.readouterr().err
    assert "gradproof: warning: The summary of this step was not written to" in errors
    assert "Check GITHUB_STEP_SUMMARY" in errors
    assert "Traceback" not in errors


def test_the_command_annotates_and_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
import numpy as np
import gradproof as gp

wrong = gp.Scenario(
    name="wrong",
    loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
    gradient=lambda params, batch: {"w": params["w"] * np.sum(batch["x"] ** 2)},
    params={"w": np.array(0.75)},
    batch={"x": np.array([1.0, 2.0])},
)
"""
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    options = ("--backends", "reference", "--dtypes", "float64", "--in-process")
    assert cli.main(["verify", "mine.py", *options]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    told = [read(line) for line in lines]
    # The formula, the gradient and the update are one cause, and so one annotation.
    assert [name for name, _, _ in told] == ["error"]
    assert all(properties["file"] == "mine.py" for _, properties, _ in told)
    # The cause names the power in the seventh line of the file: its factor 2 is left out.
    assert [properties["line"] for _, properties, _ in told] == ["7"]
    written = (tmp_path / "summary").read_text(encoding="utf-8")
    assert written == (tmp_path / "reports/latest/summary.md").read_text(encoding="utf-8")
    assert os.environ["GITHUB_ACTIONS"] == "true"
