"""JAX's own harnesses of its primitives: each gradient is the exact one, or it is explained why not."""

import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("jax")
pytest.importorskip("absl", reason="JAX's harnesses need absl-py, of the dependency group `models`")

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.primitives import (
    HAS_GRADIENT,
    explanation,
    harnesses,
    outcome_of,
)

pytestmark = [
    pytest.mark.slow,
    # of JAX itself, about what it does not use here
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]


def test_of_most_primitives_the_gradient_is_exact_and_of_the_others_it_is_known_why() -> None:
    outcomes = [outcome_of(harness) for harness in harnesses(2)]
    assert [each for each in outcomes if each.kind == "not exact" and not explanation(each)] == []
    kinds = Counter(each.kind for each in outcomes)
    assert kinds["exact"] >= 0.7 * sum(kinds[kind] for kind in HAS_GRADIENT), kinds
