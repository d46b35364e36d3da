"""custom_vjps as people write them: the wrong ones are found at their line, the right ones pass."""

import linecache

import pytest
from custom_vjps import CUSTOM_VJPS, CustomVjp

import gradproof as gp

each = pytest.mark.parametrize("case", CUSTOM_VJPS, ids=lambda case: case.name)


def checked(case: CustomVjp, *, right: bool, dtype: str = "float64", points: int = 2) -> gp.Check:
    return gp.check(gp.from_jax(*case.scenario_arguments(right=right)), dtype=dtype, points=points)


@each
def test_a_right_one_passes(case: CustomVjp) -> None:
    check = checked(case, right=True)
    assert check.ok, check


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each
def test_a_right_one_passes_at_many_points(case: CustomVjp, dtype: str) -> None:
    check = checked(case, right=True, dtype=dtype, points=12)
    assert check.ok, check


@each
def test_a_wrong_one_is_found_at_its_line(case: CustomVjp) -> None:
    check = checked(case, right=False)
    assert check.verdict is gp.Verdict.DISAGREES
    assert check.cause is not None
    file, _, line = check.cause.where.rpartition(" ")[2].rpartition(":")
    assert case.line in linecache.getline(file, int(line)), check
    assert f"has its derivative from {case.name}_backward of {case.name} at " in check.cause.text, check
