"""Planted errors hardly larger than rounding: every one of them is caught, in the entry where it is.

`python -m benchmarks planted` does the same with 1 000 networks.
"""

import importlib
from pathlib import Path

import pytest

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict

NUMBERS = range(30)


@pytest.fixture(scope="module")
def planted():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2])
        yield importlib.import_module("benchmarks.planted")


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.slow), "float32"])
def test_a_small_error_is_caught_in_every_try(planted, dtype):
    pytest.importorskip("torch")
    tally = planted.plant(NUMBERS, dtype)
    large, small = planted.PLANTED[dtype]
    assert tally.verdicts[large] == {Verdict.DISAGREES: len(NUMBERS)}
    assert tally.named[large] == len(NUMBERS)
    # A tenth of it may be rounding; it is never undecided.
    assert set(tally.verdicts[small]) <= {Verdict.AGREES, Verdict.ILL_CONDITIONED, Verdict.DISAGREES}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_must_be_caught_is_beyond_the_limit_of_well_conditioned_entries(planted, dtype):
    limit = SPREADS * planted.WELL_CONDITIONED * FORMATS[dtype].unit_roundoff
    large, small = planted.PLANTED[dtype]
    assert limit < large
    assert small == pytest.approx(large / 10)


def test_well_conditioned_entries_are_not_rare(planted):
    pytest.importorskip("torch")
    tally = planted.plant(range(10), "float32")
    assert tally.well > 0.2 * tally.entries
