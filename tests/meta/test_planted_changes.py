"""Changes planted between two verifications must be told as what they are, by the command too."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scenario_sources import MAKE

import gradproof as gp
import gradproof.running.own_runs
from gradproof import cli
from gradproof.backends import default_backends, loading
from gradproof.backends.reference_backend import ReferenceBackend
from gradproof.scenarios import Scenario, line_fit

RIGHT = MAKE + 'one = make("one")\n'
WRONG = MAKE + 'one = make("one", factor=1.0)\n'
WORSE = MAKE + 'one = make("one", factor=float("nan"))\n'
NEW = RIGHT + 'two = make("two")\n'
NEW_WRONG = RIGHT + 'two = make("two", factor=1.0)\n'


class Shaky(ReferenceBackend):
    """Whose every second run has another last bit in the gradients, from the fourth on."""

    name = "shaky"
    variants = ("loose",)
    runs = 0
    planted_at = 3

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Any:
        Shaky.runs += 1
        steps = 0

        def gradient(params: Any, batch: Any) -> Any:
            nonlocal steps
            exact = scenario.gradient(params, batch)
            steps += 1
            if steps <= self.planted_at or Shaky.runs % 2:
                return exact
            return {name: np.nextafter(g, np.asarray(np.inf, g.dtype)) for name, g in exact.items()}

        planted = replace(scenario, gradient=gradient, value_and_gradient=None)
        return super().run(planted, dtype=dtype, variant=variant)


class Broken(ReferenceBackend):
    """Whose gradients are all NaN, with the same bits each time."""

    name = "broken"

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Any:
        run = super().run(scenario, dtype=dtype, variant=variant)
        return replace(run, gradients={name: np.full_like(g, np.nan) for name, g in run.gradients.items()})


@pytest.fixture
def planted_backends(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Backends of a third party."""
    entries = {
        backend.name: SimpleNamespace(module="tests", load=lambda b=backend: b) for backend in (Shaky, Broken)
    }
    monkeypatch.setattr(loading, "_third_party", lambda: entries)
    monkeypatch.setattr(Shaky, "runs", 0)
    return


@pytest.mark.usefixtures("planted_backends")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_nondeterministic_backend_is_named_with_the_first_step(dtype: str) -> None:
    before, after = (gp.verify([line_fit()], ["reference", "shaky"], [dtype], limits=None) for _ in range(2))
    assert before.ok
    assert after.ok
    changes = gp.compare(before, after)
    (row,) = changes.bits.astype(object).to_dict("records")
    assert (row["scenario"], row["backend"], row["variant"]) == ("line_fit", "shaky", "loose")
    assert (row["dtype"], row["first_step"], row["nondeterministic"]) == (dtype, 3, True)
    assert row["differing"] == row["compared"] - 3 > 0
    assert not changes.worse
    assert "Nondeterminism of shaky/loose" in str(changes)
    assert f"line_fit shaky/loose {dtype} differs since step 3, in " in str(changes)


@pytest.mark.usefixtures("planted_backends")
def test_nan_is_as_it_was_if_its_bits_are() -> None:
    with np.errstate(all="ignore"):
        before, after = (gp.verify([line_fit()], ["broken"], ["float64"], limits=None) for _ in range(2))
    assert not after.ok
    changes = gp.compare(before, after)
    assert changes.unchanged
    assert "1 run that does not pass did not pass before either." in str(changes)


def test_real_backends_give_the_same_bits_twice() -> None:
    before = gp.verify([line_fit()], default_backends(), limits=None)
    after = gp.verify([line_fit()], default_backends(), limits=None, baseline=before)
    assert after.changes is not None
    assert after.changes.unchanged
    assert after.changes.counts["ran twice"] == len(after.runs)
    assert gp.verify([line_fit()], ["reference"], limits=None).changes is None


def test_an_edited_scenario_is_no_nondeterminism() -> None:
    scenario = line_fit()
    edited = replace(scenario, batch={**scenario.batch, "x": scenario.batch["x"] * 2})
    changes = gp.compare(
        gp.verify([scenario], ["reference"], limits=None), gp.verify([edited], ["reference"], limits=None)
    )
    assert changes.scenarios == {"line_fit": "changed"}
    assert not changes.bits["nondeterministic"].any()
    assert set(changes.bits["explanation"]) == {"the scenario changed"}
    assert changes.errors["scenario_changed"].all()


def run(*arguments: str) -> int:
    try:
        return cli.main(arguments)
    except SystemExit as error:
        return int(error.code or 0)


QUICK = ("--backends", "reference", "--dtypes", "float64", "--in-process", "--formats", "csv,markdown")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def verify(source: str, *options: str) -> int:
    Path("mine.py").write_text(source, encoding="utf-8")
    return run("verify", "mine.py", *QUICK, *options)


PLANTED: dict[str, tuple[str, str, int, str]] = {
    "nothing": (RIGHT, RIGHT, 0, "Nothing got worse: the verdicts of the run and the formula are as before."),
    "a verdict that got worse": (RIGHT, WRONG, 1, "worse  one reference/numpy float64: AGREES → DISAGREES"),
    "a formula that got worse": (RIGHT, WRONG, 1, "worse  formula w of one: EQUAL → WRONG"),
    "a more severe verdict": (WRONG, WORSE, 1, "worse  one reference/numpy float64: DISAGREES → NOT_FINITE"),
    "a verdict that got better": (WRONG, RIGHT, 0, "better  one reference/numpy float64: DISAGREES → AGREES"),
    "a failure as before": (WRONG, WRONG, 0, "1 run that does not pass did not pass before either."),
    "a new run that passes": (RIGHT, NEW, 0, "Nothing got worse"),
    "a new run that does not pass": (RIGHT, NEW_WRONG, 1, "(absent) → DISAGREES"),
    "another scenario": (RIGHT, RIGHT.replace("0.75", "0.5"), 0, "The scenario changed: one."),
    "the code of a scenario": (RIGHT, RIGHT.replace("** 2", "** 2 * 1.0"), 0, "The scenario changed: one."),
}


@pytest.mark.parametrize(("before", "after", "status", "text"), PLANTED.values(), ids=PLANTED)
def test_the_statuses_of_compare_and_of_a_baseline(
    before: str, after: str, status: int, text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(before, "--report", "before")
    capsys.readouterr()
    assert verify(after, "--report", "after", "--baseline", "before") == status
    told = capsys.readouterr().out
    assert text in told
    assert run("compare", "before", "after") == status
    compared = capsys.readouterr().out
    assert compared
    assert told.endswith(compared)
    # Commands are not cut, so that they can be copied; all else fits.
    assert all(len(line) <= 80 for line in compared.splitlines() if "repeat " not in line)
    assert (folder / "after" / "report.json").exists()


def test_a_worse_verdict_is_told_with_its_cause_and_how_to_repeat_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify(RIGHT, "--report", str(folder / "before"))
    capsys.readouterr()
    verify(WRONG, "--baseline", "before")
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  worse  one "))
    assert "2 verdicts got worse; the verdicts of no run and no formula are as before." in lines[:start]
    assert lines[start + 1].startswith("    spreads ")
    assert " → " in lines[start + 1]
    assert lines[start + 2].startswith("    cause   ")
    assert any(line.startswith("    why     ") for line in lines[start:])
    assert "    repeat  gradproof verify mine.py --backends reference/numpy --dtypes float64" in lines


def test_another_environment_is_told_and_no_failure(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    verify(RIGHT, "--report", str(folder / "before"))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert verify(RIGHT, "--baseline", "before") == 0
    assert "The environment changed: OMP_NUM_THREADS (absent) → 3." in capsys.readouterr().out


@pytest.mark.usefixtures("planted_backends", "folder")
def test_nondeterminism_is_told_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--backends", "reference,shaky", "--dtypes", "float32", "--in-process")
    assert run("verify", "line_fit", *options, "--report", "before") == 0
    capsys.readouterr()
    assert run("verify", "line_fit", *options, "--report", "after", "--baseline", "before") == 0
    told = capsys.readouterr().out
    assert "Nondeterminism of shaky/loose" in told
    assert "Bits are equal in 1 of 2 runs." in told


@pytest.mark.usefixtures("folder")
def test_a_run_that_raises_is_worse(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    verify(RIGHT, "--report", "before")

    def raising(*_: Any, **__: Any) -> None:
        raise TypeError("no such axis")

    monkeypatch.setattr(ReferenceBackend, "run", raising)
    assert verify(RIGHT, "--report", "after", "--baseline", "before") == 1
    told = capsys.readouterr().out
    assert "worse  one reference/numpy float64: AGREES → FAILED" in told
    assert "why     TypeError: no such axis" in told
    assert verify(RIGHT, "--baseline", "after") == 0


@pytest.mark.usefixtures("folder")
def test_the_baseline_may_be_the_folder_that_is_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(RIGHT) == 0
    assert verify(WRONG, "--baseline", "reports/latest") == 1
    assert "AGREES → DISAGREES" in capsys.readouterr().out
    assert verify(WRONG, "--baseline", "reports/latest") == 0
    assert verify(RIGHT, "--baseline", "reports/latest") == 0
    assert "DISAGREES → AGREES" in capsys.readouterr().out


def damage(name: str, change: Any) -> None:
    path = Path("report") / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def another_schema(text: str) -> str:
    manifest = json.loads(text)
    manifest["schema"] = 99
    return json.dumps(manifest)


BAD: dict[str, tuple[str, Any, str]] = {
    "no folder": ("nowhere", None, "nowhere"),
    "no report": (".", None, "report"),
    "a damaged manifest": ("report", lambda: damage("report.json", lambda text: text[:-20]), "report"),
    "a damaged table": ("report", lambda: damage("runs.csv", lambda text: text + " "), "runs.csv"),
    "another schema": ("report", lambda: damage("report.json", another_schema), "99"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("path", "spoil", "text"), BAD.values(), ids=BAD)
def test_a_report_that_cannot_be_read_is_told_before_anything_runs(
    path: str, spoil: Any, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    verify(RIGHT, "--report", "good")
    gp.read_report("good").write("report", formats=["csv"])
    if spoil is not None:
        spoil()
    capsys.readouterr()

    def must_not_run(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(gradproof.running.own_runs, "carry_out", must_not_run)
    for arguments in (
        ("verify", "mine.py", *QUICK, "--report", "new", "--baseline", path),
        ("compare", path, "good"),
        ("compare", "good", path),
    ):
        assert run(*arguments) == 2
        output = capsys.readouterr()
        assert text in output.err
        assert output.out == ""
    assert not Path("new").exists()


@pytest.mark.usefixtures("folder")
def test_a_report_is_not_compared_with_itself(capsys: pytest.CaptureFixture[str]) -> None:
    verify(RIGHT, "--report", "good")
    capsys.readouterr()
    assert run("compare", "good", "./good/../good") == 2
    assert "are the same report" in capsys.readouterr().err
    assert run("compare", "good", "good/report.json") == 2


def test_help_tells_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compare", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "The exit status is 1 only if a verdict got worse" in text
    assert run("verify", "--help") == 0
    assert "exit with 1 only if a verdict got worse" in " ".join(capsys.readouterr().out.split())
