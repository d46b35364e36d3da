"""The running logarithm of sums of exponentials along an axis."""

from itertools import accumulate

from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, along


def _parts(x: Array, axis: int) -> list[Array]:
    return [x.part(axis, i, i + 1) for i in range(x.shape[axis])]


def _joined(parts: list[Array], axis: int) -> Array:
    return parts[0].concatenated(parts[1:], axis)


def _logcumsumexp(x: Array, *, axes: tuple[int, ...]) -> Array:
    # y_i = log(e^y_(i-1) + e^x_i), in which nothing overflows
    (axis,) = axes
    if not x.shape[axis]:
        return x
    return _joined([*accumulate(_parts(x, axis), lambda y, x: y.function("logaddexp", x))], axis)


def _logcumsumexp_derivative(g: Array, y: Array, x: Array, *, axes: tuple[int, ...]) -> Array:
    # dy_i/dx_j = e^(x_j - y_i) for i >= j:  dL/dx_j = e^(x_j - y_j) s_j with s_j = sum over i >= j of
    # g_i e^(y_j - y_i) = g_j + e^(y_j - y_(j+1)) s_(j+1), whose exponents are not positive
    (axis,) = axes
    if not x.shape[axis]:
        return g
    gs, ys = _parts(g, axis), _parts(y, axis)
    sums = [gs[-1]]
    for j in range(len(gs) - 2, -1, -1):
        sums.append(gs[j] + (ys[j] - ys[j + 1]).function("exp") * sums[-1])
    return (x - y).function("exp") * _joined(sums[::-1], axis)


def _accurate_logcumsumexp_derivative(g: Array, _: Array, x: Array, *, axes: tuple[int, ...]) -> Array:
    return _logcumsumexp_derivative(g, _logcumsumexp(x, axes=axes), x, axes=axes)


LOGCUMSUMEXP = Operation(
    name="logcumsumexp",
    summary="The logarithms of the running sums of exponentials along an axis.",
    traits=Trait.READS_RESULT,
    signature=along,
    forward=_logcumsumexp,
    derivatives=(_logcumsumexp_derivative,),
    source="Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5 (log-sum-exp)",
    accurate=Accurate(
        derivatives=(_accurate_logcumsumexp_derivative,),
        loses="exp(x - y), whose y is rounded",
        keeps="y with all its digits",
        source="Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5 (log-sum-exp)",
    ),
)
