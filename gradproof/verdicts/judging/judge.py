"""Judging a claim: it meets the evidence, the rule decides, and a judgement is what is said."""

from gradproof.verdicts.judging.claimed import Claimed
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.floats import judge_floats
from gradproof.verdicts.judging.judgement import Judgement, judgement_of
from gradproof.verdicts.judging.proof import prove


def judge(claimed: Claimed, evidence: PlaceEvidence) -> Judgement:
    """Judge a claim: its floating-point values by the rounding noise, and as a formula by proof.

    Args:
        claimed: what is claimed.
        evidence: of the loss, at the place of the claim and in the dtype of its values.
    """
    floats = judge_floats(claimed.floats, evidence.near)
    proof = prove(claimed.formula, evidence)
    return judgement_of(claimed, floats, proof)
