"""Points of the check's own: data keeps what it is, draws repeat, a failing point is given back."""

from pathlib import Path

import numpy as np
import pytest

from gradproof import InputError, Verdict, check, load_point
from gradproof.verdicts.checking.candidates import candidates
from gradproof.verdicts.checking.drawing import draw_array
from gradproof.verdicts.checking.explanations import Trials
from gradproof.verdicts.checking.one_example import _longer
from gradproof.verdicts.checking.places import Drawer, KnownData
from gradproof.verdicts.checking.points import PLANS, Phase
from gradproof.verdicts.checking.properties import PROPERTIES, Worth
from gradproof.verdicts.checking.relations import find_relations
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.judging.claimed import Place

R = np.random.default_rng(0)
Q = np.linalg.qr(R.normal(size=(4, 4)))[0]
M = R.normal(size=(4, 4))
UNIT = R.normal(size=(4, 3))

DATA = {
    "general": R.normal(size=(4, 3)),
    "positive": R.uniform(1.0, 3.0, size=(4, 3)),
    "open-unit-interval": R.uniform(0.1, 0.9, size=(4, 3)),
    "sum": R.dirichlet(np.ones(3), size=4),
    "binary": np.array([0.0, 1.0, 1.0, 0.0]),
    "one-hot": np.eye(3)[[0, 2, 1, 1]],
    "one-hot columns": np.eye(3)[[0, 2, 1, 1]].T,
    "one-hot booleans": np.eye(3, dtype=bool)[[0, 2, 1, 1]],
    "one-hot integers": np.eye(3, dtype=int)[[0, 2, 1, 1]],
    "one-hot on the middle axis": np.moveaxis(np.eye(3)[R.integers(0, 3, size=(2, 4))], -1, 1),
    "at-most-one-hot": np.eye(3)[[0, 2, 1, 1, 0]] * np.array([1, 1, 0, 1, 1])[:, None],
    "signs": np.array([-1.0, 1.0, 1.0]),
    "signs of integers": np.array([-1, 1, 1]),
    "trits": np.array([-1.0, 0.0, 1.0, 1.0]),
    "few": np.array([0.0, 2.0, 2.0, 0.0]),
    "symmetric": M + M.T,
    "positive-definite": np.array([[2.0, 0.5], [0.5, 1.0]]),
    "stack of positive-definite": np.stack([M @ M.T + np.eye(4), M.T @ M + np.eye(4)]),
    "correlations": np.array([[1.0, 0.5, 0.2], [0.5, 1.0, -0.1], [0.2, -0.1, 1.0]]),
    "antisymmetric": M - M.T,
    "orthogonal": Q,
    "unit-norm": UNIT / np.linalg.norm(UNIT, axis=1, keepdims=True),
    "lower-triangular": np.tril(M),
    "upper-triangular": np.triu(M),
    "diagonal": np.diag(M[0]),
    "banded": np.tril(np.triu(R.normal(size=(6, 6)), -1), 1),
    "pattern": 1 - np.eye(4),
    "adjacency": np.array([[0.0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]]),
    "sorted": np.sort(R.uniform(size=8) * 9),
    "centred": M - M.mean(axis=0),
    "constant-columns": np.column_stack([np.ones(6), R.normal(size=(6, 2))]),
    "sparse": M * (np.abs(M) > 0.5),
    "counts": R.poisson(3.0, size=7).astype(float),
    "integers": np.array([2, 5, 3, 3]),
    "permutation": np.array([3, 0, 6, 1, 4, 2, 5]),
    "offsets": np.array([0, 2, 2, 5, 7, 9]),
    "some": np.array([[1.0, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 1]]),
    "booleans": np.array([True, False, True]),
    "scalar": np.array(0.1),
    "a count": np.array(6.0),
}


def view(array, **more):
    return View("d", array, parameter=False, **more)


@pytest.mark.parametrize("name", DATA)
def test_a_drawn_array_keeps_what_it_is_and_its_shape_and_dtype(name):
    given = view(DATA[name])
    assert name in {*DATA} - {"general"} or not [s for s in given.seen if s.worth is Worth.NATURE]
    if name.partition(" ")[0] in {
        "one-hot",
        "signs",
        "symmetric",
        "orthogonal",
        "sorted",
        "permutation",
        "few",
    }:
        assert name.partition(" ")[0] in {seen.property.slug for seen in given.seen}
    random = np.random.default_rng(0)
    drawn = [draw_array(given, given.seen, plan.how, random) for plan in PLANS if plan.phase is Phase.DATA]
    for array in drawn:
        assert array is not None
        assert array.shape == given.given.shape
        assert array.dtype == given.given.dtype
        for seen in given.seen:
            assert seen.holds(array), seen.told("d", array.ndim)
    assert name == "pattern" or any(not np.array_equal(array, given.given) for array in drawn)


@pytest.mark.parametrize("name", ["binary", "one-hot", "signs", "sum"])
def test_a_parameter_is_never_taken_for_labels(name):
    seen = {each.property.slug for each in View("w", DATA[name], parameter=True).seen}
    assert not seen & {"binary", "one-hot", "signs", "few", "whole", "open-unit-interval"}


@pytest.mark.parametrize(
    "name", ["symmetric", "positive-definite", "lower-triangular", "orthogonal", "unit-norm"]
)
def test_a_parameter_keeps_its_structure(name):
    assert name in {each.property.slug for each in View("w", DATA[name], parameter=True).seen}


def test_sums_and_complements_of_drawn_numbers_are_exact():
    random = np.random.default_rng(0)
    for name in ("sum", "centred"):
        given = view(DATA[name])
        drawn = draw_array(given, given.seen, PLANS[0].how, random)
        axis = next(seen.argument for seen in given.seen if seen.property.slug == "sum")
        assert (drawn.sum(axis=axis[0]) == axis[1]).all()
    shares = draw_array(view(DATA["open-unit-interval"]), (), PLANS[0].how, random)
    assert (1 - (1 - shares) == shares).all()


def trials(seed=0, relations=(), **batch):
    given = Place({"w": np.array([[1.0, -2.0]])}, batch)
    data = {name: View(name, array, parameter=False) for name, array in batch.items()}
    params = {name: View(name, array, parameter=True) for name, array in given.params.items()}
    return Trials(None, Drawer(given, KnownData(data, params, relations)), None, seed)


def points(seed=0, **batch):
    of = trials(seed, **batch)
    known = of.drawer.known
    found = {}
    for number, plan in enumerate(PLANS):
        if not plan.rows and plan.phase is not Phase.NATURES:
            rare = {"no-zero", "no-ties"} - plan.also
            broken = [item for item in known.of_worth(Worth.ACCIDENT) if item.slug not in rare]
            broken = frozenset(broken if plan.phase is Phase.ACCIDENTS else ())
            found[plan.label] = next(candidates(of, number, plan, broken))
    return found


def test_the_points_have_what_they_promise():
    given = DATA["general"]
    found = points(x=given, i=np.arange(12) % 11)
    assert np.array_equal(found["with other parameters"].place.batch["x"], given)
    assert not np.array_equal(found["with other parameters"].place.params["w"], [[1.0, -2.0]])
    assert (found["with many exact zeros"].place.batch["x"] == 0).any()
    tied = found["with ties"].place.batch["x"]
    assert len(np.unique(tied)) < tied.size
    assert len(np.unique(found["with numbers of either sign"].place.batch["i"])) <= 2
    assert set(found["with ties"].place.batch["i"]) == {0, 10}
    large = found["of large magnitude, all negative"].place
    assert (large.batch["x"] < 0).all()
    assert np.abs(large.batch["x"]).max() > 10
    assert np.abs(found["of small magnitude, with extreme indices"].place.batch["x"]).max() < 0.1
    assert not found["of small magnitude, with extreme indices"].usual


def test_positive_numbers_are_drawn_of_both_signs_and_positive():
    drawn = [point.place.batch["x"] for point in points(x=DATA["positive"]).values()]
    assert any((array < 0).any() for array in drawn)
    assert any((array > 0).all() for array in drawn)


def test_a_state_of_zeros_is_drawn_as_numbers_and_as_labels():
    drawn = [point.place.batch["h"] for point in points(h=np.zeros((3, 2))).values()]
    assert any(array.any() and np.isin(array, [0, 1]).all() for array in drawn)
    assert any((array != 0).all() and not np.isin(array, [0, 1]).any() for array in drawn)


def test_the_same_seed_gives_the_same_points_and_another_one_others():
    first, again, other = (points(seed=seed, x=DATA["general"]) for seed in (3, 3, 4))
    for label, a in first.items():
        assert np.array_equal(a.place.batch["x"], again[label].place.batch["x"])
        assert np.array_equal(a.place.params["w"], again[label].place.params["w"])
        moved = not np.array_equal(a.place.batch["x"], other[label].place.batch["x"])
        assert moved or PLANS[0].phase is Phase.PARAMETERS


def test_more_examples_are_made_only_of_a_single_one():
    single = {"x": np.ones((1, 2)), "y": np.array([1.0]), "rate": np.array(0.1)}
    longer = _longer(trials(**single).drawer).given
    assert longer.batch["x"].shape == (3, 2)
    assert longer.batch["rate"].shape == ()
    assert _longer(trials(x=np.ones((2, 2)), y=np.ones(1)).drawer) is None
    assert _longer(trials(rate=np.array(0.1)).drawer) is None


@pytest.mark.parametrize("kind", ["permuted", "resampled", "left out", "repeated"])
def test_rows_that_belong_together_are_moved_together(kind):
    x = R.normal(size=(7, 2))
    drawer = trials(x=x, y=x[:, 0] + x[:, 1], rate=np.array(0.1), other=np.ones((3, 2))).drawer
    moved = drawer.rows(PLANS[0].how, frozenset(), np.random.default_rng(1), kind)
    rows = [next(i for i in range(7) if np.array_equal(x[i], row)) for row in moved.batch["x"]]
    assert len(rows) == {"left out": 6, "repeated": 8}.get(kind, 7)
    assert np.array_equal(moved.batch["y"], x[rows].sum(axis=1))
    assert moved.batch["other"].shape == (3, 2)


def test_a_number_of_rows_that_is_a_width_too_or_that_the_code_holds_stays():
    drawer = trials(x=R.normal(size=(7, 2)), y=R.normal(size=7), a=R.normal(size=(3, 7))).drawer
    assert drawer.rows(PLANS[0].how, frozenset(), np.random.default_rng(1), "left out") is None
    assert drawer.rows(PLANS[0].how, frozenset(), np.random.default_rng(1), "permuted") is not None


# -------------------------------------------------------------------- what belongs together

LABELS = np.array([2, 0, 1, 2, 0])
LENGTHS = np.array([2, 4, 1, 3, 2])
EDGES = np.array([[0, 1], [1, 2], [2, 3], [0, 4]])
ADJACENCY = np.zeros((5, 5))
ADJACENCY[EDGES[:, 0], EDGES[:, 1]] = ADJACENCY[EDGES[:, 1], EDGES[:, 0]] = 1
X = R.normal(size=(5, 3))
MASK = np.array([0.0, 1, 1, 0, 1, 0])
TOGETHER = {
    "is equal to": (X, X.copy()),
    "is one minus": (MASK, 1 - MASK),
    "is the negative of": (X, -X),
    "transpose": (X, X.T.copy()),
    "one-hot form": (LABELS, np.eye(3)[LABELS]),
    "padding mask": (LENGTHS, np.arange(4) < LENGTHS[:, None]),
    "is one exactly where": (LABELS, (LABELS == 1).astype(float)),
    "positive": (X[:, 0] - 0.1, (X[:, 0] > 0.1).astype(float)),
    "adjacency matrix": (EDGES, ADJACENCY),
    "in another order": (X, X[[3, 0, 4, 1, 2]]),
    "length of axis 0": (X, np.array(5.0)),
    "inverse": (X[:3], np.linalg.inv(X[:3])),
    "sum": (X, X.sum(axis=1)),
    "squared norm": (X, (X**2).sum(axis=1)),
    "hypotenuse": (np.cos(np.arange(5.0)), np.sin(np.arange(5.0))),
    "exponential": (X, np.exp(X)),
    "order (less)": (X[:, 1], (X[:, 1][:, None] < X[:, 1]).astype(float)),
}


@pytest.mark.parametrize("words", [words for words in TOGETHER if words != "positive"])
def test_what_follows_from_another_array_is_seen_and_follows_from_what_is_drawn(words):
    source, target = TOGETHER[words]
    views = [View("s", source, parameter=False), View("t", target, parameter=False)]
    (relation,) = find_relations(views, {})
    assert words in relation.told()
    drawer = trials(relations=(relation,), s=source, t=target).drawer
    for seed in range(3):
        place = drawer.draw(PLANS[1].how, frozenset(), np.random.default_rng(seed))
        assert relation.holds(place.batch)
    broken = frozenset(drawer.known.items)
    item = next(item for item in broken if item.slug == "relation")
    place = drawer.draw(PLANS[0].how, broken, np.random.default_rng(0), must=item)
    assert not relation.holds(place.batch)


def test_two_arrays_of_which_one_follows_from_two_others():
    idx = np.array([0, 2, 1, 1, 2, 0])
    arrays = {"x": X, "i": idx, "g": X[idx], "p": X * np.abs(X[::-1]), "q": np.abs(X[::-1])}
    views = [View(name, array, parameter=False) for name, array in arrays.items()]
    told = {relation.target: relation.told() for relation in find_relations(views, {})}
    assert told["g"] == "g is x at the indices i"


def test_chance_is_not_taken_for_what_belongs_together():
    arrays = {
        "x": X,
        "y": R.normal(size=5),
        "z": np.array([1.0]),
        "m": np.array([0.0, 1.0]),
        "k": np.array([1.0, 0]),
    }
    views = [View(name, array, parameter=False) for name, array in arrays.items()]
    assert find_relations(views, {"c": np.array([1.0, 2.0])}) == ()


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
        return xp.sum(xp.log(1e-9 - (p["x"] ** 2 - 1.0) ** 2) * b["k"])

    def right(p, b):
        return {"x": -4.0 * p["x"] * (p["x"] ** 2 - 1.0) / (1e-9 - (p["x"] ** 2 - 1.0) ** 2) * b["k"]}

    result = check(barrier, right, {"x": np.array([1.00001, -0.99999])}, {"k": np.ones(2)})
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


def test_a_failing_point_is_told_to_all_digits():
    """A verdict at a point of the check's own takes few digits; what is shown has as many as anywhere."""
    size = 10

    def loss(xp, p, b):
        return xp.sum(xp.exp((b["x"] * p["w"] + 1e12) - 1e12) / 3)  # 40 of 128 bits are lost here

    def wrong(p, b):
        right = b["x"] * np.exp(b["x"] * p["w"]) / 3
        return {"w": np.where(p["w"] < 0, 2 * right, right)}

    params = {"w": np.random.default_rng(0).uniform(0.5, 1.0, size)}
    found = check(loss, wrong, params, {"x": np.random.default_rng(1).uniform(0.5, 1.0, size)})
    assert found.verdict is Verdict.WRONG
    assert found.failing_point.usual
    again = check(loss, wrong, params, {"x": np.ones(size)}, point=found.failing_point)
    assert found.entries.equals(again.entries)
    assert found.entries["exact"].str.len().min() > 30


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


def test_the_table_of_properties_is_documented_with_each_class_and_reason():
    text = (Path(__file__).parents[2] / "docs" / "decides" / "data.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    assert list(rows) == [entry.slug for entry in PROPERTIES]
    for entry in PROPERTIES:
        assert f"| {entry.worth.value} |" in rows[entry.slug]
        assert rows[entry.slug].endswith(f"| {entry.reason} |")
