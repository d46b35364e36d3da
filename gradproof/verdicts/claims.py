"""Whether the claims of scenarios' documents are true, and what is wrong with those that are not."""

from collections.abc import Sequence

from gradproof.scenarios.claims import Claim, ClaimVerdict, Finding
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.causes import find_cause
from gradproof.verdicts.records import ClaimRecord

UNEXPLAINED = "no single change of the true gradient explains it"


def check_claims(scenarios: Sequence[Scenario]) -> list[ClaimRecord]:
    """Check every claim of some scenarios.

    Raises:
        InputError: what a claim states cannot be worked with.
    """
    return [_record(scenario, claim) for scenario in scenarios for claim in scenario.claims]


def _record(scenario: Scenario, claim: Claim) -> ClaimRecord:
    finding = claim.judge(scenario)
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


def _cause(finding: Finding) -> str:
    if finding.verdict is not ClaimVerdict.REFUTED or finding.cause or finding.gradient is None:
        return finding.cause
    claimed = finding.gradient
    cause = find_cause(claimed.loss, claimed.params, claimed.batch, claimed.claimed)
    # A claim is often one number, which two changes together can meet by chance.
    if cause is None or cause.kind == "two-changes":
        return UNEXPLAINED
    # A cause speaks to who derived the gradient; here that is the document's author.
    return "the " + cause.text.removeprefix("your ")
