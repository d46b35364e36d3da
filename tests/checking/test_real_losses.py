"""No right gradient of a loss that real code has is accused; data may obey laws that no table knows."""

import numpy as np
import pytest
from gradient_kinds import LOSSES, MODELS

from gradproof import Scenario, Verdict, check
from gradproof.reference.truth import exact_gradient
from gradproof.verdicts.checking.unknown_laws import is_stencil
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.verdict import CODE

REAL = LOSSES | MODELS


def checked(name, points, seed=0):
    kind = REAL[name]
    return kind, check(kind.loss, kind.gradient, *kind.data(np.random.default_rng(seed)), points=points)


@pytest.mark.parametrize("name", REAL)
def test_a_right_gradient_is_not_accused(name):
    _, result = checked(name, 3)
    assert result.verdict is Verdict.EQUAL, result.told()
    assert result.points.checked


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_right_gradient_is_not_accused_at_many_points_and_what_it_rests_on_is_told(name):
    kind, result = checked(name, 24)
    assert result.verdict is Verdict.EQUAL, result.told()
    assert not result.points.dropped + len(result.points.raised)
    told = " / ".join(condition.text for condition in result.conditions)
    assert kind.told in told
    assert bool(kind.told) == bool(told)


def in_float32(arrays):
    """Arrays of float32, those of floating point."""
    made = {name: np.asarray(array) for name, array in arrays.items()}
    return {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array for name, array in made.items()
    }


WITH_LAWS = ("each of some standardised columns", "Fourier", "quadrature", "lags", "hat functions")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if any(law in name for law in WITH_LAWS) else pytest.mark.slow)
        for name in REAL
    ],
)
def test_a_right_gradient_of_float32_data_is_not_accused(name):
    kind = REAL[name]
    params, batch = kind.data(np.random.default_rng(1))
    result = check(kind.loss, kind.gradient, params, in_float32(batch), points=4)
    assert result.verdict is Verdict.EQUAL, result.told()


def test_data_that_obeys_an_unknown_law_up_to_rounding_explains_the_last_digits_and_no_more():
    kind = REAL["a regression on each of some standardised columns"]
    params, batch = kind.data(np.random.default_rng(1))
    batch = in_float32(batch)
    result = check(kind.loss, kind.gradient, params, batch, points=0)
    assert result.verdict is Verdict.EQUAL
    assert 6 < result.digits < 9
    assert "up to rounding alone" in result.told()
    assert "rounded-law" in [finding.kind for finding in result.findings]

    def off(p, b):
        return {name: value * (1 + 1e-5) for name, value in kind.gradient(p, b).items()}

    assert check(kind.loss, off, params, batch, points=0).verdict is Verdict.WRONG
    random = batch | {"x": np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)}

    def cut(p, b):
        """Give a constant with seven digits, of data that obeys no law."""
        return {"w": (b["x"] ** 2).sum(axis=0) * p["w"] * 1.0000001 - b["x"].T @ b["y"]}

    assert check(kind.loss, cut, params, random, points=0).verdict is Verdict.WRONG


# -------------------------------------------------------------------- laws that no table knows

R = np.random.default_rng(4)


def times(r):
    return {"t": np.linspace(0.5, 2.0, 6), "y": r.normal(size=6)}


def velocity(xp, p, b):
    step = b["t"][1:] - b["t"][:-1]
    return 0.5 * xp.sum(((p["u"][1:] - p["u"][:-1]) / step - b["y"][1:]) ** 2)


def velocity_gradient(p, b, *, scale=1.0):
    step = scale * (b["t"][1] - b["t"][0])  # the times are evenly spaced
    e = (np.diff(p["u"]) / step - b["y"][1:]) / step
    g = np.zeros(6)
    g[1:] += e
    g[:-1] -= e
    return {"u": g}


def test_a_right_gradient_that_rests_on_an_unknown_law_is_equal_and_the_arrays_are_told():
    result = check(velocity, velocity_gradient, {"u": R.normal(size=6)}, times(R))
    assert result.verdict is Verdict.EQUAL
    (condition,) = result.conditions
    assert condition.arrays == ("t",)
    assert condition.properties == ("law",)
    assert str(condition) == (
        "It is right where t is as it is in your data, and wrong of other numbers, however near: it obeys a "
        "law that this check does not know. Whether other data obeys it, too, was not checked."
    )
    strict = check(velocity, velocity_gradient, {"u": R.normal(size=6)}, times(R), conditions="fail")
    assert not strict.ok


def test_an_error_is_found_in_a_gradient_that_rests_on_an_unknown_law():
    def wrong(p, b):
        return velocity_gradient(p, b, scale=1 + 1e-9)

    assert check(velocity, wrong, {"u": R.normal(size=6)}, times(R)).verdict is Verdict.WRONG

    def clipped(p, b):
        return {name: np.clip(g, -50.0, 50.0) for name, g in velocity_gradient(p, b).items()}

    assert check(velocity, clipped, {"u": R.normal(size=6)}, times(R)).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.diff(np.eye(7), 2, axis=0), True),
        (np.eye(5, k=1) - np.eye(5, k=-1), True),
        (np.vstack([np.eye(5)[:1], np.diff(np.eye(5), axis=0)]), True),
        (np.ones((4, 4)), False),
        (R.normal(size=(5, 5)), False),
        (np.eye(3), False),
        (np.eye(5, dtype=int), False),
    ],
)
def test_a_stencil_has_the_same_numbers_in_each_row(array, expected):
    assert is_stencil(array) is expected


# -------------------------------------------------------------------- what a failure is


def judged(loss, gradient, params, batch):
    scenario = Scenario(name="judged", loss=loss, params=params, batch=batch)
    user = UserGradient(scenario, gradient)
    return judge_at(user, user.given, "float64")


ORTHOGONAL = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
AT_A_KINK = {"w": np.array([0.0, 1.0]), "v": np.array([1.0, 0.0, -2.0, 0.5])}


def test_what_is_rounded_in_one_parameter_proves_nothing_of_a_kink_in_another():
    """An orthogonal matrix is so to 1e-16, so v's gradient is off by as much; w's is an interval at 0."""
    found = judged(
        lambda xp, p, b: xp.sum(xp.abs(p["w"])) + 0.5 * xp.sum((b["q"] @ p["v"]) ** 2),
        lambda p, b: {"w": np.array([0.5, 1.0]), "v": p["v"]},
        AT_A_KINK,
        {"q": ORTHOGONAL},
    )
    assert found.verdict is Verdict.WRONG
    assert not np.any(found.parameters["w"].verdict == CODE[Verdict.WRONG])
    assert 0 < found.parameters["v"].wrong_by < 1e-15
    assert found.is_up_to_rounded_data
    refuted = judged(
        lambda xp, p, b: xp.sum(xp.abs(p["w"])),
        lambda p, b: {"w": np.array([1.5, 1.0])},
        {"w": AT_A_KINK["w"]},
        {},
    )
    assert refuted.parameters["w"].verdict.tolist()[0] == CODE[Verdict.WRONG]


def test_a_parameter_that_is_right_does_not_count_among_what_rounded_data_explains():
    found = judged(
        lambda xp, p, b: 1e-300 * xp.sum(xp.tanh(p["w"])) + 0.5 * xp.sum((b["q"] @ p["v"]) ** 2),
        lambda p, b: {"w": np.zeros(2), "v": p["v"]},
        {"w": np.array([400.0, 500.0]), "v": AT_A_KINK["v"]},
        {"q": ORTHOGONAL},
    )
    assert found.parameters["w"].wrong_by == 0
    assert found.is_up_to_rounded_data


# -------------------------------------------------------------------- what is 0 by cancellation


def one_less_one(xp, p):
    return xp.exp(p["w"]) * xp.exp(-p["w"]) - 1


CANCELS = {"w": np.array([0.3, 1.7])}


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_an_exact_zero_that_comes_by_cancellation_is_known(slope):
    """No ball of it is exactly 0, at any precision."""

    def loss(xp, p, b):
        return xp.sum(xp.log(1 + one_less_one(xp, p) ** 2) + slope * p["w"])

    truth = exact_gradient(loss, CANCELS, {})
    assert truth.complete
    right = check(loss, lambda p, b: {"w": 0 * p["w"] + slope}, CANCELS, {}, points=0)
    assert right.verdict is Verdict.EQUAL, right.told()
    wrong = check(loss, lambda p, b: {"w": 0 * p["w"] + slope + 1e-12}, CANCELS, {}, points=0)
    assert wrong.verdict is Verdict.WRONG


def test_a_number_that_is_tiny_and_no_zero_is_told_from_zero():
    def loss(xp, p, b):
        return xp.sum(xp.exp(-1000 * p["w"] ** 2))

    point = {"w": np.array([1.5])}  # e^-2250 is 1e-977
    right = check(loss, lambda p, b: {"w": -2000 * p["w"] * np.exp(-1000 * p["w"] ** 2)}, point, {}, points=0)
    assert right.verdict is not Verdict.WRONG
    wrong = check(loss, lambda p, b: {"w": -1000 * p["w"] * np.exp(-1000 * p["w"] ** 2)}, point, {}, points=0)
    assert not wrong.ok


def test_the_root_of_a_square_that_cancels_may_be_at_its_kink_and_is_not_accused():
    def loss(xp, p, b):
        return xp.sum(xp.sqrt(one_less_one(xp, p) ** 2))

    result = check(loss, lambda p, b: {"w": 0 * p["w"]}, CANCELS, {}, points=0)
    assert result.verdict is Verdict.KINK
    assert "may be at its kink" in result.reason
