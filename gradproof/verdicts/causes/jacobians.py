"""Mutants of derivatives that have terms of their own: softmax, gelu, silu, powers, cumulative sums."""

from collections.abc import Callable, Iterator

from gradproof.reference.tape import Edge
from gradproof.reference.tape.operations.along_axes import kept
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Graph, Node
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.wording import operation_at

_Rules = dict[str, tuple[str, Callable[[Array], Array]]]
"""By what is done to the derivative: the kind, and the rule."""


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give the incomplete derivatives of an operation that has more than one term."""
    node = graph.nodes[edge.node]
    if node.name not in _RULES or (node.name == "divide" and edge.position == 0):
        return
    for done, (kind, change) in _RULES[node.name](node).items():
        cost = costs.JACOBIAN if kind == "jacobian-diagonal" else costs.INCOMPLETE
        yield Alternate(done, kind, f"{done} of {operation_at(node)}", cost, change)


def _softmax(node: Node) -> _Rules:
    y, axes, x = node.value, node.arguments["axes"], node.operands[0].value
    others = tuple(axis for axis in range(-x.ndim, 0) if axis not in axes)
    everything = tuple(range(-x.ndim, 0))
    rules: _Rules = {
        # dy_i/dx_j = y_i (delta_ij - y_j)
        "only the diagonal y (1 - y) of the Jacobian": ("jacobian-diagonal", lambda g: g * y * (1 - y)),
        "only y, without the second term, as Jacobian": ("derivative-incomplete", lambda g: g * y),
        "the sum of g y replaced by the sum of g in the derivative": (
            "derivative-incomplete",
            lambda g: y * (g - g.sum(axes, keepdims=True)),
        ),
        "the factor y left out of the second term of the derivative": (
            "derivative-incomplete",
            lambda g: y * g - (g * y).sum(axes, keepdims=True),
        ),
        "the first factor y left out of the derivative": (
            "derivative-left-out",
            lambda g: g - (g * y).sum(axes, keepdims=True),
        ),
        "the sign of the second term changed in the derivative": (
            "sign",
            lambda g: y * (g + (g * y).sum(axes, keepdims=True)),
        ),
    }
    if others:
        rules["the sum run over all axes in the derivative"] = (
            "sum-over-all-axes",
            lambda g: y * (g - (g * y).sum(everything, keepdims=True)),
        )
        rules["the sum run over another axis in the derivative"] = (
            "sum-over-another-axis",
            lambda g: y * (g - (g * y).sum(others, keepdims=True)),
        )
    return rules


def _log_softmax(node: Node) -> _Rules:
    p, axes, ndim = node.value.function("exp"), node.arguments["axes"], node.value.ndim
    everything = tuple(range(-ndim, 0))
    others = tuple(axis for axis in everything if axis not in axes)
    rules: _Rules = {
        # dL/dx = g - p sum g
        "the term of the normalisation left out of the derivative": (
            "derivative-incomplete",
            lambda g: g,
        ),
        "the sum of g taken as -1 in the derivative": ("derivative-incomplete", lambda g: g + p),
        "the sum of g left out of the derivative": ("derivative-incomplete", lambda g: g - p * g),
        "only the second term in the derivative": (
            "derivative-incomplete",
            lambda g: -(p * g.sum(axes, keepdims=True)),
        ),
        "the sign of the second term changed in the derivative": (
            "sign",
            lambda g: g + p * g.sum(axes, keepdims=True),
        ),
        "the probabilities left out of the second term of the derivative": (
            "derivative-incomplete",
            lambda g: g - g.sum(axes, keepdims=True),
        ),
    }
    if others:
        rules["the sum run over all axes in the derivative"] = (
            "sum-over-all-axes",
            lambda g: g - p * g.sum(everything, keepdims=True),
        )
        rules["the sum run over another axis in the derivative"] = (
            "sum-over-another-axis",
            lambda g: g - p * g.sum(others, keepdims=True),
        )
    return rules


def _logsumexp(node: Node) -> _Rules:
    x, axes = node.operands[0].value, node.arguments["axes"]
    return {
        "the division by the sum left out of the derivative": (
            "derivative-incomplete",
            lambda g: kept(g, x, axes) * x.function("exp"),
        ),
        "only the greatest entry in the derivative": (
            "derivative-incomplete",
            lambda g: kept(g, x, axes) * x.shares(axes),
        ),
        "1 in place of the probabilities in the derivative": (
            "derivative-incomplete",
            lambda g: kept(g, x, axes).broadcast_to(x.shape),
        ),
    }


def _silu(node: Node) -> _Rules:
    x = node.operands[0].value
    s = x.function("sigmoid")
    return {
        "the term x s' left out of the derivative": ("derivative-incomplete", lambda g: g * s),
        "only the term x s' in the derivative": ("derivative-incomplete", lambda g: g * (x * s * (1 - s))),
        "only s' in the derivative": ("derivative-incomplete", lambda g: g * (s * (1 - s))),
        "the factor x left out of the term x s' in the derivative": (
            "derivative-incomplete",
            lambda g: g * (s + s * (1 - s)),
        ),
    }


def _gelu(node: Node) -> _Rules:
    x = node.operands[0].value
    y = node.value
    cdf = y / x

    def second(g: Array) -> Array:
        return node.rule(0, g, y, x) - g * cdf

    return {
        "the term x phi(x) left out of the derivative": ("derivative-incomplete", lambda g: g * cdf),
        "only the term x phi(x) in the derivative": ("derivative-incomplete", second),
        "the factor x left out of the term x phi(x) in the derivative": (
            "derivative-incomplete",
            lambda g: g * cdf + second(g) / x,
        ),
    }


def _denominator(node: Node) -> _Rules:
    a, b = (operand.value for operand in node.operands)
    return {
        "1/b instead of 1/b^2 in the derivative for the denominator": (
            "derivative-incomplete",
            lambda g: -(g * a) / b,
        ),
        "the numerator left out of the derivative for the denominator": (
            "derivative-incomplete",
            lambda g: -g / (b * b),
        ),
    }


def _power(node: Node) -> _Rules:
    n, y = node.arguments["exponent"], node.value
    return {
        "the exponent not lowered in the derivative": ("derivative-incomplete", lambda g: g * (n * y)),
        "the function itself in place of the derivative": ("derivative-of-another-function", lambda g: g * y),
    }


def _square(node: Node) -> _Rules:
    x = node.operands[0].value
    return {
        "only the factor 2, without the base, in the derivative": (
            "derivative-incomplete",
            lambda g: g * 2 + x * 0,
        ),
        "the absolute value of the base in the derivative": (
            "derivative-of-another-function",
            lambda g: g * (2 * x.abs()),
        ),
        "the sign of the base in place of the base in the derivative": (
            "derivative-of-another-function",
            lambda g: g * (2 * x.step(0.5) - 1),
        ),
    }


def _abs(node: Node) -> _Rules:
    x = node.operands[0].value
    return {
        "the base in place of its sign in the derivative": (
            "derivative-of-another-function",
            lambda g: g * x,
        ),
        "twice the base in place of its sign in the derivative": (
            "derivative-of-another-function",
            lambda g: g * (2 * x),
        ),
    }


def _sine(node: Node) -> _Rules:
    y = node.value
    return {
        "the function itself in place of the derivative": ("derivative-of-another-function", lambda g: g * y)
    }


def _cumulative(node: Node) -> _Rules:
    axis = node.arguments["axis"]
    return {
        "the running sums taken in the wrong direction in the derivative": (
            "wrong-order",
            lambda g: g.cumulative_sum(axis),
        ),
    }


def _spread(node: Node) -> _Rules:
    """Var and std: deviations from the mean, a divisor."""
    x, axes = node.operands[0].value, node.arguments["axes"]
    n, correction = x.count(axes), node.arguments["correction"]
    other = 1 if correction == 0 else 0
    if n <= 1:
        return {}
    return {
        f"the divisor n - {other} instead of n - {correction} in the derivative": (
            "constant-factor",
            lambda g: node.rule(0, g, node.value, x) * (n - correction) / (n - other),
        ),
        "the values themselves in place of the deviations from the mean in the derivative": (
            "derivative-incomplete",
            lambda g: node.rule(0, g, node.value, x) + _mean_term(node, g),
        ),
    }


def _mean_term(node: Node, g: Array) -> Array:
    """Give what the mean takes off the deviations in the derivative of var and std."""
    x: Array = node.operands[0].value
    axes = node.arguments["axes"]
    n, correction = x.count(axes), node.arguments["correction"]
    mean = x.sum(axes, keepdims=True) / n
    factor = 2 if node.name == "var" else 1
    incoming = kept(g if node.name == "var" else g / node.value, x, axes)
    term: Array = (incoming * (mean * factor) / (n - correction)).broadcast_to(x.shape)
    return term


_RULES: dict[str, Callable[[Node], _Rules]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu,
    "integer_power": _power,
    "square": _square,
    "abs": _abs,
    "sin": _sine,
    "cos": _sine,
    "cumulative_sum": _cumulative,
    "divide": _denominator,
    "var": _spread,
    "std": _spread,
}
