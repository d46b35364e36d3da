"""What a report tells of a check."""

from gradproof.checking import Check
from gradproof.verdicts.records import CheckRecord


def record_of(check: Check, test: str, failing_point: str = "") -> CheckRecord:
    """Give the record of a check.

    Args:
        check: what was found.
        test: who made it: a test as pytest names it, or what the command was asked to check.
        failing_point: where a failing point was saved; empty where none was.
    """
    return CheckRecord(
        test=test,
        verdict=str(check.verdict),
        ok=check.ok,
        digits=float(f"{check.digits:.1f}"),
        dtype=check.dtype,
        seed=check.seed,
        points=str(check.points),
        cause="" if check.cause is None else check.cause.text,
        where="" if check.cause is None else check.cause.where,
        reason=check.reason,
        findings="; ".join(finding.text for finding in check.findings),
        failing_point=failing_point,
    )
