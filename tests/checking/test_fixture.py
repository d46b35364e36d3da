"""The fixture `gradproof`: failures in pytest's own report, the marker, the session's table, xdist."""

import csv
import re

import pytest

import gradproof.checking
import gradproof.plugin.session_report  # noqa: F401 - so that no session in this process imports them anew
from gradproof import read_report

TESTS = """
import numpy as np
import pytest

R = np.random.default_rng(0)
PARAMS = {"w": R.normal(size=3)}
BATCH = {"x": np.abs(R.normal(size=(4, 3))) + 0.1}
POSITIVE = {"w": np.abs(R.normal(size=3)) + 0.1}


def loss(xp, p, b):
    return xp.sum(xp.maximum(b["x"] @ p["w"], 0.0) ** 2)


def right(p, b):
    return {"w": 2 * b["x"].T @ np.maximum(b["x"] @ p["w"], 0.0)}


def masked_not(p, b):
    return {"w": 2 * b["x"].T @ (b["x"] @ p["w"])}


def test_right(gradproof):
    check = gradproof.check(loss, right, PARAMS, BATCH)
    assert check.ok
    assert gradproof.checks == [check]


def test_wrong(gradproof):
    gradproof.check(loss, lambda p, b: {"w": 2 * right(p, b)["w"]}, PARAMS, BATCH)


def test_hidden(gradproof):
    gradproof.check(loss, masked_not, POSITIVE, BATCH)


@pytest.mark.gradproof(points=0)
def test_without_points(gradproof):
    assert gradproof.check(loss, masked_not, POSITIVE, BATCH).points.asked == 0


@pytest.mark.gradproof(seeds=[3, 4], points=2, dtype="float32")
def test_seeds(gradproof):
    check = gradproof.check(loss, right, PARAMS, BATCH)
    assert [each.seed for each in gradproof.checks] == [3, 4]
    assert check.points.asked == 2
    assert check.dtype == "float32"


@pytest.mark.gradproof(point=0)
def test_misspelt(gradproof):
    pass


@pytest.mark.gradproof(seeds=3)
def test_one_seed(gradproof):
    pass


def test_raises(gradproof):
    gradproof.check(loss, lambda p, b: {"w": b["z"]}, PARAMS, BATCH)
"""

FAIL = ("test_wrong", "test_hidden", "test_raises")


@pytest.fixture
def session(pytester):
    """Run the tests above in a session of their own."""

    def run(*options):
        pytester.makepyfile(test_mine=TESTS)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "--gradproof-formats", "csv", *options)

    return run


@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="alone"), pytest.param(("-n", "2"), id="xdist", marks=pytest.mark.slow)],
)
def test_failures_show_the_cause_and_the_worst_entries_and_all_is_collected(session, pytester, options):
    result = session(*options)
    result.assert_outcomes(passed=3, failed=3, errors=2)
    text = result.stdout.str()
    assert "WRONG at the given point" in text
    assert "worst entries:" in text
    assert re.search(r"entry +verdict", text)
    assert "WRONG at a point of its own" in text
    assert "KeyError: 'z'" in text
    assert "The marker gradproof does not know ['point']" in text
    assert "The marker gradproof's seeds is 3, an int. Give a sequence of seeds, [0, 1, 2] say" in text
    # pytest's own traceback through gradproof would bury it.
    assert "plugin/checks.py" not in text
    table = pytester.path / "reports" / "latest" / "checks.csv"
    assert "gradproof checks: 4 EQUAL, 2 WRONG" in text
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["test"].partition("::")[2], row["verdict"], row["seed"]) for row in rows] == [
        ("test_hidden", "WRONG", "0"),
        ("test_right", "EQUAL", "0"),
        ("test_seeds", "EQUAL", "3"),
        ("test_seeds", "EQUAL", "4"),
        ("test_without_points", "EQUAL", "0"),
        ("test_wrong", "WRONG", "0"),
    ]


def test_a_hidden_failure_leaves_its_point_beside_the_report(session, pytester):
    from gradproof import load_point

    result = session("--gradproof-report", "out")
    (path,) = (pytester.path / "out-points").glob("*.npz")
    assert "test_hidden" in path.name
    assert str(path) in result.stdout.str().replace("\n", "")
    assert load_point(path).seed == 0


def test_the_plugin_loads_nothing_for_those_who_do_not_use_it(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            frameworks = {"torch", "jax", "pandas", "flint", "numpy"}
            ours = {"gradproof.checking", "gradproof.plugin.checks"}
            assert not (frameworks | ours) & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:xdist")
    result.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()


XFAILS = """
from test_mine import BATCH, PARAMS, loss, right
import pytest


def wrong(p, b):
    return {"w": 2 * right(p, b)["w"]}


@pytest.mark.xfail
def test_marked(gradproof):
    gradproof.check(loss, wrong, PARAMS, BATCH)


@pytest.mark.xfail(strict=True, reason="a factor 2")
def test_marked_strictly(gradproof):
    gradproof.check(loss, wrong, PARAMS, BATCH)


def test_marked_while_it_runs(gradproof, request):
    request.applymarker(pytest.mark.xfail)
    gradproof.check(loss, wrong, PARAMS, BATCH)


def test_told_while_it_runs(gradproof):
    with pytest.raises(pytest.fail.Exception):
        gradproof.check(loss, wrong, PARAMS, BATCH)
    pytest.xfail("it is known")


@pytest.mark.xfail(False, reason="a condition that does not hold")
def test_not_expected(gradproof):
    gradproof.check(loss, wrong, PARAMS, BATCH)


@pytest.mark.xfail
def test_passes(gradproof):
    gradproof.check(loss, right, PARAMS, BATCH)
"""


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_check_in_a_test_that_is_expected_to_fail_counts_for_nothing(pytester, processes):
    pytester.makepyfile(test_mine=TESTS.partition("def test_right")[0], test_xfails=XFAILS)
    arguments = ("-p", "no:cacheprovider", "--gradproof-formats", "csv", "test_xfails.py")
    workers = ("-n", f"{processes}") if processes > 1 else ()
    result = pytester.runpytest_inprocess(*arguments, *workers)
    result.assert_outcomes(xfailed=4, failed=1, xpassed=1)
    report = read_report(pytester.path / "reports" / "latest")
    rows = zip(report.checks["test"], report.checks["expected_to_fail"], strict=True)
    assert [(test.partition("::")[2], expected) for test, expected in rows] == [
        ("test_marked", True),
        ("test_marked_strictly", True),
        ("test_marked_while_it_runs", True),
        ("test_not_expected", False),
        ("test_passes", True),
        ("test_told_while_it_runs", True),
    ]
    assert not report.ok
    assert report.environment["processes"] == processes
    pytester.runpytest_inprocess(*arguments, "--deselect", "test_xfails.py::test_not_expected")
    report = read_report(pytester.path / "reports" / "latest")
    assert report.ok
    assert report.environment["processes"] == 1


def test_in_github_actions_a_failing_check_is_annotated_at_the_line_of_the_cause(
    session, pytester, monkeypatch
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path))
    lines = session("-k", "test_wrong or test_right").stdout.lines
    (line,) = [line for line in lines if line.startswith("::error ")]
    assert line.startswith("::error file=test_mine.py,line=11,title=WRONG")
