"""What is drawn for a check is not what a user's own generator gives: a point would repeat the data."""

import ast
from pathlib import Path

import numpy as np
import pytest

import gradproof
from gradproof.verdicts.judging.claimed import Place

PACKAGE = Path(gradproof.__file__).parent
FOR_THE_USER = {
    "scenarios/dense_network.py",
    "reference/descent.py",
}  # a seed that the user gives is used as it is


def seeds_that_a_user_may_have(source: str) -> list[int]:
    """The lines where a generator is made whose seed is one number, or a list that may end up as one.

    A list is mixed like its numbers without the zeros at its end, so a later one has to be another number.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "default_rng"):
            continue
        seed = node.args[0] if node.args else None
        later = seed.elts[1:] if isinstance(seed, ast.List) else []
        own = [each for each in later if isinstance(each, ast.Constant) and each.value]
        if not own:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("room", ["reference", "verdicts"])
def test_a_generator_of_our_own_has_a_seed_of_its_own(room):
    for path in sorted((PACKAGE / room).rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        if file not in FOR_THE_USER:
            assert not seeds_that_a_user_may_have(path.read_text()), file


@pytest.mark.parametrize(
    ("seed", "is_own"),
    [
        ("0", False),
        ("seed", False),
        ("[seed, n]", False),
        ("[3, seed]", False),
        ("", False),
        ("[seed, n, 6]", True),
    ],
)
def test_what_a_user_may_have_is_seen(seed, is_own):
    assert bool(seeds_that_a_user_may_have(f"np.random.default_rng({seed})")) is not is_own


def test_a_list_with_zeros_at_its_end_is_mixed_like_the_number():
    assert np.random.default_rng([5, 0]).random() == np.random.default_rng(5).random()


@pytest.mark.parametrize("seed", range(20))
def test_a_neighbour_does_not_lie_in_the_direction_of_the_parameters_themselves(seed):
    params = {"w": np.random.default_rng(seed).normal(size=50)}
    moved = Place(params, {}).neighbour.params["w"] - params["w"]
    cosine = moved @ params["w"] / np.linalg.norm(moved) / np.linalg.norm(params["w"])
    assert abs(cosine) < 0.7
