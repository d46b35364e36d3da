"""JAX's loops and branches, with `xp`: an inner graph is replayed as often as the data want."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.models.lax_positions import places, taken
from gradproof.models.model_graph import ModelGraph
from gradproof.models.replay import Entry
from gradproof.reference.numbers import Mask
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import shape_of

Run = Callable[[Any, ModelGraph, Sequence[Any]], tuple[Any, ...]]
"""Replays an inner graph with inputs: `run(xp, graph, inputs)`."""

MOST_UNKNOWNS = 256
"""A linear equation has so many unknowns at most: its matrix has the square of them."""


class Loops:
    """The entries of loops, branches and linear equations."""

    def __init__(self, run: Run) -> None:
        """Take what replays an inner graph."""
        self._run = run

    def entries(self) -> dict[str, Entry]:
        """Give the entries by JAX's names."""
        return {
            "scan": self.scan,
            "cond": self.branch,
            "while": self.loop,
            "custom_linear_solve": self.solution,
        }

    def scan(
        self,
        xp: Any,
        *inputs: Any,
        jaxpr: ModelGraph,
        length: int,
        num_carry: int,
        num_consts: int,
        reverse: bool,
        **_: Any,
    ) -> tuple[Any, ...]:
        """Carry values on along the first axis of sequences."""
        fixed, carry = inputs[:num_consts], inputs[num_consts : num_consts + num_carry]
        sequences = inputs[num_consts + num_carry :]
        rows: list[tuple[Any, ...]] = []
        for turn in range(length)[::-1] if reverse else range(length):
            entries = tuple(_row(xp, each, turn) for each in sequences)
            results = self._run(xp, jaxpr, (*fixed, *carry, *entries))
            carry = results[:num_carry]
            rows.append(results[num_carry:])
        ordered = rows[::-1] if reverse else rows
        return (*carry, *(_stacked(xp, each) for each in zip(*ordered, strict=True)))

    def branch(
        self, xp: Any, which: Any, *inputs: Any, branches: Sequence[ModelGraph], **_: Any
    ) -> tuple[Any, ...]:
        """The function that `which` counts, from 0 up; one beyond the end is the last."""
        *before, last = branches
        if not before:
            return self._run(xp, last, inputs)
        is_last = _decided(xp.greater_equal(which, len(before)))
        if is_last is True:
            return self._run(xp, last, inputs)
        others = self.branch(xp, which, *inputs, branches=before)
        if is_last is False:
            return others
        pairs = zip(self._run(xp, last, inputs), others, strict=True)
        return tuple(xp.where(is_last, one, other) for one, other in pairs)

    def loop(
        self,
        xp: Any,
        *inputs: Any,
        cond_jaxpr: ModelGraph,
        body_jaxpr: ModelGraph,
        cond_nconsts: int,
        body_nconsts: int,
        **_: Any,
    ) -> tuple[Any, ...]:
        """Carry values on as long as a condition of integers holds."""
        condition, body = inputs[:cond_nconsts], inputs[cond_nconsts : cond_nconsts + body_nconsts]
        carry = inputs[cond_nconsts + body_nconsts :]
        while bool(_known(self._run(xp, cond_jaxpr, (*condition, *carry))[0])):
            carry = self._run(xp, body_jaxpr, (*body, *carry))
        return tuple(carry)

    def solution(self, xp: Any, *inputs: Any, matvec: ModelGraph, count: int, **_: Any) -> tuple[Any, ...]:
        """The x of A x = b, for the A that `matvec` multiplies by: it makes columns of unit vectors."""
        fixed, b = inputs[:count], inputs[count:]
        shapes = [shape_of(each) for each in b]
        ends = np.cumsum([prod(shape) for shape in shapes])
        size = int(ends[-1])
        if size > MOST_UNKNOWNS:
            raise UnsupportedError(
                f"The linear equation at {caller()} has {size} unknowns, and at most {MOST_UNKNOWNS} can be "
                "followed. Take smaller arrays."
            )
        own = [
            stretch.reshape(shape)
            for stretch, shape in zip(np.split(np.arange(size), ends[:-1]), shapes, strict=True)
        ]
        columns = []
        for unit in np.eye(size):
            x = xp.asarray(unit)
            columns.append(_flat(xp, self._run(xp, matvec, (*fixed, *(taken(xp, x, each) for each in own)))))
        solved = xp.linalg.solve(xp.stack(columns, axis=1), _flat(xp, b))
        return tuple(taken(xp, solved, each) for each in own)


def _flat(xp: Any, arrays: Sequence[Any]) -> Any:
    return xp.concat([xp.reshape(each, (-1,)) for each in arrays])


def _decided(condition: Any) -> Any:
    """Give True or False where a condition is so in all runs at once; else the condition itself."""
    if isinstance(condition, Mask):
        if np.all(condition.true):
            return True
        return False if np.all((~condition).true) else condition
    return bool(condition) if isinstance(condition, bool | np.bool_ | np.ndarray) else condition


def _known(value: Any) -> Any:
    """Give an integer or a boolean that is the same whatever the floating-point numbers are.

    Raises:
        UnsupportedError: it was computed from them.
    """
    if isinstance(value, int | np.integer | np.bool_ | np.ndarray):
        return value
    raise UnsupportedError(
        f"The function repeats a loop at {caller()} as often as computed numbers want, so that it is not one "
        "formula. Give the number of passes as an integer, or the function without it as `reference=`."
    )


def _row(xp: Any, x: Any, turn: int) -> Any:
    if isinstance(x, np.ndarray):
        return x[turn]
    return taken(xp, x, places(shape_of(x))[turn])


def _stacked(xp: Any, rows: Sequence[Any]) -> Any:
    if all(isinstance(row, np.ndarray | np.generic | int) for row in rows):
        return np.stack(rows)
    return xp.stack(list(rows), axis=0)
