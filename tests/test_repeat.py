"""One run, named exactly: a variant of a backend, a scenario of a file, and the repeat command."""

import shlex
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from scenario_sources import MAKE

import gradproof.plugin.run_cases  # so that no session in this process imports it anew
import gradproof.verification
from gradproof import InputError, cli, verify
from gradproof.backends import chosen_variants, describe_backends, load_backend, variants_of
from gradproof.reporting.report import Report
from gradproof.scenarios import line_fit
from gradproof.scenarios.finding import is_file_target, load_scenarios

SCENARIOS = f"""\
{MAKE}first = make("right")
second = make("wrong | odd\\n'name'", factor=1.0)
again = second
right = make("first")
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my scenarios.py").write_text(SCENARIOS, encoding="utf-8")
    return "my scenarios.py"


def subjects(report: Report) -> list[tuple[str, ...]]:
    return list(
        report.runs[["backend", "variant", "dtype", "status"]]
        .astype(object)
        .itertuples(index=False, name=None)
    )


# A backend or a variant of it.


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        ([], {}),
        (["jax"], {"jax": ()}),
        (["jax/eager"], {"jax": ("eager",)}),
        (["jax/eager", "torch", "jax/jit"], {"jax": ("eager", "jit"), "torch": ()}),
        (["jax/eager", "jax"], {"jax": ("eager", "*")}),
        (["jax", "jax/eager"], {"jax": ("*", "eager")}),
        (["jax/eager", "jax/eager"], {"jax": ("eager",)}),
        (["jax/"], {"jax": ("",)}),
    ],
)
def test_entries_are_taken_apart(entries: list[str], chosen: dict[str, tuple[str, ...]]) -> None:
    assert chosen_variants(entries) == chosen


def test_only_the_variant_that_is_named_is_run() -> None:
    pytest.importorskip("torch")
    report = verify([line_fit()], ["torch/func", "reference"], ["float32"], limits=None)
    assert subjects(report) == [("torch", "func", "float32", "run"), ("reference", "numpy", "float32", "run")]


@pytest.mark.parametrize("entry", ["reference/nmpy", "reference/"])
def test_an_unknown_variant_is_refused_with_those_that_there_are(entry: str) -> None:
    message = rf"'reference' has no variant called '{entry.partition('/')[2]}'. Choose from reference/numpy\."
    with pytest.raises(InputError, match=message):
        verify([line_fit()], [entry], ["float64"], limits=None)


class Two:
    name = "two"
    variants = ("usual", "other")


class Slow(Two):
    optional_variants = MappingProxyType({"compiled": "compiles for a minute"})


def test_variants_come_in_the_backends_order() -> None:
    assert variants_of(Two(), ("other", "usual")) == ("usual", "other")
    assert variants_of(load_backend("reference")) == ("numpy",)


def test_optional_variants_run_only_where_they_are_named() -> None:
    assert variants_of(Slow()) == ("usual", "other")
    assert variants_of(Slow(), ("compiled", "usual")) == ("usual", "compiled")
    assert variants_of(Slow(), ("compiled", "*")) == ("usual", "other", "compiled")
    with pytest.raises(InputError, match=r"Choose from two/usual, two/other, two/compiled\."):
        variants_of(Slow(), ("fast",))


def test_list_tells_why_a_variant_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_backend("reference")
    monkeypatch.setattr(type(found), "optional_variants", {"slow": "takes a minute a step"})
    told = dict(describe_backends())
    assert told["reference/slow"] == "only where it is named: it takes a minute a step"
    assert "slow" not in told["reference"]


def test_a_variant_of_a_backend_that_is_not_installed_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "gradproof.backends.jax_backend", raising=False)
    report = verify([line_fit()], ["reference", "jax/eager"], ["float64"], limits=None)
    assert subjects(report)[1] == ("jax", "eager", "float64", "failed")
    assert not report.ok


ON_LINE_FIT = """
import pytest

@pytest.mark.gradproof_scenarios("line_fit")
def test_agrees(gradproof_outcome):
    pass
"""


def test_the_plugin_runs_the_variant_that_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=ON_LINE_FIT)
    options = ("-p", "no:cacheprovider", "--collect-only", "-q", "--gradproof-dtypes", "float32")
    result = pytester.runpytest_inprocess(*options, "--gradproof-backends", "reference/numpy")
    result.stdout.fnmatch_lines(
        ["test_it.py::test_agrees[[]line_fit-reference-numpy-float32]", "1 test collected*"]
    )
    result = pytester.runpytest_inprocess(*options, "--gradproof-backends", "reference/nmpy")
    result.stdout.fnmatch_lines(["*'reference' has no variant called 'nmpy'. Choose from reference/numpy.*"])
    assert result.ret != 0
    result = pytester.runpytest_inprocess(
        *options, "--gradproof-backends", "reference/numpy", "--gradproof-require", "reference"
    )
    result.stdout.fnmatch_lines(["1 test collected*"])


def test_the_plugins_report_is_appended_to_the_summary_of_the_step(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary"))
    pytester.makepyfile(test_it=ON_LINE_FIT)
    options = ("-p", "no:cacheprovider", "--gradproof-dtypes", "float32", "--gradproof-backends", "reference")
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=1)
    written = (pytester.path / "summary").read_text(encoding="utf-8")
    assert written == (pytester.path / "reports/latest/summary.md").read_text(encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path))
    result = pytester.runpytest_inprocess(*options)
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["gradproof: warning: The summary of this step was not written to *"])


# One scenario of a file.


def test_what_is_a_file() -> None:
    names = {"mine.py": True, "mine.py::x": True, "a b/mine.py::x.py": True, "line_fit": False, "mine": False}
    assert {name: is_file_target(name) for name in names} == names


def test_a_file_gives_all_its_scenarios_each_once_with_its_own_name(file: str) -> None:
    found = load_scenarios(file)
    assert [scenario.name for scenario in found] == ["right", "wrong | odd\n'name'", "first"]
    assert [scenario.origin for scenario in found] == [
        f"{file}::{name}" for name in ("first", "second", "right")
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("first", "right"),
        ("right", "first"),
        ("second", "wrong | odd\n'name'"),
        ("wrong | odd\n'name'", "wrong | odd\n'name'"),
    ],
)
def test_a_variables_name_chooses_before_a_scenarios(file: str, name: str, found: str) -> None:
    (scenario,) = load_scenarios(f"{file}::{name}")
    assert scenario.name == found


@pytest.mark.parametrize("name", ["third", "again", "make"])
def test_a_name_that_is_no_scenario_is_refused_with_those_that_are(file: str, name: str) -> None:
    with pytest.raises(InputError, match=rf"called '{name}'. Choose from {file}::first, {file}::second, "):
        load_scenarios(f"{file}::{name}")


def test_a_file_of_one_scenario_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(SCENARIOS.partition("second =")[0], encoding="utf-8")
    assert [scenario.origin for scenario in load_scenarios(path)] == [str(path)]


def test_audit_takes_one_scenario_of_a_file(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", f"{file}::first"]) == 1
    assert "There is no claim" in capsys.readouterr().out
    assert cli.main(["audit", f"{file}::third"]) == 2


# The command that repeats a run.


def reports_of(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """All reports that the command makes from now on."""
    made: list[Report] = []
    original: Any = gradproof.verification.verify

    def keeping(*arguments: Any, **options: Any) -> Report:
        made.append(original(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(gradproof.verification, "verify", keeping)
    return made


def test_the_command_of_a_failure_repeats_just_that_run_to_the_same_bits(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = reports_of(monkeypatch)
    assert (
        cli.main(
            [
                "verify",
                file,
                "line_fit",
                "--backends",
                "reference,torch",
                "--dtypes",
                "float64",
                "--jobs",
                "1",
            ]
        )
        == 1
    )
    (whole,) = made
    output = capsys.readouterr().out
    (line,) = (line for line in output.splitlines() if line.startswith("  repeat "))
    command = line.split(maxsplit=1)[1]
    assert command in whole.runs["repeat"].tolist()
    assert cli.main(shlex.split(command)[1:]) == 1
    repeated = made[1]
    assert len(repeated.runs) == 1
    (at,) = [number for number, each in enumerate(whole.runs["repeat"]) if each == command]
    run = whole.runs.iloc[at]
    timeless = [name for name in whole.runs.columns if "seconds" not in name]
    assert repeated.runs.iloc[0][timeless].tolist() == run[timeless].tolist()
    assert run["verdict"] == "DISAGREES"
    assert digests(repeated, 0) == digests(whole, at)
    assert worst(repeated, 0) == worst(whole, at)


def test_every_command_of_a_report_names_one_run_of_its_own(file: str) -> None:
    report = verify(load_scenarios(file), ["reference"], limits=None)
    commands = report.runs["repeat"].tolist()
    assert len(set(commands)) == len(commands) == 6
    for command, run in zip(commands, report.runs.astype(object).to_dict("records"), strict=True):
        program, verb, target, *options = shlex.split(command)
        assert (program, verb) == ("gradproof", "verify")
        assert options == ["--backends", "reference/numpy", "--dtypes", run["dtype"]]
        (scenario,) = load_scenarios(target)
        assert scenario.name == run["scenario"]


def _of_run(report: Report, at: int, name: str) -> Any:
    run = report.runs.iloc[at]
    frame = report.steps if name == "steps" else report.findings
    keys = ["scenario", "backend", "variant", "dtype"]
    return frame[(frame[keys].astype(object) == run[keys].tolist()).all(axis=1)]


def digests(report: Report, at: int) -> list[str]:
    return _of_run(report, at, "steps")["digest"].tolist()


def worst(report: Report, at: int) -> list[tuple[Any, ...]]:
    rows = _of_run(report, at, "worst").astype(object)
    assert len(rows) == 2
    return list(rows.itertuples(index=False, name=None))
