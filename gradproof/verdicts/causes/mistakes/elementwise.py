"""Mistakes in operations on single entries: a derivative left out, at another point, of another function."""

from collections.abc import Iterator

from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import entrywise, neural
from gradproof.verdicts.causes.graph import Change, Graph, Node, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import (
    ANY,
    FUNCTIONS,
    SELECTING,
    SUMS,
    Mistake,
    factor_of,
    having,
    letters_of,
    rule,
    wrong,
)


@rule(ANY)
def left_out_or_twice(use: Use) -> Iterator[Mistake]:
    """The derivative of what keeps the shape is 1, or squared.

    A sum's is 1 or -1, and a negation's -1; log_softmax has words of its own for its second term.
    """
    if use.operation in SUMS | {entrywise.NEGATIVE, neural.LOG_SOFTMAX}:
        return
    if use.operation in having(Trait.ELEMENTWISE) or use.node.shape == use.shape:
        what = factor_of(use) or "the derivative of $at"
        note = ": it is always true, as `output >= 0` is" if use.operation is neural.RELU else letters_of(use)
        yield Mistake(CauseKind.DERIVATIVE_LEFT_OUT, f"{what} left out{note}", lambda g: g)
        words = f"{what} applied twice{letters_of(use)}"
        yield Mistake(CauseKind.DERIVATIVE_APPLIED_TWICE, words, lambda g: use.pull(use.pull(g)))


@rule(having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.SELECTS | Trait.PIECEWISE_CONSTANT))
def inverted(use: Use) -> Iterator[Mistake]:
    """The incoming gradient is divided by the derivative."""
    words = "the derivative of $at divided by instead of multiplied by"
    yield Mistake(CauseKind.DERIVATIVE_INVERTED, words, lambda g: g / use.pull(g * 0 + 1))


@rule(FUNCTIONS)
def at_another_point(use: Use) -> Iterator[Mistake]:
    """For f'(x) there is f'(f(x)); or the formula for the output, such as y (1 - y), taken at x."""
    node, x, y = use.node, use.x, use.y
    words = "the derivative of $at evaluated at its output instead of its input"
    yield Mistake(CauseKind.DERIVATIVE_AT_OUTPUT, words, lambda g: node.derivative(0, g, node.forward(y), y))
    if use.operation in having(Trait.FROM_RESULT):
        words = "the derivative of $at, whose formula is for the output, evaluated at the input"
        yield Mistake(CauseKind.DERIVATIVE_AT_INPUT, words, lambda g: node.derivative(0, g, x, x))


@rule(FUNCTIONS)
def of_another_layer(use: Use) -> Iterator[Mistake]:
    """The derivative is taken at the values of another use of the function, the nearest first."""
    for place, other in enumerate(_of_the_same_operation(use.graph, use.node)):
        y, x = other.value, other.operands[0].value
        yield Mistake(
            CauseKind.DERIVATIVE_OF_ANOTHER_LAYER,
            "the derivative of $at taken at the values of $other",
            lambda g, y=y, x=x: use.node.derivative(0, g, y, x),  # type: ignore[misc]
            fields={"other": other},
            name=f"layer {place}",
        )


def _of_the_same_operation(graph: Graph, node: Node) -> list[Node]:
    others = [n for n in graph.nodes if n.operation is node.operation and n.index != node.index]
    return sorted((n for n in others if n.shape == node.shape), key=lambda n: abs(n.index - node.index))[:4]


@rule(SELECTING)
def wrong_mask(use: Use) -> Iterator[Mistake]:
    """The derivative lets the wrong entries through."""
    changes: dict[str, Change] = {
        "the mask of $at inverted in its derivative": lambda g: g * (1 - use.pull(g * 0 + 1)),
    }
    if use.node.shape == use.shape:
        changes |= {
            "the mask of $at taken from the sign of the incoming gradient instead of its input": (
                lambda g: g * g.step(0)
            ),
            "the derivative of $at also stopping negative gradients": lambda g: use.pull(g * g.step(0)),
        }
    yield from wrong(CauseKind.DERIVATIVE_OF_ANOTHER_FUNCTION, changes)


@rule(ANY)
def past_activation(use: Use) -> Iterator[Mistake]:
    """On one path the error is taken before the derivative of the next activation is applied to it."""
    graph, node = use.graph, use.node
    while True:
        users = graph.users(node.index)
        if len(users) != 1 or graph.nodes[users[0].node].shape != node.shape:
            return
        node = graph.nodes[users[0].node]
        if node.operation not in SUMS:
            break
    if node.operation in FUNCTIONS | having(Trait.NORMALISES):
        yield Mistake(
            CauseKind.DERIVATIVE_LEFT_OUT,
            "the derivative of $activation left out of what $at hands back",
            use.pull,
            more=0.3,
            source=node.index,
            fields={"activation": node},
            name=f"past {node.name}",
        )


# ------------------------------------------------------------------------ single functions


@rule({entrywise.DIVIDE})
def denominator(use: Use) -> Iterator[Mistake]:
    """d(a/b)/db = -a/b^2."""
    a, b = use.values
    if use.position == 1:
        changes: dict[str, Change] = {
            "1/b instead of 1/b^2 in the derivative for the denominator of $at": lambda g: -(g * a) / b,
            "1/b^3 instead of 1/b^2 in the derivative for the denominator of $at": (
                lambda g: -(g * a) / (b * b * b)
            ),
            "the numerator left out of the derivative for the denominator of $at": lambda g: -g / (b * b),
        }
        yield from wrong(CauseKind.DERIVATIVE_INCOMPLETE, changes)


@rule({entrywise.INTEGER_POWER})
def power(use: Use) -> Iterator[Mistake]:
    """d(x^n)/dx = n x^(n-1)."""
    words = "the exponent not lowered in the derivative of $at"
    yield Mistake(CauseKind.DERIVATIVE_INCOMPLETE, words, lambda g: g * (use.arguments["exponent"] * use.y))


@rule({entrywise.INTEGER_POWER, entrywise.SIN, entrywise.COS})
def itself(use: Use) -> Iterator[Mistake]:
    """The function f in place of f'."""
    words = "the function itself in place of the derivative of $at"
    yield Mistake(CauseKind.DERIVATIVE_OF_ANOTHER_FUNCTION, words, lambda g: g * use.y, -1)


@rule({entrywise.SQUARE})
def square(use: Use) -> Iterator[Mistake]:
    """d(x^2)/dx = 2 x."""
    x = use.x
    words = "only the factor 2, without the base, in the derivative of $at"
    yield Mistake(CauseKind.DERIVATIVE_INCOMPLETE, words, lambda g: g * 2 + x * 0)
    changes: dict[str, Change] = {
        "the absolute value of the base in the derivative of $at": lambda g: g * (2 * x.abs()),
        "the sign of the base in place of the base in the derivative of $at": (
            lambda g: g * (2 * x.step(0.5) - 1)
        ),
    }
    yield from wrong(CauseKind.DERIVATIVE_OF_ANOTHER_FUNCTION, changes, -1)


@rule({entrywise.ABS})
def absolute(use: Use) -> Iterator[Mistake]:
    """|x|' = sign(x)."""
    changes: dict[str, Change] = {
        "the base in place of its sign in the derivative of $at": lambda g: g * use.x,
        "twice the base in place of its sign in the derivative of $at": lambda g: g * (2 * use.x),
    }
    yield from wrong(CauseKind.DERIVATIVE_OF_ANOTHER_FUNCTION, changes, -1)
