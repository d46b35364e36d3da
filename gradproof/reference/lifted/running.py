"""Running plain NumPy code on certified balls."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import GradproofError
from gradproof.reference.lifted.array import LiftedArray, base, lift
from gradproof.reference.lifted.modules import lifted_modules
from gradproof.reference.lifted.notes import Lifting, noting
from gradproof.reference.numbers import Balls
from gradproof.reference.tape import Source

Array = NDArray[Any]


@dataclass(frozen=True)
class LiftedRun:
    """What a function gave on balls.

    Attributes:
        result: what it returned; None if it raised.
        notes: what could not be certified.
        error: why it did not run to the end, with the line of its code; empty if it did.
    """

    result: Any
    notes: Lifting
    error: str = ""

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
    function: Callable[..., Any], arguments: tuple[Any, ...], precision: int, *, widened: bool = False
) -> LiftedRun:
    """Run a function of plain NumPy code on lifted arrays, unchanged.

    Args:
        function: the user's.
        arguments: what it is called with; lifted arrays in nested structures.
        precision: bits of the midpoints.
        widened: whether constants that are no short binary fractions stand for all numbers near them.
    """
    notes = Lifting(widened=widened)
    with Balls(precision).context(), noting(notes), lifted_modules(function), np.errstate(all="ignore"):
        try:
            result = function(*arguments)
        except GradproofError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises on balls is told
            return LiftedRun(None, notes, _described(error))
    return LiftedRun(result, notes)


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    users = [
        frame for frame in frames if "gradproof/reference/lifted" not in frame.filename.replace("\\", "/")
    ]
    users = [frame for frame in users if "/numpy/" not in frame.filename.replace("\\", "/")]
    text = str(error).partition("\n")[0]
    where = f" at {Source(users[-1].filename, users[-1].lineno or 0)}" if users else ""
    return f"{type(error).__name__}: {text}{where}"


def lifted_inputs(arrays: dict[str, Array]) -> dict[str, Any]:
    """Lift the floating-point arrays; integers and booleans stay what they are, writable copies all."""
    return {
        name: lift(np.array(array, dtype=np.float64)) if array.dtype.kind == "f" else array.copy()
        for name, array in arrays.items()
    }


__all__ = ["LiftedArray", "LiftedRun", "base", "lifted_inputs", "run_lifted"]
