"""Orders and places: what is computed of them are integers without a gradient, or the entries in order."""

from typing import Any, NoReturn

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Value, is_discrete, one_axis, rank_of
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations.choosing import SORT


class Searching(Functions):
    """The functions of the array API standard that search and sort.

    Where certified balls overlap, the places are not decided, and what is chosen by them may be anything;
    where rounding may decide them, noisy samples go each way.
    """

    def argmax(self, x: Value, /, *, axis: int | None = None, keepdims: bool = False) -> Value:
        """The place of the greatest entry along an axis, or among all; the first of several."""
        if is_discrete(x):
            return np.argmax(x, axis=axis, keepdims=keepdims)
        return self._place(self._tensor(x), axis, keepdims=keepdims)

    def argmin(self, x: Value, /, *, axis: int | None = None, keepdims: bool = False) -> Value:
        """The place of the least entry along an axis, or among all; the first of several."""
        if is_discrete(x):
            return np.argmin(x, axis=axis, keepdims=keepdims)
        return self._place(-self._tensor(x), axis, keepdims=keepdims)

    def _place(self, x: Tensor, axis: int | None, *, keepdims: bool) -> Integers:
        if not x.size:
            raise ValueError(f"there is no greatest or least entry in an array of shape {x.shape}")
        if axis is None:
            places = x.value.reshape((-1,)).argmax(-1)
            return places.gathered(np.zeros((1,) * x.ndim if keepdims else (), dtype=np.intp))
        place = one_axis(axis, x.ndim)
        places = x.value.argmax(place)
        if keepdims:
            return places
        rest = [n for at, n in enumerate(x.shape) if at != x.ndim + place]
        return places.gathered(np.arange(places.size).reshape(rest))

    def argsort(self, x: Value, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Value:
        """The places of the entries in ascending order; equal entries stay in the order of their places."""
        if is_discrete(x):
            # the negation of an unsigned integer, or of a boolean, is none
            keys = np.asarray(x).astype(np.int64)
            return np.argsort(-keys if descending else keys, axis=axis, stable=bool(stable))
        tensor = self._tensor(x)
        return (-tensor if descending else tensor).value.argsort(one_axis(axis, tensor.ndim))

    def sort(self, x: Value, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Value:
        """The entries in ascending order."""
        if is_discrete(x):
            ascending = np.sort(x, axis=axis, stable=bool(stable))
            return np.flip(ascending, axis) if descending else ascending
        tensor = self._tensor(x)
        place = one_axis(axis, tensor.ndim)
        if descending:
            return -self._apply(SORT, -tensor, axis=place)
        return self._apply(SORT, tensor, axis=place)

    def searchsorted(
        self, x1: Value, x2: Value, /, *, side: Any = "left", sorter: Value | None = None
    ) -> Value:
        """Before which of ascending numbers each of others is to be put to keep the order."""
        if is_discrete(x1, x2):
            return np.searchsorted(x1, x2, side=side, sorter=sorter)
        if rank_of(x1) != 1 or side not in {"left", "right"}:
            raise ValueError('the first array must be a vector, and the side "left" or "right"')
        ordered = self._tensor(x1)
        if sorter is not None:
            ordered = ordered[sorter]
        others = self._tensor(x2)[..., np.newaxis]
        before: Mask = ordered < others if side == "left" else ordered <= others
        return Integers.counted(before, (-1,))

    # ---------------------------------------------------------------- sets

    def unique_all(self, x: Value, /) -> Value:
        """The different integers, where each is first, which one each entry is, and how often each occurs."""
        return np.unique_all(x) if is_discrete(x) else self._no_set()

    def unique_counts(self, x: Value, /) -> Value:
        """The different integers, and how often each occurs."""
        return np.unique_counts(x) if is_discrete(x) else self._no_set()

    def unique_inverse(self, x: Value, /) -> Value:
        """The different integers, and which one each entry is."""
        return np.unique_inverse(x) if is_discrete(x) else self._no_set()

    def unique_values(self, x: Value, /) -> Value:
        """The different integers."""
        return np.unique_values(x) if is_discrete(x) else self._no_set()

    def _no_set(self) -> NoReturn:
        raise UnsupportedError(
            f"The loss asks at {caller()} which computed numbers are different, so that the result's shape "
            "would depend on their values. Use the integers of the batch."
        )
