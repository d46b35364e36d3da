"""Interpolation: images and signals at another size."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gradproof.reference.compositions.composition import Array, Composition


class Interpolations(Composition):
    """Interpolation along the last axes."""

    def interpolate(
        self,
        x: Array,
        /,
        *,
        size: Sequence[int],
        mode: Literal["nearest", "nearest-exact", "linear"] = "nearest",
        align_corners: bool = False,
    ) -> Array:
        """The entries at evenly spaced places along the last axes.

        Entry i of m along an axis of n is taken at the place (i + 1/2) n/m - 1/2; at i (n - 1)/(m - 1) where
        the corners are aligned; and "nearest" takes the entry floor(i n/m).

        Args:
            x: An array.
            size: How many entries there are to be along each of the last axes.
            mode: "nearest", "nearest-exact" (the entry nearest to the place), or "linear" between its
                neighbours along each axis (bilinear, trilinear).
            align_corners: Whether first and last entries stay where they are; of "linear" alone.

        Raises:
            ValueError: the mode is unknown, or there are more lengths than axes.
        """
        if mode not in {"nearest", "nearest-exact", "linear"}:
            raise ValueError(f'mode={mode!r} is not "nearest", "nearest-exact" or "linear"')
        if len(size) > x.ndim:
            raise ValueError(f"{len(size)} lengths are given for an array with {x.ndim} axes")
        for axis, m in zip(range(-len(size), 0), size, strict=True):
            n = x.shape[axis]
            if mode == "linear":
                x = self._between(x, axis, m, align_corners=align_corners)
            else:
                i = np.arange(m)
                places = i * n // m if mode == "nearest" else (2 * i + 1) * n // (2 * m)
                x = self._xp.take(x, self._indices(np.minimum(places, n - 1), x), axis=axis)
        return x

    def _between(self, x: Array, axis: int, m: int, *, align_corners: bool) -> Array:
        """Linearly interpolated along an axis.

        A place is a fraction p/q of whole numbers, which floats round; its distance from the entry before it
        inherits that rounding.
        """
        xp, n, i = self._xp, x.shape[axis], np.arange(m)
        if align_corners:
            p, q = i * (n - 1), max(m - 1, 1)
        else:
            # behind the ends, they themselves
            p, q = np.clip((2 * i + 1) * n - m, 0, None), 2 * m
        before = np.minimum(p // q, n - 1)
        behind = np.minimum(before + 1, n - 1)
        ends = (-1, *(1,) * (-axis - 1))
        place = self._constant(p.astype(np.float64).reshape(ends), x) / q
        share = place - self._constant(before.astype(np.float64).reshape(ends), x)
        first, second = (xp.take(x, self._indices(each, x), axis=axis) for each in (before, behind))
        return first * (1 - share) + second * share
