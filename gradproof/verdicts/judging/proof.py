"""Is a formula right? The rule that decides by proof: balls that are disjoint, or that agree.

Where the loss has no derivative (ReLU at 0, tied maxima) programs follow conventions. A claim passes there if
it follows one of them everywhere, and is refuted if it is outside what the gradients nearby allow: their
sums over an axis, say, where each of two tied maxima is given all that they must share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.bounds import midpoints
from gradproof.verdicts.judging.claimed import Formula, Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.kinks import outside_of_subgradients
from gradproof.verdicts.judging.measuring import Agreement, compare_all, compare_with
from gradproof.verdicts.tolerances import CONSTANTS
from gradproof.verdicts.verdict import CODE, Codes, Verdict


@dataclass(frozen=True, eq=False)
class ProofOutcome:
    """What is said of a formula at a place, all entries together.

    Attributes:
        verdict: EQUAL, KINK, WRONG or UNDECIDED.
        reason: why.
        agreement: by parameter, the agreement that the verdict rests on: with the exact gradient, or with the
            convention that the claim follows; empty where there is nothing to compare.
    """

    verdict: Verdict
    reason: str
    agreement: Mapping[str, Agreement] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Proof:
    """What is proven of a formula at one place.

    Attributes:
        verdict: EQUAL, KINK, WRONG or UNDECIDED.
        reason: why it is not EQUAL, or what it rests on; empty if there is nothing to say.
        agreement: by parameter; empty where a comparison in the code was not decided.
        codes: by parameter, the verdict of every entry, of the parameter's shape.
        has_gradient: whether the loss has one there, if only as an interval.
    """

    verdict: Verdict
    reason: str
    agreement: Mapping[str, Agreement]
    codes: Mapping[str, Codes]
    has_gradient: bool

    @property
    def constants(self) -> bool:
        """Whether some entry is equal but for the code's constants being doubles."""
        return any(np.any(each.constant) for each in self.agreement.values())


def prove(formula: Formula | None, evidence: PlaceEvidence) -> Proof | None:
    """Judge a formula by proof: two balls that are disjoint prove it wrong, two that agree show it right.

    Args:
        formula: the claim; None, or one that was not certified, is not judged.
        evidence: of the loss, at the very place of the claim.
    """
    if formula is None or not formula.certified:
        return None
    outcome = _outcome(formula, evidence)
    truth = evidence.truth
    codes = {
        name: _codes(outcome, outcome.agreement.get(name), entries[0, ...])
        for name, entries in truth.undecided.items()
    }
    has_gradient = truth.complete or bool(truth.kinks)
    return Proof(outcome.verdict, outcome.reason, outcome.agreement, codes, has_gradient)


def _outcome(formula: Formula, evidence: PlaceEvidence) -> ProofOutcome:
    """Give the verdict of all entries together, the reason and the agreement that it rests on."""
    if formula.undecided:
        return ProofOutcome(Verdict.UNDECIDED, formula.reason)
    truth = evidence.truth
    exact = {name: numbers.balls()[0, ...] for name, numbers in truth.gradients.items()}
    found = compare_all(formula.values, exact, float(abs(truth.value.values()[0, ...])))
    found = _up_to_constants(found, formula, evidence, evidence.place)
    unequal = [name for name, each in found.items() if not np.all(each.equal)]
    differs = any(np.any(each.apart) for each in found.values())
    if not unequal:
        return ProofOutcome(Verdict.EQUAL, "", found)
    if truth.complete and not differs:
        reason = f"The balls of the gradient of {unequal[0]!r} are too wide to compare."
        return ProofOutcome(Verdict.UNDECIDED, reason, found)
    return _judge_at_kink(formula, evidence, found, differs=differs)


def _up_to_constants(
    found: dict[str, Agreement], formula: Formula, evidence: PlaceEvidence, place: Place
) -> dict[str, Agreement]:
    """Take for equal what differs by no more than the constants of both codes, which are doubles, explain."""
    for share, digits in CONSTANTS:
        differs = any(np.any(each.apart) for each in found.values())
        if not differs or not all(each.explicable for each in found.values()):
            break
        claimed, exact = formula.widened(share), evidence.widened(place, share)
        if any(name not in claimed or claimed[name].shape != exact[name].shape for name in found):
            break
        found = {name: each.explained_by(claimed[name], exact[name], digits) for name, each in found.items()}
    return found


def _codes(outcome: ProofOutcome, agreement: Agreement | None, wide: NDArray[np.bool_]) -> Codes:
    """Give the verdict of every entry of a parameter; `wide` are those whose exact value is an interval."""
    if agreement is None:
        return np.full(wide.shape, CODE[outcome.verdict])
    others = ~agreement.equal
    if outcome.verdict is Verdict.KINK:
        # Those that follow a convention do so at the kink alone.
        others = others | wide
    code = np.where(others, CODE[outcome.verdict], CODE[Verdict.EQUAL])
    if outcome.verdict is Verdict.WRONG and any(np.any(each.apart) for each in outcome.agreement.values()):
        # Those that are proven to differ are wrong; of intervals at a kink nothing is proven then.
        code = np.where(others & ~agreement.apart, CODE[Verdict.UNDECIDED], code)
    return code.astype(np.int8)


# -------------------------------------------------------------------- at a kink


def _judge_at_kink(
    formula: Formula, evidence: PlaceEvidence, found: Mapping[str, Agreement], *, differs: bool
) -> ProofOutcome:
    """Judge a claim that is not shown to be equal to the exact gradient, or that is not a single number.

    Args:
        formula: the claim.
        evidence: of the loss there; the exact gradient holds intervals at a kink.
        found: how the claim agrees with it.
        differs: whether some entry is proven to differ.
    """
    truth = evidence.truth
    kink = str(truth.kinks[0]) if truth.kinks else ""
    if differs and not _is_right_nearby(formula, evidence):
        return ProofOutcome(Verdict.WRONG, "It is proven to differ from the true gradient.", found)
    if truth.kinks:
        if differs:
            # It differs where the exact gradient is a number, or from an interval as a whole.
            return ProofOutcome(
                Verdict.WRONG, f"It is proven to differ from every subgradient. {kink}", found
            )
        for convention in evidence.conventions:
            agreement = compare_with(convention.gradients, found)
            if all(np.all(each.equal) for each in agreement.values()):
                verdict = Verdict.EQUAL if convention.usual else Verdict.KINK
                how = "the usual" if convention.usual else "a common"
                return ProofOutcome(verdict, f"It follows {how} convention at a kink. {kink}", agreement)
    elif not differs:
        return ProofOutcome(Verdict.UNDECIDED, " ".join(truth.reasons), found)
    refuted = outside_of_subgradients(evidence, {name: midpoints(each.value) for name, each in found.items()})
    if refuted:
        return ProofOutcome(Verdict.WRONG, f"{refuted} {kink}".strip(), found)
    reason = kink or "The branches of the loss differ here, and the claim is among the gradients nearby."
    return ProofOutcome(Verdict.KINK, reason, found)


def _is_right_nearby(formula: Formula, evidence: PlaceEvidence) -> bool:
    """Whether the claim, as a formula, is right at a neighbour of the place: then the place is special."""
    there, truth = formula.at(evidence.place.neighbour), evidence.truth_nearby
    exact = {name: numbers.balls()[0, ...] for name, numbers in truth.gradients.items()}
    misshapen = any(n in exact and balls.shape != exact[n].shape for n, balls in there.values.items())
    if there.reason or misshapen or not truth.complete:
        return False
    found = compare_all(there.values, exact, float(abs(truth.value.values()[0])))
    found = _up_to_constants(found, there, evidence, evidence.place.neighbour)
    return all(np.all(each.equal) for each in found.values())
