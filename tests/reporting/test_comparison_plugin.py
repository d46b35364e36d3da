"""The plugin's option --gradproof-baseline, in sessions of their own."""

import re

import pytest

import gradproof.checking
import gradproof.plugin.run_cases
import gradproof.plugin.session_report  # noqa: F401 - so that no session in this process imports them anew

TESTS = """
import numpy as np
import pytest
import gradproof as gp
from gradproof.pytest_cases import assert_agrees

mine = gp.Scenario(
    name="mine",
    loss=lambda xp, p, b: xp.sum((p["w"] * b["x"]) ** 2),
    gradient=lambda p, b: {"w": np.sum(2.0 * p["w"] * b["x"] ** 2)},
    params={"w": np.array(0.75)},
    batch={"x": np.array([1.0, 2.0])},
)


@pytest.mark.gradproof_scenarios(mine)
def test_mine(gradproof_outcome):
    assert_agrees(gradproof_outcome)
"""

OPTIONS = (
    *("-p", "no:cacheprovider", "--gradproof-backends", "reference", "--gradproof-dtypes", "float64"),
    *("--gradproof-formats", "csv,markdown"),
)


@pytest.mark.parametrize(
    "workers",
    [pytest.param((), id="one process"), pytest.param(("-n", "2"), id="two", marks=pytest.mark.slow)],
)
def test_the_session_tells_what_changed(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """The baseline may be the folder that the session's report replaces."""
    pytester.makepyfile(test_it=TESTS)
    first = pytester.runpytest_inprocess(*OPTIONS)
    assert first.ret == 0
    assert "Nothing got worse" not in first.stdout.str()
    runs = (pytester.path / "reports/latest/runs.csv").read_text(encoding="utf-8")
    assert re.search(r',"[0-9a-f]{16}-[0-9a-f]{16}",', runs)
    # A session that takes warnings as errors ends no otherwise.
    options = (*OPTIONS, "--gradproof-baseline", "reports/latest", "-W", "error")
    same = pytester.runpytest_inprocess(*options, *workers)
    assert same.ret == 0
    same.stdout.fnmatch_lines(
        ["*the verdicts of the run and the formula are as before.", "*changes: Bits are equal*"]
    )
    pytester.makepyfile(test_it=TESTS.replace("2.0 * p", "1.0 * p"))
    wrong = pytester.runpytest_inprocess(*options)
    assert wrong.ret == 1
    wrong.stdout.fnmatch_lines(
        ["gradproof changes: Worse: mine reference/numpy float64: AGREES → DISAGREES; the scenario changed."]
    )
    # The failure is the test's own; a failure that was there before stays one.
    again = pytester.runpytest_inprocess(*options)
    assert again.ret == 1
    again.stdout.fnmatch_lines(["gradproof changes: 1 run that does not pass did not pass before either."])


def test_a_baseline_that_cannot_be_read_is_told_before_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_inprocess(*OPTIONS, "--gradproof-baseline", "nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--gradproof-baseline: There is no report at *nowhere*"])
    assert not (pytester.path / "reports").exists()
