"""Sorting and places on comparisons: decided, tied, overlapping, nearly tied, other ones in other lanes."""

from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Balls, Integers, Mask, Noisy, Plain
from gradproof.reference.numbers.orders import groups, in_order
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import exact_gradient
from gradproof.single import judge

WEIGHTS = np.array([1.0, 2.0, 4.0, 8.0])


def gradient_of(loss: Any, w: Any, kind: Any) -> Any:
    return differentiate(lambda xp, p, _: loss(xp, p["w"]), {"w": np.asarray(w)}, {}, kind).gradients["w"]


def sorted_sum(xp: Any, w: Any) -> Any:
    return xp.sum(xp.sort(w) * WEIGHTS[: w.shape[0]])


def codebook(xp: Any, w: Any) -> Any:
    """The row of a table that is nearest: its place is computed."""
    nearest = xp.argmin((w[:, None] - xp.asarray([-1.0, 0.25, 2.0])) ** 2, axis=-1)
    return xp.sum(xp.take(xp.asarray([1.0, 3.0, 7.0]) * w[0], nearest, axis=0) * WEIGHTS[: w.shape[0]])


balls = st.tuples(st.integers(-20, 20), st.integers(0, 12)).map(lambda pair: arb(pair[0], pair[1] / 4))


@given(st.lists(st.tuples(balls, st.floats(-1, 1)), min_size=1, max_size=8))
def test_the_sorted_balls_hold_the_sorted_numbers(drawn: Any) -> None:
    row = np.array([ball for ball, _ in drawn], dtype=object)
    inside = sorted(float(ball.mid()) + where * float(ball.rad()) * (1 - 1e-9) for ball, where in drawn)
    assert all(ball.overlaps(arb(number)) for ball, number in zip(in_order(row), inside, strict=True))
    assert sorted(place for group in groups(row) for place in group) == list(range(len(row)))
    for before, after in zip(groups(row), groups(row)[1:], strict=False):
        assert all(row[i] < row[j] for i in before for j in after)


def test_what_is_tied_has_each_others_derivatives() -> None:
    tied = gradient_of(sorted_sum, [3.0, 1.0, 3.0, 2.0], Balls()).balls()[0]
    assert tied[1] == 1
    assert tied[3] == 2
    assert all(tied[place].contains(arb(4)) and tied[place].contains(arb(8)) for place in (0, 2))
    assert gradient_of(sorted_sum, [3.0, 1.0, 3.0, 2.0], Plain()).values()[0].tolist() == [4.0, 1.0, 8.0, 2.0]


@pytest.mark.parametrize(
    ("claimed", "passes"),
    [([4.0, 1.0, 8.0, 2.0], True), ([8.0, 1.0, 4.0, 2.0], True), ([8.0, 2.0, 4.0, 1.0], False)],
)
def test_any_order_of_tied_entries_is_right(claimed: Any, passes: bool) -> None:
    found = judge(
        lambda xp, p, _: sorted_sum(xp, p["w"]),
        {"w": np.array([3.0, 1.0, 3.0, 2.0])},
        {},
        {"w": np.array(claimed)},
    )
    assert found.verdict.passes is passes


def near_tie(xp: Any, p: Any, _: Any) -> Any:
    x = (p["w"] / 3) * 3
    return xp.sum(xp.sort(xp.stack([x[0], x[1] + 1e-17])) * xp.asarray([1.0, 5.0]))


@pytest.mark.parametrize("claimed", [[1.0, 5.0], [5.0, 1.0]])
def test_what_rounding_may_reorder_is_right_in_either_order(claimed: Any) -> None:
    found = judge(near_tie, {"w": np.array([0.7, 0.7])}, {}, {"w": np.array(claimed)})
    assert found.verdict.passes
    wrong = judge(near_tie, {"w": np.array([0.7, 0.7])}, {}, {"w": np.array([700.0, 5.0])})
    assert not wrong.verdict.passes


def test_a_near_tie_is_decided_with_more_bits() -> None:
    def loss(xp: Any, p: Any, _: Any) -> Any:
        third = p["w"] / 3
        return xp.sum(xp.sort(xp.stack([third, third + 1e-50])) * xp.asarray([1.0, 5.0])) + 0 * third

    truth = exact_gradient(loss, {"w": np.array(1.0)}, {})
    assert truth.complete
    assert truth.precision > 128
    assert truth.gradients["w"].values()[0] == 2.0


@pytest.mark.parametrize("kind", [Plain(), Balls(), Noisy("float64")], ids=lambda kind: kind.name)
def test_lanes_choose_each_for_itself(kind: Any) -> None:
    w = np.array([[-0.9, 0.3], [2.5, 0.1], [0.2, -3.0]])
    result = differentiate(lambda xp, p, _: codebook(xp, p["w"]), {"w": w}, {}, kind, lanes=3)
    expected = [1 + 2 * 3, 7 + 2 * 3, 3 + 2 * 1]
    first = result.gradients["w"].values()
    np.testing.assert_allclose(first.reshape(-1, 3, 2).mean(axis=0)[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rows_that_differ_between_lanes_are_taken_along_any_axis(axis: int) -> None:
    random = np.random.default_rng(3)
    w = random.normal(size=(2, 3, 4, 5))

    def loss(xp: Any, p: Any, _: Any) -> Any:
        order = xp.argsort(p["w"], axis=axis)
        some = xp.take(p["w"], xp.argmax(p["w"][0, 0]), axis=2)
        return xp.sum(xp.take_along_axis(p["w"], order, axis=axis) * random_weights) + xp.sum(some**2)

    random_weights = random.normal(size=(3, 4, 5))
    together = differentiate(loss, {"w": w}, {}, Plain(), lanes=2).gradients["w"].values()
    for lane in range(2):
        alone = differentiate(loss, {"w": w[lane]}, {}, Plain()).gradients["w"].values()[0]
        np.testing.assert_allclose(together[lane], alone, rtol=1e-13)


def test_places_that_are_not_decided_choose_anything() -> None:
    def loss(xp: Any, w: Any) -> Any:
        third = w / 3
        same = xp.stack([third[0], w[0] / 6 * 2])  # the same number, in two balls
        return xp.take(w, xp.argmax(same)) ** 2

    [first, second] = gradient_of(loss, [1.0, 2.0], Balls()).balls()[0]
    assert not first.is_finite()
    assert not second.is_finite()
    truth = exact_gradient(lambda xp, p, _: loss(xp, p["w"]), {"w": np.array([1.0, 2.0])}, {})
    assert not truth.complete
    assert any("choose at" in reason for reason in truth.reasons)


def test_equal_numbers_are_chosen_by_their_places() -> None:
    def loss(xp: Any, w: Any) -> Any:
        same = xp.stack([w[0], w[0], w[1]])
        return xp.take(xp.asarray([3.0, 5.0, 7.0]), xp.argmax(same)) * w[1] + xp.argsort(same)[2] * w[0]

    assert gradient_of(loss, [1.0, 0.5], Balls()).values()[0].tolist() == [1.0, 3.0]


# -------------------------------------------------------------------- computed integers


def test_integers_compute_and_compare() -> None:
    places = Integers(np.array([[[0, 2]]]), np.array([[[False, True]]]))
    moved = (3 - places) * 2 // 4 % 3 + (-places)
    assert moved.data.tolist() == [[[1, -2]]]
    assert moved.undecided.tolist() == [[[False, True]]]
    assert (places == 0).data.tolist() == [[[1, 0]]]
    assert (places[..., None] != np.arange(3)).data.tolist() == [[[[-1, 1, 1], [0, 0, 0]]]]
    assert places.one_hot(3).data.tolist() == [[[[1, -1, -1], [0, 0, 0]]]]
    assert repr(places) == "Integers(shape=(2,), undecided=1)"
    assert (places.shape, places.ndim, places.size, places.common()) == ((2,), 1, 2, None)
    assert Integers.lift([4]).common().tolist() == [4]


def test_an_undecided_count_is_told() -> None:
    mask = Mask(np.array([[[1, 0, -1], [1, 1, -1]]], dtype=np.int8)[None])
    count = Integers.counted(mask, (-1,))
    assert count.data.tolist() == [[[1, 2]]]
    assert count.undecided.tolist() == [[[True, False]]]
    assert mask.somewhere((-1,)).data.tolist() == [[[1, 1]]]
    assert mask.everywhere((-2, -1)).data.tolist() == [[-1]]
    assert (~mask).everywhere((-2,)).data.tolist() == [[[-1, -1, 1]]]


REFUSED = {
    "a number of an index": (lambda xp, w: w * (xp.argmax(w) * 0.5), r"xp\.astype"),
    "a set of numbers": (lambda xp, w: xp.unique_values(w), "shape would depend"),
    "an undecided nonzero": (lambda xp, w: w[xp.nonzero(w / 3 * 3 > w)], "is not decided"),
    "an undecided index": (lambda xp, w: w[xp.argmax(xp.stack([w[0] / 3, w[0] / 6 * 2]))], r"xp\.take"),
    "bits of numbers": (lambda xp, w: xp.bitwise_and(w, w), "bits of computed numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_certified_is_refused_in_words(name: str) -> None:
    loss, words = REFUSED[name]
    with pytest.raises(UnsupportedError, match=words):
        gradient_of(lambda xp, w: xp.sum(loss(xp, w)), [1.0, 2.0], Balls())


def test_indices_become_numbers_on_request() -> None:
    def loss(xp: Any, w: Any) -> Any:
        return xp.sum(w * xp.astype(xp.argsort(w), xp.float64)) + xp.sum(xp.astype(w > 1.5, xp.int64) * w)

    assert gradient_of(loss, [3.0, 1.0], Balls()).values()[0].tolist() == [2.0, 0.0]


def test_decided_places_are_numpys() -> None:
    def loss(xp: Any, w: Any) -> Any:
        [places] = xp.nonzero(w > 1.5)
        assert isinstance(places, np.ndarray)
        return xp.sum(w[places] ** 2)

    assert gradient_of(loss, [3.0, 1.0, 2.0], Balls()).values()[0].tolist() == [6.0, 0.0, 4.0]
