"""`check` itself is tested: fine errors planted into right gradients, and each guard proven to fire."""

import flint
import numpy as np
import pytest
from flint import arb

from gradproof import Verdict, check
from gradproof.reference.lifted import lift, run_lifted, to_arbs
from gradproof.verdicts.checking import own
from gradproof.verdicts.judging import evidence, measuring

R = np.random.default_rng(0)
PARAMS = {"w1": R.normal(size=(3, 4)), "c1": R.normal(size=4), "w2": R.normal(size=(4, 2))}
BATCH = {"x": R.normal(size=(5, 3)), "y": R.normal(size=(5, 2))}


def loss(xp, p, b):
    hidden = xp.nn.sigmoid(b["x"] @ p["w1"] + p["c1"])
    return 0.5 * xp.mean((hidden @ p["w2"] - b["y"]) ** 2)


def gradient(p, b):
    hidden = 1 / (1 + np.exp(-(b["x"] @ p["w1"] + p["c1"])))
    delta = (hidden @ p["w2"] - b["y"]) / b["y"].size
    back = (delta @ p["w2"].T) * hidden * (1 - hidden)
    return {"w1": b["x"].T @ back, "c1": back.sum(axis=0), "w2": hidden.T @ delta}


def off_in_one_entry(name, error):
    def planted(p, b):
        right = gradient(p, b)
        factors = np.ones(right[name].shape)
        factors.flat[-1] += error
        return {**right, name: right[name] * factors}

    return planted


@pytest.mark.parametrize("error", [1.0, 1e-4, 1e-8, 1e-12, -1e-14])
@pytest.mark.parametrize("name", PARAMS)
def test_an_error_in_one_entry_is_proven_and_the_entry_is_named(name, error):
    result = check(loss, off_in_one_entry(name, error), PARAMS, BATCH, points=0)
    assert result.verdict is Verdict.WRONG
    worst = result.entries.iloc[0]
    last = ",".join(str(length - 1) for length in PARAMS[name].shape)
    assert (worst["parameter"], worst["index"]) == (name, last)


@pytest.mark.parametrize("error", [1e-4, 1e-9])
def test_an_error_in_one_entry_at_one_kind_of_point_alone_is_found(error):
    def planted(p, b):
        right = gradient(p, b)
        negative = (p["c1"] < -2.5).any()  # never at the given point
        return {**right, "c1": right["c1"] * (1 + error) if negative else right["c1"]}

    assert (PARAMS["c1"] > -2.5).all()
    assert check(loss, planted, PARAMS, BATCH, points=0).verdict is Verdict.EQUAL
    found = check(loss, planted, PARAMS, BATCH)
    assert found.verdict is Verdict.WRONG
    assert found.failing_point.seed == 0


def test_without_a_planted_error_all_is_equal():
    assert check(loss, gradient, PARAMS, BATCH).verdict is Verdict.EQUAL


# -------------------------------------------------------------------- guards


def test_a_ball_that_is_too_wide_is_not_equal():
    true = np.array([arb(1)], dtype=object)
    for radius, equal in ((1e-20, True), (1e-3, False)):
        found = measuring.compare(np.array([arb(1, radius)], dtype=object), true, 1.0)
        assert bool(found.equal.all()) is equal
        assert not found.apart.any()


def test_a_claim_that_is_not_a_number_is_neither_equal_nor_proven_wrong():
    found = measuring.compare(
        np.array([arb("nan"), arb("inf")], dtype=object), np.array([arb(1), arb(1)], dtype=object), 1.0
    )
    assert not found.equal.any()
    assert not found.apart.any()


@pytest.mark.parametrize("both", ["inf", "nan"])
def test_what_is_no_number_on_both_sides_is_not_equal(both):
    found = measuring.compare(*(np.array([arb(1), arb(both)], dtype=object) for _ in range(2)), 1.0)
    assert found.equal.tolist() == [True, False]
    assert not found.apart.any()


def test_a_difference_in_the_last_digit_is_seen_among_balls_that_coincide():
    """Balls that all coincide are not measured; one that does not has all measured."""
    with flint.ctx.workprec(128):
        third = np.array([arb(1) / 3, arb(2) / 3], dtype=object)
        for off, digits in ((0.0, 37), (1e-20, 19), (2e-15, 14)):
            found = measuring.compare(third * np.array([arb(1), 1 + arb(off)], dtype=object), third, 1.0)
            assert found.equal.tolist() == [True, digits > 15]
            assert found.apart.tolist() == [False, digits < 15]
            assert digits <= found.digits < digits + 1.5


def test_a_large_entry_does_not_cover_a_small_one():
    claimed = np.array([arb(10) ** 30, arb(1e-10) * arb(1.001)], dtype=object)
    found = measuring.compare(claimed, np.array([arb(10) ** 30, arb(1e-10)], dtype=object), 1e30)
    assert found.apart.tolist() == [False, True]


def test_constants_do_not_excuse_what_they_do_not_explain():
    true = np.array([arb(1)], dtype=object)
    claim = measuring.compare(np.array([arb(1) + arb(1e-14)], dtype=object), true, 1.0)
    assert claim.apart.all()
    cases = {"overlaps": (1e-13, True), "does not": (1e-16, False), "anything": (1e-3, False)}
    for radius, explained in cases.values():
        widened = np.array([arb(1 + 1e-14, radius)], dtype=object)
        assert bool(claim.explained_by(widened, true, 0.0).equal.all()) is explained


def test_an_undecided_comparison_never_passes_in_silence(monkeypatch):
    """The trap itself: flint answers False to every comparison that it cannot decide."""
    third = arb(1) / 3
    whole = third + third + third
    assert [bool(whole == 1), bool(whole != 1)] == [False, False]

    def masked(p, b):
        x = p["x"] / 3
        return {"x": b["k"] * np.where(x + x + x == p["x"], 1.0, 0.0)}

    point = {"x": np.array([1.0])}, {"k": np.array([2.0])}
    result = check(lambda xp, p, b: xp.sum(p["x"] * b["k"]), masked, *point, points=0)
    assert result.verdict is Verdict.UNDECIDED

    from gradproof.reference.lifted import ball

    monkeypatch.setattr(ball, "note_comparison", lambda: None)
    blind = run_lifted(masked, ({"x": lift([1.0])}, {"k": lift([2.0])}), 192)
    assert blind.certified, "without the note nothing would tell"


def test_a_rounded_number_never_passes_for_a_certified_one(monkeypatch):
    def rounds(p, b):
        values = [float(x) for x in 2 * p["x"] * b["k"]]
        return {"x": np.array(values)}

    point = {"x": np.array([0.1, 0.2])}, {"k": np.array([0.3, 0.7])}

    def squares(xp, p, b):
        return xp.sum(p["x"] ** 2 * b["k"])

    result = check(squares, rounds, *point, points=0)
    assert result.verdict is Verdict.AGREES
    assert not result.certified
    assert "test_planted_in_checks.py" in result.reason

    from gradproof.reference.lifted import ball

    monkeypatch.setattr(ball, "note_cast", lambda: None)
    assert check(squares, rounds, *point, points=0).certified, "without the note nothing would tell"


def test_an_array_of_floats_that_numpy_fills_by_itself_is_noted():
    store = [np.zeros(2)]

    def fills(x):
        store[0][...] = x / 3
        return store[0]

    run = run_lifted(fills, (lift([1.0, 2.0]),), 192)
    assert not run.certified


def test_the_test_at_kinks_needs_its_neighbours(monkeypatch):
    def pool(xp, p, b):
        return xp.sum(xp.max(p["x"], axis=1) * b["k"])

    def full_credit(p, b):
        tied = p["x"] == p["x"].max(axis=1, keepdims=True)
        return {"x": b["k"][:, None] * tied}

    point = {"x": np.array([[1.0, 3.0, 3.0]])}, {"k": np.array([2.0])}
    assert check(pool, full_credit, *point, points=0).verdict is Verdict.WRONG
    monkeypatch.setattr(evidence, "nearby", lambda *_: iter(()))
    assert check(pool, full_credit, *point, points=0).verdict is Verdict.WRONG  # by its own direction
    monkeypatch.setattr(evidence.PlaceEvidence, "nearby_along", lambda *_: iter(()))
    assert check(pool, full_credit, *point, points=0).verdict is Verdict.KINK


def test_what_matters_at_points_of_its_own_is_decided_in_one_place(monkeypatch):
    """An overflow that a right formula has at usual numbers is inaccurate; told apart by this guard alone."""

    def exponentials(xp, p, b):
        return xp.nn.logsumexp(p["z"] * b["k"])

    def naive(p, b):
        e = np.exp(p["z"] * b["k"])
        return {"z": b["k"] * e / e.sum()}

    point = {"z": np.array([300.0, 299.0, 305.0])}, {"k": np.array(2.0)}
    small = {"z": np.array([3.0, 2.0, 3.5])}, {"k": np.array(200.0)}
    assert check(exponentials, naive, *point, points=0).verdict is Verdict.EQUAL
    assert check(exponentials, naive, *small).verdict is Verdict.INACCURATE
    monkeypatch.setattr(own, "_matters", lambda *_: False)
    assert check(exponentials, naive, *small).verdict is Verdict.EQUAL


def test_products_of_matrices_are_those_of_the_definition():
    a, b = R.normal(size=(3, 7)), R.normal(size=(7, 2))
    product = to_arbs(lift(a) @ lift(b))
    for i in range(3):
        for j in range(2):
            exact = sum((arb(a[i, k]) * arb(b[k, j]) for k in range(7)), arb(0))
            assert product[i, j].overlaps(exact)
