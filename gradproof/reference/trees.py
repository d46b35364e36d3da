"""Nested parameters and batches as flat mappings from dotted names to arrays, and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optree

from gradproof.errors import InputError

_NAMESPACE = "gradproof"


@dataclass(frozen=True)
class Structure:
    """How a nested tree of arrays was laid out: its dotted names and the way back."""

    names: tuple[str, ...]
    treespec: optree.PyTreeSpec

    def nest(self, flat: Any) -> Any:
        """Rebuild the tree from a mapping of dotted names to leaves (arrays of any framework).

        >>> flat, structure = flatten({"layers": [{"w": 1.0}, {"w": 2.0}]})
        >>> structure.nest({name: 10 * leaf for name, leaf in flat.items()})
        {'layers': [{'w': 10.0}, {'w': 20.0}]}
        """
        if self.is_flat:
            return dict(flat)
        return optree.tree_unflatten(self.treespec, [flat[name] for name in self.names])

    @cached_property
    def is_flat(self) -> bool:
        """Whether the tree is a plain mapping from names (and not from numbers, say) to arrays."""
        return (
            self.treespec.num_nodes == len(self.names) + 1
            and self.treespec.type is dict
            and self.treespec.entries() == list(self.names)
        )


def flatten(tree: Any, what: str = "tree", *, may_be_empty: bool = False) -> tuple[dict[str, Any], Structure]:
    """Flatten nested mappings, lists and tuples of arrays to dotted names, in the order given.

    Args:
        tree: what JAX calls a pytree and PyTorch's state dicts are: mappings, lists and tuples whose
            leaves are arrays.
        what: how an error calls the tree.
        may_be_empty: whether a tree without arrays is allowed.

    Raises:
        InputError: two leaves have the same dotted name, or there is none where there must be.

    >>> flat, _ = flatten({"encoder": {"w": 1.0, "b": 2.0}, "decoder": [3.0]})
    >>> flat
    {'encoder.w': 1.0, 'encoder.b': 2.0, 'decoder.0': 3.0}
    """
    with optree.dict_insertion_ordered(True, namespace=_NAMESPACE):
        paths, leaves, treespec = optree.tree_flatten_with_path(tree, namespace=_NAMESPACE)
    names = tuple(".".join(str(part) for part in path) for path in paths)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"Two arrays of the {what} have the dotted name {repeated[0]!r}. Rename one of them."
        )
    if names == ("",) or not (names or may_be_empty):
        raise InputError(
            f"There is no mapping from names to arrays in the {what}: it is {described(tree)}. Give a "
            'dictionary such as {"w": array}; dictionaries, lists and tuples may be nested in it.'
        )
    return dict(zip(names, leaves, strict=True)), Structure(names, treespec)


def described(tree: Any) -> str:
    """Say what something is that is no mapping from names to arrays.

    >>> described(None), described({}), described({"w": None}), described(1.0)
    ('None', 'empty', 'a dict that holds no array', 'a float')
    """
    if tree is None:
        return "None"
    kind = type(tree).__name__
    article = "an" if kind[:1] in "aeiou" or kind == "ndarray" else "a"
    if not isinstance(tree, Mapping | list | tuple):
        return f"{article} {kind}"
    return f"{article} {kind} that holds no array" if len(tree) else "empty"


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Give a tree of the same layout with a function of each leaf.

    >>> map_leaves(lambda leaf: 2 * leaf, {"b": 1, "a": [2, 3]})
    {'b': 2, 'a': [4, 6]}
    """
    with optree.dict_insertion_ordered(True, namespace=_NAMESPACE):
        return optree.tree_map(function, tree, namespace=_NAMESPACE)


def with_nesting(function: Callable[..., Any], params: Structure, batch: Structure) -> Callable[..., Any]:
    """Wrap `function(xp, params, batch)` so that it takes flat mappings and hands on nested ones."""
    if params.is_flat and batch.is_flat:
        return function

    def flat_function(xp: Any, flat_params: Any, flat_batch: Any) -> Any:
        return function(xp, params.nest(flat_params), batch.nest(flat_batch))

    return flat_function
