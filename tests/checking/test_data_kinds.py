"""No right gradient is accused at points of the check's own, whatever its data; hidden errors are found."""

import numpy as np
import pytest
from gradient_kinds import HIDDEN, KINDS
from gradient_kinds.hidden import line_gradient, line_loss
from gradient_kinds.kind import softmax
from gradient_kinds.targets import soft

from gradproof import InputError, Verdict, check
from gradproof.verdicts.checking.properties import PROPERTIES, TO_ALL_DIGITS
from gradproof.verdicts.checking.views import View


def data(kind, seed=0):
    return kind.data(np.random.default_rng(seed))


@pytest.mark.parametrize("name", KINDS)
def test_a_right_gradient_that_rests_on_what_its_data_is_is_equal_and_what_it_rests_on_is_told(name):
    kind = KINDS[name]
    result = check(kind.loss, kind.gradient, *data(kind))
    assert result.verdict is Verdict.EQUAL, result.told()
    assert result.ok
    assert result.points.asked == 12
    assert not result.points.dropped + len(result.points.raised)
    told = " / ".join(condition.text for condition in result.conditions)
    assert kind.told in told
    assert bool(kind.told) <= bool(told)


@pytest.mark.parametrize("name", HIDDEN)
def test_an_error_that_hides_behind_the_data_is_found_and_it_is_said_behind_what(name):
    kind = HIDDEN[name]
    given = data(kind)
    assert check(kind.loss, kind.gradient, *given, points=0).verdict is Verdict.EQUAL
    result = check(kind.loss, kind.gradient, *given)
    assert result.verdict is Verdict.WRONG
    texts = {finding.kind: finding.text for finding in result.findings}
    assert kind.told in texts.get("hidden-by-data", "")
    assert ("hidden-by-data" in texts) == bool(kind.told)
    assert "points=0" in texts["own-point"]
    assert "At your own point the gradient passes" in result.told()


def test_a_condition_fails_if_it_is_asked_to():
    kind = KINDS["probability columns"]
    given = data(kind)
    told = check(kind.loss, kind.gradient, *given)
    (condition,) = told.conditions
    assert (
        str(condition)
        == "It is right wherever each column of y sums to one, as in your data; elsewhere it is not."
    )
    assert condition.arrays == ("y",)
    assert condition.properties == ("sum",)
    assert condition.text in told.told()
    strict = check(kind.loss, kind.gradient, *given, conditions="fail")
    assert strict.verdict is Verdict.EQUAL
    assert not strict.ok
    with pytest.raises(InputError, match="Choose from tell, fail"):
        check(kind.loss, kind.gradient, *given, conditions="ignore")


def test_data_that_is_what_it_is_up_to_rounding_explains_the_last_digits_and_no_more():
    loss, gradient = soft(0)
    for seed in range(6):
        r = np.random.default_rng(seed)
        given = (
            {"w": r.normal(size=(3, 4))},
            {"x": r.normal(size=(5, 3)), "y": softmax(r.normal(size=(5, 4)), 0)},
        )
        assert check(loss, gradient, *given, points=0).verdict is Verdict.EQUAL
    off = check(loss, lambda p, b: {"w": gradient(p, b)["w"] * (1 + 1e-11)}, *given, points=0)
    assert off.verdict is Verdict.WRONG


def of_float32(arrays, *, kept):
    """Arrays rounded to float32; as float64 where their dtype is not kept."""
    rounded = {name: np.asarray(array).astype(np.float32) for name, array in arrays.items()}
    return {
        name: array
        if np.asarray(array).dtype.kind != "f"
        else rounded[name].astype(np.float32 if kept else float)
        for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(True, id="float32"),
        pytest.param(False, id="float32 in float64", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", KINDS)
def test_data_of_float32_is_what_it_is_to_the_digits_that_float32_has(name, kept):
    kind = KINDS[name]
    params, batch = (of_float32(arrays, kept=kept) for arrays in data(kind, 1))
    result = check(kind.loss, kind.gradient, params, batch, points=4)
    assert result.verdict is Verdict.EQUAL, result.told()
    assert result.ok


def test_data_of_float32_explains_no_more_than_its_own_digits():
    """An error of the formula as small as those digits is found: it is there at data with all digits, too."""
    kind = KINDS["probability columns"]
    params, batch = (of_float32(arrays, kept=True) for arrays in data(kind, 1))
    right = check(kind.loss, kind.gradient, params, batch)
    told = {finding.kind: finding.text for finding in right.findings}
    assert "each column of y sums to one (to 8 digits)" in told["rounded-data"]
    assert right.digits > 15

    def off(p, b):
        return {name: value * (1 + 1e-9) for name, value in kind.gradient(p, b).items()}

    assert check(kind.loss, off, params, batch, points=0).verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("slug", "array", "argument"),
    [
        ("sum", softmax(np.random.default_rng(0).normal(size=(4, 5))), (1, 1)),
        ("sum", softmax(np.random.default_rng(1).normal(size=(4, 5)), 0), (0, 1)),
        ("sum", np.diff(np.random.default_rng(2).normal(size=8), append=0.0, prepend=0.0), (0, 0)),
        ("unit-norm", np.linalg.qr(np.random.default_rng(3).normal(size=(5, 3)))[0], 0),
        ("orthogonal", np.linalg.qr(np.random.default_rng(4).normal(size=(5, 3)))[0], None),
        ("symmetric", np.cov(np.random.default_rng(5).normal(size=(4, 9))), None),
        ("antisymmetric", np.subtract.outer(np.arange(4.0) ** 0.5, np.arange(4.0) ** 0.5), None),
    ],
)
def test_what_has_a_property_up_to_rounding_is_given_it_to_all_digits(slug, array, argument):
    (entry,) = (entry for entry in PROPERTIES if entry.slug == slug)
    short = array.astype(np.float32)
    assert entry.holds(short, argument)
    exact = TO_ALL_DIGITS[slug](short, argument)
    assert np.max(np.abs(exact - short)) <= 1e-6 * np.max(np.abs(short))
    checks = {
        "sum": lambda: np.sum(exact, axis=argument[0]) - argument[1] if argument else 0,
        "unit-norm": lambda: np.sum(exact**2, axis=argument) - 1,
        "orthogonal": lambda: exact.T @ exact - np.eye(3),
        "symmetric": lambda: exact - exact.T,
        "antisymmetric": lambda: exact + exact.T,
    }
    # The product itself is rounded, and machines add in another order.
    assert np.max(np.abs(checks[slug]())) <= 16 * np.finfo(np.float64).eps


def test_an_array_that_has_a_property_along_several_axes_is_given_all_of_them():
    """Rows and columns that sum to one (doubly stochastic), in float32, with zeros and without."""
    random = np.random.default_rng(0)
    for zeros in (np.zeros((4, 4), dtype=bool), np.eye(4, dtype=bool)):
        array = np.where(zeros, 0, random.random((4, 4)))
        for _ in range(400):
            array /= array.sum(axis=0)
            array /= array.sum(axis=1, keepdims=True)
        view = View("y", array.astype(np.float32), parameter=False)
        assert {seen.argument for seen in view.seen if seen.property.slug == "sum"} >= {(0, 1), (1, 1)}
        exact = view.to_all_digits
        for axis in (0, 1):
            assert np.max(np.abs(exact.sum(axis=axis) - 1)) < 1e-14
        assert np.array_equal(exact == 0, zeros)


def test_what_is_sorted_stays_so_in_the_direction_that_it_has():
    up = np.array([0.5, 1.5, 2.0, 7.0])
    for array, direction in ((up, 1), (up[::-1], -1)):
        (seen,) = (seen for seen in View("t", array, parameter=False).seen if seen.property.slug == "sorted")
        assert seen.argument == (0, direction)
        assert seen.holds(array)
        assert not seen.holds(array[::-1])
        drawn = seen.property.keep(array[[2, 0, 3, 1]], array, seen.argument, frozenset(), None)
        assert np.array_equal(drawn, array)


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_that_is_0_of_data_that_sums_to_0_is_right_up_to_its_rounding(seed):
    """Contrast weights: their sum is 0 to 1e-16, and so is the gradient of a common shift."""

    def loss(xp, p, b):
        return xp.cos(xp.sum(b["c"] * (p["m"] + p["shift"])))

    def gradient(p, b):
        return {"m": -np.sin(np.sum(b["c"] * p["m"])) * b["c"], "shift": 0.0 * p["shift"]}

    r = np.random.default_rng(seed)
    c = r.normal(size=5)
    given = {"m": r.normal(size=5), "shift": r.normal(size=())}, {"c": c - c.mean()}
    result = check(loss, gradient, *given)
    assert result.verdict is Verdict.EQUAL, result.told()
    off = check(loss, lambda p, b: {**gradient(p, b), "shift": np.array(1e-9)}, *given)
    assert off.verdict is Verdict.WRONG


# -------------------------------------------------------------------- what the user says of the data


def squares(xp, p, b):
    return 0.5 * xp.sum((b["a"] @ p["v"]) ** 2 * b["c"])


A = np.random.default_rng(2).normal(size=(5, 4))


def of_positive(p, b):
    return {"v": b["a"].T @ (np.abs(b["c"]) * (b["a"] @ p["v"]))}


POSITIVE = {"v": np.ones(4)}, {"a": A, "c": np.random.default_rng(3).uniform(1.0, 2.0, size=5)}


def test_an_array_that_is_fixed_stays_as_it_is():
    assert check(squares, of_positive, *POSITIVE).verdict is Verdict.WRONG
    result = check(squares, of_positive, *POSITIVE, fixed=["c"])
    assert result.verdict is Verdict.EQUAL
    assert result.conditions == ()
    with pytest.raises(InputError, match="no array of that name"):
        check(squares, of_positive, *POSITIVE, fixed=["d"])


def test_batches_of_the_users_own_are_the_only_data_used():
    seen = []

    def draw(random):
        return {"a": random.normal(size=(3, 4)), "c": random.uniform(0.5, 2.0, size=3)}

    def gradient(p, b):
        seen.append(np.asarray(b["c"]).shape)
        return of_positive(p, b)

    result = check(squares, gradient, *POSITIVE, batches=draw, points=6)
    assert result.verdict is Verdict.EQUAL
    assert result.points.checked == 6
    assert set(seen) == {(5,), (3,)}

    def negative(random):
        return {"a": random.normal(size=(3, 4)), "c": random.normal(size=3)}

    found = check(squares, of_positive, *POSITIVE, batches=negative)
    assert found.verdict is Verdict.WRONG
    assert "batch" in found.headline()
    again = check(squares, of_positive, *POSITIVE, batches=negative)
    assert again.told() == found.told()


def test_a_hypothesis_strategy_draws_batches():
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays

    numbers = st.floats(0.5, 2.0, width=32)
    batches = st.fixed_dictionaries(
        {"a": arrays(float, (3, 4), elements=numbers), "c": arrays(float, 3, elements=numbers)}
    )
    result = check(squares, of_positive, *POSITIVE, batches=batches, points=5)
    assert result.verdict is Verdict.EQUAL
    assert result.points.checked >= 3


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (7, "Give a function"),
        (lambda _: {"a": A}, "laid out"),
        (lambda _: 1 / 0, "function batches raises"),
    ],
)
def test_batches_that_cannot_be_used_are_refused(batches, message):
    with pytest.raises(InputError, match=message):
        check(squares, of_positive, *POSITIVE, batches=batches)


# -------------------------------------------------------------------- what points see


def test_a_check_whose_points_were_mostly_dropped_says_so():
    def narrow(xp, p, b):
        return xp.sum(xp.log(1e-9 - (p["x"] ** 2 - 1.0) ** 2) * b["k"])

    def gradient(p, b):
        return {"x": -4.0 * p["x"] * (p["x"] ** 2 - 1.0) / (1e-9 - (p["x"] ** 2 - 1.0) ** 2) * b["k"]}

    result = check(narrow, gradient, {"x": np.array([1.00001, -0.99999])}, {"k": np.ones(2)})
    assert result.verdict is Verdict.EQUAL
    assert [finding.kind for finding in result.findings] == ["mostly-dropped"]
    assert "Little more than your own point was checked" in result.told()


def test_integers_are_drawn_from_what_they_index():
    kind = HIDDEN["an index that is missing"]
    params, batch = data(kind)
    assert 0 not in batch["i"]
    drawn = []

    def right(p, b):
        drawn.append(np.asarray(b["i"]))
        g = np.zeros_like(p["w"])
        np.add.at(g, b["i"], np.where((b["i"] != 0)[:, None], 2 * p["w"][b["i"]], 0))
        return {"w": g}

    assert check(kind.loss, right, params, batch).verdict is Verdict.EQUAL
    used = {int(value) for array in drawn for value in array}
    assert {0, 1, 2, 3, 4} <= used


def test_labels_that_stand_for_ignored_ones_drop_no_points():
    kind = KINDS["labels of which some are ignored"]
    result = check(kind.loss, kind.gradient, *data(kind))
    assert result.points.checked == 12


@pytest.mark.parametrize("how", ["closure", "global", "default", "attribute", "partial", "nested"])
def test_an_array_that_the_code_holds_is_not_moved(how):
    from functools import partial

    held = A.copy()

    def closure(p, b):
        return {"v": held.T @ (held @ p["v"])}

    def default(p, b, held=held):
        return {"v": held.T @ (held @ p["v"])}

    class Holder:
        def __init__(self):
            self.held = A.copy()

        def gradient(self, p, _):
            return {"v": self.held.T @ (self.held @ p["v"])}

    def of_a_global(p, b):
        return {"v": A.T @ (A @ p["v"])}

    gradient = {
        "closure": closure,
        "global": of_a_global,
        "default": default,
        "attribute": Holder().gradient,
        "partial": partial(lambda m, p, b: {"v": m.T @ (m @ p["v"])}, A.copy()),
        "nested": lambda p, b: {**closure(p, b)},
    }[how]
    loss = lambda xp, p, b: 0.5 * xp.sum((b["a"] @ p["v"]) ** 2)  # noqa: E731 - it is the loss of all
    result = check(loss, gradient, {"v": np.ones(4)}, {"a": A})
    assert result.verdict is Verdict.EQUAL
    assert "which the code holds" in result.conditions[0].text


def test_data_that_an_object_happens_to_hold_moves():
    class Model:
        def __init__(self):
            self.scale, self.batch = 2.0, POSITIVE[1]

        def gradient(self, p, b):
            return {"v": of_positive(p, b)["v"] * self.scale / 2}

    result = check(squares, Model().gradient, *POSITIVE)
    assert result.verdict is Verdict.WRONG
    assert "Hidden by your data: c has no negative entry" in result.told()


def test_a_number_of_examples_that_is_written_out_is_wrong_and_one_that_code_holds_is_a_condition():
    n = 6
    r = np.random.default_rng(0)
    given = {"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "y": r.normal(size=6)}

    def written(p, b):
        return {"w": line_gradient(p, b)["w"] * len(b["y"]) / 6}

    def held(p, b):
        return {"w": line_gradient(p, b)["w"] * len(b["y"]) / n}

    assert check(line_loss, written, *given).verdict is Verdict.WRONG
    result = check(line_loss, held, *given)
    assert result.verdict is Verdict.EQUAL
    assert [condition.properties for condition in result.conditions] == [("length",)]
