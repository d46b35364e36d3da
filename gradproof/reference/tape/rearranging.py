"""Functions that repeat entries, move them along an axis, or take differences of neighbours."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.tape.arguments import Value, integers_of, is_discrete, one_axis, rank_of, shape_of
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.operations.moving import CONCAT, GATHER


class Rearranging(Functions):
    """The functions of the array API standard that take entries by the places which NumPy's own take."""

    def _rearranged(self, x: Value, rearrange: Callable[[NDArray[Any]], NDArray[Any]]) -> Value:
        """What a function of NumPy's makes of an array: of its places, which a gather then takes."""
        if is_discrete(x):
            return rearrange(np.asarray(x))
        kept = x if isinstance(x, Mask | Integers) else self._tensor(x)
        shape = shape_of(kept)
        positions = rearrange(np.arange(np.prod(shape, dtype=np.intp)).reshape(shape))
        if isinstance(kept, Mask | Integers):
            return kept.gathered(positions)
        return self._apply(GATHER, kept, positions=positions)

    def repeat(self, x: Value, repeats: Value, /, *, axis: int | None = None) -> Value:
        """Each entry several times, one after the other."""
        times = integers_of(repeats)
        return self._rearranged(x, lambda places: np.repeat(places, times, axis=axis))

    def roll(self, x: Value, /, shift: Any, *, axis: Any = None) -> Value:
        """The entries moved along axes, those at the end to the beginning."""
        return self._rearranged(x, lambda places: np.roll(places, shift, axis=axis))

    def tile(self, x: Value, repetitions: tuple[int, ...], /) -> Value:
        """The whole array several times along each axis."""
        return self._rearranged(x, lambda places: np.tile(places, repetitions))

    def unstack(self, x: Value, /, *, axis: int = 0) -> tuple[Value, ...]:
        """The arrays along an axis."""
        place = one_axis(axis, rank_of(x))
        return tuple(
            self._rearranged(x, partial(np.take, indices=i, axis=place)) for i in range(shape_of(x)[place])
        )

    def meshgrid(self, *arrays: Value, indexing: Literal["xy", "ij"] = "xy") -> list[Value]:
        """The coordinates of a grid, from those along each of its axes."""
        if any(rank_of(array) > 1 for array in arrays):
            raise ValueError("each array must be a vector")
        places = np.meshgrid(
            *(np.arange(shape_of(a)[0] if rank_of(a) else 1) for a in arrays), indexing=indexing
        )
        return [
            self._rearranged(array, partial(np.take, indices=chosen))
            for array, chosen in zip(arrays, places, strict=True)
        ]

    def diff(
        self,
        x: Value,
        /,
        *,
        axis: int = -1,
        n: int = 1,
        prepend: Value | None = None,
        append: Value | None = None,
    ) -> Value:
        """The differences of neighbours along an axis, n times over."""
        parts = [part for part in (prepend, x, append) if part is not None]
        if is_discrete(*parts):
            return np.diff(x, n=n, axis=axis, **_given(prepend=prepend, append=append))
        place = one_axis(axis, rank_of(x))
        joined = parts[0] if len(parts) == 1 else self._apply(CONCAT, *parts, axis=place)
        result = self._tensor(joined)
        for _ in range(n):
            behind = np.arange(1, result.shape[place])
            later = self._rearranged(result, partial(np.take, indices=behind, axis=place))
            result = later - self._rearranged(result, partial(np.take, indices=behind - 1, axis=place))
        return result


def _given(**options: Value | None) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
