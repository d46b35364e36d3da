"""Operations that choose entries by computed integers, or bring them into an order."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.tape.operations.entry import Array, Operation, Trait

_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), section 2.3 (generalized gradient)"
_ADJOINT = "Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2 (adjoints)"


def _chosen(x: Array, places: Integers) -> Array:
    chosen = x.chosen(places.data)
    if not places.undecided.any():
        return chosen
    # where the place is not decided, the entry may be anything, and so is the hull with it
    return chosen.select(~places.is_undecided(), x.kind.constant(0).jump())


def _sent_back(g: Array, x: Array, places: Integers) -> Array:
    # y_k = sum over i of C_ki x_i, C_ki = 1 where place k is i:  dL/dx = C' g, for each row
    choice: Array = g.kind.constant(1).select(places.one_hot(x.shape[-1]), 0)
    return (g.expand_dims(-2) @ choice).squeeze([-2])


CHOOSE = Operation(
    name="choose",
    summary="Along the last axis, for each row its own entries, by computed places.",
    traits=Trait.LINEAR | Trait.MOVES_ENTRIES,
    forward=lambda x, *, places: _chosen(x, places),
    derivatives=(lambda g, y, x, *, places: _sent_back(g, x, places),),
    domain="where the places are decided",
    kinks="an undecided place: any entry",
    at_kink=lambda x, *, places: places.is_undecided(),
    source=_ADJOINT,
)


def _neighbours_tie(x: Array, axis: int) -> Mask:
    ordered = x.sort(axis)
    n = x.shape[axis]
    return ordered.part(axis, 1, n).equals(ordered.part(axis, 0, max(n - 1, 0)))


SORT = Operation(
    name="sort",
    summary="The entries along an axis in ascending order.",
    traits=Trait.SELECTS,
    forward=lambda x, *, axis: x.sort(axis),
    # y_k = x_p(k) for the permutation p that sorts:  dL/dx_p(k) = g_k
    derivatives=(lambda g, y, x, *, axis: x.put_back(g, axis),),
    kinks="tied entries: each has one of their derivatives, or a mean; by convention in the order of places",
    at_kink=lambda x, *, axis: _neighbours_tie(x, axis),
    source=_CLARKE,
)
