"""Is the formula right at a point? The user's code runs on certified balls and is compared with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.lifted import LiftedRun, lifted_inputs, run_lifted, to_arbs
from gradproof.reference.trees import flatten
from gradproof.reference.truth import Truth, exact_gradient
from gradproof.verdicts.checking import kinks
from gradproof.verdicts.checking.agreement import (
    Agreement,
    agreements,
    explained_by_constants,
    scale_of,
)
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.verdict import Verdict

PRECISIONS = (192, 512, 1536)
"""Bits of the certified arithmetic that formulas are run in, tried one after the other."""

Claims = dict[str, NDArray[np.object_]]


@dataclass(frozen=True)
class Formula:
    """What is said of a formula at one point.

    Attributes:
        verdict: EQUAL, KINK, WRONG or UNDECIDED; None if the code could not be certified, so that only its
            floating-point result can be judged.
        truth: the true gradient.
        agreement: by parameter; of those whose claim has the parameter's shape. Empty where a comparison in
            the code was not decided, since what follows from it is not proven.
        claims: what was claimed, by parameter, whatever its shape.
        reason: why the verdict is not EQUAL, or what it rests on; empty if there is nothing to say.
        constants: whether equality holds up to the code's constants being doubles.
    """

    verdict: Verdict | None
    truth: Truth
    agreement: Mapping[str, Agreement]
    claims: Mapping[str, NDArray[np.object_]]
    reason: str = ""
    constants: bool = False

    @property
    def digits(self) -> float:
        """The digits to which the worst entry agrees."""
        return min((each.worst for each in self.agreement.values()), default=0.0)

    @property
    def certified(self) -> bool:
        """Whether the formula was looked at, and not only its floating-point result."""
        return self.verdict is not None


def check_formula(subject: Subject, place: Place, truth: Truth | None = None) -> Formula:
    """Compare the gradient as a formula with the true one at a point.

    Args:
        subject: whose gradient.
        place: where; the arrays are taken as exactly the numbers that they hold.
        truth: the true gradient there, if it is known.

    Raises:
        InputError: the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.
    """
    truth = truth or exact_gradient(subject.loss, place.params, place.batch)
    formula = None
    for bits in PRECISIONS:
        formula = _at_precision(subject, place, truth, bits)
        if formula.verdict is not Verdict.UNDECIDED or not truth.complete:
            break
    assert formula is not None  # noqa: S101 - there are precisions
    return formula


def _at_precision(subject: Subject, place: Place, truth: Truth, bits: int) -> Formula:
    run, claims = _run(subject, place, bits)
    if run.error or run.notes.casts:
        return Formula(None, truth, {}, claims, run.reason)
    if run.notes.comparisons:
        return Formula(Verdict.UNDECIDED, truth, {}, claims, run.reason)
    fitting = {n: c for n, c in claims.items() if n in truth.gradients and c.shape == _shape(truth, n)}
    found = agreements(fitting, truth)
    constants = False
    if any(np.any(each.apart) for each in found.values()):
        found, constants = _without_constants(subject, place, bits, found)
    formula = Formula(Verdict.EQUAL, truth, found, claims, constants=constants)
    return _decided(subject, place, formula)


def _decided(subject: Subject, place: Place, formula: Formula) -> Formula:
    """Give the verdict that the entries' agreement leads to."""
    differing = [name for name, each in formula.agreement.items() if np.any(each.apart)]
    unequal = [name for name, each in formula.agreement.items() if not np.all(each.equal)]
    if not unequal:
        return formula
    if formula.truth.complete and not differing:
        reason = f"the balls of the gradient of {unequal[0]!r} are too wide to compare"
        return replace(formula, verdict=Verdict.UNDECIDED, reason=reason)
    return _special_or_wrong(subject, place, formula, differing)


def _special_or_wrong(subject: Subject, place: Place, formula: Formula, differing: list[str]) -> Formula:
    """Tell a wrong formula from another convention at a kink."""
    outcome = kinks.judge(subject, place, formula.truth, formula.agreement, bool(differing))
    agreement = outcome.agreement or formula.agreement
    return replace(formula, verdict=outcome.verdict, reason=outcome.reason, agreement=agreement)


def _run(subject: Subject, place: Place, bits: int, *, widened: bool = False) -> tuple[LiftedRun, Claims]:
    """Run the gradient on balls; what it gives for each parameter, of whatever shape."""
    arguments = subject.nested(lifted_inputs(dict(place.params)), lifted_inputs(dict(place.batch)))
    run = run_lifted(subject.gradient, arguments, bits, widened=widened)
    if run.error:
        return run, {}
    try:
        leaves, _ = flatten(run.result, "gradient")
        return run, {name: to_arbs(leaf) for name, leaf in leaves.items()}
    except (InputError, TypeError) as error:
        return replace(run, error=f"it returns what is no certified array ({error})"), {}


def _without_constants(
    subject: Subject, place: Place, bits: int, found: Mapping[str, Agreement]
) -> tuple[dict[str, Agreement], bool]:
    """Take entries for equal whose difference may come from constants of the code that are doubles."""
    _, claims = _run(subject, place, bits, widened=True)
    changed: dict[str, Agreement] = {}
    for name, each in found.items():
        wide = claims.get(name)
        if wide is None or wide.shape != each.apart.shape:
            return dict(found), False
        explained = explained_by_constants(each, wide, scale_of(each))
        changed[name] = replace(each, apart=each.apart & ~explained, constant=each.constant | explained)
    return changed, any(np.any(each.constant) for each in changed.values())


def _shape(truth: Truth, name: str) -> tuple[int, ...]:
    return truth.gradients[name].shape


def run_formula(subject: Subject, place: Place) -> bool:
    """Tell whether the formula agrees with the true gradient at a point, as far as plain numbers show it."""
    truth = exact_gradient(subject.loss, place.params, place.batch)
    run, claims = _run(subject, place, PRECISIONS[0])
    if not run.certified or not truth.complete:
        return False
    if any(c.shape != _shape(truth, n) for n, c in claims.items() if n in truth.gradients):
        return False
    found = agreements({n: c for n, c in claims.items() if n in truth.gradients}, truth)
    if all(np.all(each.equal) for each in found.values()):
        return True
    found, _ = _without_constants(subject, place, PRECISIONS[0], found)
    return all(np.all(each.equal) for each in found.values())
