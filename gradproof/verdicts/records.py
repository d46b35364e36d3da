"""What judging gives: plain records, which reporting turns into tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Timing
from gradproof.scenarios.claim import ClaimVerdict
from gradproof.verdicts.verdict import SEVERITY, Verdict

Array = NDArray[Any]


NEEDED = ("rtol", "atol", "atol_with_rtol")
"""Tolerances that would let values pass: rtol with atol 0, atol with rtol 0, and atol with the usual rtol."""


@dataclass(frozen=True)
class WorstEntries:
    """All entries of one parameter at the worst step of a run, laid out for a picture.

    The parameter is seen as a matrix: its last axis along the columns, all others along the rows. One of more
    than 4096 entries is cut into blocks, and each block is represented by its worst entry, so that nothing
    wrong is hidden. All arrays have shape (R · C,), in row-major order of the R × C blocks.

    Attributes:
        step: the step.
        grid: R and C.
        block: how many rows and columns of the matrix a block has; (1, 1) where every entry is kept.
        index: the entries, counted in row-major order of the parameter.
        value: what the implementation gave.
        exact: the exact values as decimals, as in `ParameterRecord`.
        error: as in `ParameterRecord`.
        ulps: as in `ParameterRecord`.
        spreads: as in `ParameterRecord`.
        verdict: positions in `SEVERITY`.
    """

    step: int
    grid: tuple[int, int]
    block: tuple[int, int]
    index: NDArray[np.intp]
    value: Array
    exact: NDArray[np.str_]
    error: Array
    ulps: Array
    spreads: Array
    verdict: NDArray[np.int8]


@dataclass(frozen=True)
class ParameterRecord:
    """What is said of one parameter's gradient, or of its updated weights, at each of T steps.

    Every entry is judged; the arrays, all of shape (T,), hold the worst entry of each step: the one with the
    worst verdict, and among those the one whose error is the most spreads.

    Attributes:
        parameter: the parameter's dotted name.
        shape: the parameter's shape, or that of the state's entry.
        index: the worst entry, counted in row-major order.
        value: what the implementation gave.
        exact: the exact value as a decimal with as many digits as are proven, 30 at most.
        error: |value - exact|, rounded up.
        relative_error: |value - exact| / |exact|, rounded up; infinite where the exact value is 0 and the
            value is not.
        ulps: the error in units in the last place of the exact value, in the parameter's dtype.
        spreads: the error in spreads of the measured rounding noise.
        verdict: positions in `SEVERITY`.
        reason: why the verdict is not AGREES, in words; empty where it is.
        worst: every entry at the step that `worst_step` tells.
        tolerances: of shape (T, 3): the least tolerances that would let all entries of a step pass, in the
            order of `NEEDED`.
        cause: what is wrong with the implementation, in words; empty where all steps pass, or where no
            cause was found.
        where: the operation and its line that the cause names, `sigmoid at mine.py:12`; empty where it names
            none.
        entry_of_state: which entry of the training's state this is of (`first_moment`); empty for the
            parameter's gradient and its weights.
        dtype: what the parameter is held in, which is the run's but where each has its own.
    """

    parameter: str
    shape: tuple[int, ...]
    index: NDArray[np.intp]
    value: Array
    exact: NDArray[np.str_]
    error: Array
    relative_error: Array
    ulps: Array
    spreads: Array
    verdict: NDArray[np.int8]
    reason: NDArray[np.object_]
    worst: WorstEntries
    tolerances: Array
    cause: str = ""
    where: str = ""
    entry_of_state: str = ""
    dtype: str = ""

    @property
    def name(self) -> str:
        """What reports call what was judged: the parameter, or `first_moment of w`."""
        return " of ".join(each for each in (self.entry_of_state, self.parameter) if each)

    def worst_step(self) -> int:
        """Tell the step with the worst verdict, and among those the first with the most spreads."""
        return worst_step(self.verdict, self.spreads)

    def worst_verdict(self) -> Verdict:
        """Tell the worst verdict of all steps."""
        return SEVERITY[int(self.verdict.max())]

    def entry(self, step: int) -> tuple[int, ...]:
        """Tell the worst entry of a step as an index into the parameter."""
        return tuple(int(i) for i in np.unravel_index(self.index[step], self.shape))


def worst_step(verdict: NDArray[np.int8], spreads: Array) -> int:
    """Tell where the verdict is worst, and of those places the first with the most spreads; NaN is most."""
    candidates = np.flatnonzero(verdict == verdict.max())
    return int(candidates[np.argmax(np.where(np.isnan(spreads[candidates]), np.inf, spreads[candidates]))])


@dataclass(frozen=True)
class Subject:
    """Who was judged on what."""

    scenario: str
    backend: str
    variant: str
    dtype: str

    def __str__(self) -> str:
        """Give `scenario backend/variant dtype`."""
        return f"{self.scenario} {self.backend}/{self.variant} {self.dtype}"


@dataclass(frozen=True)
class Checkpoints:
    """Weights and losses of a run at logarithmically spaced steps, for comparing trajectories.

    Attributes:
        steps: how many updates had been made; 0 first, the last step last. Of shape (C,).
        weights: per parameter, of shape (C, *parameter).
        losses: the loss at these weights, of shape (C,).
    """

    steps: NDArray[np.intp]
    weights: Mapping[str, Array]
    losses: Array


QUANTITIES = ("gradients", "updates", "states")
"""What is judged of each step, by the name of an outcome's attribute."""


@dataclass(frozen=True)
class Outcome:
    """All that is kept of one run: what was said of every step, and what trajectories are compared by.

    Attributes:
        subject: who was judged on what.
        gradients: one record a parameter.
        updates: one record a parameter; empty for a scenario that does not train.
        states: one record a parameter and entry of the training's state; empty where it keeps none.
        losses: the loss before each step, of shape (steps,).
        digests: for each step a hash of every bit that it recorded: the loss, the gradients and the updated
            weights of all parameters; of shape (steps,). Runs whose digests are equal are equal bit for bit.
        checkpoints: weights and losses along the run.
        predictions: the final predictions; None where the scenario has no `predict`.
        steps: how many steps were recorded and judged.
        planned_steps: how many the scenario asked for at most.
        stopped: whether a stopping rule ended the run.
        timing: what the run cost.
        judging: seconds that judging took.
        versions: what the backend told of itself.
        threads: the libraries of the process that compute with threads of their own.
        machine: what the result may depend on where it was made; empty for a machine like the report's own.
    """

    subject: Subject
    gradients: tuple[ParameterRecord, ...]
    updates: tuple[ParameterRecord, ...]
    losses: Array
    digests: NDArray[np.str_]
    checkpoints: Checkpoints
    predictions: Array | None
    steps: int
    planned_steps: int
    stopped: bool
    timing: Timing
    judging: float
    versions: Mapping[str, str]
    threads: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    states: tuple[ParameterRecord, ...] = ()

    def worst_verdict(self) -> Verdict:
        """Tell the worst verdict of all gradients, updates and states."""
        records: list[ParameterRecord] = [each for name in QUANTITIES for each in getattr(self, name)]
        return max((record.worst_verdict() for record in records), key=SEVERITY.index)


class RunStatus(StrEnum):
    """What became of a run.

    >>> RunStatus.TIMED_OUT.word
    'TIMED_OUT'
    """

    RUN = "run"
    """It was made and judged."""

    FAILED = "failed"
    """It raised, or its record cannot be judged."""

    CRASHED = "crashed"
    """It ended the process that made it."""

    TIMED_OUT = "timed out"
    """It was not done when its time was."""

    OUT_OF_MEMORY = "out of memory"
    """It needed more memory than it may have."""

    NOT_RUN = "not run"
    """It was not tried."""

    @property
    def word(self) -> str:
        """What stands in the place of a verdict."""
        return self.value.upper() if self is RunStatus.NOT_RUN else self.name


@dataclass(frozen=True)
class NotRun:
    """A run that did not take place, with the reason.

    Attributes:
        subject: who should have been judged on what.
        reason: why it was not.
        status: how it ended; NOT_RUN is only worth telling (a backend that is not installed and was not asked
            for), all others are failures.
        machine: as in `Outcome`.
    """

    subject: Subject
    reason: str
    status: RunStatus
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def failure(self) -> bool:
        """Whether it was asked for and tried, and does not count as passed."""
        return self.status is not RunStatus.NOT_RUN


@dataclass(frozen=True)
class FormulaRecord:
    """What is said of a hand-derived gradient of one parameter at one point.

    Attributes:
        scenario: whose gradient it is.
        parameter: the parameter's dotted name.
        step: the point: the reference's weights after so many steps.
        digits: decimal digits to which the worst entry is proven to agree; infinite for exact equality.
        verdict: a `Verdict`'s name.
        reason: why it is not EQUAL; empty where it is.
        cause: what is wrong with the formula, in words; empty where it passes, or where no cause was found.
        where: the operation and its line that the cause names; empty where it names none.
    """

    scenario: str
    parameter: str
    step: int
    digits: float
    verdict: str
    reason: str
    cause: str = ""
    where: str = ""


@dataclass(frozen=True)
class CheckRecord:
    """What is said of one gradient that a test checked on its own.

    Attributes:
        test: the test, as pytest names it.
        verdict: the check's verdict.
        ok: whether the check passes.
        digits: decimal digits of certified agreement; NaN where none is known.
        dtype: what its floating-point result was judged in.
        seed: what the points were drawn with.
        points: at how many points it was checked, in words.
        cause: the cause of a wrong gradient; empty where there is none.
        where: the operation and its line that the cause names; empty where it names none.
        reason: why the verdict is not EQUAL; empty where it is.
        findings: what else was found, in words.
        failing_point: where a failing point was saved; empty where none was.
        expected_to_fail: whether the test is expected to fail (xfail); what it says then counts for nothing.
    """

    test: str
    verdict: str
    ok: bool
    digits: float
    dtype: str
    seed: int
    points: str
    cause: str
    where: str
    reason: str
    findings: str
    failing_point: str
    expected_to_fail: bool = False


CLAIM_VERDICTS = tuple(str(verdict) for verdict in ClaimVerdict)
"""What may be said of a claim, in the order in which it is counted."""


@dataclass(frozen=True)
class ClaimRecord:
    """What is said of one claim.

    Attributes:
        document: the document's title.
        scenario: the scenario that carries the claim.
        claim: the claim's name.
        text: the claim in our own words.
        place: where in the document it stands.
        verdict: CONFIRMED, REFUTED, NOT CHECKABLE or UNDECIDED.
        stated: the number that the document states; empty where it states none.
        exact: the true number, with the digits that are proven, 30 at most.
        digits: decimal digits to which both are proven to agree; NaN where no numbers are compared.
        cause: where it is refuted, what is wrong with it.
        reason: why, with the numbers.
    """

    document: str
    scenario: str
    claim: str
    text: str
    place: str
    verdict: str
    stated: str
    exact: str
    digits: float
    cause: str
    reason: str
