"""Where a fault is that has no name: the smallest part of the loss that can hold it.

Three things bound the part. What reaches a parameter whose gradient is right is right itself. One wrong
derivative must reach all parameters that are wrong. And an adjoint at its operand must solve the equations
that the claim is (see `equations`); where more of them hold than there are unknowns, that proves the place,
up to operations that hand everything on which they are given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradproof.reference.source import is_users
from gradproof.reference.tape import Edge
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Graph, Node
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.equations import Equations, adding, refined
from gradproof.verdicts.causes.search.forms import fitting_terms
from gradproof.verdicts.causes.search.in_code import with_line
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.linear import Solution
from gradproof.verdicts.causes.search.mutant import Mutant
from gradproof.verdicts.causes.search.slopes import ENTRIES, Elsewhere, Slopes, functions_of, wrong_slopes
from gradproof.verdicts.causes.search.suspects import Suspect, Suspects
from gradproof.verdicts.causes.search.terms import slope_table

_LINES = 4
"""A part of more lines than this is said by its first and its last."""

_TIMES = 4
"""An entry that is counted more often than this is not only counted several times."""

_TOO_LARGE = "Where the fault is was not looked for: the loss is too large for it."

_TOO_MANY = f"The values of a wrong derivative are looked for where there are {ENTRIES} parameters at most."


@dataclass(frozen=True)
class Located:
    """What is known of the place of a fault: proven, as a cause, or a sentence."""

    cause: Cause | None = None
    text: str = ""


def located(inquiry: Inquiry) -> Located:
    """Say where the fault is that all wrong parameters come from, as far as that can be known."""
    equations = Equations.of(inquiry, inquiry.composed)
    if equations is None:
        return Located(text=_TOO_LARGE)
    suspects = Suspects(equations)
    cause = _simple_function(equations) or _wrong_slope(suspects) or _wrong_adjoint(suspects)
    if cause is not None:
        return Located(cause)
    many = inquiry.again.at is not None and _is_large(inquiry)
    return Located(text=f"{_bounded(suspects)} {_TOO_MANY if many else ''}".strip())


def _is_large(inquiry: Inquiry) -> bool:
    return sum(np.size(each) for each in inquiry.params.values()) > ENTRIES


# ------------------------------------------------------------------------ what is said


def _simple_function(equations: Equations) -> Cause | None:
    """Say which simple function is in place of a derivative, here and at the second point."""
    inquiry, again = equations.inquiry, _again(equations.inquiry)
    for terms in fitting_terms(equations):
        costed = inquiry.confirmed(terms.mutant(equations.views))
        if costed is not None and again is None:
            return costed.cause
        if (
            costed is not None
            and again is not None
            and again.confirmed(there := terms.mutant(again.composed))
        ):
            return with_line(inquiry, costed._replace(there=(again, there)))
    return None


def _again(inquiry: Inquiry) -> Inquiry | None:
    """Ask of the same parameters at the second point; None where nothing is wrong with them there."""
    second = inquiry.second
    targets = tuple(name for name in inquiry.targets if second and name in second.discrepancy.wrong)
    return second.with_targets(targets) if second and targets else None


def _wrong_adjoint(suspects: Suspects) -> Cause | None:
    """Say the place that more equations than unknowns prove, here and at the second point."""
    again = _again(suspects.equations.inquiry)
    there = None if again is None else Equations.of(again, again.composed)
    if any(not each.edges for each in suspects.single):
        return None  # all of the gradient has one factor, which may come from anywhere
    for found in (suspects.single, suspects.of_operations, suspects.of_lines):
        proven = [each for each in found if each.solution.confirmed]
        fewest = min((each.solution.rank for each in proven), default=0)
        # those of equal rank differ by operations between them that hand everything on
        proven = [each for each in proven if each.solution.rank == fewest]
        if proven:
            return _proven(suspects, proven) if _is_proven_again(suspects, proven, there) else None
    return None


def _is_proven_again(suspects: Suspects, proven: Sequence[Suspect], there: Equations | None) -> bool:
    """Tell whether what arrives is not only weighted or moved about, and is also wrong at the second point.

    What is weighted, left out, counted twice or in another order may be so at any line that knows of entries.
    """
    for each in proven:
        true, yours = _arriving(suspects.equations, each.nodes, each.solution)
        if _is_rearranged(yours, true):
            return False
        if there is not None:
            solution = there.solved(each.nodes)
            if solution is None or not solution.confirmed:
                return False
            other, others = _arriving(there, each.nodes, solution)
            if _have_equal_factors(yours / true, others / other):
                return False
    return True


def _arriving(equations: Equations, nodes: Sequence[int], solution: Solution) -> tuple[Floats, Floats]:
    """Give what should arrive at nodes, and what does."""
    adjoints = [equations.views.plain.adjoints[node] for node in nodes]
    true = np.concatenate([g.data[0, 0, ...].ravel() for g in adjoints if g is not None])
    return true, true + solution.values


def _proven(suspects: Suspects, proven: Sequence[Suspect]) -> Cause | None:
    """Say the place of suspects that differ by nothing; None where the balls do not confirm it."""
    inquiry, graph = suspects.equations.inquiry, suspects.graph
    nodes, solution = proven[0].nodes, proven[0].solution  # the nearest to the parameters
    system = suspects.equations.system(nodes)
    [exact] = refined([suspects.equations], system, solution.values, adding(nodes))
    edges = sorted({edge for each in proven for edge in (*each.edges, *suspects.below(each))})
    values = _operations([graph.nodes[each] for each in nodes])

    def told(names: Sequence[str]) -> str:
        noun = "gradient is what comes" if len(names) == 1 else "gradients are what come"
        return (
            f"your {noun} out for {listed(names)} if something else arrives on the way back at {values}, and "
            f"all that follows is right ({solution.rank + solution.spare} entries agree, with "
            f"{solution.rank} unknown): it goes wrong in {_through(graph, edges)}"
        )

    mutant = Mutant(CauseKind.ADJOINT_WRONG, told, 0.0, _where(graph, edges), lambda _: exact)
    confirmed = inquiry.confirmed(mutant)
    return None if confirmed is None else confirmed.cause


def _wrong_slope(suspects: Suspects) -> Cause | None:
    """Say which function has a wrong derivative, where that is proven; of several, the greatest."""
    inquiry, graph = suspects.equations.inquiry, suspects.graph
    elsewhere = inquiry.again.at
    if elsewhere is None or _is_large(inquiry):
        return None
    functions = functions_of(graph, [each.nodes[0] for each in suspects.single])
    found = [*wrong_slopes(suspects.equations, functions, elsewhere)]
    if not found or not _is_another_function(inquiry, found[-1], elsewhere):
        return None
    slopes = found[-1]
    known = {node for each in found for node in each.function.nodes}
    nodes = [graph.nodes[each] for each in sorted(known)]
    # a part of a function may be wrong, or all of it: what goes back to its input is the same
    table = slope_table(slopes.inputs, slopes.yours, slopes.true) if known <= {*slopes.function.nodes} else ""
    of = graph.nodes[slopes.function.x]
    phrase = f"another derivative of what {_operations(nodes)} makes of {of}{table}"
    where = "; ".join(f"{names} at {line}" for line, names in _by_line(nodes).items())
    confirmed = inquiry.confirmed(
        Mutant(CauseKind.DERIVATIVE_WRONG, phrase, 0.0, where, lambda _: slopes.gradients)
    )
    return None if confirmed is None else confirmed.cause


def _is_another_function(inquiry: Inquiry, slopes: Slopes, elsewhere: Elsewhere) -> bool:
    """Tell whether slopes are no true ones that are weighted or moved about, at the second point either.

    There the inputs are others, and so must be the factors between the claimed slopes and the true ones.
    """
    if _is_rearranged(slopes.yours, slopes.true):
        return False
    again = _again(inquiry)
    there = None if again is None else Equations.of(again, again.composed)
    if there is None:
        return True
    other = next(wrong_slopes(there, [slopes.function], elsewhere), None)
    if other is None:
        return False
    moved = slopes.inputs != other.inputs
    return not _have_equal_factors((slopes.yours / slopes.true)[moved], (other.yours / other.true)[moved])


def _is_rearranged(yours: Floats, true: Floats) -> bool:
    """Tell whether entries are left out, counted several times, or in another order."""
    ratio = yours[true != 0] / true[true != 0]
    whole = np.abs(ratio - np.round(ratio)) <= tolerances.MUTANT_ERROR
    if np.all(whole & (np.abs(ratio) <= _TIMES)) and not np.any(yours[true == 0]):
        return True
    before, after = np.sort(np.abs(true)), np.sort(np.abs(yours))
    return bool(np.all(np.abs(after - before) <= tolerances.MUTANT_ERROR * np.max(before, initial=0.0)))


def _have_equal_factors(factors: Floats, others: Floats) -> bool:
    """Tell whether factors are the same at two points, wherever there are any."""
    known = np.isfinite(factors) & np.isfinite(others)
    return bool(np.all(np.abs(factors - others)[known] <= tolerances.MUTANT_ERROR * np.abs(factors[known])))


def _bounded(suspects: Suspects) -> str:
    """Say which part can hold the fault; empty where that is nothing that helps."""
    few = [*suspects.single, *suspects.of_operations] or [*suspects.of_lines]
    edges = sorted({edge for each in few for edge in each.edges})
    if not suspects.complete:
        return _TOO_LARGE
    if not edges:
        return ""
    right = suspects.equations.inquiry.others
    noun, verb, them = ("gradient", "is", "it") if len(right) == 1 else ("gradients", "are", "them")
    because = f"and the {noun} of {{}} {verb} right because what reaches {them} is, "
    known = because.format(listed(right)) if right else ""
    return f"If it is a single fault, {known}it goes wrong in {_through(suspects.graph, edges)}."


def _by_line(nodes: Sequence[Node]) -> dict[str, str]:
    """Name operations by line, in the order of the loss; and parameters, which have none."""
    lines: dict[str, list[str]] = {}
    for node in nodes:
        lines.setdefault(node.line if node.operation else "", []).append(node.name)
    return {line: listed(list(dict.fromkeys(names))) for line, names in lines.items()}


def _operations(nodes: Sequence[Node]) -> str:
    named = _by_line(nodes).items()
    return listed([f"{names} ({line})" if line else f"the parameter {names}" for line, names in named])


def _users(graph: Graph, edges: Sequence[Edge]) -> list[Node]:
    """Give the operations; of one that was recognised also those that compute it on other lines."""
    users: list[Node] = []
    for node in (graph.nodes[index] for index in sorted({edge.node for edge in edges})):
        inner = [each for each in _inner(graph, node) if each.line != node.line]
        users += [each for each in (*inner, node) if each not in users]
    # what weights the outputs of an operation is no place of a fault of the user's
    return [each for each in users if is_users(each.tensor.source)] or users


def _inner(graph: Graph, node: Node) -> list[Node]:
    """Give the operations that a recognised one consists of."""
    if not node.composite:
        return []
    operand = node.operands[0]
    found: set[int] = set()
    front = [node.tensor]
    while front:
        indices = [each.index for each in front.pop().parents if each.index is not None]
        new = [index for index in indices if index != operand.index and index not in found]
        found.update(new)
        front += [graph.nodes[index].tensor for index in new]
    return [graph.nodes[index] for index in sorted(found)]


def _through(graph: Graph, edges: Sequence[Edge]) -> str:
    """Say which lines the operations are on."""
    said = [f"{names} ({line})" for line, names in _by_line(_users(graph, edges)).items()]
    if len(said) > _LINES:
        return f"one of {len(said)} lines from {said[0]} to {said[-1]}"
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _where(graph: Graph, edges: Sequence[Edge]) -> str:
    lines = [*_by_line(_users(graph, edges)).items()]
    return "; ".join(f"{names} at {line}" for line, names in lines[:_LINES])
