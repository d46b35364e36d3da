"""Mistakes in products and functions that hold a value: another value than the loss has in its place."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from gradproof.reference.tape import Tensor, Trait
from gradproof.reference.tape.operations import entrywise, matrix_products
from gradproof.verdicts.causes.graph import Array, Change, Graph, Node, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import FUNCTIONS, PRODUCTS, Mistake, having, rule

# ------------------------------------------------------------------------ another value in an operand's place

_MOST = 6
"""At most so many values are tried in each direction."""


@rule({entrywise.MULTIPLY})
def only_the_mask(use: Use) -> Iterator[Mistake]:
    """A constant factor that is zero in places, as dropout's mask with its scale."""
    other = 1 - use.position
    mask = use.graph.plain.use(use.spot).values[other].data[0, 0, ...] != 0
    if use.node.operands[other].constant and mask.any() and not mask.all():
        words = "the scale of the constant factor of $at left out on the way back, and only its mask kept"
        ones = use.graph.kind.constant(mask.astype(float))
        yield Mistake(CauseKind.DERIVATIVE_INCOMPLETE, words, lambda g: g * ones, -2.5)


@rule(PRODUCTS)
def another_operand(use: Use) -> Iterator[Mistake]:
    """DA = g * B, with another value in the place of B; in a quotient's, of the denominator."""
    yield from _replaced(use, 1 if use.operation is entrywise.DIVIDE else 1 - use.position)


@rule(PRODUCTS | FUNCTIONS)
def one_slice_for_all(use: Use) -> Iterator[Mistake]:
    """The first or the last slice of the value that the derivative holds is used for all."""
    single = len(use.node.operands) == 1
    place = 0 if single else 1 if use.operation is entrywise.DIVIDE else 1 - use.position
    own = use.node.operands[place]
    for axis, length in enumerate(own.shape):
        for which, start in (("first", 0), ("last", length - 1)) if length > 1 else ():
            yield Mistake(
                CauseKind.ONE_SLICE_FOR_ALL,
                "the $which slice along axis $axis of $own used for all in the derivative of $at",
                _with_slice(use, place, axis - len(own.shape), start),
                fields={"which": which, "axis": axis, "own": own},
                name=f"{which} of {axis} for all",
            )


def _with_slice(use: Use, place: int, axis: int, start: int) -> Change:
    node, own = use.node, use.node.operands[place]

    def change(g: Array) -> Array:
        one = own.value.part(axis, start, start + 1).broadcast_to(own.shape)
        values = [*use.values[:place], one, *use.values[place + 1 :]]
        y = node.forward(*values) if node.operation in having(Trait.READS_RESULT) else use.y
        return node.derivative(use.position, g, y, *values)

    return change


@rule(FUNCTIONS - having(Trait.ACTIVATION))
def another_point(use: Use) -> Iterator[Mistake]:
    """G * f'(x), with another value in the place of x; an activation's is taken elsewhere by other rules."""
    yield from _replaced(use, 0)


def _replaced(use: Use, place: int) -> Iterator[Mistake]:
    node, own = use.node, use.node.operands[place]
    unnamed = own.constant and str(own) == "a constant"
    instead = "its constant operand" if unnamed else "the value of $own"
    for relation, words, named, other in _relatives(use.graph, node, place):
        if other is own or other.shape != own.shape:
            continue

        def change(g: Array, value: Array = other.value) -> Array:
            values = [*use.values[:place], value, *use.values[place + 1 :]]
            # to compute the result again costs as much as the derivative
            y = node.forward(*values) if node.operation in having(Trait.READS_RESULT) else use.y
            return node.derivative(use.position, g, y, *values)

        yield Mistake(
            CauseKind.WRONG_OPERAND,
            f"{words} used in the derivative of $at instead of {instead}",
            change,
            fields={"other": named, "own": own},
            name=f"operand {place} {relation}",
        )


Relative: TypeAlias = tuple[str, str, object, Node]
"""How a value is related to an operand, the same in words, which value $other is in them, and the value."""


def _relatives(graph: Graph, node: Node, place: int) -> Iterator[Relative]:
    """Give the values that one may take for an operand."""
    operand, others = node.operands[place], [*node.operands[:place], *node.operands[place + 1 :]]
    yield from _other_constants(graph, node, place) if operand.constant else _around(graph, operand, node)
    yield from _each("result", "the value of $other, which is computed from it,", _results(graph, node))
    yield from _each("own", "its own operand", others)
    if node.operation is matrix_products.MATMUL and place == 0:
        # as another layer's input, the nearest first
        before = [n for n in reversed(graph.nodes[: node.index]) if n.operation in FUNCTIONS]
        yield from _each("activation", "the value of $other", [n for n in before if n.shape == operand.shape])
        products = [n for n in graph.nodes if n.operation is matrix_products.MATMUL]
        data = [(n, each) for n in products for each in n.operands if each.constant]
        data = [(n, each) for n, each in data if each.shape == operand.shape]
        yield from ((f"data {i}", "the data in $other", *each) for i, each in enumerate(data[:_MOST]))


def _each(relation: str, words: str, nodes: Sequence[Node]) -> Iterator[Relative]:
    return ((f"{relation} {i}", words, node, node) for i, node in enumerate(nodes[:_MOST]))


def _around(graph: Graph, mine: Node, node: Node) -> Iterator[Relative]:
    """Give what a value was computed from, what is computed from it, and its like before and after it."""
    if mine.operation in FUNCTIONS | having(Trait.NORMALISES):
        yield "input", "the input of $other", mine, mine.operands[0]
    users = [graph.nodes[edge.node] for edge in graph.users(mine.index)]
    users = [user for user in users if user is not node and user.shape == mine.shape][:_MOST]
    for name in dict.fromkeys("" if user.operation in FUNCTIONS else user.name for user in users):
        same = [user for user in users if name == ("" if user.operation in FUNCTIONS else user.name)]
        yield from _each(f"output {name}", "the output of $other", same)
    yield from _each("before", "the value of $other", _ancestors(mine))
    alike = [n for n in graph.nodes if n.operation is mine.operation and n.shape == mine.shape]
    earlier, later = ([n for n in alike if after is (n.index > mine.index)] for after in (False, True))
    yield from _each("previous", "the value of $other before it", [n for n in earlier if n is not mine][-1:])
    yield from _each("next", "the value of $other after it", later[:1])


def _ancestors(mine: Node) -> list[Node]:
    """Give the values of the same shape that one was computed from, the nearest first."""
    found: list[Node] = []
    queue = list(mine.operands)
    while queue and len(found) < _MOST:
        node = queue.pop(0)
        if node.shape == mine.shape and node not in found:
            found.append(node)
            queue += node.operands
    return found


def _results(graph: Graph, node: Node) -> list[Node]:
    """Give what the result goes into, such as the new state of a recurrence in the place of the old one."""
    found: list[Node] = []
    while (users := graph.users(node.index)) and len(found) < _MOST - 1:
        node = graph.nodes[min(users).node]
        found.append(node)
    return found


def _other_constants(graph: Graph, node: Node, place: int) -> Iterator[Relative]:
    """Give the constants that the same operation has before and after, and what its own is computed from."""
    own = node.operands[place]
    for i, (tensor, user) in enumerate(_origins(own.tensor)):
        words = "the operand of $other, from which it is computed,"
        yield f"origin {i}", words, _told(user), Node(own.index, tensor, (), None)
    peers = [n.operands[place] for n in graph.nodes if n.operation is node.operation]
    peers = [peer for peer in peers if peer.constant]
    mine = [i for i, peer in enumerate(peers) if peer is node.operands[place]]
    for relation, i in (("previous", mine[0] - 1), ("next", mine[-1] + 1)):
        if 0 <= i < len(peers):
            yield relation, f"the {relation} constant operand", peers[i], peers[i]


def _origins(mine: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Give the values of the same shape that a constant was computed from, the nearest first, and by what."""
    found: list[tuple[Tensor, Tensor]] = []
    queue = [mine]
    while queue and len(found) < _MOST:
        user = queue.pop(0)
        if user.operation is not None:
            found += [(each, user) for each in user.parents if each.shape == mine.shape]
            queue += user.parents
    return found[:_MOST]


def _told(tensor: Tensor) -> str:
    return f"{tensor.operation.name} ({tensor.source})" if tensor.operation else "a constant"
