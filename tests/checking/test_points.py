"""Points of the check's own: data keeps its nature, draws repeat, a failing point is given back."""

import numpy as np
import pytest

from gradproof import InputError, Verdict, check, load_point
from gradproof.verdicts.checking.natures import Nature, nature_of
from gradproof.verdicts.checking.points import _PLANS, more_examples, own_points
from gradproof.verdicts.judging.claimed import Place

R = np.random.default_rng(0)

DATA = {
    Nature.GENERAL: R.normal(size=(4, 3)),
    Nature.POSITIVE: R.uniform(1.0, 3.0, size=(4, 3)),
    Nature.PROBABILITY: R.uniform(0.1, 0.9, size=(4, 3)),
    Nature.PROBABILITY_ROWS: R.dirichlet(np.ones(3), size=4),
    Nature.BINARY: np.array([0.0, 1.0, 1.0, 0.0]),
    Nature.ONE_HOT: np.eye(3)[[0, 2, 1, 1]],
    Nature.SIGNS: np.array([-1.0, 1.0, 1.0]),
    Nature.SYMMETRIC: np.array([[2.0, 0.5], [0.5, 1.0]]),
    Nature.INDEX: np.array([2, 5, 3, 3]),
    Nature.BOOLEAN: np.array([True, False, True]),
}


def points(seed=0, **batch):
    given = Place({"w": np.array([[1.0, -2.0]])}, batch)
    return list(own_points(given, len(_PLANS), seed))


def test_every_nature_is_seen_from_the_values():
    assert {nature_of(array, parameter=False) for array in DATA.values()} == set(Nature)
    for nature, array in DATA.items():
        assert nature_of(array, parameter=False) is nature


@pytest.mark.parametrize("nature", [Nature.BINARY, Nature.ONE_HOT, Nature.SIGNS, Nature.PROBABILITY_ROWS])
def test_a_parameter_is_never_taken_for_labels(nature):
    assert nature_of(DATA[nature], parameter=True) in {Nature.GENERAL, Nature.POSITIVE}


def holds(nature, array, given):
    """Whether a drawn array is of a nature."""
    return {
        Nature.GENERAL: lambda: True,
        Nature.POSITIVE: lambda: True,
        Nature.PROBABILITY: lambda: np.all((array > 0) & (array < 1)),
        Nature.PROBABILITY_ROWS: lambda: np.allclose(array.sum(-1), 1) and np.all(array >= 0),
        Nature.BINARY: lambda: np.isin(array, [0, 1]).all(),
        Nature.ONE_HOT: lambda: np.isin(array, [0, 1]).all() and (array.sum(-1) == 1).all(),
        Nature.SIGNS: lambda: np.isin(array, [-1, 1]).all(),
        Nature.SYMMETRIC: lambda: np.array_equal(array, array.T) and np.linalg.eigvalsh(array)[0] > 0,
        Nature.INDEX: lambda: array.min() >= given.min() and array.max() <= given.max(),
        Nature.BOOLEAN: lambda: array.dtype == bool,
    }[nature]()


@pytest.mark.parametrize("nature", list(Nature))
def test_a_drawn_array_keeps_its_nature_shape_and_dtype(nature):
    given = DATA[nature]
    drawn = [point.place.batch["d"] for seed in range(3) for point in points(seed=seed, d=given)]
    assert all(array.shape == given.shape and array.dtype == given.dtype for array in drawn)
    assert all(holds(nature, array, given) for array in drawn)
    assert any(not np.array_equal(array, given) for array in drawn)


def test_the_points_have_what_they_promise():
    labels = {point.label: point for point in points(x=DATA[Nature.GENERAL], i=np.arange(12))}
    assert len(labels) == len(_PLANS)
    assert (labels["with many exact zeros"].place.batch["x"] == 0).any()
    tied = labels["with ties"].place.batch["x"]
    assert len(np.unique(tied)) < tied.size
    assert len(np.unique(labels["with repeated indices"].place.batch["i"])) <= 2
    assert set(labels["with the least and the greatest indices"].place.batch["i"]) == {0, 11}
    large = labels["of large magnitude, all negative"].place
    assert (large.batch["x"] < 0).all()
    assert np.abs(large.batch["x"]).max() > 10
    assert np.abs(labels["of small magnitude"].place.batch["x"]).max() < 0.1
    assert not labels["of small magnitude"].usual


def test_positive_numbers_are_drawn_of_both_signs_and_positive():
    drawn = [point.place.batch["x"] for point in points(x=DATA[Nature.POSITIVE])]
    assert any((array < 0).any() for array in drawn)
    assert any((array > 0).all() for array in drawn)


def test_a_state_of_zeros_is_drawn_as_numbers_and_as_labels():
    drawn = [point.place.batch["h"] for point in points(h=np.zeros((3, 2)))]
    assert any(np.isin(array, [0, 1]).all() for array in drawn)
    assert any((array != 0).all() and not np.isin(array, [0, 1]).any() for array in drawn)


def test_the_same_seed_gives_the_same_points_and_another_one_others():
    first, again, other = (points(seed=seed, x=DATA[Nature.GENERAL]) for seed in (3, 3, 4))
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a.place.batch["x"], b.place.batch["x"])
        assert np.array_equal(a.place.params["w"], b.place.params["w"])
        assert not np.array_equal(a.place.batch["x"], c.place.batch["x"])


def test_more_examples_are_made_only_of_a_single_one():
    single = Place({"w": np.ones(2)}, {"x": np.ones((1, 2)), "y": np.array([1.0]), "rate": np.array(0.1)})
    longer = more_examples(single, 0).place
    assert longer.batch["x"].shape == (3, 2)
    assert longer.batch["rate"].shape == ()
    assert more_examples(Place({}, {"x": np.ones((2, 2)), "y": np.ones(1)}), 0) is None
    assert more_examples(Place({}, {"rate": np.array(0.1)}), 0) is None


# -------------------------------------------------------------------- through check


def log_loss(xp, p, b):
    return xp.sum(xp.log(p["scale"]) + b["x"] ** 2 / p["scale"])


def log_gradient(p, b):
    return {"scale": (1 / p["scale"] - b["x"] ** 2 / p["scale"] ** 2).sum(axis=0)}


def test_a_point_outside_the_domain_is_drawn_again_more_cautiously():
    result = check(log_loss, log_gradient, {"scale": np.array([0.5, 2.0])}, {"x": R.normal(size=(3, 2))})
    assert result.verdict is Verdict.EQUAL
    assert result.points.checked == result.points.asked
    assert result.points.dropped == 0


def test_points_that_stay_outside_the_domain_are_dropped_and_counted():
    def barrier(xp, p, b):
        return xp.sum(xp.log(1.0 - 100.0 * p["x"] ** 2) * b["k"])

    def right(p, b):
        return {"x": -200.0 * p["x"] / (1.0 - 100.0 * p["x"] ** 2) * b["k"]}

    result = check(barrier, right, {"x": np.array([0.09, -0.09])}, {"k": np.ones(2)})
    assert result.verdict is Verdict.EQUAL
    assert result.points.dropped > 0
    assert result.points.checked + result.points.dropped + result.points.undecided == result.points.asked
    assert f"{result.points.dropped} dropped" in result.told()


def test_points_can_be_turned_off():
    calls = []

    def counted(p, b):
        calls.append(1)
        return log_gradient(p, b)

    point = {"scale": np.array([0.5, 2.0])}, {"x": R.normal(size=(3, 2))}
    result = check(log_loss, counted, *point, points=0)
    assert result.points.asked == 0
    assert len(calls) == 3  # twice in floats, once on balls
    assert check(log_loss, counted, *point, points=3).points.asked == 3


def squares(xp, p, b):
    return xp.sum(xp.maximum(p["w"] * b["x"], 0.0) ** 2)


def without_mask(p, b):
    return {"w": (2 * p["w"] * b["x"] ** 2).sum(axis=0)}


def test_a_failing_point_is_saved_and_given_back(tmp_path):
    point = {"w": np.array([1.0, 2.0])}, {"x": np.array([[1.0, 3.0], [0.5, 0.25]])}
    found = check(squares, without_mask, *point)
    assert found.verdict is Verdict.WRONG
    path = found.save_point(tmp_path / "point.npz")
    loaded = load_point(path)
    assert loaded.label == found.failing_point.label
    assert loaded.seed == 0
    assert np.array_equal(loaded.place.params["w"], found.failing_point.place.params["w"])
    for given_back in (path, str(path), loaded):
        again = check(squares, without_mask, *point, point=given_back)
        assert again.verdict is Verdict.WRONG
        assert again.points.asked == 0
        assert again.entries.equals(found.entries)
    assert check(
        squares,
        lambda p, b: {
            "w": 2 * p["w"] * 0 + np.where(p["w"] * b["x"] > 0, 2 * p["w"] * b["x"] ** 2, 0).sum(0)
        },
        *point,
        point=path,
    ).ok


def test_a_point_of_another_shape_is_kept_with_its_shape(tmp_path):
    def mean_loss(xp, p, b):
        return xp.mean((b["x"] @ p["w"]) ** 2)

    def no_mean(p, b):
        return {"w": 2 * b["x"].T @ (b["x"] @ p["w"])}

    point = {"w": np.array([1.0, 2.0])}, {"x": np.array([[1.0, 3.0]])}
    found = check(mean_loss, no_mean, *point)
    assert found.verdict is Verdict.WRONG
    assert "3 examples" in found.failing_point.label
    path = found.save_point(tmp_path / "point.npz")
    assert check(mean_loss, no_mean, *point, point=path).verdict is Verdict.WRONG


def test_code_for_a_single_example_is_not_blamed_for_several():
    def one_loss(xp, p, b):
        return xp.sum((b["x"] @ p["w"]) ** 2)

    def one_gradient(p, b):
        (x,) = b["x"]
        return {"w": 2 * x * (x @ p["w"])}

    result = check(one_loss, one_gradient, {"w": np.array([1.0, 2.0])}, {"x": np.array([[1.0, 3.0]])})
    assert result.verdict is Verdict.EQUAL
    assert [finding.kind for finding in result.findings] == ["one-example"]
    assert result.ok


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 broken"])
def test_a_file_that_holds_no_point_is_refused(tmp_path, content):
    path = tmp_path / "point.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="holds no point"):
        load_point(path)
    with pytest.raises(InputError, match="no file"):
        load_point(tmp_path / "other.npz")


def test_a_pickle_in_a_point_is_not_executed(tmp_path):
    path = tmp_path / "point.npz"

    class Explodes:
        def __reduce__(self):
            return (exec, ("raise SystemExit('executed')",))

    np.savez(path, point=np.array(Explodes(), dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="holds no point"):
        load_point(path)


def test_a_point_of_another_loss_is_refused(tmp_path):
    other = check(squares, without_mask, {"w": np.array([1.0, 2.0])}, {"x": np.ones((2, 2))})
    path = other.save_point(tmp_path / "point.npz")
    with pytest.raises(InputError, match="scale"):
        check(log_loss, log_gradient, {"scale": np.ones(2)}, {"x": np.ones((2, 2))}, point=path)
    with pytest.raises(InputError, match=r"shape \(2,\)"):
        check(squares, without_mask, {"w": np.ones(3)}, {"x": np.ones((2, 3))}, point=path)


def test_large_arrays_get_fewer_points_and_it_is_said():
    n = 60_000

    def mean_loss(xp, p, b):
        return xp.sum(p["w"] * b["x"]) * 0.5

    result = check(
        mean_loss, lambda p, b: {"w": 0.5 * b["x"]}, {"w": np.ones(n)}, {"x": np.arange(n) / n}, points=8
    )
    assert result.points.checked + result.points.left_out == 8
    assert result.points.left_out > 0
    assert "left out" in result.told()
