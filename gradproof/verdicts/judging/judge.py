"""Judging a claim: it meets the evidence, the rule decides, and a judgement is what is said."""

from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.verdicts.judging.calling import call_gradient
from gradproof.verdicts.judging.claimed import Claimed, Formula, Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.floats import judge_floats
from gradproof.verdicts.judging.formulas import USUAL, run_formula
from gradproof.verdicts.judging.judgement import Judgement, judgement_of
from gradproof.verdicts.judging.proof import prove
from gradproof.verdicts.judging.user_gradient import UserGradient


def judge_at(gradient: UserGradient, place: Place, formats: RunFormats | str) -> Judgement:
    """Judge what a gradient claims at a place.

    Raises:
        InputError: the gradient raises, or the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.
    """
    claimed = claim(gradient, place, RunFormats.of(formats))
    return judge(claimed, PlaceEvidence(gradient.loss, place, claimed.formats, claimed.near))


def claim(
    gradient: UserGradient,
    place: Place,
    formats: RunFormats,
    takes: str | None = None,
    precision: int = USUAL,
) -> Claimed:
    """Run a gradient at a place, in floating point and, if it is plain NumPy, on certified balls.

    Args:
        gradient: whose code.
        place: where.
        formats: what its floating-point values are computed in, at the place rounded to them.
        takes: the arrays that it wants, if known.
        precision: bits that the exact gradient is known to have needed there.

    Raises:
        InputError: the gradient raises.
    """
    called = call_gradient(gradient, place, formats, takes)
    formula = None
    framework = called.works_with
    if framework is not None:
        formula = Formula({}, f"it works with {framework.words}, which do not run on certified balls")
    elif not any(finding.kind in {"none", "not-a-mapping"} for finding in called.findings):
        formula = run_formula(gradient, place, precision=precision)
    near = place.rounded(formats)
    return Claimed(
        place, called.values, called.formats, formula, called.findings, near, called.takes, framework
    )


def judge(claimed: Claimed, evidence: PlaceEvidence) -> Judgement:
    """Judge a claim: its floating-point values by the rounding noise, and as a formula by proof.

    Args:
        claimed: what is claimed.
        evidence: of the loss, at the place of the claim and in the dtype of its values.
    """
    floats = judge_floats(claimed.floats, evidence.near)
    proof = prove(claimed.formula, evidence)
    return judgement_of(claimed, floats, proof)
