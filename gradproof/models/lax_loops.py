"""JAX's loops and branches, with `xp`: an inner graph is replayed as often as the data want."""

from collections.abc import Callable, Sequence
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


def loops(run: Run) -> dict[str, Entry]:
    """Give the entries of loops and branches.

    Args:
        run: replays an inner graph.
    """

    def scan(
        xp: Any,
        *inputs: Any,
        jaxpr: ModelGraph,
        length: int,
        num_carry: int,
        num_consts: int,
        reverse: bool,
        **_: Any,
    ) -> tuple[Any, ...]:
        fixed, carry = inputs[:num_consts], inputs[num_consts : num_consts + num_carry]
        sequences = inputs[num_consts + num_carry :]
        rows: list[tuple[Any, ...]] = []
        for turn in range(length)[::-1] if reverse else range(length):
            entries = tuple(_row(xp, each, turn) for each in sequences)
            results = run(xp, jaxpr, (*fixed, *carry, *entries))
            carry = results[:num_carry]
            rows.append(results[num_carry:])
        ordered = rows[::-1] if reverse else rows
        return (*carry, *(_stacked(xp, each) for each in zip(*ordered, strict=True)))

    def branch(
        xp: Any, which: Any, *inputs: Any, branches: Sequence[ModelGraph], **_: Any
    ) -> tuple[Any, ...]:
        *before, last = branches
        if not before:
            return run(xp, last, inputs)
        # `which` counts from 0, and one beyond the end takes the end.
        is_last = _decided(xp.greater_equal(which, len(before)))
        if is_last is True:
            return run(xp, last, inputs)
        others = branch(xp, which, *inputs, branches=before)
        if is_last is False:
            return others
        pairs = zip(run(xp, last, inputs), others, strict=True)
        return tuple(xp.where(is_last, one, other) for one, other in pairs)

    def loop(
        xp: Any,
        *inputs: Any,
        cond_jaxpr: ModelGraph,
        body_jaxpr: ModelGraph,
        cond_nconsts: int,
        body_nconsts: int,
        **_: Any,
    ) -> tuple[Any, ...]:
        condition, body = inputs[:cond_nconsts], inputs[cond_nconsts : cond_nconsts + body_nconsts]
        carry = inputs[cond_nconsts + body_nconsts :]
        while bool(_known(run(xp, cond_jaxpr, (*condition, *carry))[0])):
            carry = run(xp, body_jaxpr, (*body, *carry))
        return tuple(carry)

    return {"scan": scan, "cond": branch, "while": loop}


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
