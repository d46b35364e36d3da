"""Whether the claims of scenarios' documents are true, and what is wrong with those that are not."""

from collections.abc import Mapping, Sequence

import flint
import numpy as np

from gradproof.errors import GradproofError
from gradproof.scenarios.claim import (
    Checked,
    Claim,
    ClaimVerdict,
    Comparison,
    Decimals,
    Derived,
    Finding,
    confirmed,
    refuted,
    undecided,
)
from gradproof.scenarios.claims_arithmetic import balls, show
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.causes import find_cause
from gradproof.verdicts.explaining import explained
from gradproof.verdicts.hand_derived import DTYPE
from gradproof.verdicts.judging.decimals import judge_decimal
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.measuring import Agreement, compare_all
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.records import ClaimRecord
from gradproof.verdicts.verdict import Verdict

PRECISION = 256
"""Bits of the certified arithmetic that checks of claims run in."""

UNEXPLAINED = "no single change of the true gradient explains it"


def check_claims(scenarios: Sequence[Scenario]) -> list[ClaimRecord]:
    """Check every claim of some scenarios.

    Raises:
        InputError: what a claim states cannot be worked with.
    """
    return [_record(scenario, claim) for scenario in scenarios for claim in scenario.claims]


def _record(scenario: Scenario, claim: Claim) -> ClaimRecord:
    finding = finding_of(claim, scenario)
    return ClaimRecord(
        document=claim.document or scenario.source or scenario.name,
        scenario=scenario.name,
        claim=claim.name,
        text=claim.text,
        place=claim.place,
        verdict=str(finding.verdict),
        stated=finding.stated,
        exact=finding.exact,
        digits=finding.digits,
        cause=_cause(finding),
        reason=finding.reason,
    )


def finding_of(claim: Claim, scenario: Scenario) -> Finding:
    """Run the check of a claim, and decide what it leaves to the rule.

    A check that raises has reached no verdict, and the finding says what it raised; the errors that gradproof
    raises on purpose are passed on.

    Raises:
        InputError: what the claim states cannot be worked with.
    """
    with flint.ctx.workprec(PRECISION):
        try:
            return decided(claim.check(scenario, claim.states))
        except GradproofError:
            raise
        except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 - a user's check raises anything
            return undecided(f"its check raised {type(error).__name__}: {error}")


def decided(checked: Checked) -> Finding:
    """Decide what a check left to the rule; a finding stays what it is."""
    if isinstance(checked, Comparison):
        return _of_comparison(checked)
    if isinstance(checked, Decimals):
        return _of_decimals(checked)
    return _of_formula(checked) if isinstance(checked, Derived) else checked


def _cause(finding: Finding) -> str:
    if finding.verdict is not ClaimVerdict.REFUTED or finding.cause or finding.gradient is None:
        return finding.cause
    claimed = finding.gradient
    cause = find_cause(claimed.loss, claimed.params, claimed.batch, claimed.claimed)
    # A claim is often one number, which two changes together can meet by chance.
    if cause is None or cause.kind == "two-changes":
        return UNEXPLAINED
    return _said_of_the_document(cause.text)


def _said_of_the_document(cause: str) -> str:
    """A cause speaks to who derived the gradient; here that is the document's author."""
    return "the " + cause.removeprefix("your ")


def _with_remark(reason: str, remark: str) -> str:
    return f"{reason} {remark}".strip()


# -------------------------------------------------------------------- numbers beside numbers


def _of_comparison(comparison: Comparison) -> Finding:
    found = _agreements(comparison)
    digits = min(each.digits for each in found.values())
    if all(np.all(each.equal) for each in found.values()):
        if comparison.follows is not None:
            return comparison.follows(digits)
        return confirmed(
            _with_remark(_agrees(comparison.what, digits, comparison.beside), comparison.remark),
            digits=digits,
        )
    wrong = [name for name, each in found.items() if np.any(each.apart)]
    if not wrong:
        return undecided(f"{comparison.what} could not be told from the exact one: the balls are too wide.")
    name = min(wrong, key=lambda each: found[each].digits)
    ours, true = _worst(found[name])
    is_true = f"is {comparison.beside}" if comparison.beside else "is true"
    numbers = f"for {name} it gives {show(ours)}, and {show(true)} {is_true}"
    reason = f"{comparison.what} is proven to differ: {numbers}."
    return refuted(
        _with_remark(reason, comparison.remark),
        stated=show(ours),
        exact=show(true, 30),
        digits=digits,
        cause=comparison.cause + _instead(comparison),
        gradient=comparison.gradient,
    )


def _agreements(comparison: Comparison) -> Mapping[str, Agreement]:
    exact = {name: np.atleast_1d(balls(each)) for name, each in comparison.exact.items()}
    stated = {name: np.atleast_1d(balls(comparison.stated[name])) for name in exact}
    return compare_all(stated, exact, 0.0)


def _agrees(what: str, digits: float, beside: str = "") -> str:
    exact = beside or "the exact one"
    return (
        f"{what} equals {exact}."
        if digits == np.inf
        else f"{what} agrees with {exact} to {int(digits)} digits."
    )


def _worst(agreement: Agreement) -> tuple[flint.arb, flint.arb]:
    """Give the entry with the fewest digits that agree, claimed and exact."""
    place = int(np.argmin(agreement.distance.digits))
    return agreement.value.ravel()[place], agreement.exact.ravel()[place]


def _instead(comparison: Comparison) -> str:
    """Say what is right instead, if it is."""
    if comparison.instead is None:
        return ""
    other, text = comparison.instead
    found = _agreements(other)
    equal = all(np.all(each.equal) for each in found.values())
    return text.format(digits=int(min(each.digits for each in found.values()))) if equal else ""


# -------------------------------------------------------------------- decimals


def _of_decimals(decimals: Decimals) -> Finding:
    """Judge decimals one by one: the first that is refuted is told, else the first undecided."""
    judged = [(judge_decimal(*entry), entry) for entry in decimals.entries]
    order = [Verdict.WRONG, Verdict.UNDECIDED, Verdict.EQUAL]
    said, (stated, exact, _) = min(judged, key=lambda pair: order.index(pair[0].verdict))
    numbers = {"stated": stated, "exact": show(exact, 30), "digits": said.digits}
    reason = _with_remark(said.reason, decimals.remark)
    if said.verdict is Verdict.EQUAL:
        return confirmed(reason, **numbers)
    if said.verdict is Verdict.UNDECIDED:
        return undecided(reason, **{**numbers, "digits": float("nan")})
    return refuted(reason, **numbers, cause=decimals.cause, gradient=decimals.gradient)


# -------------------------------------------------------------------- formulas


def _of_formula(derived: Derived) -> Finding:
    """Judge a gradient that is given as code just as `check` judges it at the given point."""
    user = UserGradient(derived.scenario, derived.gradient)
    found = explained(judge_at(user, user.given, DTYPE), user.loss)
    verdict, what = found.verdict, derived.what
    if verdict is Verdict.UNDECIDED:
        return undecided(f"{what} could not be told from the exact one. {found.reason}".strip())
    if verdict.accepted():
        reason = _agrees(what, found.digits) if found.certified else f"{what} agrees with the exact one."
        return confirmed(_with_remark(reason, found.reason), digits=found.digits)
    return _refuted_formula(found, what)


def _refuted_formula(found: Judgement, what: str) -> Finding:
    worst = found.entries.iloc[0]
    name, value, exact = worst["parameter"], worst["value"], worst["exact"]
    proof = "is proven to differ" if found.certified else "differs by more than rounding explains"
    cause = UNEXPLAINED
    if found.cause is not None and found.cause.kind != "two-changes":
        cause = _said_of_the_document(found.cause.text)
    return refuted(
        f"{what} {proof}: for {name} it gives {value:.10g}, and {float(exact):.10g} is true.",
        stated=f"{value:.10g}",
        exact=str(exact),
        digits=found.digits,
        cause=cause,
    )
