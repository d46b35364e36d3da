"""Arrays by which a program's values are known again: whatever their layout, and whatever number they carry.

A program may hold a value transposed or flattened, and may divide by N at the end instead of at the start.
So an array is known by its sorted entries; and up to a factor, by these divided by the greatest. Of one that
has few different entries, as a mask has, the order counts, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts.causes.graph import Array, Changed, Graph, Spot
from gradproof.verdicts.causes.mistakes.mistake import having

Floats: TypeAlias = NDArray[np.float64]

Key: TypeAlias = tuple[int, float, float]
"""The number of entries, and two numbers that are made of all of them."""

_ENTRYWISE = having(Trait.ELEMENTWISE)

_DIGITS = 9
"""To so many digits: constants in code are doubles, and sums of many of them are off by some more."""


def exact_key(values: Floats) -> Key | None:
    """Give what an array is known by in any layout; None where all entries are equal, or one is not finite.

    >>> a = np.array([[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]])
    >>> exact_key(a) == exact_key(a.T), exact_key(a) == exact_key(2 * a)
    (True, False)
    """
    entries = np.ravel(values)
    size = float(np.max(np.abs(entries), initial=0.0))
    return _key(entries / size, size) if _is_known(entries, size) else None


def _is_known(entries: Floats, size: float) -> bool:
    """Tell whether an array is not met by chance: ones and zeros are everywhere."""
    return bool(np.isfinite(size) and size > 0 and (entries.size == 1 or np.any(entries != entries[0])))


def scaled_key(values: Floats) -> Key | None:
    """Give what an array is known by in any layout and up to a factor; a single number is known by itself.

    >>> a = np.array([1.0, -2.0, 5.0])
    >>> scaled_key(a) == scaled_key(-3 * a), scaled_key(a[:1]) == scaled_key(a[1:2])
    (True, False)
    """
    entries = np.ravel(values)
    size = float(np.max(np.abs(entries), initial=0.0))
    if entries.size < 2 or not _is_known(entries, size):
        return exact_key(values)
    return max(_key(sign * entries / size, 1.0) for sign in (1, -1))


def _key(entries: Floats, size: float) -> Key:
    inorder = np.sort(entries)
    if 2 * (1 + np.count_nonzero(np.diff(inorder))) > entries.size:
        entries = inorder
    weights = np.random.default_rng([0, 16]).random(entries.size)
    return entries.size, float(np.round(entries @ weights, _DIGITS)), float(f"{size:.{_DIGITS}e}")


class Landmarks(dict[Key, Key]):
    """Arrays of a loss and of a backward pass: from what each is known by to what it is up to a factor."""

    @classmethod
    def of(cls, arrays: Iterable[Floats]) -> "Landmarks":
        """Collect what arrays are known by."""
        return cls(
            (exact, scaled)
            for each in arrays
            if (exact := exact_key(each)) is not None and (scaled := scaled_key(each)) is not None
        )

    @property
    def scaled(self) -> frozenset[Key]:
        """What they are known by up to a factor."""
        return frozenset(self.values())


def floats(array: Array) -> Floats:
    """Give the midpoints of the only lane."""
    values: Floats = array.data[0, 0, ...].astype(np.float64)
    return values


def forward(graph: Graph) -> Iterator[Floats]:
    """Give the values of a loss, and its constants."""
    for node in graph.nodes:
        yield from (floats(each.value) for each in (node, *node.operands) if each is node or each.constant)


def slopes(graph: Graph) -> Iterator[Floats]:
    """Give the true derivatives of operations on single entries, as factors."""
    with graph.context():
        for use in map(graph.use, graph.edges):
            if use.operation in _ENTRYWISE:
                yield floats(use.pull(use.y * 0 + 1))


def changed_slopes(graph: Graph, changes: Mapping[Spot, Changed]) -> Iterator[Floats]:
    """Give the derivatives that stand in place of the true ones, as factors."""
    with graph.context():
        for spot, (change, _) in changes.items():
            use = graph.use(spot)
            if use.operation in _ENTRYWISE:
                yield floats(change(use.y * 0 + 1))


def backward(graph: Graph, changes: Mapping[Spot, Changed]) -> Iterator[Floats]:
    """Give what goes back through a loss with changes: to values; from uses, before a broadcast is undone."""
    adjoints = graph.changed_adjoints(changes)
    with graph.context():
        for index, g in enumerate(adjoints):
            if g is not None:
                yield floats(g)
                for edge in graph.users(index):
                    share = _handed_back(graph, changes, edge, adjoints)
                    yield from (
                        ()
                        if share is None
                        else (floats(share), floats(share.sum_to(graph.nodes[index].shape)))
                    )


def at(graph: Graph, changes: Mapping[Spot, Changed], spot: Spot) -> Floats | None:
    """Give what goes back at a place of a backward pass with changes."""
    adjoints = graph.changed_adjoints(changes)
    with graph.context():
        share = _handed_back(graph, changes, spot, adjoints) if isinstance(spot, Edge) else adjoints[spot]
        return None if share is None else floats(share)


def _handed_back(
    graph: Graph, changes: Mapping[Spot, Changed], edge: Edge, adjoints: Sequence[Array | None]
) -> Array | None:
    use, changed = graph.use(edge), changes.get(edge)
    source = edge.node if changed is None or changed.source is None else changed.source
    g = adjoints[source]
    if g is None:
        return None
    return use.pull(g) if changed is None else changed.change(g)
