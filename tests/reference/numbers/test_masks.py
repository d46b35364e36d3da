"""Kleene's three-valued logic, and what a loss may ask a mask."""

import numpy as np
import pytest

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Mask

FALSE, UNDECIDED, TRUE = -1, 0, 1
VALUES = (FALSE, UNDECIDED, TRUE)


def mask(*values: int) -> Mask:
    return Mask(np.array(values, dtype=np.int8)[np.newaxis, np.newaxis])


def single(value: int) -> Mask:
    return Mask(np.array([[value]], dtype=np.int8))


def worlds(value: int) -> set[bool]:
    """The truth values that an entry may have."""
    return {FALSE: {False}, TRUE: {True}, UNDECIDED: {False, True}}[value]


@pytest.mark.parametrize("a", VALUES)
@pytest.mark.parametrize("b", VALUES)
def test_logic_is_what_all_possible_worlds_agree_on(a: int, b: int) -> None:
    for result, operation in [
        (mask(a) & mask(b), bool.__and__),
        (mask(a) | mask(b), bool.__or__),
        (mask(a) ^ mask(b), bool.__xor__),
    ]:
        outcomes = {operation(x, y) for x in worlds(a) for y in worlds(b)}
        assert worlds(int(result.data.item())) == outcomes


@pytest.mark.parametrize("a", VALUES)
def test_negation(a: int) -> None:
    assert worlds(int((~mask(a)).data.item())) == {not world for world in worlds(a)}


def test_booleans_join_from_both_sides() -> None:
    booleans = np.array([True, False])
    assert (booleans & mask(TRUE, TRUE)).data.tolist() == [[[TRUE, FALSE]]]
    assert (mask(TRUE, FALSE) | booleans).data.tolist() == [[[TRUE, FALSE]]]


def test_a_decided_single_mask_has_a_truth_value() -> None:
    assert bool(single(TRUE))
    assert not bool(single(FALSE))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (single(UNDECIDED), "certified values overlap"),
        (mask(TRUE, TRUE), "entries"),
        (Mask(np.array([[1, -1]], dtype=np.int8)), "differs between lanes"),
    ],
)
def test_other_masks_have_none(value: Mask, text: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"{text}.*xp\.where"):
        bool(value)
