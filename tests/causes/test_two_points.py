"""A cause holds at two points, or is not told; the search counts what it computes."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.verdicts.causes import Again, SecondPoint, search_cause
from gradproof.verdicts.judging.claimed import Place


def squares(xp, p, _):
    return xp.sum(p["w"] ** 2)


W = np.array([0.5, -1.0, 2.0])


def test_a_second_place_keeps_zeros_ties_signs_and_symmetry():
    a = np.array([[1.0, -3.0, 0.0], [-3.0, 2.0, 5.0], [0.0, 5.0, 1.0]])
    there = Place({"a": a, "b": np.float32([2.0, 7.0])}, {"x": a}).apart
    moved = there.params["a"]
    np.testing.assert_array_equal(moved, moved.T)
    np.testing.assert_array_equal(np.sign(moved), np.sign(a))
    assert moved[0, 0] == moved[2, 2]
    assert np.all((np.abs(moved) <= np.abs(a)) & (np.abs(moved) >= 0.9 * np.abs(a)))
    assert moved[1, 1] == pytest.approx(there.params["b"][0])
    assert there.params["b"].dtype == np.float32
    assert there.batch["x"] is a


def test_what_is_true_at_one_point_only_is_no_cause():
    def coincidence(p, _):
        # three times the true gradient where the first entry is 0.5, as in the data at hand
        return {"w": 2 * p["w"] * (2.5 + p["w"][0])}

    check = gp.check(squares, coincidence, {"w": W}, {}, points=0)
    assert search_cause(squares, {"w": W}, {}, {"w": 6 * W}).cause.factor == 3
    assert check.cause is None or check.cause.kind != "constant-factor"


def test_what_is_true_at_both_points_is_a_cause():
    check = gp.check(squares, lambda p, _: {"w": 6 * p["w"]}, {"w": W}, {}, points=0)
    assert (check.cause.kind, check.cause.factor) == ("constant-factor", 3)
    assert "one point only" not in check.cause.text


def test_a_second_point_at_which_the_claim_is_right_does_not_speak_against_it():
    there = SecondPoint({"w": W / 2}, {}, {"w": W})
    cause = search_cause(squares, {"w": W}, {}, {"w": -2 * W}, again=Again(lambda: there)).cause
    assert cause.kind == "sign"
    contradicts = there._replace(claimed={"w": W * [1.5, 7.0, -2.0]})
    found = search_cause(squares, {"w": W}, {}, {"w": -2 * W}, again=Again(lambda: contradicts)).cause
    assert found is None or found.kind != "sign"


def test_of_numbers_it_is_said_that_they_were_seen_at_one_point_only():
    assert gp.judge(squares, {"w": W}, {}, {"w": -2 * W}).cause.text.endswith("seen at one point only")


def test_a_search_that_is_cut_says_after_how_many_mutants():
    claimed = {"w": np.array([1.0, 2.0, -7.0])}
    whole, cut = (search_cause(squares, {"w": W}, {}, claimed, work=most) for most in (10**9, 1000))
    assert "was cut" not in whole.difference
    assert not cut.complete
    assert "The search for a cause was cut after " in cut.difference
