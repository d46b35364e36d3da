"""An entry of the state that is kept in a shorter format than the run's, from which each step goes on."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.advance import advance
from gradproof.reference.numbers import Plain
from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.stepping import After
from gradproof.reference.tape import Tensor
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

Arrays: TypeAlias = Mapping[str, Any]
Kept: TypeAlias = Callable[[Arrays, Arrays, Arrays], Arrays]
"""Gives what is kept of an entry, of what it was, what it is exactly, and the factor of the first in that."""

SHORTER = ("float32", "float16", "bfloat16")
"""Formats that a state may be kept in by mistake, the finest first."""

ROUNDINGS = 4.0
"""So many unit roundoffs of the shorter format an entry may be off where it was computed in that."""


def wrong_formats(steps: TakenSteps) -> Iterator[Suspicion]:
    """An entry of the state is rounded to a shorter format, in which the step takes it.

    Where the state was recorded it is known, and all of it is in that format. Where it was not, an entry is
    taken to be rounded as it is kept, or to be computed from a rounded factor, too.
    """
    unit = FORMATS[steps.formats.finest].unit_roundoff
    for entry in steps.stepping.states:
        for dtype in (each for each in SHORTER if FORMATS[each].unit_roundoff > unit):
            words = f"{steps.name}'s with its {entry} kept in {dtype}"
            for kept in _kept(steps, entry, dtype):
                yield Suspicion(words, steps.stepped(make_step=_going_on_from(entry, kept)), 1.2)


def _kept(steps: TakenSteps, entry: str, dtype: str) -> Iterator[Kept]:
    """Give what may be kept of an entry."""

    def rounded(_: Arrays, exact: Arrays, __: Arrays) -> Arrays:
        return {name: _in_format(array, dtype) for name, array in exact.items()}

    def from_rounded_factor(before: Arrays, exact: Arrays, factors: Arrays) -> Arrays:
        short = {name: _in_format(array, dtype) for name, array in factors.items()}
        added = {name: (short[name] - factors[name]) * array for name, array in before.items()}
        return {name: _in_format(exact[name] + added[name], dtype) for name in before}

    if steps.stepping.carried:
        yield from (rounded, from_rounded_factor)
    elif _is_held(steps, entry, dtype):
        recorded = {name: steps.claimed[After(name, entry)] for name in steps.run.states[entry]}
        yield lambda _, exact, __: {name: _given(exact[name], recorded[name]) for name in exact}


def _is_held(steps: TakenSteps, entry: str, dtype: str) -> bool:
    """Tell whether all that was recorded of an entry is in a format, and no more off than that explains."""
    made = steps.after(Plain())
    for name, array in steps.run.states[entry].items():
        values = array.astype(np.float64)
        with np.errstate(all="ignore"):
            if not np.all(FORMATS[dtype].rounded(values) == values):
                return False
        exact = made[After(name, entry)].values()
        off = np.abs(steps.claimed[After(name, entry)].astype(np.float64) - exact)
        if not np.all(off <= ROUNDINGS * FORMATS[dtype].unit_roundoff * np.abs(exact)):
            return False
    return True


def _going_on_from(entry: str, kept: Kept) -> Callable[..., Any]:
    """Give a step that goes on from what is kept of an entry.

    The rule makes e into a e + c, and goes on from that. So it goes on from r if the entry before is taken to
    be e + (r - (a e + c)) / a, with a = (a (e + 1) + c) - (a e + c).
    """

    def step(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
        def made(before: Arrays) -> tuple[Any, Any]:
            return advance(training, xp, weights, gradients, {**state, entry: before}, at)

        own: Arrays = state[entry]
        exact = made(own)[1][entry]
        ahead = made({name: array + 1 for name, array in own.items()})[1][entry]
        factors = {name: ahead[name] - exact[name] for name in own}
        short = kept(own, exact, factors)
        before = {n: array + (short[n] - exact[n]) / factors[n] for n, array in own.items()}
        after, states = made(before)
        return after, {**states, entry: short}

    return step


def _given(like: Any, array: NDArray[Any]) -> Any:
    """Give numbers as they were recorded, in the kind of others; in floats, of the steps those nearest."""
    if not isinstance(like, Tensor):
        return array[np.argmin(np.abs(array - like).reshape(len(array), -1).sum(axis=1))]
    return _computed(like, like.value.kind.lift(array.astype(np.float64)))


def _in_format(array: Any, dtype: str) -> Any:
    """Round to nearest, in whatever kind of number; of a ball, the middle."""
    if not isinstance(array, Tensor):
        return FORMATS[dtype].rounded(np.asarray(array, dtype=np.float64)).astype(np.float64)
    data = array.value.data
    floats = midpoints(data) if data.dtype == object else data
    rounded = FORMATS[dtype].rounded(floats.astype(np.float64)).astype(np.float64)
    if data.dtype == object:
        rounded = np.vectorize(arb, otypes=[object])(rounded)
    return _computed(array, array.value.like(rounded))


def _computed(like: Tensor, numbers: Any) -> Tensor:
    return like.tape.computed(numbers)
