"""Is a formula right? The rule that decides by proof: balls that are disjoint, or that agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.judging.claimed import Formula
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.kinks import ProofOutcome, judge_at_kink
from gradproof.verdicts.judging.measuring import Agreement, compare_all
from gradproof.verdicts.verdict import CODE, Codes, Verdict


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
    if any(np.any(each.apart) for each in found.values()):
        widened = formula.widened()
        if all(name in widened and widened[name].shape == each.exact.shape for name, each in found.items()):
            found = {name: each.explained_by(widened[name]) for name, each in found.items()}
    unequal = [name for name, each in found.items() if not np.all(each.equal)]
    differs = any(np.any(each.apart) for each in found.values())
    if not unequal:
        return ProofOutcome(Verdict.EQUAL, "", found)
    if truth.complete and not differs:
        reason = f"the balls of the gradient of {unequal[0]!r} are too wide to compare"
        return ProofOutcome(Verdict.UNDECIDED, reason, found)
    return judge_at_kink(formula, evidence, found, differs=differs)


def _codes(outcome: ProofOutcome, agreement: Agreement | None, wide: NDArray[np.bool_]) -> Codes:
    """Give the verdict of every entry of a parameter; `wide` are those whose exact value is an interval."""
    if agreement is None:
        return np.full(wide.shape, CODE[outcome.verdict])
    others = ~agreement.equal
    if outcome.verdict is Verdict.KINK:
        # Those that follow a convention do so at the kink alone.
        others = others | wide
    code = np.where(others, CODE[outcome.verdict], CODE[Verdict.EQUAL])
    if outcome.verdict is Verdict.WRONG and np.any(agreement.apart):
        code = np.where(others & ~agreement.apart, CODE[Verdict.UNDECIDED], code)
    return code.astype(np.int8)
