"""What code computes on the way: every array of balls, what it was made of, and the lines that formed it.

A run notes it only where it is asked to. A ball is an object that moves from array to array as it is, so that
whatever slices, transposes or joins arrays, each of their entries still tells which step computed it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.lifted.ball import Ball
from gradproof.reference.source import Source, callers

Array = NDArray[Any]

Call: TypeAlias = tuple[int, Source]
"""A call of a function of the user's that is being run: a number of its own, and the line that it is at."""


@dataclass(frozen=True, eq=False)
class Operand:
    """An array that a step was given.

    Attributes:
        array: its balls, or plain numbers.
        steps: those that computed its entries; without entries that are inputs or constants.
        given: whether all entries without a step are inputs.
        taken: the step that took it out of another array, where that is known.
    """

    array: Array
    steps: frozenset[int]
    given: bool
    taken: int | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """An array that a call of NumPy gave, or that entries were set in.

    Attributes:
        calls: the functions that were being run, the outermost first.
        array: its balls, or plain numbers such as a mask.
        operands: what it was made of; without plain numbers.
        takes: whether it only took entries out of another array.
    """

    calls: tuple[Call, ...]
    array: Array
    operands: tuple[Operand, ...]
    takes: bool = False


@dataclass(eq=False)
class Trace:
    """What a run computed, step by step.

    Attributes:
        code: the code that calls the user's function: lines outside of it are not looked at.
        most: no more numbers than these are noted.
        steps: in the order of the run.
        complete: whether everything was noted.
    """

    code: CodeType
    most: int
    steps: list[Step] = field(default_factory=list)
    complete: bool = True
    _numbers: int = 0
    _makers: dict[int, int] = field(default_factory=dict)
    _inputs: set[int] = field(default_factory=set)
    _arrays: dict[int, int] = field(default_factory=dict)
    _frames: dict[int, FrameType] = field(default_factory=dict)
    _calls_of_frames: dict[int, int] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    def give(self, array: Array) -> None:
        """Take note of an input."""
        balls = _base(array).dtype == object
        self._kept.append(array)
        self._inputs.update(map(id, _base(array).ravel().tolist() if balls else [array]))

    def operand(self, array: Array) -> Operand:
        """Tell of an array, as it is now, which steps its entries come from."""
        kept, taken = _base(array).copy(), self._arrays.get(id(array))
        self._count(kept)
        if kept.dtype != object:
            return Operand(kept, frozenset(() if taken is None else (taken,)), id(array) in self._inputs)
        entries = [id(entry) for entry in kept.ravel().tolist()]
        steps = {self._makers[entry] for entry in entries if entry in self._makers}
        given = all(entry in self._makers or entry in self._inputs for entry in entries)
        return Operand(kept, frozenset(steps), given, taken)

    def add(
        self, array: Array, operands: Sequence[Operand], *, takes: bool = False, makes: bool = True
    ) -> None:
        """Take note of a step: of what it makes, balls that no earlier step has made are its own."""
        number, kept = len(self.steps), _base(array).copy()
        self._kept.append(array)
        self._count(kept)
        if takes or kept.dtype != object:
            self._arrays[id(array)] = number
        elif makes:
            for entry in kept.ravel().tolist():
                if id(entry) not in self._inputs:
                    self._makers.setdefault(id(entry), number)
        self.steps.append(Step(self._calls(), kept, tuple(operands), takes))

    def names(self, call: Call) -> dict[str, Any]:
        """Give the names that a call's function saw at last, with what they stood for."""
        frame = self._frames[call[0]]
        return {**frame.f_globals, **frame.f_locals}

    def _count(self, array: Array) -> None:
        self._kept.append(array)  # so that no other ball gets the identity of one of its own
        self._numbers += array.size
        self.complete = self.complete and self._numbers <= self.most

    def _calls(self) -> tuple[Call, ...]:
        return tuple((self._number_of(frame), source) for frame, source in callers(self.code))

    def _number_of(self, frame: FrameType) -> int:
        number = self._calls_of_frames.setdefault(id(frame), len(self._frames))
        self._frames[number] = frame
        return number


_CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def tracing(trace: Trace | None) -> Iterator[None]:
    """Take note of what happens in the block, if asked to."""
    token = _CURRENT.set(trace)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def noted(function: Callable[[], Any], given: Any, changed: Any = None, *, makes: bool = True) -> Any:
    """Compute an array, and take note of it where that is asked for.

    Args:
        function: what computes it.
        given: what it is made of: arrays, and tuples, lists and mappings of them.
        changed: the array that it is put into, where the function gives none.
        makes: whether it computes what it puts there.
    """
    trace = _CURRENT.get()
    if trace is None or not trace.complete:
        return function()
    operands = [trace.operand(array) for array in _arrays_in(given)]
    result = function()
    for array in _arrays_in(result if changed is None else changed):
        if array.size and (_base(array).dtype != object or _holds_balls(array)):
            trace.add(array, operands, makes=makes)
    return result


def noted_taking(result: Any, array: Any) -> Any:
    """Take note that an array was taken out of another one, where that is asked for."""
    trace = _CURRENT.get()
    if trace is not None and trace.complete and isinstance(result, np.ndarray) and _holds_balls(result):
        trace.add(result, [trace.operand(array)], takes=True)
    return result


def _base(array: Any) -> Array:
    return array.view(np.ndarray)  # type: ignore[no-any-return] # a lifted array is an ndarray


def _holds_balls(array: Array) -> bool:
    base = _base(array)
    return base.dtype == object and base.size > 0 and type(base.flat[0]) is Ball


def _arrays_in(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _arrays_in(part)
    elif isinstance(value, dict):
        yield from _arrays_in([*value.values()])
