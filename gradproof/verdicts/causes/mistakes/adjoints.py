"""Mistakes in what reaches a value: ignored, a part of it counted twice, one use taken for another."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from gradproof.reference.tape.operations import matrix_products
from gradproof.verdicts.causes.graph import Array, Change, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import WHOLE, Mistake, rule

_USES = 4
"""Uses of a value are compared with each other where it has at most so many."""


@rule(WHOLE)
def upstream_ignored(use: Use) -> Iterator[Mistake]:
    """The gradient from above is not multiplied with: 1 in its place."""
    if use.node.operation is not None and use.spot != use.graph.output:
        words = "what reaches $at on the way back ignored, and 1 taken in its place"
        yield Mistake(CauseKind.UPSTREAM_IGNORED, words, lambda g: g * 0 + 1)


@rule(WHOLE)
def one_slice(use: Use) -> Iterator[Mistake]:
    """The first or the last slice along an axis counts twice, or not at all."""
    shape = use.shape
    for axis, length in enumerate(shape):
        for which, place in (("first", 0), ("last", -1)) if length > 1 else ():
            for times, counted in ((2.0, "counted twice"), (0.0, "left out")):
                weights = np.ones((length,) + (1,) * (len(shape) - axis - 1))
                weights[place] = times
                yield Mistake(
                    CauseKind.SLICE_COUNTED_WRONGLY,
                    "the $which slice along axis $axis $counted in what reaches $at",
                    _weighted(use, weights),
                    fields={"which": which, "axis": axis, "counted": counted},
                    name=f"{which} of {axis} {counted}",
                )


def _weighted(use: Use, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Change:
    return lambda g: g * use.graph.kind.constant(weights)


@rule(WHOLE)
def symmetric_only(use: Use) -> Iterator[Mistake]:
    """The derivative of x' A x is (A + A') x, and 2 A x where A is symmetric."""
    users = [use.graph.use(edge) for edge in use.graph.users(use.index)]
    if use.spot == use.graph.output or len(users) > _USES:
        return
    for i, j in permutations(range(len(users)), 2):
        operations = {users[i].operation, users[j].operation}
        if matrix_products.MATMUL in operations:
            yield Mistake(
                CauseKind.SYMMETRIC_ONLY,
                "what comes back to $at from $one taken to be what comes from $other, "
                "as it is only where the matrix is symmetric",
                _exchanged(users[i], users[j]),
                fields={"one": users[i].node, "other": users[j].node},
                name=f"use {i} as {j}",
            )


def _exchanged(left_out: Use, twice: Use) -> Change:
    def change(g: Array) -> Array:
        return g - left_out.share + twice.share

    return change
