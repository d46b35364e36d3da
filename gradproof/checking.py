"""`check`: is a gradient of the user's own right, which entry is wrong, and why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.errors import InputError
from gradproof.inputs import NUMBER, SEED, TEXT, accepts, optional, sequence_of
from gradproof.reference.numbers.run_formats import OWN, RunFormats
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import ends_nothing
from gradproof.single import record_of, scenario_of
from gradproof.texts import visible
from gradproof.verdicts.checking.batches import batches_of
from gradproof.verdicts.checking.own import Terms
from gradproof.verdicts.checking.own_points import Condition, PointsWanted, Searched, Tally, search_points
from gradproof.verdicts.checking.points import Point, load_point
from gradproof.verdicts.checking.rounded_data import UNKNOWN_LAW, judged_with_rounded_data, rounding_of
from gradproof.verdicts.explaining import again_in_floats, explained
from gradproof.verdicts.judging.calling import call_gradient
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Claimed, Place
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.numerals import entry, index_texts, sentence
from gradproof.verdicts.printing import wrapped
from gradproof.verdicts.records import CheckRecord
from gradproof.verdicts.tolerances import REORDERED
from gradproof.verdicts.verdict import Verdict

__all__ = [
    "CONDITIONS",
    "DTYPES",
    "POINTS",
    "Check",
    "CheckFinding",
    "Condition",
    "Point",
    "check",
    "load_point",
]

POINTS = 12
"""How many points of its own `check` draws if it is not told."""

DTYPES = ("float64", "float32", "float16", "bfloat16")
"""What a gradient can be judged in."""

CONDITIONS = ("tell", "fail")
"""What may be done about conditions that a right gradient rests on."""

_CONSTANTS = (
    "Some entries agree in fewer than 15 digits; the constants of the code may explain the rest, which are "
    "doubles, or are computed in float64: 0.1 and 1/3 are not the numbers that they stand for."
)


@dataclass(frozen=True, eq=False)
class Check(Judgement):
    """What `check` found: the judgement at the point that is shown, the failing one or the user's.

    Attributes:
        points: what became of the points of its own.
        conditions: what a right gradient rests on: the data at hand is so, and other data may not be.
        seed: what they were drawn with.
        point: the point that is shown.
    """

    points: Tally = field(default_factory=Tally)
    conditions: tuple[Condition, ...] = ()
    seed: int = 0
    point: Point = field(default_factory=lambda: Point(Place({}, {}), ""), repr=False)

    @property
    def failing_point(self) -> Point | None:
        """Where the gradient does not pass; None if it passes."""
        return None if self.ok else self.point

    def save_point(self, path: str | Path) -> Path:
        """Write the point that is shown to an .npz file, to be given back as `check(..., point=path)`.

        Raises:
            InputError: the file cannot be written.
        """
        return self.point.save(path)

    def record(self, test: str, failing_point: str = "") -> CheckRecord:
        """Give what a report tells of the check.

        Args:
            test: who made it: a test as pytest names it, or what the command was asked to check.
            failing_point: where a failing point was saved; empty where none was.
        """
        return record_of(self, test, failing_point, seed=self.seed, points=str(self.points))

    def headline(self) -> str:
        """Tell the verdict in one line."""
        text = super().headline()
        if self.point.seed is not None:
            text = text.replace("the given point", f"a point of its own, {visible(self.point.label)}")
        if not self.verdict.accepted(strict=self.strict):
            return text
        text += f"; {self.points}; seed {self.seed}" if self.points.asked else ""
        return text if self.ok else f"{text}; yet it does not pass"

    def told(self, width: int | None = None, title: str = "") -> str:
        """Tell it as a judgement, and how to repeat what failed at a point of the check's own."""
        text = super().told(width, title)
        if self.ok or self.point.seed is None:
            return text
        repeat = f"seed={self.seed}; save_point(path) writes the point, and check(..., point=path) takes it"
        return f"{text}\n{wrapped(f'  repeat   {repeat}', width, ' ' * 11)}"


@ends_nothing()
@accepts(
    "the check",
    dtype=TEXT,
    points=SEED,
    seed=SEED,
    learning_rate=optional(NUMBER),
    conditions=TEXT,
    fixed=sequence_of(TEXT, "a sequence of names of arrays"),
)
def check(  # noqa: PLR0913 - most are keyword-only options with a default
    loss: Callable[[Any, Any, Any], Any] | Scenario,
    gradient: Callable[[Any, Any], Any] | None = None,
    params: Any = None,
    batch: Any = None,
    *,
    dtype: str = "float64",
    points: int = POINTS,
    seed: int = 0,
    point: Point | str | Path | None = None,
    learning_rate: float | None = None,
    strict: bool | None = None,
    conditions: str = "tell",
    batches: Any = None,
    fixed: Sequence[str] = (),
) -> Check:
    """Check a gradient: as a formula in certified arithmetic, in floating point, and at points of its own.

    Plain NumPy code is run unchanged on balls that provably hold the exact numbers and compared with the true
    gradient of the loss. There is no tolerance: agreement beyond 15 digits is EQUAL, since constants in code
    are doubles. Its floating-point result is judged by the measured rounding noise in any case. Code that
    does not run on balls (it works with PyTorch or JAX, calls compiled code, rounds to floats) is judged by
    that alone, and it is said so.

    Beside the given point, other points are drawn, at which errors cannot hide behind the data at hand. At
    first the parameters alone move, then the data, too, keeping what it is (one-hot, symmetric, sorted, ...)
    and how arrays belong together. Then it loses what it merely happened to have (one example, no ties, no
    negative number, ...), and at last what it is. A gradient that fails only there is right on a condition,
    which is told. `gradproof.verdicts.checking.properties` has the table of both. A point at which the loss
    is not finite is drawn more cautiously, or dropped and counted.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar. Or a Scenario, which has all four: its
            gradient is checked, and of a framework's own model what the framework computes.
        gradient: called as `gradient(params, batch)`; gives arrays of NumPy, PyTorch or JAX, laid out as
            `params`.
        params: a mapping from names to floating-point arrays, nested or not.
        batch: likewise, of data.
        dtype: what the floating-point result is judged in: float64, float32, float16 or bfloat16; `own` for
            each parameter's own, as a model of several dtypes has them.
        points: how many points of its own to draw; 0 for none.
        seed: what they are drawn with.
        point: check at this point (a failing one that was saved) instead of `params` and `batch`, and at no
            other.
        learning_rate: a number to expect in the cause, where weights may have been updated too early.
        strict: whether a right formula whose evaluation loses digits is refused: it gives wrong numbers. None
            to refuse it where it is the user's own, and to tell it where a framework computes it.
        conditions: `tell` or `fail`: whether a gradient passes that is right only of data like the given one.
        batches: called as `batches(random)` with a NumPy generator, gives a batch, laid out as `batch`; or a
            Hypothesis strategy of batches. Then points have only these, and nothing is asked of the data.
        fixed: dotted names of arrays that stay as they are.

    Raises:
        InputError: the loss or the gradient raises (the user's own traceback is in the message), or an
            argument cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> def loss(xp, params, batch):
    ...     return xp.mean((batch["x"] @ params["w"] - batch["y"]) ** 2)
    >>> def gradient(params, batch):
    ...     error = batch["x"] @ params["w"] - batch["y"]
    ...     return {"w": batch["x"].T @ error / len(error)}
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> batch = {"x": np.array([[1.0, 0.5], [0.25, 3.0]]), "y": np.array([1.0, -1.0])}
    >>> check(loss, gradient, params, batch).verdict
    <Verdict.WRONG: 'WRONG'>
    >>> check(loss, lambda p, b: {"w": 2 * gradient(p, b)["w"]}, params, batch).ok
    True
    """
    if dtype not in (*DTYPES, OWN):
        raise InputError(f"There is no dtype called {dtype!r} here. Choose from {', '.join((*DTYPES, OWN))}.")
    if conditions not in CONDITIONS:
        raise InputError(f"The check's conditions are {conditions!r}. Choose from {', '.join(CONDITIONS)}.")
    points, seed = int(points), int(seed)
    scenario, claim = _subject(loss, gradient, params, batch)
    given = Point(Place(scenario.flat_params, scenario.flat_batch), "the given point")
    _check_names(fixed, given.place)
    if point is not None:
        given = _given_back(point, given)
        points = 0
    user = UserGradient(scenario, claim)
    findings = [*_model_findings(scenario), *_loss_findings(user, given.place)]
    alone = isinstance(scenario, ModelScenario) and scenario.has_own_dtypes_alone
    formats = scenario.formats(OWN if alone else dtype)
    found = judged_with_rounded_data(judge_at(user, given.place, formats), user, formats)
    found = replace(found, findings=(*found.findings, *_noticed(found, formats, user)))
    findings += _random_gradient(user, found.claimed, formats)
    searched = Searched(None, None, (), Tally())
    random = next((finding for finding in findings if finding.kind == "random"), None)
    if points and random is None and found.ok:
        terms = Terms(formats, found.claimed.takes, found.scales, _rounded(found, given.place))
        wanted = PointsWanted(points, seed, frozenset(fixed), batches_of(scenario, batches, points, seed))
        # Where rounded data was taken to all digits, points go on from there.
        searched = search_points(user, found.claimed.place, wanted, terms)
    if searched.worst is not None and (not searched.worst.ok or found.verdict is not Verdict.INACCURATE):
        found, given = searched.worst, searched.point or given
    if random is not None:
        found = replace(found, verdict=Verdict.UNDECIDED, reason=random.text)
    resting = [CheckFinding("condition", each.text, conditions == "fail") for each in searched.conditions]
    told = {(f.kind, f.text): f for f in (*findings, *found.findings, *searched.findings, *resting)}
    if found.verdict is Verdict.WRONG:  # what a wrong formula loses in floating point is no news
        told = {key: finding for key, finding in told.items() if finding.kind != "loses-digits"}
    again = again_in_floats(user, found.claimed) if user.computed_by else None
    found = explained(found, scenario.flat_loss, learning_rate, again)
    found = replace(found, findings=(*told.values(), *_raised(searched.tally)))
    found = replace(found, strict=not user.computed_by if strict is None else strict)
    kept = {each.name: getattr(found, each.name) for each in fields(Judgement)}
    return Check(**kept, points=searched.tally, conditions=searched.conditions, seed=seed, point=given)


def _subject(
    loss: Callable[[Any, Any, Any], Any] | Scenario,
    gradient: Callable[[Any, Any], Any] | None,
    params: Any,
    batch: Any,
) -> tuple[Scenario, Callable[[Any, Any], Any]]:
    """Give what is checked: a loss with its arrays, and what is claimed to be its gradient."""
    if not isinstance(loss, Scenario):
        if gradient is None or params is None:
            raise InputError(
                "The check lacks a gradient or its parameters. Call it as check(loss, gradient, params, "
                "batch), or as check(scenario)."
            )
        return scenario_of(loss, params, batch), gradient
    if params is not None or batch is not None:
        raise InputError(
            "The check is given a scenario, and arrays beside it. Put the arrays into the scenario, or give "
            "its loss in the place of it."
        )
    claim = gradient or loss.claimed_gradient
    if claim is None:
        raise InputError(
            f"Scenario {loss.name!r} has no gradient to be checked. Give it one with `gradient=`."
        )
    return loss, claim


def _rounded(found: Judgement, given: Place) -> float:
    of_law = any(finding.kind == UNKNOWN_LAW for finding in found.findings)
    return rounding_of(given) if of_law else 0.0


def _check_names(fixed: Sequence[str], place: Place) -> None:
    known = [*place.params, *place.batch]
    unknown = [name for name in fixed if name not in known]
    if unknown:
        raise InputError(
            f"The check is to keep {unknown[0]!r} fixed, and there is no array of that name. Choose from "
            f"{', '.join(known)}."
        )


def _model_findings(scenario: Scenario) -> Iterator[CheckFinding]:
    """Tell what of a model is not looked at."""
    if isinstance(scenario, ModelScenario):
        if scenario.differs:
            yield CheckFinding("value-differs", scenario.differs, fails=True)
        yield from (CheckFinding("left-out", note) for note in scenario.notes)


def _noticed(found: Judgement, formats: RunFormats, user: UserGradient) -> Iterator[CheckFinding]:
    """Tell what is worth knowing of a claim beside its verdict."""
    claimed, formula = found.claimed, found.claimed.formula
    if claimed.dtype != formats.dtype:
        given = claimed.dtype
        text = f"The gradient was asked for in {formats.dtype} and gives {given}, so it is judged as {given}."
        yield CheckFinding("lower-precision", text)
    yield from _computed_in(found)
    for name, value in claimed.floats.items():
        bad = np.flatnonzero(~np.isfinite(value))
        if len(bad):
            index = index_texts(value.shape)[bad[0]]
            count = f"{len(bad)} of {value.size} entries are not finite"
            text = f"The gradient of {entry(name, index)} is {value.ravel()[bad[0]]}; {count}."
            yield CheckFinding("not-finite", text, parameter=name)
    if formula is not None and not formula.certified and not user.computed_by:
        yield CheckFinding("not-certified", sentence(f"The formula was not certified: {formula.reason}"))
    if found.constants:
        yield CheckFinding("constants", _CONSTANTS)


def _computed_in(found: Judgement) -> Iterator[CheckFinding]:
    """Tell where coarser formats than the parameter's own flow into a gradient."""
    held = {} if found.floats is None else found.floats.assessed
    formats = found.claimed.formats
    for path in dict.fromkeys(each.path for each in held.values()):
        names = [name for name, each in held.items() if each.path == path != formats.of_param(name)]
        if names:
            text = (
                f"A part of the loss is computed in {path}: the floating-point gradient of "
                f"{', '.join(names)} is judged by the rounding of that, too."
            )
            yield CheckFinding("lower-precision", text)


def _given_back(point: Point | str | Path, given: Point) -> Point:
    """Give the point that the user wants checked, after a look at its shapes.

    Raises:
        InputError: it is not a point of this loss.
    """
    chosen = point if isinstance(point, Point) else load_point(point)
    for kind, ours, theirs in (
        ("params", given.place.params, chosen.place.params),
        ("batch", given.place.batch, chosen.place.batch),
    ):
        if ours.keys() != theirs.keys():
            raise InputError(
                f"The point has {kind} {list(theirs)}, but the check has {list(ours)}. Give a point that "
                "was saved for this loss."
            )
    for name, array in given.place.params.items():
        if chosen.place.params[name].shape != array.shape:
            raise InputError(
                f"Parameter {name!r} has shape {chosen.place.params[name].shape} at the point, but "
                f"{array.shape} here. Give a point that was saved for these parameters."
            )
    return chosen


def _loss_findings(user: UserGradient, place: Place) -> list[CheckFinding]:
    """Evaluate the loss twice: is it finite, and is it the same?"""
    first, second = user.loss_value(place), user.loss_value(place)
    if not np.array_equal(first, second, equal_nan=True):
        return [
            CheckFinding(
                "random",
                f"The loss uses randomness: two evaluations at the same point give {first!r} and "
                f"{second!r}. Draw the random numbers outside and pass them in the batch.",
                fails=True,
            )
        ]
    if not np.isfinite(first):
        return [CheckFinding("not-finite", f"The loss is {first} in float64 at the given point.")]
    return []


def _random_gradient(user: UserGradient, once: Claimed, formats: RunFormats) -> list[CheckFinding]:
    """Call the gradient once more in the dtype that was asked for: does it give the same?"""
    again = call_gradient(user, once.place, formats, once.takes)
    # Frameworks may add in another order each time; NumPy does not.
    slack = 0.0 if once.takes == again.gives == "numpy" and not user.computed_by else REORDERED
    for name, values in once.floats.items():
        others = again.values.get(name)
        if others is not None and np.array_equal(values, others, equal_nan=True):  # nearly always
            continue
        if others is None or not np.allclose(values, others, rtol=slack, atol=0.0, equal_nan=True):
            text = (
                "The gradient uses randomness: two evaluations at the same point give different values "
                f"of {name!r}. Draw the random numbers outside and pass them in the batch."
            )
            return [CheckFinding("random", text, fails=True, parameter=name)]
    return []


def _raised(tally: Tally) -> list[CheckFinding]:
    if not tally.raised:
        return []
    first = tally.raised[0].strip()
    text = f"At {len(tally.raised)} points of the check's own the loss or the gradient raised: {first}"
    return [CheckFinding("raises", text)]
