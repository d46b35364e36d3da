"""The arithmetic on payloads: that of floats, which a kind of its own replaces by its own."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.elementary import EVERY
from gradproof.reference.numbers.mask import decided
from gradproof.reference.numbers.matrix_functions import of_floats
from gradproof.reference.numbers.payload import Entries, Payload

KindType = TypeVar("KindType")


class FloatPayloads(Entries[KindType]):
    """Entries with what their numbers compute, payload by payload, without a kind or a format."""

    __slots__ = ()

    def _order(self, x: Payload) -> NDArray[np.intp]:
        return np.argsort(x, axis=-1, kind="stable")

    def _sorted(self, x: Payload) -> Payload:
        return np.take_along_axis(x, self._order(x), axis=-1)

    def _put_back(self, x: Payload, g: Payload) -> Payload:
        order = self._order(x)
        shape = np.broadcast_shapes(order.shape, g.shape)
        result = np.zeros(shape)
        np.put_along_axis(result, np.broadcast_to(order, shape), np.broadcast_to(g, shape), axis=-1)
        return result

    def _argsort(self, x: Payload) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        order = self._order(x)
        return order, np.zeros(order.shape, dtype=bool)

    def _computed(self, compute: Callable[[Any, Any], Any], x: Payload, y: Payload) -> Payload:
        """By entry: +, -, *, /, ** as functions of the module `operator`."""
        result: Payload = compute(x, y)
        return result

    def _compared(self, compare: Callable[[Any, Any], Any], x: Payload, y: Payload) -> NDArray[np.int8]:
        """By entry: <, <=, == as functions of the module `operator`."""
        return decided(compare(x, y))

    def _integer_power(self, x: Payload, exponent: int) -> Payload:
        return x**exponent

    def _function(self, name: str, *operands: Payload) -> Payload:
        function = EVERY[name].floats
        if function is None:
            raise NotImplementedError(f"{name} has no form for float64 in the table of elementary functions")
        return function(*operands)

    def _sum(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        total: Payload = np.add.reduce(x, axis=axes)
        return total

    def _cumulative_sum(self, x: Payload, axis: int) -> Payload:
        return np.cumsum(x, axis=axis)

    def _matmul(self, x: Payload, y: Payload) -> Payload:
        product: Payload = np.matmul(x, y)
        return product

    def _matrix_function(self, name: str, *operands: Payload) -> Payload:
        return of_floats(name, *operands)

    def _maximum(self, x: Payload, y: Payload) -> Payload:
        return np.maximum(x, y)

    def _max(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest: Payload = np.max(x, axis=axes)
        return greatest

    def _select(self, mask: Payload, x: Payload, y: Payload) -> Payload:
        return np.where(mask > 0, x, y)

    def _step(self, x: Payload, at_zero: float) -> Payload:
        # np.heaviside hands on NaN, so that a NaN never looks like a decided branch.
        return np.heaviside(x, at_zero)

    def _jump(self, x: Payload) -> Payload:
        return np.zeros_like(x)

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest = np.equal(x, np.max(x, axis=axes, keepdims=True))
        shares: Payload = greatest / np.sum(greatest, axis=axes, keepdims=True)
        return shares
