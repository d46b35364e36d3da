"""A norm of what is 0 has a kink, however it is written; a root that is no norm has none."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.truth import exact_gradient

ZERO = np.zeros(3)
NORMS = {
    "root of a sum": lambda xp, w: xp.sqrt(xp.sum(w * w)),
    "root of a sum of squares": lambda xp, w: xp.sqrt(xp.sum(xp.square(w))),
    "power": lambda xp, w: xp.sum(w**2) ** 0.5,
    "dot": lambda xp, w: xp.sqrt(w @ w),
    "vecdot": lambda xp, w: xp.sqrt(xp.linalg.vecdot(w, w)),
    "terms": lambda xp, w: xp.sqrt(w[0] * w[0] + w[1] ** 2 + w[2] ** 2),
    "scaled": lambda xp, w: xp.sqrt(4.0 * xp.sum((w / 2) ** 2)),
    "mean": lambda xp, w: 3.0**0.5 * xp.sqrt(xp.mean(w**2)),
    "norm": lambda xp, w: xp.linalg.vector_norm(w),
    "moved": lambda xp, w: xp.sum(xp.sqrt(xp.reshape(xp.sum(xp.flip(w) ** 2), (1,)))),
    "of a product": lambda xp, w: xp.sqrt(xp.sum((xp.eye(3) @ w) ** 2)),
}


def judged(norm, claimed, w=ZERO):
    return gp.check(
        lambda xp, p, _: norm(xp, p["w"]),
        lambda p, _: {"w": p["w"] * 0 + np.asarray(claimed)},
        {"w": w},
        {},
        points=0,
    )


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ((0.0, 0.0, 0.0), gp.Verdict.EQUAL),
        ((0.5, 0.0, -0.3), gp.Verdict.KINK),
        ((0.0, -1.0, 0.0), gp.Verdict.KINK),
        ((0.6, 0.0, -0.79), gp.Verdict.KINK),
        ((0.6, 0.0, -0.81), gp.Verdict.WRONG),
        ((1.0, 1.0, 1.0), gp.Verdict.WRONG),
        ((2.0, 0.0, 0.0), gp.Verdict.WRONG),
    ],
)
def test_at_zero_every_vector_of_length_one_or_less_passes_and_no_longer_one(norm, claimed, verdict):
    check = judged(norm, claimed)
    assert check.verdict is verdict, check.reason
    assert "kink" in check.reason or verdict is gp.Verdict.WRONG


@pytest.mark.parametrize("name", ["root of a sum", "power", "norm", "dot"])
def test_a_division_by_the_norm_is_named_where_the_norm_is_zero(name):
    check = judged(NORMS[name], np.nan)
    assert check.verdict is gp.Verdict.WRONG
    assert "euclidean_norm" in check.cause.text
    assert "computed as x / y, which is no number where that is zero" in check.cause.text


def test_only_the_row_that_is_zero_is_at_the_kink():
    w = np.array([[3.0, 4.0], [0.0, 0.0]])

    def lengths(xp, w):
        return xp.sum(xp.sqrt(xp.sum(w**2, axis=1)) * xp.asarray([2.0, 5.0]))

    def row(*second):
        return judged(lengths, [[1.2, 1.6], second], w).verdict

    assert row(0.0, 0.0) is gp.Verdict.EQUAL
    assert row(3.0, -4.0) is row(5.0, 0.0) is gp.Verdict.KINK
    assert row(3.1, -4.1) is gp.Verdict.WRONG
    assert judged(lengths, [[1.2, 1.7], [0.0, 0.0]], w).verdict is gp.Verdict.WRONG


def test_where_norms_bend_both_ways_nothing_is_refuted_that_may_be_a_subgradient():
    def loss(xp, w):
        return xp.sqrt(xp.sum(w[:2] ** 2)) - xp.sqrt(xp.sum(w[2:] ** 2))

    assert judged(loss, (0.6, 0.8, 0.6, 0.8), np.zeros(4)).verdict is gp.Verdict.KINK
    assert judged(loss, (0.6, 1.1, 0.0, 0.0), np.zeros(4)).verdict is gp.Verdict.WRONG


@pytest.mark.parametrize("correction", [0, 1])
def test_a_standard_deviation_of_equal_numbers_is_at_its_kink(correction):
    def spread(xp, w):
        return xp.std(w, correction=correction)

    def root(xp, w):
        return xp.sqrt(xp.var(w, correction=correction))

    # subgradients are deviations of length 1 or less, over the root of the divisor
    longest = np.array([1.0, -1.0, 0.0]) / np.sqrt(2 * (3 - correction))
    for norm in (spread, root):
        for w in (ZERO, np.full(3, 0.1)):
            assert judged(norm, ZERO, w).verdict is gp.Verdict.EQUAL
            assert judged(norm, 0.99 * longest, w).verdict is gp.Verdict.KINK
            assert judged(norm, 1.01 * longest, w).verdict is gp.Verdict.WRONG
            assert judged(norm, np.full(3, 0.1), w).verdict is gp.Verdict.WRONG


@pytest.mark.parametrize(
    "root",
    [
        lambda xp, w: xp.sqrt(xp.sum(w)),
        lambda xp, w: xp.sqrt(xp.sum(w**3)),
        lambda xp, w: xp.sqrt(xp.sum(w**2) + xp.sum(w)),
        lambda xp, w: xp.sqrt(xp.sum(w * xp.flip(w))),
    ],
)
def test_a_root_of_zero_that_is_no_norm_has_no_derivative(root):
    check = judged(root, ZERO)
    assert check.verdict is gp.Verdict.UNDECIDED
    assert "outside an operation's domain" in check.reason


def test_the_framework_that_gives_no_number_at_a_norm_of_zero_fails_with_its_cause():
    judgement = gp.judge(_loss, {"w": ZERO}, {}, {"w": np.full(3, np.nan)})
    assert judgement.verdict is gp.Verdict.NOT_FINITE
    assert "which is no number where that is zero" in judgement.cause.text
    assert gp.judge(_loss, {"w": ZERO}, {}, {"w": ZERO}).verdict is gp.Verdict.KINK


def _loss(xp, p, _):
    return xp.sqrt(xp.sum(p["w"] ** 2))


def test_operations_are_taken_together_only_where_there_is_no_gradient_otherwise():
    assert exact_gradient(_loss, {"w": ZERO}, {}).norms
    assert not exact_gradient(_loss, {"w": ZERO + 1}, {}).norms


def test_a_hypotenuse_of_zero_is_at_its_kink():
    def length(xp, w):
        return xp.hypot(w[0], w[1])

    assert judged(length, np.zeros(2), np.zeros(2)).verdict is gp.Verdict.EQUAL
    assert judged(length, (0.6, -0.79), np.zeros(2)).verdict is gp.Verdict.KINK
    assert judged(length, (0.6, -0.81), np.zeros(2)).verdict is gp.Verdict.WRONG


def test_nested_hypotenuses_are_at_a_kink_and_nothing_is_refuted_within_the_box():
    def nested(xp, w):
        return xp.hypot(xp.hypot(w[0], w[1]), w[2])

    assert judged(nested, ZERO).verdict is gp.Verdict.EQUAL
    assert judged(nested, (0.6, 0.0, -0.7)).verdict is gp.Verdict.KINK
    assert judged(nested, (2.0, 0.0, 0.0)).verdict is gp.Verdict.WRONG


DTYPES = ["float64", "float32", "bfloat16"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("claimed", "verdict"),
    [
        ((0.0, 0.0, 0.0), gp.Verdict.KINK),
        ((1.0, 0.0, 0.0), gp.Verdict.KINK),
        ((0.57, -0.57, 0.57), gp.Verdict.KINK),
        ((0.9, 0.9, 0.0), gp.Verdict.DISAGREES),
        ((0.7, 0.7, 0.7), gp.Verdict.DISAGREES),
    ],
)
def test_floats_that_are_longer_than_one_together_are_no_subgradient_either(dtype, claimed, verdict):
    judgement = gp.judge(_loss, {"w": ZERO}, {}, {"w": np.array(claimed)}, dtype=dtype)
    assert judgement.verdict is verdict, judgement
    assert ("outside of all subgradients" in judgement.reason) is (verdict is gp.Verdict.DISAGREES)


@pytest.mark.parametrize("dtype", DTYPES)
def test_conventions_that_are_mixed_are_not_refuted(dtype):
    """A slope of 0 for one kink, of 1 for another and of a half for a third, as programs have them."""

    def loss(xp, p, _):
        a, b = p["a"], p["b"]
        return xp.sum(xp.nn.relu(a)) + xp.sum(xp.maximum(b, 0.0)) + xp.sum(xp.abs(a)) + xp.max(a)

    zeros = {"a": np.zeros(2), "b": np.zeros(2)}
    claimed = {"a": np.array([1.0, 0.0]) + 1.0 - 1.0, "b": np.array([0.5, 1.0])}
    assert gp.judge(loss, zeros, {}, claimed, dtype=dtype).verdict is gp.Verdict.KINK

    def both_ways(xp, p, _):
        return xp.sum(xp.nn.relu(p["a"]) - xp.clip(p["a"], 0.0, 1.0))

    taken = {"a": np.full(2, -1.0)}  # relu's slope is 0, and clip's 1, as PyTorch has it
    assert gp.judge(both_ways, {"a": np.zeros(2)}, {}, taken, dtype=dtype).verdict is gp.Verdict.KINK


@pytest.mark.parametrize(
    "loss",
    [_loss, lambda xp, p, _: xp.sum(xp.abs(p["w"])), lambda xp, p, _: xp.sum(xp.nn.relu(p["w"]))],
)
@pytest.mark.parametrize("claimed", [2.0, -2.0, 1.5])
def test_no_cause_is_made_up_of_what_is_at_a_kink_alone(loss, claimed):
    check = gp.check(loss, lambda p, _: {"w": p["w"] * 0 + claimed}, {"w": ZERO}, {}, points=0)
    assert check.verdict is gp.Verdict.WRONG
    assert check.cause is None
    assert "All that is wrong is at the kink" in check.told()


def test_a_mistake_beside_the_kink_is_named_as_ever():
    def loss(xp, p, _):
        return xp.sum(xp.nn.relu(p["w"]) ** 2)

    w = np.array([0.0, 1.0, 2.0, -1.0, 3.0])
    check = gp.check(loss, lambda p, _: {"w": np.maximum(p["w"], 0.0)}, {"w": w}, {}, points=0)
    assert check.verdict is gp.Verdict.WRONG
    assert check.cause.factor == 0.5
