"""The steps of the gradient's code, and what their arrays are known by."""

from collections import defaultdict
from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.lifted import Ball, Operand, Trace
from gradproof.reference.source import Source
from gradproof.verdicts.causes.lines.landmarks import Floats, Key, exact_key, scaled_key
from gradproof.verdicts.causes.lines.statements import names_of, statement


class UnknownOriginError(Exception):
    """Where a number of a program came from is not known."""


class Program:
    """The steps of a program, with what their arrays are known by.

    Attributes:
        steps: in the order of the run.
        exact: by step, what its array is known by.
        scaled: by step, what it is known by up to a factor.
    """

    def __init__(self, trace: Trace) -> None:
        """Take what a run computed."""
        self.steps, self._names = trace.steps, trace.names
        arrays = [_numbers(step.array) for step in self.steps]
        self.exact, self.scaled = [*map(exact_key, arrays)], [*map(scaled_key, arrays)]
        masks = (number for number, step in enumerate(self.steps) if step.array.dtype != object)
        self._masks = {arrays[number].tobytes(): number for number in masks}
        self._keys: dict[int, tuple[Key | None, Key | None]] = {}

    def known(self, operand: Operand, *, exactly: bool) -> Key | None:
        """Give what an operand is known by: exactly, or up to a factor."""
        if id(operand) not in self._keys:
            numbers = _numbers(operand.array)
            self._keys[id(operand)] = exact_key(numbers), scaled_key(numbers)
        return self._keys[id(operand)][0 if exactly else 1]

    def makers(self, operand: Operand) -> frozenset[int]:
        """Give the steps that made an operand's entries.

        Raises:
            UnknownOriginError: it is an array that was neither given nor computed, and is no constant.
        """
        if operand.steps or operand.given:
            return operand.steps
        numbers = _numbers(operand.array)
        if operand.array.dtype != object and numbers.tobytes() in self._masks:
            return frozenset({self._masks[numbers.tobytes()]})  # a mask that numbers were made of
        if numbers.size and np.any(numbers != numbers.flat[0]):
            raise UnknownOriginError
        return frozenset()

    @cached_property
    def users(self) -> dict[int, set[int]]:
        """The steps that use what a step made."""
        found: dict[int, set[int]] = defaultdict(set)
        for number, step in enumerate(self.steps):
            for operand in step.operands:
                for maker in operand.steps:
                    found[maker].add(number)
        return found

    def operands(self, steps: Collection[int]) -> list[Operand]:
        """Give all that some steps were made of."""
        return [operand for number in steps for operand in self.steps[number].operands]

    def before(self, number: int) -> set[int]:
        """Give the steps that a step is made of, directly or not."""
        found, front = set[int](), [number]
        while front:
            new = {maker for each in self.steps[front.pop()].operands for maker in self.makers(each)} - found
            found |= new
            front += new
        return found

    def read_at(self, line: Source) -> list[object]:
        """Give the single numbers that a line reads by names, and None for each function of NumPy's.

        They were computed or chosen elsewhere.
        """
        here = line.file, statement(line)
        every = {call for step in self.steps for call in step.calls}
        calls = [call for call in every if (call[1].file, statement(call[1])) == here]
        found = [names.get(name) for names in map(self._names, calls) for name in names_of(line)]
        chosen = [None for each in found if callable(each) and getattr(each, "__module__", "") == "numpy"]
        numbers = [each for each in found if isinstance(each, int | float | np.number)]
        return [*(each for each in numbers if not isinstance(each, bool)), *chosen]


def _numbers(array: NDArray[Any]) -> Floats:
    """Give numbers, or the midpoints of balls; NaN for what is no real number."""
    if array.dtype.kind in "biuf":
        return np.asarray(array, dtype=np.float64)
    values = [entry.midpoint if isinstance(entry, Ball) else np.nan for entry in array.ravel().tolist()]
    return np.array(values, dtype=np.float64).reshape(array.shape)
