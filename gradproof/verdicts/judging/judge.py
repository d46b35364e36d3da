"""Judging a claim: it meets the evidence, the rule decides entry by entry, the reason is put into words."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.conditioning import where_digits_are_lost
from gradproof.verdicts.judging.claimed import Claimed
from gradproof.verdicts.judging.evidence import Evidence, Known
from gradproof.verdicts.judging.judgement import Floats, Judged, Judgement
from gradproof.verdicts.judging.measuring import Agreement, midpoints
from gradproof.verdicts.judging.rule import (
    CODE,
    Codes,
    Proof,
    assess,
    combined,
    explain,
    is_blameless,
    least_spread,
    prove,
)
from gradproof.verdicts.numerals import sentence
from gradproof.verdicts.verdict import SEVERITY, Verdict, worst

STRUCTURAL = frozenset({"none", "not-a-mapping", "missing-parameter", "wrong-shape"})
"""Findings after which a claim is no gradient of these parameters, whatever its numbers."""


def judge(claimed: Claimed, evidence: Evidence, near: Evidence) -> Judgement:
    """Judge a claim: as a formula by proof where it has one, and its floating-point values by the noise.

    Args:
        claimed: what is claimed.
        evidence: of the loss, at the very place of the claim.
        near: of the loss, at the place rounded to the dtype that the values were computed in.
    """
    floats = _judge_floats(claimed, near)
    proof = prove(claimed, evidence) if claimed.certified else None
    if proof is not None and floats is not None:
        floats = replace(floats, blameless=is_blameless(proof, evidence.truth, claimed, floats.verdict))
    parameters = {
        name: _judged(name, claimed, near, floats, proof)
        for name in claimed.place.params
        if name in claimed.floats or (proof is not None and name in proof.agreement)
    }
    verdict, reason = _said(claimed, floats, proof, parameters)
    return Judgement(
        verdict,
        reason,
        claimed,
        parameters,
        floats=floats,
        findings=claimed.findings,
        constants=proof is not None and proof.constants,
    )


def _judge_floats(claimed: Claimed, near: Evidence) -> Floats | None:
    if not claimed.floats:
        return None
    assessed = {
        name: assess(value[np.newaxis], near.gradients[name], claimed.dtype)
        for name, value in claimed.floats.items()
    }
    verdict, spreads, reason = Verdict.AGREES, 0.0, ""
    for name, each in assessed.items():
        spreads = max(spreads, float(np.max(np.nan_to_num(each.spreads, nan=np.inf), initial=0.0)))
        code = each.verdict.max(axis=1, initial=0)
        if worst([verdict, SEVERITY[int(code[0])]]) is not verdict:
            verdict = SEVERITY[int(code[0])]
            reason = str(explain(code, near.gradients[name].reasons, claimed.dtype)[0])
            if verdict is Verdict.ILL_CONDITIONED:
                reason += f"; most are lost in {_where(near, name)}"
    return Floats(assessed, verdict, spreads, reason, claimed.dtype)


def _where(near: Evidence, name: str) -> str:
    params, batch = ({n: a[0] for n, a in arrays.items()} for arrays in (near.params, near.batch))
    return where_digits_are_lost(near.loss, params, batch, near.dtype, name)


# -------------------------------------------------------------------- entry by entry


def _judged(
    name: str, claimed: Claimed, near: Evidence, floats: Floats | None, proof: Proof | None
) -> Judged:
    """Put together what formula and floats say of one parameter."""
    shape = claimed.place.params[name].shape
    assessed = floats.assessed.get(name) if floats is not None else None
    agreement = None if proof is None else proof.agreement.get(name)
    codes = [] if proof is None else [proof.codes(name, shape)]
    codes += [] if assessed is None else [assessed.verdict.reshape(shape)]
    code = codes[0]
    if floats is not None and len(codes) > 1:
        code = combined(*codes, blameless=floats.blameless)
    known = near.gradients[name] if assessed is not None else None
    if agreement is not None and not np.any(code == CODE[Verdict.INACCURATE]):
        return _of_formula(agreement, code, claimed.dtype, known)
    assert assessed is not None  # noqa: S101 - there are only floats to show
    digits = float(np.min(assessed.digits, initial=np.inf)) if agreement is None else agreement.digits
    return Judged(
        value=assessed.value.reshape(shape),
        exact=near.truth.gradients[name].balls()[0, ...],
        error=assessed.error.reshape(shape),
        relative_error=assessed.relative_error.reshape(shape),
        ulps=assessed.ulps.reshape(shape),
        spreads=assessed.spreads.reshape(shape),
        verdict=code,
        digits=digits,
    )


def _of_formula(agreement: Agreement, code: Codes, dtype: str, known: Known | None) -> Judged:
    """Show what a formula gives, with its error in spreads of the noise where that was measured."""
    exact, error = midpoints(agreement.exact), agreement.distance.error
    with np.errstate(all="ignore"):
        ulps = error / FORMATS[dtype].spacing(exact)
        spreads = np.full(error.shape, np.nan)
        if known is not None:
            spreads = np.where(
                error == 0, 0.0, error / np.maximum(known.spread[0], least_spread(exact, dtype))
            )
    return Judged(
        value=midpoints(agreement.value),
        exact=agreement.exact,
        error=error,
        relative_error=agreement.distance.relative_error,
        ulps=ulps,
        spreads=spreads,
        verdict=code,
        digits=agreement.digits,
    )


# -------------------------------------------------------------------- in words


def _said(
    claimed: Claimed, floats: Floats | None, proof: Proof | None, parameters: Mapping[str, Judged]
) -> tuple[Verdict, str]:
    """Give the verdict of all entries, and the reason."""
    for finding in claimed.findings:
        if finding.kind in STRUCTURAL:
            return Verdict.WRONG, finding.text
    if proof is None:
        return _said_of_floats(claimed, floats)
    verdict = worst([proof.verdict, *(judged.worst for judged in parameters.values())])
    if floats is not None and floats.loses:
        if verdict is Verdict.INACCURATE:
            return verdict, f"The formula is right, but its evaluation loses digits. {floats.text}"
        if proof.verdict is Verdict.UNDECIDED:
            return verdict, f"{sentence(proof.reason)} {floats.text}"
    return verdict, sentence(proof.reason)


def _said_of_floats(claimed: Claimed, floats: Floats | None) -> tuple[Verdict, str]:
    why = "" if claimed.formula is None else f"Judged in floating point alone: {claimed.formula.reason}."
    if floats is None:
        return Verdict.UNDECIDED, why or "There is no result to judge."
    wide = {Verdict.UNDECIDED, Verdict.KINK, Verdict.ILL_CONDITIONED}
    text = sentence(floats.reason) if floats.verdict in wide else floats.text
    return floats.verdict, f"{why} {text}".strip()
