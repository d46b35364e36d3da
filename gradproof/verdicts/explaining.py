"""Why a claim is wrong: the one place that asks for causes, of a judgement and of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.backends.protocol import Run
from gradproof.errors import GradproofError, UnsupportedError
from gradproof.reference.numbers.bounds import midpoints, radii
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.causes import Again, Cause, SecondPoint, doubt_from, search_cause
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.conditioning import who_loses_digits
from gradproof.verdicts.judging.calling import call_gradient
from gradproof.verdicts.judging.claimed import Arrays, Claimed, Formula, Place
from gradproof.verdicts.judging.evidence import Loss, PlaceEvidence
from gradproof.verdicts.judging.judge import judge
from gradproof.verdicts.judging.judgement import Judged, Judgement
from gradproof.verdicts.judging.together import is_short
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.model_parts import parts_of_model
from gradproof.verdicts.own_functions import inaccurate_function
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.steps import batches_of, formats_of
from gradproof.verdicts.tolerances import CAUSE_SPREADS, INTERVAL
from gradproof.verdicts.updates.wrong_batches import with_causes_of_batches
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]
Records = tuple[ParameterRecord, ...]
_Found = tuple[str, str]  # the words of a cause, and where it is

SEARCHES = 3
"""A run with many wrong parameters is searched at so many steps at most; one cause mostly explains all."""

TRACED = 300_000
"""A gradient that computes more numbers than this is not looked at line by line."""

_WRONG = frozenset({Verdict.DISAGREES, Verdict.WRONG})


# -------------------------------------------------------------------- of one claim


def explained(
    judgement: Judgement, loss: Loss, learning_rate: float | None = None, again: Again | None = None
) -> Judgement:
    """Name the cause of a wrong claim, or else say which entries are off; costs nothing where it is right.

    Args:
        judgement: what is said of the claim.
        loss: called as `loss(xp, params, batch)` on flat mappings.
        learning_rate: a number to expect in the cause.
        again: how the claim can be asked for again; a formula that was run in certified arithmetic is run
            again.
    """
    floats = judgement.verdict in {Verdict.INACCURATE, Verdict.NOT_FINITE} or _no_numbers(judgement)
    if judgement.verdict not in _WRONG and not floats:
        return judgement
    if cause := _digits_lost(judgement, loss) or _inaccurate_function(judgement, loss):
        return replace(judgement, cause=cause)
    if _is_near(judgement):
        return replace(judgement, unexplained=_NEAR)
    return _searched(judgement, loss, learning_rate, again, floats=floats)


def _searched(
    judgement: Judgement, loss: Loss, learning_rate: float | None, again: Again | None, *, floats: bool
) -> Judgement:
    """Search a formula that gives what is claimed; `floats` as for `_accused`."""
    place, values, doubt = _accused(judgement, floats=floats)
    if not values:
        return judgement
    failing = CODE[Verdict.INACCURATE]
    wrong = {name: judged.verdict >= failing for name, judged in judgement.parameters.items()}
    told_by = {name: wrong[name] & _tells(judged) for name, judged in judgement.parameters.items()}
    if any(map(np.any, wrong.values())) and not any(map(np.any, told_by.values())):
        return replace(judgement, unexplained=_AT_KINK)
    again = again or _again(judgement.claimed)
    again = again._replace(second=cache(again.second))
    search = search_cause(
        loss,
        place.params,
        place.batch,
        values,
        learning_rate=learning_rate,
        doubt=doubt,
        wrong=told_by,
        again=again,
    )
    if search.cause is not None:
        once = "; this was seen at one point only" if again.second() is None else ""
        place_of = parts_of_model(loss, place, search.cause.text)
        text = search.cause.text + once + place_of.text
        where = search.cause.gradient_where or place_of.backward
        return replace(judgement, cause=replace(search.cause, text=text, gradient_where=where))
    if floats:
        return judgement  # the reason says already that digits are lost, or that it is no number
    told = parts_of_model(loss, place, search.difference).text
    unexplained = search.difference.removesuffix(".") + told + "." if told else search.difference
    return replace(judgement, unexplained=unexplained)


_NEAR = (
    "It is so near to the true gradient that the gradients of many wrong formulas are as near in this dtype."
)


_AT_KINK = (
    "All that is wrong is at the kink, where the true gradient is no single number that a mistake could be "
    "told by. Ask again at a point beside it."
)


def _tells(judged: Judged) -> NDArray[np.bool_]:
    """Tell which entries tell of a mistake: where the exact one is no interval, or the claim is no number."""
    with np.errstate(all="ignore"):
        size = np.max(np.abs(midpoints(judged.exact)), initial=0.0)
        known = radii(judged.exact) <= INTERVAL * size
    tells: NDArray[np.bool_] = known | ~np.isfinite(judged.value)
    return tells


def _is_near(judgement: Judgement) -> bool:
    """Tell whether the true gradient would pass for a cause, so that none can be told from it."""
    floats = judgement.floats
    if (
        floats is None
        or floats.verdict is not Verdict.DISAGREES
        or not any(is_short(each.path) for each in floats.assessed.values())
    ):
        return False
    return floats.spreads <= CAUSE_SPREADS


def _no_numbers(judgement: Judgement) -> bool:
    """Tell whether nothing was decided where a claim is no number."""
    floats = judgement.claimed.floats.values()
    return judgement.verdict is Verdict.UNDECIDED and not all(np.isfinite(each).all() for each in floats)


def _digits_lost(judgement: Judgement, loss: Loss) -> Cause | None:
    """Name the operation whose textbook formula loses the digits; None where that is not what loses them."""
    claimed, floats = judgement.claimed, judgement.floats
    place = claimed.near or claimed.place
    told = (judgement.verdict, None if floats is None else floats.verdict)
    if floats is None or told != (Verdict.INACCURATE, Verdict.INACCURATE):
        return None
    code = CODE[Verdict.INACCURATE]
    losing = {name: each for name, each in floats.assessed.items() if np.any(each.verdict == code)}
    name = max(losing, key=lambda name: float(np.max(losing[name].spreads[losing[name].verdict == code])))
    assessed = losing[name]
    at = int(np.argmax(np.where(assessed.verdict == code, assessed.spreads, -1.0)))
    exact, relative = float(assessed.exact.flat[at]), float(assessed.relative_error.flat[at])
    loser = who_loses_digits(loss, place.params, place.batch, claimed.formats, (name, at), exact, relative)
    if loser is None:
        return None
    return Cause(CauseKind.DIGITS_LOST.slug, loser.where, None, loser.text, tuple(losing))


def _inaccurate_function(judgement: Judgement, loss: Loss) -> Cause | None:
    """Ask the framework that a wrong gradient was computed with for what its functions give there."""
    claimed, floats = judgement.claimed, judgement.floats
    if (
        claimed.framework is None
        or floats is None
        or claimed.formats.own
        or judgement.verdict is not Verdict.DISAGREES
    ):
        return None
    place = claimed.near or claimed.place
    return inaccurate_function(
        loss, place.params, place.batch, floats.dtype, claimed.framework, floats.assessed
    )


def _accused(
    judgement: Judgement, *, floats: bool
) -> tuple[Place, Mapping[str, Array], Mapping[str, Array] | None]:
    """Give the place, what is claimed there (balls or floats), and what rounding explains of it.

    Where a right formula loses digits, its floats are what is wrong.
    """
    claimed = judgement.claimed
    if claimed.formula is not None and claimed.formula.values and not floats:
        values = claimed.formula.values
        known = {name: balls for name, balls in values.items() if name in claimed.place.params}
        return claimed.place, known, None
    values = _held(claimed.floats, claimed.formats)
    assessed = {} if judgement.floats is None else judgement.floats.assessed
    doubt = {
        name: doubt_from(each.widest[0], midpoints(each.exact), each.path).reshape(values[name].shape)
        for name, each in assessed.items()
    }
    return claimed.near or claimed.place, values, doubt


def _held(floats: Arrays, formats: RunFormats) -> dict[str, Array]:
    """Give numbers in arrays of the data types that NumPy has for their formats."""
    return {name: each.astype(FORMATS[formats.of_param(name)].dtype) for name, each in floats.items()}


def _again(claimed: Claimed) -> Again:
    """Say how a formula is run again; of numbers alone there is no more to be had."""
    formula, place = claimed.formula, claimed.place
    if formula is None:
        return Again()

    def at(params: Arrays, batch: Arrays) -> Arrays | None:
        return _known(formula.at(Place(params, batch)), params)

    def second() -> SecondPoint | None:
        """Run it a tenth away, or nearby where that leaves the domain."""
        for other in (place.apart, place.neighbour):
            there = formula.at(other)
            known = _known(there, other.params)
            if known is not None:
                return SecondPoint(other.params, other.batch, known, partial(there.traced, TRACED))
        return None

    return Again(second, at, partial(formula.traced, TRACED))


def _known(formula: Formula, params: Arrays) -> Arrays | None:
    """Give what a formula claims; None where it gives no numbers."""
    balls = [ball for array in formula.values.values() for ball in np.ravel(array)]
    if not balls or not all(ball.is_finite() for ball in balls):
        return None
    return {name: each for name, each in formula.values.items() if name in params}


def again_in_floats(user: UserGradient, claimed: Claimed) -> Again:
    """Say how a gradient that is run in floating point alone is asked for again, a tenth away."""

    def second() -> SecondPoint | None:
        place = claimed.place.apart.rounded(claimed.formats)
        try:
            values = call_gradient(user, place, claimed.formats, claimed.takes).values
        except GradproofError:
            return None
        return SecondPoint(place.params, place.batch, _held(values, claimed.formats))

    return Again(second)


# -------------------------------------------------------------------- of a run


def with_causes(
    scenario: Scenario, run: Run, gradients: Records, framework: Framework | None = None
) -> Records:
    """Name the causes of gradients that do not pass; costs nothing where all pass.

    Args:
        scenario: what was run.
        run: what was recorded.
        gradients: what is said of them.
        framework: what ran it; None where that is not known.
    """
    gradients = with_causes_of_batches(scenario, run, gradients)
    not_passing = {*_WRONG, Verdict.NOT_FINITE}
    if accused := [each for each in gradients if each.worst_verdict() in not_passing and not each.cause]:
        causes = _gradient_causes(scenario, run, accused, framework)
        found = [(each, *causes.get(each.parameter, (each.cause, each.where))) for each in gradients]
        gradients = tuple(replace(each, cause=cause, where=where) for each, cause, where in found)
    return gradients


def _gradient_causes(
    scenario: Scenario, run: Run, wrong: Sequence[ParameterRecord], framework: Framework | None
) -> dict[str, _Found]:
    """Search at the worst step of a wrong parameter, then at that of the next one not yet explained."""
    causes: dict[str, _Found] = {}
    for judgement in wrong[:SEARCHES]:
        if judgement.parameter in causes:
            continue
        step = judgement.worst_step()
        params, batch, floats, _ = _at_step(scenario, run, step)
        formats = formats_of(scenario, run)
        claimed = Claimed(Place(params, batch), floats, formats, framework=framework)
        again = Again(partial(_at_another_step, scenario, run, step))
        evidence = PlaceEvidence(scenario.flat_loss, claimed.place, formats)
        try:
            cause = explained(judge(claimed, evidence), scenario.flat_loss, again=again).cause
        except UnsupportedError:
            # The loss was judged without this; that no cause is named says that none was found.
            return causes
        if cause is not None:
            for name in cause.parameters:
                # The search speaks to who wrote the gradient; here a program did.
                text = cause.text.replace("your gradient", "the gradient")
                causes.setdefault(name, (text, cause.where))
    return causes


def _at_step(scenario: Scenario, run: Run, step: int) -> SecondPoint:
    """Give the weights and the data of a step, and its gradients as float64."""
    params = {name: weight[step] for name, weight in run.weights.items()}
    batch = {name: array[0] for name, array in batches_of(scenario, run, slice(step, step + 1)).items()}
    return SecondPoint(
        params, batch, {n: gradient[step].astype(np.float64) for n, gradient in run.gradients.items()}
    )


def _at_another_step(scenario: Scenario, run: Run, step: int) -> SecondPoint | None:
    """Give the first step or the last, whichever is farther; None where a run has one step."""
    last = min(map(len, run.gradients.values())) - 1
    other = 0 if step > last / 2 else last
    if other == step:
        return None
    there = _at_step(scenario, run, other)
    return there._replace(claimed=_held(there.claimed, formats_of(scenario, run)))
