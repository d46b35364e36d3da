"""The special functions that frameworks and scipy have, and the array API standard does not."""

from typing import Any

import numpy as np

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.compositions.special_compositions import SpecialCompositions
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Value
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.node import Recorder, Tensor
from gradproof.reference.tape.operations import IN_NAMESPACE, special


class SpecialFunctions(
    Functions, SpecialCompositions, prefix="xp.special.", operations=IN_NAMESPACE["special"]
):
    """The namespace `xp.special`, with the names and the order of operands of scipy.special."""

    def __init__(self, tape: Recorder, xp: Any) -> None:
        """Bind all functions to the tape that they record on, and to `xp`."""
        super().__init__(tape)
        self._xp = xp

    def polygamma(self, n: int, x: Value, /) -> Tensor:
        """The derivative of order n of the digamma function.

        Raises:
            InputError: n is no whole number, or negative.
        """
        order = np.asarray(n)
        if order.dtype.kind not in "iu" or np.any(order < 0):
            raise InputError(f"polygamma at {caller()} has the order {n}. Pass a whole number, 0 or more.")
        return self._apply(special.POLYGAMMA, x, n=n)

    def zeta(self, s: Value, q: Value, /) -> Tensor:
        """Hurwitz's zeta function, the sum of (k + q)^-s over k = 0, 1, ...

        Raises:
            UnsupportedError: s depends on a parameter.
        """
        return self._apply(special.ZETA, q, s=self._fixed(s, "zeta"))

    def gammainc(self, a: Value, x: Value, /) -> Tensor:
        """The lower incomplete gamma function, over Gamma(a).

        Raises:
            UnsupportedError: a depends on a parameter.
        """
        return self._apply(special.GAMMAINC, x, a=self._fixed(a, "gammainc"))

    def gammaincc(self, a: Value, x: Value, /) -> Tensor:
        """The upper incomplete gamma function, over Gamma(a).

        Raises:
            UnsupportedError: a depends on a parameter.
        """
        return self._apply(special.GAMMAINCC, x, a=self._fixed(a, "gammaincc"))

    def _fixed(self, value: Value, name: str) -> Any:
        """An operand by which there is no derivative."""
        if not isinstance(value, Tensor):
            return value
        if value.index is not None:
            raise UnsupportedError(
                f"The first operand of {name} at {caller()} depends on a parameter, and the tape has no "
                "derivative by it. Keep it constant, or take it from the batch."
            )
        return value.value
