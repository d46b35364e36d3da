"""Roots of sums of squares, taken for the norms that they are.

sqrt(x1^2 + ... + xn^2) has a kink where all x are 0, as |x| has: every vector of length 1 or less is a
subgradient. Operation by operation it is the root's derivative, 1/0, times 2 · 0. So where a loss has no
gradient operation by operation, it is run once more with such a root taken whole.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from gradproof.reference.tape import Loss, Operation, Tensor, Trait
from gradproof.reference.tape.operations import along_axes, circular, entrywise, matrix_products, moving

Arguments: TypeAlias = Mapping[str, Any]


def with_norms(loss: Loss) -> Loss:
    """Make the loss in which each root of a sum of squares is computed as a norm.

    The values are the same. The norm's derivative is an interval in balls, and 0 by convention elsewhere.

    >>> import numpy as np
    >>> from gradproof.reference.numbers import Balls
    >>> from gradproof.reference.tape import differentiate
    >>> loss = with_norms(lambda xp, p, b: xp.sqrt(xp.sum(p["w"] ** 2)))
    >>> print(differentiate(loss, {"w": np.zeros(2)}, {}, Balls(64)).gradients["w"].balls()[0, 0])
    [+/- 1.01]
    """

    def changed(xp: Any, params: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Any:
        tape = next(iter(params.values())).tape
        apply = tape.apply

        def applied(operation: Operation, *operands: Any, **arguments: Any) -> Tensor:
            norm = None
            if _is_root(operation, operands) and isinstance(operands[0], Tensor):
                norm = _Roots(apply).of(operands[0])
            return apply(operation, *operands, **arguments) if norm is None else norm

        tape.apply = applied  # type: ignore[method-assign] # this one run's tape alone
        return loss(xp, params, batch)

    return changed


def _is_root(operation: Operation, operands: tuple[Any, ...]) -> bool:
    return operation is entrywise.SQRT or (operation is entrywise.POW and _constant(operands[1]) == 0.5)


def _constant(value: Any) -> float | None:
    """Give a constant's number, if it is a single one; None for anything else."""
    if isinstance(value, Tensor):
        if value.index is not None or value.value.data.size != 1:
            return None
        value = float(value.value.data.item())
    return float(value) if isinstance(value, int | float) else None


class _Roots:
    """Computes sqrt(t) from what t is computed from, of squares alone."""

    def __init__(self, apply: Callable[..., Tensor]) -> None:
        self._apply = apply

    def of(self, t: Tensor) -> Tensor | None:
        """Give sqrt(t); None where t is not made of squares."""
        operation, arguments = t.operation, t.arguments
        if t.index is None or operation is None:
            is_constant = t.index is None and bool(np.all((t.value >= 0).true))
            return self._apply(entrywise.SQRT, t) if is_constant else None
        base, found = _base(t), None
        if base is not None:
            found = self._apply(entrywise.ABS, base)  # sqrt(x^2) = |x|
        elif operation in {along_axes.SUM, along_axes.MEAN}:
            found = self._norm(t.parents[0], operation, arguments)
        elif operation is along_axes.VAR:
            found = self._apply(along_axes.STD, t.parents[0], **arguments)
        elif _is_squared_length(t):
            axes = (arguments.get("axis", -1),)
            found = self._apply(along_axes.VECTOR_NORM, t.parents[0], axes=axes, keepdims=False)
        elif operation is entrywise.ADD:
            found = self._norm_of_terms(_terms(t))
        elif operation in _PRODUCTS or Trait.MOVES_ENTRIES in operation.traits:
            found = self._of_parts(t, operation, arguments)
        return found

    def _norm(self, squares: Tensor, operation: Operation, arguments: Arguments) -> Tensor | None:
        """Give sqrt(sum r^2) = |r|, and sqrt(sum r^2 / n) = |r| / sqrt(n)."""
        if (r := _inside(squares, self)) is None:
            return None
        norm = self._apply(along_axes.VECTOR_NORM, r, **arguments)
        count = squares.value.count(arguments["axes"])
        return norm if operation is along_axes.SUM else norm / self._apply(entrywise.SQRT, count)

    def _norm_of_terms(self, squares: Sequence[Tensor]) -> Tensor | None:
        """Give sqrt(r^2 + s^2 + ...), the norm of (r, s, ...)."""
        roots = [root for square in squares if (root := _inside(square, self)) is not None]
        if len(roots) < len(squares):
            return None
        if len({root.shape for root in roots}) > 1:
            return reduce(lambda r, s: self._apply(circular.HYPOT, r, s), roots)
        rows = [self._apply(moving.EXPAND_DIMS, root, axis=-1) for root in roots]
        joined = self._apply(moving.CONCAT, *rows, axis=-1)
        return self._apply(along_axes.VECTOR_NORM, joined, axes=(-1,), keepdims=False)

    def _of_parts(self, t: Tensor, operation: Operation, arguments: Arguments) -> Tensor | None:
        """Give sqrt(r^2 s^2) = |r| |s| and sqrt(r^2 / s^2) = |r| / |s|; entries are moved before or after."""
        roots = [self.of(part) for part in t.parents]
        known = [root for root in roots if root is not None]
        return self._apply(operation, *known, **arguments) if len(known) == len(roots) else None


_PRODUCTS = frozenset({entrywise.MULTIPLY, entrywise.DIVIDE})


def _terms(t: Tensor) -> list[Tensor]:
    """Give the terms of a sum, however it is put together."""
    if t.operation is not entrywise.ADD:
        return [t]
    return [term for part in t.parents for term in _terms(part)]


def _is_squared_length(t: Tensor) -> bool:
    """Tell whether t is <x, x> of one vector, or of each."""
    if t.operation is matrix_products.VECDOT:
        return _are_the_same(t.parents)
    is_product = t.operation is matrix_products.MATMUL and t.parents[0].ndim == 1
    return is_product and _are_the_same(t.parents)


def _base(t: Tensor) -> Tensor | None:
    """Give x where t is x^2."""
    is_product = t.operation is entrywise.MULTIPLY and _are_the_same(t.parents)
    is_power = t.operation is entrywise.INTEGER_POWER and t.arguments["exponent"] == 2
    return t.parents[0] if is_product or is_power or t.operation is entrywise.SQUARE else None


def _are_the_same(parents: Sequence[Tensor], seen: set[tuple[int, int]] | None = None) -> bool:
    """Tell whether two values are one, or are computed alike from the same, as `w[0] * w[0]` has it."""
    (one, other), seen = parents, set() if seen is None else seen
    if one is other or (id(one), id(other)) in seen:
        return True
    alike = one.operation is other.operation is not None and len(one.parents) == len(other.parents)
    if not alike or one.arguments.keys() != other.arguments.keys():
        return False
    if not all(np.array_equal(value, other.arguments[name]) for name, value in one.arguments.items()):
        return False
    seen.add((id(one), id(other)))  # what is found to differ ends all of it
    return all(_are_the_same(pair, seen) for pair in zip(one.parents, other.parents, strict=True))


def _inside(t: Tensor, roots: _Roots) -> Tensor | None:
    """Give a number whose square t is, of whichever sign: of a norm, it does not matter."""
    base = _base(t)
    return roots.of(t) if base is None else base
