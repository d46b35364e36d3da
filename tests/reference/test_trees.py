"""Nested parameters as flat mappings, and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gradproof.errors import InputError
from gradproof.reference.trees import flatten, with_nesting

# Without dots, so that names can collide by nesting alone.
keys = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=5)
leaves = st.builds(np.array, st.floats(allow_nan=False))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(keys, inner, max_size=4),
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=12,
)
named_trees = st.dictionaries(keys, trees, min_size=1, max_size=5)


def walk(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """Dotted names and leaves in the order written down."""
    if isinstance(tree, dict):
        return [pair for key, inner in tree.items() for pair in walk(inner, (*path, str(key)))]
    if isinstance(tree, list | tuple):
        return [pair for number, inner in enumerate(tree) for pair in walk(inner, (*path, str(number)))]
    return [(".".join(path), tree)]


def same(first: Any, second: Any) -> bool:
    """Equal in types, in the order of the keys, and in the very leaves."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first is second


@given(tree=named_trees)
def test_names_and_order_are_those_of_the_tree(tree: dict[str, Any]) -> None:
    expected = walk(tree)
    assume(expected)
    flat, structure = flatten(tree)
    assert list(flat) == list(structure.names) == [name for name, _ in expected]
    assert all(flat[name] is leaf for name, leaf in expected)


@given(tree=named_trees)
def test_nesting_undoes_flattening(tree: dict[str, Any]) -> None:
    assume(walk(tree))
    flat, structure = flatten(tree)
    assert same(structure.nest(flat), tree)


@given(tree=named_trees)
def test_nesting_goes_by_name_and_not_by_order(tree: dict[str, Any]) -> None:
    assume(walk(tree))
    flat, structure = flatten(tree)
    backwards = dict(reversed(flat.items()))
    assert sorted(walk(structure.nest(backwards)), key=str) == sorted(walk(tree), key=str)


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"z": 1.0, "a": 2.0}, ["z", "a"]),
        ({"b": {"z": 1.0, "a": 2.0}, "a": 3.0}, ["b.z", "b.a", "a"]),
        ({"layers": [{"w": 1.0}, (2.0, 3.0)]}, ["layers.0.w", "layers.1.0", "layers.1.1"]),
        ({"encoder.weight": 1.0, "encoder.bias": 2.0}, ["encoder.weight", "encoder.bias"]),
        ([1.0, [2.0]], ["0", "1.0"]),
    ],
    ids=["not sorted", "nested and not sorted", "lists and tuples", "a state dict", "a list"],
)
def test_insertion_order_is_kept(tree: Any, names: list[str]) -> None:
    flat, structure = flatten(tree)
    assert list(flat) == names
    assert walk(structure.nest(flat)) == walk(tree)


def test_keys_that_are_no_text_come_back_as_they_were() -> None:
    tree = {0: {"w": 1.0}, 1: {"w": 2.0}}
    flat, structure = flatten(tree)
    assert list(flat) == ["0.w", "1.w"]
    assert structure.nest(flat) == tree
    flat, structure = flatten({0: 1.0, 1: 2.0})
    assert structure.nest(flat) == {0: 1.0, 1: 2.0}


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        ({"a.b": 1.0, "a": {"b": 2.0}}, "a.b"),
        ({"a": {"0": 1.0}, "a.0": 2.0}, "a.0"),
        ({"1": 1.0, 1: 2.0}, "1"),
    ],
)
def test_two_arrays_of_one_dotted_name_are_refused(tree: Any, name: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)Two arrays of the weights .*{name!r}.*Rename"):
        flatten(tree, "weights")


@pytest.mark.parametrize("tree", [{}, [], None, {"a": {}}, np.array([1.0]), 2.0])
def test_a_tree_without_names_is_refused(tree: Any) -> None:
    with pytest.raises(
        InputError, match=r"no mapping from names to arrays in the weights: it is .*\. Give a dictionary"
    ):
        flatten(tree, "weights")


def test_a_wrapped_function_sees_the_trees() -> None:
    params, batch = {"layer": {"w": 2.0}}, {"pairs": [(3.0, 4.0)]}
    flat_params, params_structure = flatten(params)
    flat_batch, batch_structure = flatten(batch)
    seen = []
    wrapped = with_nesting(lambda *arguments: seen.append(arguments), params_structure, batch_structure)
    wrapped("xp", flat_params, flat_batch)
    assert seen == [("xp", params, batch)]
