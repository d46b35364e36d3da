"""Mistakes in the functions of neural networks: terms of a Jacobian, another activation's derivative."""

from collections.abc import Callable, Iterator
from math import prod

from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import entrywise, neural, running_exponentials
from gradproof.verdicts.causes.graph import Array, Change, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import WHOLE, Mistake, factor_of, having, rule, wrong

# ------------------------------------------------------------------------ one activation for another


def _sigmoid_slope(x: Array) -> Array:
    s = neural.SIGMOID.forward(x)
    return s * (1 - s)


def _tanh_slope(x: Array) -> Array:
    return 1 - entrywise.TANH.forward(x) ** 2


@rule(having(Trait.ACTIVATION))
def of_another_activation(use: Use) -> Iterator[Mistake]:
    """Slopes that are taken for one another, from the operand x and the result y."""
    x, y = use.x, use.y
    slopes: dict[str, Change] = {
        "y (1 - y), as of sigmoid,": lambda g: g * (y * (1 - y)),
        "s (1 - s), s the sigmoid of x,": lambda g: g * _sigmoid_slope(x),
        "1 - y^2, as of tanh,": lambda g: g * (1 - y * y),
        "1 - y": lambda g: g * (1 - y),
        "1 - t^2, t the tanh of x,": lambda g: g * _tanh_slope(x),
        "the mask x > 0, as of relu,": lambda g: g * x.step(0),
        "sigmoid(x), as of softplus,": lambda g: g * neural.SIGMOID.forward(x),
        "y, the function itself,": lambda g: g * y,
    }
    if use.operation is neural.SIGMOID:
        # these are factors of its own derivative
        del slopes["1 - y"], slopes["sigmoid(x), as of softplus,"], slopes["y, the function itself,"]
        factors: dict[str, Change] = {
            "the factor 1 - y left out of the derivative y (1 - y) of $at (y is its result)": lambda g: g * y,
            "the factor y left out of the derivative y (1 - y) of $at (y is its result)": (
                lambda g: g * (1 - y)
            ),
        }
        yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, factors)
    own = factor_of(use) or "the derivative of $at"
    letters = " (x is its operand, y its result)"
    changes = {f"{what} in place of {own}{letters}": change for what, change in slopes.items()}
    yield from wrong(CauseKind.DERIVATIVE_OF_ANOTHER_FUNCTION, changes)


@rule(WHOLE)
def once_more(use: Use) -> Iterator[Mistake]:
    """The loss is a function of logits x, and its derivative holds the activation's, or of outputs x."""
    x, axes = use.x, (-1,)
    if use.node.operation is None or prod(x.shape) < 2:
        return

    def softmax(g: Array) -> Array:
        return neural.SOFTMAX.rule(0)(g, neural.SOFTMAX.forward(x, axes=axes), x, axes=axes)

    def diagonal(g: Array) -> Array:
        y = neural.SOFTMAX.forward(x, axes=axes)
        return g * y * (1 - y)

    changes: dict[str, Change] = {
        "derivative of sigmoid": lambda g: g * _sigmoid_slope(x),
        "derivative of tanh": lambda g: g * _tanh_slope(x),
        "derivative of relu": lambda g: g * x.step(0),
    }
    if x.shape[-1] > 1:
        changes |= {"derivative of softmax": softmax, "derivative of softmax (its diagonal)": diagonal}
    words = "the {} applied once more at $at, although the loss holds it"
    yield from wrong(CauseKind.EXTRA_DERIVATIVE, {words.format(name): changes[name] for name in changes})
    end = "from its output, applied once more to what reaches $at"
    from_output: dict[str, Change] = {
        f"y (1 - y), the derivative of sigmoid {end}": lambda g: g * (x * (1 - x)),
        f"1 - y^2, the derivative of tanh {end}": lambda g: g * (1 - x * x),
    }
    yield from wrong(CauseKind.EXTRA_DERIVATIVE, from_output)


# ------------------------------------------------------------------------ softmax and its logarithm


def _sum_over(use: Use) -> Callable[[Array], Array]:
    return lambda terms: terms.sum(use.arguments["axes"], keepdims=True)


def _over_other_axes(use: Use, change: Callable[[Array, tuple[int, ...]], Array]) -> Iterator[Mistake]:
    """The sum of a normalisation runs over all axes, or over the others."""
    everything = tuple(range(-use.x.ndim, 0))
    others = tuple(axis for axis in everything if axis not in use.arguments["axes"])
    for kind, which, axes in (
        (CauseKind.SUM_OVER_ALL_AXES, "all axes", everything),
        (CauseKind.SUM_OVER_ANOTHER_AXIS, "another axis", others),
    ):
        if others:
            words = f"the sum run over {which} in the derivative of $at"
            yield from wrong(kind, {words: lambda g, axes=axes: change(g, axes)})  # type: ignore[misc]


@rule({neural.SOFTMAX})
def softmax(use: Use) -> Iterator[Mistake]:
    """dy_i/dx_j = y_i (delta_ij - y_j):  dL/dx = y (g - sum g y)."""
    y, total = use.y, _sum_over(use)
    diagonal = "only the diagonal y (1 - y) of the Jacobian of $at"
    yield from wrong(CauseKind.JACOBIAN_DIAGONAL, {diagonal: lambda g: g * y * (1 - y)})
    incomplete: dict[str, Change] = {
        "only y, without the second term, as Jacobian of $at": lambda g: g * y,
        "the sum of g y replaced by the sum of g in the derivative of $at": lambda g: y * (g - total(g)),
        "the factor y left out of the second term of the derivative of $at": lambda g: y * g - total(g * y),
    }
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, incomplete)
    first = "the first factor y left out of the derivative of $at"
    yield from wrong(CauseKind.DERIVATIVE_LEFT_OUT, {first: lambda g: g - total(g * y)}, 1)
    sign = "the sign of the second term changed in the derivative of $at"
    yield from wrong(CauseKind.SIGN, {sign: lambda g: y * (g + total(g * y))}, 2)
    yield from _over_other_axes(use, lambda g, axes: y * (g - (g * y).sum(axes, keepdims=True)))


@rule({neural.LOG_SOFTMAX})
def log_softmax(use: Use) -> Iterator[Mistake]:
    """dy_i/dx_j = delta_ij - p_j, p = e^y:  dL/dx = g - p sum g."""
    p, total = use.y.function("exp"), _sum_over(use)
    incomplete: dict[str, Change] = {
        "the term of the normalisation left out of the derivative of $at": lambda g: g,
        "the sum of g taken as -1 in the derivative of $at": lambda g: g + p,
        "the sum of g left out of the derivative of $at": lambda g: g - p * g,
        "only the second term in the derivative of $at": lambda g: -(p * total(g)),
        "the probabilities left out of the second term of the derivative of $at": lambda g: g - total(g),
    }
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, incomplete)
    sign = "the sign of the second term changed in the derivative of $at"
    yield from wrong(CauseKind.SIGN, {sign: lambda g: g + p * total(g)}, 2)
    yield from _over_other_axes(use, lambda g, axes: g - p * g.sum(axes, keepdims=True))


@rule({neural.LOGSUMEXP})
def logsumexp(use: Use) -> Iterator[Mistake]:
    """dy/dx_i = e^x_i / sum e^x_j."""
    x, axes = use.x, use.arguments["axes"]
    changes: dict[str, Change] = {
        "the division by the sum left out of": lambda g: kept(g, x, axes) * x.function("exp"),
        "only the greatest entry in": lambda g: kept(g, x, axes) * x.shares(axes),
        "1 in place of the probabilities in": lambda g: kept(g, x, axes).broadcast_to(x.shape),
    }
    told = {f"{done} the derivative of $at": change for done, change in changes.items()}
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, told)


@rule({running_exponentials.LOGCUMSUMEXP})
def logcumsumexp(use: Use) -> Iterator[Mistake]:
    """dy_i/dx_j = e^(x_j - y_i) for i >= j."""
    diagonal = "only the diagonal e^(x - y) of the Jacobian of $at"
    change: Change = lambda g: g * (use.x - use.y).function("exp")  # noqa: E731 - as all changes are written
    yield from wrong(CauseKind.JACOBIAN_DIAGONAL, {diagonal: change})


# ------------------------------------------------------------------------ standardised entries


@rule({neural.STANDARDIZE})
def standardize(use: Use) -> Iterator[Mistake]:
    """dL/dx = (g - mean g - y mean(g y)) / s, s the root of the mean square deviation plus epsilon."""
    x, y, axes, epsilon = use.x, use.y, use.arguments["axes"], use.arguments["epsilon"]
    n = x.count(axes)
    deviations = x - x.sum(axes, keepdims=True) / n
    variance = (deviations**2).sum(axes, keepdims=True) / n
    s = (variance + epsilon).function("sqrt")

    def mean(terms: Array, over: tuple[int, ...] = axes) -> Array:
        return terms.sum(over, keepdims=True) / terms.count(over)

    constants: dict[str, Change] = {
        "mean and deviation taken for constants in the derivative of $at": lambda g: g / s,
        "the mean taken for a constant in the derivative of $at": lambda g: (g - y * mean(g * y)) / s,
        "the deviation taken for a constant in the derivative of $at": lambda g: (g - mean(g)) / s,
    }
    yield from wrong(CauseKind.STATISTICS_CONSTANT, constants, -2)
    incomplete: dict[str, Change] = {
        "the factor y left out of the last term of the derivative of $at": lambda g: (
            (g - mean(g) - mean(g * y)) / s
        ),
        "the mean of g in place of that of g y in the derivative of $at": lambda g: (
            (g - mean(g) - y * mean(g)) / s
        ),
        "the division of both sums by the number of entries left out of the derivative of $at": lambda g: (
            (g - n * mean(g) - y * (n * mean(g * y))) / s
        ),
    }
    if epsilon:
        bare = "epsilon left out of the deviation in the derivative of $at"
        incomplete[bare] = lambda g: use.pull(g) * s / variance.function("sqrt")
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, incomplete)
    divided: dict[str, Change] = {
        "the division by the deviation left out of the derivative of $at": lambda g: use.pull(g) * s,
        "the division by the variance in place of the deviation in the derivative of $at": lambda g: (
            use.pull(g) / s
        ),
    }
    yield from wrong(CauseKind.DERIVATIVE_LEFT_OUT, divided, 1)
    signs: dict[str, Change] = {
        "the sign of the mean of g changed in the derivative of $at": lambda g: (
            (g + mean(g) - y * mean(g * y)) / s
        ),
        "the sign of the last term changed in the derivative of $at": lambda g: (
            (g - mean(g) + y * mean(g * y)) / s
        ),
    }
    yield from wrong(CauseKind.SIGN, signs, 2)
    yield from _over_other_axes(use, lambda g, over: (g - mean(g, over) - y * mean(g * y, over)) / s)
    others = tuple(axis for axis in range(-x.ndim, 0) if axis not in axes and x.shape[axis] > 1)
    wider = {f"axis {axis + x.ndim} too": (*axes, axis) for axis in others} | (
        {"all axes": (*axes, *others)} if len(others) > 1 else {}
    )
    for which, over in wider.items():
        one: dict[str, Change] = {
            f"the mean of g taken over {which} in the derivative of $at": (
                lambda g, over=over: (g - mean(g, over) - y * mean(g * y)) / s  # type: ignore[misc]
            ),
            f"the mean of g y taken over {which} in the derivative of $at": (
                lambda g, over=over: (g - mean(g) - y * mean(g * y, over)) / s  # type: ignore[misc]
            ),
        }
        yield from wrong(CauseKind.SUM_OVER_ALL_AXES, one, 1)


# ------------------------------------------------------------------------ activations with two terms


@rule({neural.SILU})
def silu(use: Use) -> Iterator[Mistake]:
    """For y = x s, s the sigmoid:  y' = s + x s'."""
    x, s = use.x, neural.SIGMOID.forward(use.x)
    changes: dict[str, Change] = {
        "the term x s' left out of the derivative of $at": lambda g: g * s,
        "only the term x s' in the derivative of $at": lambda g: g * (x * s * (1 - s)),
        "only s' in the derivative of $at": lambda g: g * (s * (1 - s)),
        "the factor x left out of the term x s' in the derivative of $at": lambda g: g * (s + s * (1 - s)),
    }
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, changes)


@rule({neural.GELU, neural.GELU_TANH})
def gelu(use: Use) -> Iterator[Mistake]:
    """For y = x Phi(x):  y' = Phi + x phi, with Phi = y / x."""
    x, cdf = use.x, use.y / use.x

    def second(g: Array) -> Array:
        return use.pull(g) - g * cdf

    changes: dict[str, Change] = {
        "the term x phi(x) left out of": lambda g: g * cdf,
        "only the term x phi(x) in": second,
        "the factor x left out of the term x phi(x) in": lambda g: g * cdf + second(g) / x,
    }
    told = {f"{done} the derivative of $at": change for done, change in changes.items()}
    yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, told)
