"""`check`: is a gradient of the user's own right, which entry is wrong, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradproof.errors import DisagreementError, InputError
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import ends_nothing
from gradproof.verdicts.causes import Cause
from gradproof.verdicts.checking.calling import call_gradient
from gradproof.verdicts.checking.entries import entries_of
from gradproof.verdicts.checking.examining import Examined, examine
from gradproof.verdicts.checking.findings import CheckFinding
from gradproof.verdicts.checking.own import Terms
from gradproof.verdicts.checking.points import Point, load_point
from gradproof.verdicts.checking.search import Searched, Tally, difference, find_cause, search_points
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DTYPES", "POINTS", "Check", "CheckFinding", "Point", "check", "load_point"]

POINTS = 12
"""How many points of its own `check` draws if it is not told."""

DTYPES = ("float64", "float32", "float16")
"""What a gradient can be judged in."""

_SHOWN = 5
_OK = {Verdict.EQUAL, Verdict.AGREES, Verdict.KINK}


@dataclass(frozen=True, eq=False)
class Check:
    """What `check` found.

    Attributes:
        verdict: EQUAL (the formula is right), WRONG, INACCURATE (the formula is right, its floating-point
            evaluation loses digits that the dtype would allow), UNDECIDED (with the reason), KINK (at a
            kink, one of the loss's subgradients), or AGREES (the code cannot run on certified balls; its
            floating-point result is right as far as its rounding shows).
        reason: why the verdict is not EQUAL, or what it rests on; empty if there is nothing to say.
        cause: the change of the true gradient that gives this one, with `kind`, `where`, `factor`, `text` and
            `parameters`; None unless the verdict is WRONG and a cause was found.
        findings: what else was noticed; one that `fails` makes the check fail, whatever the numbers are.
        dtype: what the floating-point result was judged by.
        points: what became of the points of its own.
        seed: what they were drawn with.
        failing_point: where the gradient does not pass; None if it passes.
        examined: all that is known of the point that is shown: the failing one, or the user's.
    """

    verdict: Verdict
    reason: str
    cause: Cause | None
    findings: tuple[CheckFinding, ...]
    dtype: str
    points: Tally
    seed: int
    failing_point: Point | None
    examined: Examined = field(repr=False)
    unexplained: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the gradient passes: EQUAL, AGREES or KINK, and no finding fails.

        INACCURATE does not pass here: a right formula that gives wrong digits is not yet a right gradient.
        """
        return self.verdict in _OK and not any(finding.fails for finding in self.findings)

    @property
    def certified(self) -> bool:
        """Whether the gradient was looked at as a formula, and not only in floating point."""
        return self.examined.formula is not None and self.examined.formula.certified

    @property
    def digits(self) -> float:
        """Decimal digits of certified agreement, the worst entry's; infinite for exact equality.

        Where the code was not certified, those of its floating-point result.
        """
        formula, floating = self.examined.formula, self.examined.floating
        if formula is not None and formula.certified and formula.agreement:
            return formula.digits
        if floating is None:
            return 0.0
        relative = max((float(np.max(e.relative_error)) for e in floating.evidence.values()), default=0.0)
        with np.errstate(divide="ignore"):
            return max(float(-np.log10(relative)), 0.0)

    @cached_property
    def entries(self) -> "pd.DataFrame":
        """A row for each entry at the point that is shown, the worst first.

        Columns: parameter, index, claimed, true (a decimal with the digits that are proven), radius,
        absolute, relative and ulps (upper bounds of the error; ulps in the dtype).
        """
        return entries_of(self.examined)

    def raise_if_wrong(self) -> None:
        """Raise DisagreementError with the cause and the worst entries unless the check is ok."""
        if not self.ok:
            raise DisagreementError(str(self))

    def save_point(self, path: str | Path) -> Path:
        """Write the point that is shown to an .npz file, to be given back as `check(..., point=path)`.

        Raises:
            InputError: the file cannot be written.
        """
        return self.examined.point.save(path)

    def headline(self) -> str:
        """Tell the verdict in one line."""
        if self.verdict not in _OK:
            return f"{self.verdict} at {_place(self.examined.point)}"
        how = ""
        if self.verdict is Verdict.EQUAL:
            how = " exactly" if np.isinf(self.digits) else f" to {self.digits:.0f} digits"
        text = f"{self.verdict}{how} at {_place(self.examined.point)}"
        text += f"; {self.points}; seed {self.seed}" if self.points.asked else ""
        return text if self.ok else f"{text}; yet it does not pass"

    def __str__(self) -> str:
        """Tell the verdict, the cause, the findings and, where the check fails, the worst entries."""
        lines = [self.headline()]
        if self.cause is not None:
            lines.append(f"  cause    {self.cause.text}")
        elif self.unexplained:
            lines.append(f"  cause    none found. {self.unexplained}")
        if self.reason:
            lines.append(f"  why      {self.reason}")
        lines += [
            f"  {'FAILS' if f.fails else 'note':<8} {f.text}" for f in self.findings if f.text != self.reason
        ]
        if not self.ok:
            lines += self._failure()
        return "\n".join(lines)

    def _failure(self) -> list[str]:
        lines = []
        if self.verdict not in _OK and len(self.entries):
            with_width = self.entries.head(_SHOWN).to_string(index=False)
            lines += ["  worst entries:", *(f"    {line}" for line in with_width.splitlines())]
            if len(self.entries) > _SHOWN:
                lines.append(f"    ... of {len(self.entries)} entries")
        if self.failing_point is not None and self.failing_point.seed is not None:
            lines.append(
                f"  repeat   seed={self.seed}; save_point(path) writes the point, and check(..., "
                "point=path) takes it"
            )
        return lines


@ends_nothing()
def check(
    loss: Callable[[Any, Any, Any], Any],
    gradient: Callable[[Any, Any], Any],
    params: Any,
    batch: Any,
    *,
    dtype: str = "float64",
    points: int = POINTS,
    seed: int = 0,
    point: Point | str | Path | None = None,
    learning_rate: float | None = None,
) -> Check:
    """Check a gradient: as a formula in certified arithmetic, in floating point, and at points of its own.

    Plain NumPy code is run unchanged on balls that provably hold the exact numbers and compared with the true
    gradient of the loss. There is no tolerance: agreement beyond 15 digits is EQUAL, since constants in code
    are doubles. Its floating-point result is judged by the measured rounding noise in any case. Code that
    does not run on balls (it works with PyTorch or JAX, calls compiled code, rounds to floats) is judged by
    that alone, and it is said so.

    Beside the given point, points of the same shapes are drawn, at which errors cannot hide behind the data
    at
    hand: redrawn numbers, zeros, ties, repeated and extreme indices, large and small magnitudes.
    Probabilities stay in (0, 1), labels stay labels, integers stay in their range; a point at which the loss
    is not finite is drawn more cautiously, or dropped and counted.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        gradient: called as `gradient(params, batch)`; gives arrays of NumPy, PyTorch or JAX, laid out as
            `params`.
        params: a mapping from names to floating-point arrays, nested or not.
        batch: likewise, of data.
        dtype: what the floating-point result is judged in: float64, float32 or float16.
        points: how many points of its own to draw; 0 for none.
        seed: what they are drawn with.
        point: check at this point (a failing one that was saved) instead of `params` and `batch`, and at no
            other.
        learning_rate: a number to expect in the cause, where weights may have been updated too early.

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
    _check_options(dtype, points, seed)
    scenario = Scenario(name="check", loss=loss, params=params, batch=batch)
    given = Point(Place(scenario.flat_params, scenario.flat_batch), "the given point")
    if point is not None:
        given = _given_back(point, given)
        points = 0
    subject = Subject(scenario, gradient)
    findings = [*_loss_findings(subject, given.place)]
    examined = examine(subject, given, dtype)
    findings += [*_random_gradient(subject, examined, dtype)]
    searched = Searched(None, (), Tally())
    random = any(finding.kind == "random" for finding in findings)
    passes = examined.verdict in {*_OK, Verdict.INACCURATE} and not random
    if points and passes and not any(finding.fails for finding in examined.findings):
        searched = search_points(subject, given.place, points, seed, _terms(examined, dtype))
    return _concluded(subject, examined, searched, findings, dtype, seed, learning_rate)


def _concluded(
    subject: Subject,
    examined: Examined,
    searched: Searched,
    findings: list[CheckFinding],
    dtype: str,
    seed: int,
    learning_rate: float | None,
) -> Check:
    """Put together what was found at the given point and at the check's own."""
    shown = examined
    worse = searched.worst
    if worse is not None and (worse.verdict is not Verdict.INACCURATE or examined.verdict in _OK):
        shown = worse
    verdict, reason = shown.verdict, shown.reason
    if any(finding.kind == "random" for finding in findings):
        verdict, reason = Verdict.UNDECIDED, next(f.text for f in findings if f.kind == "random")
    told = {(f.kind, f.text): f for f in (*findings, *shown.findings, *searched.findings)}
    cause: Cause | None = None
    unexplained = ""
    if verdict is Verdict.WRONG:
        cause = find_cause(subject, shown, learning_rate)
        unexplained = difference(subject, shown) if cause is None else ""
    fails = verdict not in _OK or any(finding.fails for finding in told.values())
    return Check(
        verdict=verdict,
        reason=reason,
        cause=cause,
        findings=(*told.values(), *_raised(searched.tally)),
        dtype=dtype,
        points=searched.tally,
        seed=seed,
        failing_point=shown.point if fails else None,
        examined=shown,
        unexplained=unexplained,
    )


def _terms(examined: Examined, dtype: str) -> Terms:
    """Give the terms on which the check's own points are examined."""
    evidence = {} if examined.floating is None else dict(examined.floating.evidence)
    scales = {name: float(np.max(np.abs(each.expected))) for name, each in evidence.items()}
    return Terms(dtype, examined.called.takes, scales)


def _place(point: Point) -> str:
    return "the given point" if point.seed is None else f"a point of its own, {point.label}"


def _check_options(dtype: str, points: int, seed: int) -> None:
    if dtype not in DTYPES:
        raise InputError(f"There is no dtype called {dtype!r} here. Choose from {', '.join(DTYPES)}.")
    for name, value in (("points", points), ("seed", seed)):
        if not (hasattr(value, "__index__") and value >= 0):
            raise InputError(f"{name} is {value!r}. Give a whole number, 0 or more.")


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


def _loss_findings(subject: Subject, place: Place) -> list[CheckFinding]:
    """Evaluate the loss twice: is it finite, and is it the same?"""
    first, second = subject.loss_value(place), subject.loss_value(place)
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


def _random_gradient(subject: Subject, examined: Examined, dtype: str) -> list[CheckFinding]:
    """Call the gradient once more: does it give the same?"""
    once = examined.called
    again = call_gradient(subject, examined.point.place, dtype, once.takes)
    # Frameworks may add in another order each time; NumPy does not.
    slack = 0.0 if once.gives == "numpy" else 1e-3
    for name, values in dict(once.values).items():
        others = dict(again.values).get(name)
        if others is None or not np.allclose(values, others, rtol=slack, atol=0.0, equal_nan=True):
            return [
                CheckFinding(
                    "random",
                    "The gradient uses randomness: two evaluations at the same point give different values "
                    f"of {name!r}. Draw the random numbers outside and pass them in the batch.",
                    fails=True,
                    parameter=name,
                )
            ]
    return []


def _raised(tally: Tally) -> list[CheckFinding]:
    if not tally.raised:
        return []
    first = tally.raised[0].strip()
    text = f"At {len(tally.raised)} points of the check's own the loss or the gradient raised: {first}"
    return [CheckFinding("raises", text)]
