"""Changes of whole gradients: of another shape, swapped, clipped, scaled, with something added."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import TypeAlias

import numpy as np
from flint import arb

from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import moving
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Node
from gradproof.verdicts.causes.kinds import ODD_NUMBER, Cause, CauseKind
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.mistakes.structure import is_stretched, unreduced
from gradproof.verdicts.causes.phrases import listed, number
from gradproof.verdicts.causes.search.discrepancy import Balls, greatest
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant


def whole_mutants(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give changes of whole gradients, in balls alone."""
    with inquiry.composed.balls.context():
        for family in (_swapped, _same_factor, _clipped, _normalised, _added):
            yield from family(inquiry)


def _mutant(
    kind: CauseKind,
    value: float | None,
    words: str | Callable[[Sequence[str]], str],
    gradients: Mapping[str, Balls],
    more: float = 0.0,
) -> Mutant:
    return Mutant(kind, words, more, "", lambda _: gradients, value)


def _swapped(inquiry: Inquiry) -> Iterator[Mutant]:
    discrepancy, targets = inquiry.discrepancy, inquiry.targets
    for order in permutations(targets) if 2 <= len(targets) <= 5 else ():
        moves = list(zip(targets, order, strict=True))
        if all(a != b and discrepancy.explains(a, discrepancy.exact[b]) for a, b in moves):
            places = ", ".join(f"that of {a} is the true one of {b}" for a, b in moves)
            gradients = {a: discrepancy.exact[b] for a, b in moves}

            def told(names: Sequence[str], places: str = places) -> str:
                return f"your gradients of {listed(names)} stand in each other's place: {places}"

            yield _mutant(CauseKind.PARAMETERS_SWAPPED, None, told, gradients)
            return


def _same_factor(inquiry: Inquiry) -> Iterator[Mutant]:
    """One factor in several parameters, which are not all that some operation reaches."""
    discrepancy, targets, near = inquiry.discrepancy, inquiry.targets, tolerances.FACTOR_SOLVED
    factor = _ratio(discrepancy.claimed[targets[0]], discrepancy.exact[targets[0]])
    if len(targets) < 2 or factor is None:
        return
    value = float(factor.mid())
    gradients = {name: discrepancy.exact[name] * factor for name in targets}
    if abs(value + 1) <= near:
        yield _mutant(CauseKind.SIGN, -1.0, "the opposite sign", gradients, 0.1)
    else:
        more = ODD_NUMBER if inquiry.expected.meaning(value, near) is None else 0.1
        phrase = f"a factor of {inquiry.expected.said(value, near)}"
        yield _mutant(CauseKind.CONSTANT_FACTOR, value, phrase, gradients, more)


def _clipped(inquiry: Inquiry) -> Iterator[Mutant]:
    """Entries beyond a limit are brought to it, which two of them must show."""
    discrepancy, targets = inquiry.discrepancy, inquiry.targets
    wrong = np.concatenate([midpoints(discrepancy.claimed[n])[discrepancy.off[n]] for n in targets])
    limit = abs(float(wrong[0]))
    if wrong.size < 2 or limit == 0 or np.any(np.abs(wrong) != limit):
        return
    gradients, constant = {}, inquiry.composed.balls.kind.constant
    for name, exact in discrepancy.exact.items():
        size = discrepancy.exact_floats[name]
        beyond = np.abs(size) > limit * (1 + tolerances.FACTOR_SOLVED)
        if np.any(beyond):
            gradients[name] = np.where(beyond, constant(np.sign(size) * limit).data[0, 0, ...], exact)
    yield _mutant(CauseKind.CLIPPED, limit, f"entries clipped to {number(limit)} in size", gradients)


def _normalised(inquiry: Inquiry) -> Iterator[Mutant]:
    """Each parameter's gradient divided by its own norm, or brought to one and the same norm."""
    discrepancy, targets = inquiry.discrepancy, inquiry.targets
    factors = {name: _ratio(discrepancy.claimed[name], discrepancy.exact[name]) for name in targets}
    gradients = {n: discrepancy.exact[n] * factor for n, factor in factors.items() if factor is not None}
    enough = sum(discrepancy.error[name].size for name in targets) >= tolerances.CONFIRMING_ENTRIES
    if not enough or len(gradients) < len(targets):
        return
    norms = [float(np.linalg.norm(midpoints(discrepancy.claimed[name]))) for name in targets]
    for lengths, what in (
        ([float(np.linalg.norm(norms))], "all of it together"),
        (norms, "each parameter's"),
    ):
        short = float(f"{lengths[0]:.6g}")
        if all(abs(length - short) <= tolerances.FACTOR_SOLVED * short for length in lengths):
            yield _mutant(
                CauseKind.CLIPPED, short, f"the norm brought to {number(short)} ({what})", gradients, 0.5
            )
            return


def _added(inquiry: Inquiry) -> Iterator[Mutant]:
    """A multiple of the parameter (weight decay), or of its signs, or one number is added."""
    discrepancy, first = inquiry.discrepancy, inquiry.targets[0]
    constant = inquiry.composed.balls.kind.constant
    own = {name: np.asarray(inquiry.params[name], dtype=np.float64) for name in inquiry.targets}
    signs = {name: np.sign(array) for name, array in own.items()}
    # Of entries of one sign it is not seen whether that counts: one number is added to each.
    alike = len({*np.concatenate([array.ravel() for array in signs.values()]).tolist()}) == 1
    for words, added in (
        ("{} times the parameter itself added (weight decay that the loss does not have)", own),
        ("{} times the parameter's signs added", {} if alike else signs),
        ("{} added to each entry", {name: np.ones(array.shape) for name, array in own.items()}),
    ):
        terms = {name: constant(array).data[0, 0, ...] for name, array in added.items()}
        if first not in terms:
            continue
        factor = _ratio(discrepancy.claimed[first] - discrepancy.exact[first], terms[first])
        if factor is not None and inquiry.confirms(float(factor.mid())):
            gradients = {name: discrepancy.exact[name] + term * factor for name, term in terms.items()}
            value = float(factor.mid())
            yield _mutant(CauseKind.ADDED_MULTIPLE, value, words.format(number(value)), gradients)


def _ratio(over: Balls, by: Balls) -> arb | None:
    """Give one array over another, at the greatest entry of that; None if one of them is zero there."""
    found = greatest({"": by})
    if found is None:
        return None
    ratio: arb = np.asarray(over, dtype=object)[found[1]] / by[found[1]]
    return ratio if ratio.is_finite() and float(ratio.mid()) != 0 else None


# ------------------------------------------------------------------------ claims of another shape


def shape_causes(inquiry: Inquiry) -> Iterator[Cause]:
    """Give the causes of the claims whose shape is wrong: what was not summed back, or turned."""
    with inquiry.composed.balls.context():
        for name in inquiry.discrepancy.misshapen:
            for kind, where, text, gradient in (*_unreduced(inquiry, name), *_turned(inquiry, name)):
                if inquiry.discrepancy.explains(name, gradient):
                    yield Cause(kind.slug, where, None, f"your gradient of {name} {text}", (name,))
                    break


_Shaped: TypeAlias = tuple[CauseKind, str, str, Balls]
"""The kind, the operation and its line, the words, the gradient."""


def _unreduced(inquiry: Inquiry, name: str) -> Iterator[_Shaped]:
    discrepancy, graph = inquiry.discrepancy, inquiry.composed.balls
    shape, claimed = discrepancy.exact[name].shape, discrepancy.claimed[name].shape
    for use in map(graph.use, graph.edges):
        if is_stretched(use) and _leads_to(use.operand, name):
            text = (
                f"keeps the shape {claimed} that broadcasting made of {shape} in {use.node}: it is not "
                "reduced, that is, not summed back to the parameter's shape"
            )
            gradient = unreduced(use, use.g).data[0, 0, ...]
            yield CauseKind.BROADCAST_NOT_REDUCED, use.node.where, text, gradient


def _leads_to(node: Node, name: str) -> bool:
    """Whether a value is a parameter, perhaps in another shape."""
    while node.operation in having(Trait.KEEPS_ORDER) | {moving.BROADCAST_TO}:
        node = node.operands[0]
    return node.operation is None and not node.constant and node.name == name


def _turned(inquiry: Inquiry, name: str) -> Iterator[_Shaped]:
    exact, shape = inquiry.discrepancy.exact[name], inquiry.discrepancy.claimed[name].shape
    if exact.ndim == 2:
        text = f"is the true one transposed, of shape {shape} instead of {exact.shape}"
        yield CauseKind.TRANSPOSED, "", text, exact.T
    if exact.size == np.prod(shape):
        text = f"has the right entries in the shape {shape} instead of {exact.shape}"
        yield CauseKind.BROADCAST_NOT_REDUCED, "", text, exact.reshape(shape)
    text = "is the sum of the true one's entries, a single number"
    yield CauseKind.SUM_OVER_ALL_AXES, "", text, np.asarray(exact.sum(), dtype=object)
    for axis in range(exact.ndim):
        text = f"is the true one summed over its axis {axis} once too often"
        for keepdims in (True, False):
            summed = np.asarray(exact.sum(axis=axis, keepdims=keepdims), dtype=object)
            yield CauseKind.SUM_OVER_ANOTHER_AXIS, "", text, summed
