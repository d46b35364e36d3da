"""The rule on evidence made by hand: each verdict arises exactly where it should."""

from dataclasses import replace

import numpy as np
import pytest
from flint import arb
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gradproof.reference.numbers import Balls, Difference
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.judging.evidence import Known
from gradproof.verdicts.judging.floats import assess, least_spread
from gradproof.verdicts.numerals import decimals, rounded_up
from gradproof.verdicts.tolerances import SPREADS, ZERO_UNITS
from gradproof.verdicts.verdict import SEVERITY, Verdict, worst

U = {"float64": 2.0**-53, "float32": 2.0**-24}
NOT_A_NUMBER = [np.nan, np.inf, -np.inf]


def one_step(entries):
    """Entries of one step with a leading axis of steps."""
    return np.atleast_1d(np.asarray(entries, dtype=np.float64))[np.newaxis]


class Measured:
    """Exact numbers whose distance from a value is given by hand where a test says so."""

    def __init__(self, balls, **bounds):
        self.balls_of, self.bounds = balls, bounds

    def __getattr__(self, name):
        return getattr(self.balls_of, name)

    def difference_from(self, values):
        return Difference(**{**vars(self.balls_of.difference_from(values)), **self.bounds})


def known(expected, spread, *, radius=0.0, at_kink=False, reason="", textbook=None, **bounds):
    """What is known of entries whose balls have a radius around expected values; all in one step."""
    expected, spread = np.broadcast_arrays(one_step(expected), one_step(spread))
    balls = np.vectorize(lambda x: arb(float(x), radius), otypes=[object])(expected)
    return Known(
        exact=Measured(Balls(128).lift(balls), **bounds),
        spread=spread,
        at_kink=np.array([at_kink]),
        reasons=np.array([reason], dtype=object),
        largest=np.zeros(1),
        textbook=None if textbook is None else lambda: np.broadcast_to(one_step(textbook), spread.shape),
    )


def judge(value, expected, spread, dtype="float64", **options):
    """Judge the entries of one step."""
    value, expected = np.broadcast_arrays(one_step(value), one_step(expected))
    return judge_entries("w", value, known(expected[0], spread, **options), dtype)


def verdict(*arguments, **options):
    return judge(*arguments, **options).worst_verdict()


# ---------------------------------------------------------------- each verdict


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, Verdict.AGREES),
        (1.0 + 31 * 2.0**-40, Verdict.AGREES),
        (1.0 - 31 * 2.0**-40, Verdict.AGREES),
        (1.0 + 31.99 * 2.0**-40, Verdict.AGREES),
        (1.0 + 33 * 2.0**-40, Verdict.DISAGREES),
        (1.0 - 33 * 2.0**-40, Verdict.DISAGREES),
        (-1.0, Verdict.DISAGREES),
        (2.0, Verdict.DISAGREES),
        (0.0, Verdict.DISAGREES),
        (np.nan, Verdict.NOT_FINITE),
        (np.inf, Verdict.NOT_FINITE),
        (-np.inf, Verdict.NOT_FINITE),
    ],
)
def test_errors_up_to_the_limit_agree(value, said):
    assert verdict(value, 1.0, 2.0**-40) is said


def test_an_error_neither_proven_small_nor_proven_large_is_undecided():
    wide = {"radius": 2.0**-34, "reason": "the balls are wide"}
    assert verdict(1.0, 1.0, 2.0**-40, **wide) is Verdict.UNDECIDED
    assert verdict(1.0, 1.0, 2.0**-38, **wide) is Verdict.AGREES
    assert verdict(1.5, 1.0, 2.0**-40, **wide) is Verdict.DISAGREES
    assert judge(1.0, 1.0, 2.0**-40, **wide).reason.tolist() == ["the balls are wide"]


def test_a_kink_passes_its_subgradients_alone():
    """The exact value is any number between 0 and 2."""
    interval = {"radius": 1.0, "at_kink": True, "reason": "relu at its kink"}
    for subgradient in (0.0, 0.5, 1.0, 2.0):
        assert verdict(subgradient, 1.0, 1e-16, **interval) is Verdict.KINK
    for other in (-0.1, 2.1, -1e300):
        assert verdict(other, 1.0, 1e-16, **interval) is Verdict.DISAGREES
    assert verdict(np.nan, 1.0, 1e-16, **interval) is Verdict.NOT_FINITE


def test_a_kink_elsewhere_does_not_excuse_an_error():
    assert verdict(1.5, 1.0, 1e-16, at_kink=True) is Verdict.DISAGREES


def test_a_kink_whose_interval_is_all_numbers_is_undecided():
    assert verdict(1.0, 0.0, 1e-16, radius=np.inf, at_kink=True) is Verdict.UNDECIDED


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("halves", "spread", "textbook", "said"),
    [
        (
            0.5,
            1e-3,
            1.0,
            Verdict.AGREES,
        ),  # the textbook's formula explains it, and half of the digits are left
        (2.0, 1e-3, 1.0, Verdict.INACCURATE),
        (31.0, 1e-3, 1.0, Verdict.INACCURATE),
        (33.0, 1e-3, 1.0, Verdict.DISAGREES),
        (2.0, 1.0, 1.0, Verdict.ILL_CONDITIONED),
        (2.0, 1.0, 1e-3, Verdict.ILL_CONDITIONED),  # the noise operation by operation explains as much
        (33.0, 1.0, 1e-3, Verdict.DISAGREES),
        (0.5, 1e-3, 1e-3, Verdict.DISAGREES),
        (2.0, 1e-3, np.nan, Verdict.UNDECIDED),  # what the textbook's formula loses is not known
        (2.0, np.nan, 1.0, Verdict.ILL_CONDITIONED),  # what others would lose is not known
    ],
)
def test_between_the_two_spreads_the_textbooks_formula_is_to_blame(dtype, halves, spread, textbook, said):
    """Errors and spreads in units of half of a dtype's digits."""
    half = np.sqrt(U[dtype])
    judged = judge(1.0 + halves * half, 1.0, spread * half, dtype, textbook=textbook * half)
    assert judged.worst_verdict() is said
    # An error that agrees is told in spreads that explain it, and no other is.
    assert (judged.spreads[0] <= SPREADS * 1.001) == (said in {Verdict.AGREES, Verdict.ILL_CONDITIONED})


def test_digits_that_are_not_proven_to_be_lost_are_nobodys_fault():
    """A wide ball leaves open whether an accurate formula would do better."""
    wide = {"radius": 2.0**-20, "textbook": 2.0**-22}
    assert verdict(1.0, 1.0, 2.0**-40, **wide) is Verdict.ILL_CONDITIONED
    assert verdict(1.0 + 2.0**-19, 1.0, 2.0**-40, **wide) is Verdict.INACCURATE


def test_the_textbooks_spread_is_measured_only_where_the_other_does_not_explain():
    def refused():
        raise AssertionError

    def judged(value):
        of_both = replace(known(1.0, 2.0**-40), textbook=refused)
        return judge_entries("w", one_step(value), of_both, "float64")

    assert judged(1.0 + 2.0**-40).worst_verdict() is Verdict.AGREES
    assert judged(np.nan).worst_verdict() is Verdict.NOT_FINITE
    with pytest.raises(AssertionError):
        judged(1.0 + 2.0**-30)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ill_conditioned_is_where_half_of_the_digits_are_gone(dtype):
    half = np.sqrt(U[dtype])
    spread = half  # so that rounding explains all of these errors
    assert verdict(1.0 + 0.5 * half, 1.0, spread, dtype) is Verdict.AGREES
    assert verdict(1.0 + 2.0 * half, 1.0, spread, dtype) is Verdict.ILL_CONDITIONED
    assert verdict(1.0 + 100.0 * half, 1.0, spread, dtype) is Verdict.DISAGREES


def test_an_exact_zero_that_is_not_told_from_zero_is_ill_conditioned():
    assert verdict(1e-20, 0.0, 1e-20) is Verdict.ILL_CONDITIONED
    assert verdict(0.0, 0.0, 1e-20) is Verdict.AGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_an_exact_zero_is_measured_beside_the_greatest_entry(dtype, scale):
    """Where the loss's own formula gives exactly 0, another right formula may leave what rounding leaves."""
    limit = ZERO_UNITS * U[dtype] * scale
    for share, said in ((0.9, Verdict.AGREES), (1.1, Verdict.DISAGREES)):
        assert verdict([share * limit, scale], [0.0, scale], 0.0, dtype) is said
    # An entry that has digits of its own is not excused by a greater one.
    assert verdict([1e-20 + 0.9 * limit, scale], [1e-20, scale], 0.0, dtype) is Verdict.DISAGREES
    assert verdict([0.9 * limit, scale], [0.0, scale], 0.0, dtype, radius=scale, at_kink=True) is Verdict.KINK


# ---------------------------------------------------------------- NaN and infinity never pass


@pytest.mark.parametrize("bad", NOT_A_NUMBER)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_value_that_is_not_finite_never_passes(bad, dtype):
    for expected in (0.0, 1.0, *NOT_A_NUMBER):
        for spread in (0.0, 1.0, 1e308, *NOT_A_NUMBER):
            assert verdict(bad, expected, spread, dtype) is Verdict.NOT_FINITE


@pytest.mark.parametrize("bad", NOT_A_NUMBER)
def test_an_exact_value_that_is_not_finite_never_passes(bad):
    for value in (0.0, 1.0, -1e308):
        for at_kink in (False, True):
            assert not verdict(value, bad, 1.0, at_kink=at_kink).passes


@pytest.mark.parametrize("bad", NOT_A_NUMBER)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_spread_that_is_not_finite_explains_nothing_and_proves_nothing(bad, dtype):
    """But rounding the exact value itself is there in any case, and what it explains agrees."""
    assert verdict(1.0 + 1000 * U[dtype], 1.0, bad, dtype) is Verdict.UNDECIDED
    assert verdict(-1.0, 1.0, bad, dtype) is Verdict.UNDECIDED
    assert verdict(1.0 + 4 * U[dtype], 1.0, bad, dtype) is Verdict.AGREES
    assert np.isnan(judge(-1.0, 1.0, bad, dtype).spreads[0])


@pytest.mark.parametrize("value", [1.0, 1.5])
@pytest.mark.parametrize("field", ["upper", "relative"])
def test_an_error_that_is_nan_never_agrees(field, value):
    assert verdict(value, 1.0, 1e-16, **{field: one_step(np.nan)}) is not Verdict.AGREES


def test_a_least_error_that_is_nan_proves_nothing():
    assert verdict(1.5, 1.0, 1e-16, lower=one_step(np.nan)) is Verdict.UNDECIDED


def test_a_limit_that_overflows_explains_nothing():
    assert verdict(-1e308, 1e308, 1e308) is Verdict.UNDECIDED


# ---------------------------------------------------------------- the least spread


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_noise_that_was_not_seen_is_still_that_of_rounding_the_exact_value(dtype):
    least = least_spread(np.array(3.0), dtype)
    assert least == pytest.approx(3.0 * U[dtype] / np.sqrt(3.0))
    assert verdict(3.0 + 31 * least, 3.0, 0.0, dtype) is Verdict.AGREES
    assert verdict(3.0 + 33 * least, 3.0, 0.0, dtype) is Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_near_zero_the_least_spread_is_a_subnormal_number(dtype):
    smallest = float(np.finfo(dtype).smallest_subnormal)
    assert 0 < least_spread(np.array(0.0), dtype) <= smallest
    assert verdict(smallest, 0.0, 0.0, dtype).passes
    assert verdict(1000 * smallest, 0.0, 0.0, dtype) is Verdict.DISAGREES


# ---------------------------------------------------------------- the worst entry


@pytest.mark.parametrize(
    ("value", "spread", "index"),
    [
        ([1.0, 1.0 + 2e-9, 1.0 + 3e-9, 1.0 + 1e-9], 1e-9, 2),  # the most spreads
        ([1.0, 1.0 + 3e-9, 1.0 + 2e-9, 1.0], [1e-9, 1e-9, 1e-10, 1e-9], 2),  # not the largest error
        ([1.0, 1.5, 1.25, np.nan], 1e-9, 3),  # the worse verdict
        ([np.nan, 1.5, np.inf, np.nan], 1e-9, 0),  # the first of several
        ([1.5, 1.0, 1.0, 1.0 + 1e-9], [np.nan, 1e-9, 1e-9, 1e-9], 0),  # undecided beside agreeing
        ([1.5, 1.0, 1.1, 1.0], [np.nan, 1e-9, 1e-9, 1e-9], 2),  # disagreeing beside undecided
    ],
)
def test_the_worst_entry_is_told(value, spread, index):
    judgement = judge(value, 1.0, spread)
    assert judgement.index.tolist() == [index]
    np.testing.assert_equal(judgement.value, [value[index]])


def test_each_step_has_its_own_worst_entry_and_its_index_is_in_row_major_order():
    expected = np.ones((3, 2, 4))
    value = expected.copy()
    places = [(1, 3), (0, 0), (1, 1)]
    for step, place in enumerate(places):
        value[(step, *place)] += 10.0**-step
    of_steps = Known(
        exact=Balls(128).lift(expected),
        spread=np.full(expected.shape, 1e-12),
        at_kink=np.zeros(3, dtype=bool),
        reasons=np.full(3, "", dtype=object),
        largest=np.zeros(3),
    )
    judgement = judge_entries("w", value, of_steps, "float64")
    assert [judgement.entry(step) for step in range(3)] == places
    assert judgement.shape == (2, 4)
    assert judgement.worst_step() == 0
    np.testing.assert_allclose(judgement.error, [1.0, 0.1, 0.01], rtol=1e-3)


def test_verdicts_are_ordered_from_best_to_worst():
    passing = [verdict.passes for verdict in SEVERITY]
    assert passing == sorted(passing, reverse=True)
    assert set(SEVERITY) == set(Verdict)
    assert worst(set(SEVERITY)) is SEVERITY[-1]


# ---------------------------------------------------------------- what is told


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(
    expected=st.floats(-1e30, 1e30, allow_subnormal=True),
    error=st.floats(0.0, 1e30),
)
@example(expected=1.0, error=2.0**-23)
@example(expected=0.0, error=1e-45)
@example(expected=2.0**-126, error=1e-40)
def test_ulps_are_numpys_spacing(dtype, expected, error):
    rounded = float(np.dtype(dtype).type(expected))
    assume(np.isfinite(rounded))
    units = assess(one_step(0.0), known(rounded, 1.0, upper=one_step(error)), dtype).ulps[0, 0]
    with np.errstate(over="ignore"):
        assert units == error / float(np.spacing(np.abs(np.dtype(dtype).type(rounded))))


@given(st.floats(0.0, allow_infinity=False))
def test_bounds_are_rounded_up_to_four_digits(bound):
    rounded = float(rounded_up(np.array([bound]))[0])
    assert bound <= rounded * (1 + 1e-15)
    if np.isinf(rounded):
        assert bound > 1.797e308
        return
    assert rounded <= bound * 1.0011
    if bound > np.finfo(np.float64).tiny:
        assert float(f"{rounded:.3e}") == rounded


def test_exact_values_are_told_with_the_digits_that_are_proven():
    third = arb(1) / 3
    (text,) = decimals(np.array([third], dtype=object))
    assert text.startswith("0.33333333333333")
    assert abs(arb(str(text)) - third) < 1e-15


@pytest.mark.parametrize(
    ("value", "spread", "words"),
    [
        (1.0, 1e-9, ""),
        (2.0, 1e-9, "more than rounding explains"),
        (np.nan, 1e-9, "NaN or infinite"),
        (1.1, 1.0, "fewer than half"),
        (2.0, np.nan, "the rounding noise is not known"),
    ],
)
def test_every_verdict_but_agrees_has_its_reason(value, spread, words):
    (reason,) = judge(value, 1.0, spread).reason
    assert words in reason
    assert bool(reason) == bool(words)


# ---------------------------------------------------------------- the law


ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(value=ANY_FLOAT, expected=ANY_FLOAT, spread=ANY_FLOAT, radius=st.floats(0.0, 1e300))
def test_it_passes_only_if_the_error_is_at_most_32_spreads(dtype, value, expected, spread, radius):
    assume(np.isnan(spread) or spread >= 0)
    judgement = judge(value, expected, spread, dtype, radius=radius)
    if judgement.worst_verdict() in {Verdict.AGREES, Verdict.ILL_CONDITIONED}:
        least = float(least_spread(np.array(expected), dtype))
        limit = SPREADS * (max(spread, least) if np.isfinite(spread) else least)
        assert np.isfinite(value)
        assert np.isfinite(expected)
        assert abs(value - expected) + radius <= limit
        assert judgement.spreads[0] <= SPREADS * 1.001  # told with four digits, rounded up
    if judgement.worst_verdict() is Verdict.DISAGREES:
        assert np.isfinite(spread)
        assert abs(value - expected) > SPREADS * spread


@given(
    expected=st.floats(1e-30, 1e30),
    spreads=st.floats(0.0, 1e6),
    noise=st.floats(1e-15, 1e-6),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_the_limit_is_the_same_at_every_scale(expected, spreads, noise, sign):
    assume(abs(spreads - SPREADS) > 0.01)
    spread = noise * expected
    value = expected + sign * spreads * spread
    said = verdict(value, expected, spread)
    assert said.passes == (spreads < SPREADS)
