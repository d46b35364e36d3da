"""Running plain NumPy code on certified balls."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import GradproofError
from gradproof.reference.lifted import numpy_functions, ufuncs  # noqa: F401 - what computes NumPy's calls
from gradproof.reference.lifted.leftovers import lifted_code
from gradproof.reference.lifted.lifted_array import LiftedArray, lift
from gradproof.reference.lifted.notes import Lifting, noting
from gradproof.reference.lifted.trace import Trace, tracing
from gradproof.reference.numbers import Balls
from gradproof.reference.source import raised_at
from gradproof.reference.trees import map_leaves

Array = NDArray[Any]


@dataclass(frozen=True)
class LiftedRun:
    """What a function gave on balls.

    Attributes:
        result: what it returned; None if it raised.
        notes: what could not be certified.
        error: why it did not run to the end, with the line of its code; empty if it did.
        trace: what it computed on the way, where that was asked for.
    """

    result: Any
    notes: Lifting
    error: str = ""
    trace: Trace | None = None

    @property
    def certified(self) -> bool:
        """Whether the result is proven."""
        return not self.error and self.notes.certified

    @property
    def reason(self) -> str:
        """Why the result is not proven; empty if it is."""
        if self.error:
            return f"its code does not run on certified balls: {self.error}"
        if self.notes.casts:
            return f"a certified number is rounded to a float at {_places(self.notes.casts)}"
        if self.notes.comparisons:
            return (
                f"a comparison at {_places(self.notes.comparisons)} is not decided by the certified balls: "
                "the two numbers are equal, or too close to tell"
            )
        return ""


def _places(lines: Any) -> str:
    shown = [str(line) for line in list(lines)[:3]]
    more = len(lines) - len(shown)
    return ", ".join(shown) + (f" and {more} more lines" if more else "")


def run_lifted(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    precision: int,
    *,
    share: float = 0.0,
    traced: int = 0,
) -> LiftedRun:
    """Run a function of plain NumPy code on certified balls, unchanged.

    Args:
        function: the user's. What it caches of the run in its own objects is taken out of them again.
        arguments: what it is called with: arrays in nested structures. Floats and `flint.arb` are lifted,
            integers and booleans are handed over as writable copies.
        precision: bits of the midpoints.
        share: how far the numbers may be, relative to it, that a constant of the code stands for; see
            `gradproof.reference.numbers.elementary.near`.
        traced: so many numbers that it computes on the way are kept, with the lines that form them.

    >>> run = run_lifted(lambda params: {"w": params["w"] / 3}, ({"w": np.array([1.0])},), 128)
    >>> run.certified, run.result["w"][0].item().arb.str(20)
    (True, '[0.33333333333333333333 +/- 3.34e-21]')
    """
    notes = Lifting(share=share)
    trace = Trace(run_lifted.__code__, traced) if traced else None

    def given(leaf: Any) -> Any:
        lifted = _lifted(leaf)  # as exactly what it is: it is no constant
        if trace is not None and isinstance(lifted, np.ndarray):
            trace.give(lifted)
        return lifted

    lifted = map_leaves(given, arguments)
    with (
        Balls(precision).context(),
        no_collections(),
        lifted_code(function),
        noting(notes),
        tracing(trace),
        np.errstate(all="ignore"),
    ):
        try:
            result = function(*lifted)
        except GradproofError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises on balls is told
            return LiftedRun(None, notes, _described(error))
    return LiftedRun(result, notes, trace=trace)


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep Python from looking for circles of objects meanwhile, if it does that.

    It does so once in some hundred new objects, and a run makes some for each number, none of them in a
    circle: it would go through all that was ever imported again and again, half of the time. To be of use
    it must last until what the run gave has been taken out of its arrays.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _lifted(leaf: Any) -> Any:
    if not isinstance(leaf, np.ndarray) or isinstance(leaf, LiftedArray):
        return leaf
    if leaf.dtype.kind == "f" or (leaf.dtype == object and all(isinstance(each, arb) for each in leaf.flat)):
        return lift(np.array(leaf, dtype=np.float64 if leaf.dtype.kind == "f" else object))
    return leaf.copy()


def _described(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}{raised_at(error)}"
