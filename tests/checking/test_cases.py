"""Every right gradient is equal to the truth, every wrong one is found, also at data that hides it."""

import pytest
from gradient_cases import CASES

from gradproof import Verdict, check

BLIND = [name for name, case in CASES.items() if case.blind is not None]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CASES)
def test_a_right_gradient_is_equal_at_the_given_point_and_at_points_of_its_own(name, seed):
    case = CASES[name]
    result = check(case.loss, case.right, *case.data(seed), seed=seed)
    assert result.verdict is Verdict.EQUAL
    assert result.ok
    assert result.certified
    assert result.digits > 28
    assert result.points.checked >= 8
    assert result.failing_point is None


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_gradient_is_wrong_at_the_given_point(name, seed):
    case = CASES[name]
    result = check(case.loss, case.wrong, *case.data(seed), points=0)
    assert result.verdict is Verdict.WRONG
    assert not result.ok
    assert result.failing_point.label == "the given point"


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", BLIND)
def test_data_that_hides_the_error_is_seen_through(name, seed):
    case = CASES[name]
    hidden = check(case.loss, case.wrong, *case.blind(seed), points=0)
    assert hidden.verdict is Verdict.EQUAL, "the data does not hide it, so this tests nothing"
    found = check(case.loss, case.wrong, *case.blind(seed), seed=seed)
    assert found.verdict is Verdict.WRONG
    assert found.failing_point.seed == seed
    right = check(case.loss, case.right, *case.blind(seed), seed=seed)
    assert right.verdict is Verdict.EQUAL


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CASES)
def test_the_dtype_does_not_change_what_the_formula_is(name, dtype):
    case = CASES[name]
    assert check(case.loss, case.right, *case.data(0), dtype=dtype).verdict is Verdict.EQUAL
    assert check(case.loss, case.wrong, *case.data(0), dtype=dtype).verdict is Verdict.WRONG


@pytest.mark.parametrize("name", BLIND)
def test_no_note_on_lost_digits_stands_beside_a_wrong_formula(name):
    case = CASES[name]
    found = check(case.loss, case.wrong, *case.blind(0), seed=0)
    assert found.verdict is Verdict.WRONG
    assert "loses-digits" not in {finding.kind for finding in found.findings}
