"""The Report: what a verification found, as data."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gradproof.errors import DisagreementError
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.comparison.changes import Changes
from gradproof.reporting.describing import describe
from gradproof.reporting.environment import environment
from gradproof.reporting.error_figures import (
    equal_bits,
    error_distribution,
    least_tolerances,
    relative_times,
)
from gradproof.reporting.findings import QUANTITIES, failing, passing, something_was_checked
from gradproof.reporting.frames import Scenarios, make_frames
from gradproof.reporting.machines import Machines
from gradproof.reporting.root_causes import RootCause, root_causes
from gradproof.reporting.telling import verdict_matrix
from gradproof.reporting.writing import write_report
from gradproof.texts import preformatted, visible
from gradproof.verdicts.records import CheckRecord, ClaimRecord, FormulaRecord, NotRun, Outcome


class _Frame:
    """The frame of an attribute's name; it is documented by a sentence, and can't be set."""

    def __init__(self, sentence: str) -> None:
        self.__doc__ = sentence

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, report: "Report | None", owner: type) -> pd.DataFrame:
        return self if report is None else report.frames[self._name]  # type: ignore[return-value]

    def __set__(self, report: "Report", frame: pd.DataFrame) -> None:
        raise AttributeError(f"{self._name} of a report can't be set. Make a Report of other frames.")


class Report:
    """What a verification found, as pandas DataFrames.

    Attributes:
        frames: all frames by name; `COLUMNS` in `gradproof.reporting.columns` tells their columns.
        environment: what the result may depend on beside the code.
        changes: what changed since the baseline that was given to `verify`; None without one.
    """

    changes: Changes | None = None

    findings = _Frame(
        "All that is said, a row for each thing that was judged; the first is the one to look at first."
    )
    gradients = _Frame("The worst entry of each parameter's gradient, a row for every step of every run.")
    updates = _Frame(
        "The worst entry of each parameter's updated weights, a row for every step of every run."
    )
    states = _Frame(
        "The worst entry of what a training keeps beside the weights (an optimizer's moments, an average), a "
        "row for every step of every run."
    )
    entries = _Frame(
        "Every entry of each parameter at the worst step of each run; large parameters in blocks."
    )
    steps = _Frame("The loss before each step of each run, and a hash of every bit that the step recorded.")
    trajectories = _Frame("How far the free-running weights drift from the reference's.")
    predictions = _Frame("The predictions at the end of each run.")
    runs = _Frame(
        "A row for each run: its worst verdict, steps, final loss and seconds, or why it was not run."
    )
    solutions = _Frame(
        "How far the last weights of each run are from the solution, where a scenario knows it."
    )
    formulas = _Frame(
        "To how many digits the hand-derived gradients equal the exact ones, along the reference's runs."
    )
    provenance = _Frame("Where the scenarios' values come from.")
    claims = _Frame(
        "What the scenarios' documents claim, and whether it is true; it does not count for `ok`."
    )
    checks = _Frame("The gradients that tests checked on their own, with the pytest fixture `gradproof`.")

    def __init__(self, frames: Mapping[str, pd.DataFrame], environment: Mapping[str, Any]) -> None:
        """Hold frames (one for each key of `COLUMNS`) and the environment."""
        self.frames = {name: frames[name] for name in COLUMNS}
        self.environment = dict(environment)

    @classmethod
    def from_outcomes(
        cls,
        scenarios: Scenarios,
        outcomes: Sequence[Outcome],
        not_run: Sequence[NotRun] = (),
        formulas: Sequence[FormulaRecord] = (),
        claims: Sequence[ClaimRecord] = (),
        checks: Sequence[CheckRecord] = (),
        *,
        processes: int = 1,
        strict: bool = False,
    ) -> "Report":
        """Make a report of runs, of what was not run, of hand-derived formulas, claims, and tests' checks.

        `processes` is how many ran side by side, which the environment tells because times depend on it;
        `strict`, which it tells, too, is that of `verify`.
        """
        return cls(
            make_frames(scenarios, outcomes, not_run, formulas, claims, checks, strict=strict),
            environment(
                (outcome.versions for outcome in sorted(outcomes, key=lambda each: not each.machine)),
                (outcome.threads for outcome in outcomes if not outcome.machine),
                processes=processes,
                strict=strict,
            )
            | Machines([*outcomes, *not_run]).described(),
        )

    @cached_property
    def failures(self) -> pd.DataFrame:
        """The rows of what was judged step by step that do not pass, with a column `quantity`."""
        right = passing(strict=bool(self.environment.get("strict")))
        frames = {name: self.frames[name] for name in QUANTITIES.values()}
        parts = [
            frame[~frame["verdict"].isin(right)].astype(object).assign(quantity=name)
            for name, frame in frames.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def root_causes(self) -> tuple[RootCause, ...]:
        """What fails, grouped by what it is told to be caused by, the one to look at first in front.

        Each has what is wrong, the runs, since which step and how often, the lines of code, the commands that
        repeat the runs, and the findings themselves; empty where the report is ok.
        """
        return root_causes(self.findings, self.failures)

    @cached_property
    def error_distribution(self) -> pd.DataFrame:
        """How many errors are how large, in spreads: see `gradproof.reporting.error_figures`."""
        return error_distribution(self.frames)

    @cached_property
    def least_tolerances(self) -> pd.DataFrame:
        """The least rtol and atol with which each implementation would pass, for those who must write one."""
        return least_tolerances(self.findings)

    @cached_property
    def equal_bits(self) -> pd.DataFrame:
        """The runs of a scenario and dtype that are equal bit for bit."""
        return equal_bits(self.steps)

    @cached_property
    def relative_times(self) -> pd.DataFrame:
        """Seconds a step of each implementation (a row) over each other's (a column)."""
        return relative_times(self.runs)

    @property
    def ok(self) -> bool:
        """Whether something was checked, and no finding that counts fails.

        A backend that is not installed and was not asked for by name does not count; `runs` tells of it. Nor
        do claims, and checks that are expected to fail.
        """
        return something_was_checked(self.findings) and failing(self.findings).empty

    def _repr_html_(self) -> str:
        """Give the table of verdicts and what fails, as a notebook shows them."""
        matrix = verdict_matrix(self.runs, self.findings).map(lambda cell: visible(str(cell)))
        return f"{matrix.to_html()}{preformatted(describe(self.root_causes, self.findings))}"

    def raise_if_disagree(self) -> None:
        """Raise DisagreementError with the first failure in full, unless the report is ok."""
        if not self.ok:
            raise DisagreementError(describe(self.root_causes, self.findings))

    def write(self, folder: str | Path, formats: Sequence[str] | None = None) -> Path:
        """Write the report to a folder: all of it, or nothing.

        Whatever happens, the folder holds either all that it held before or the whole new report. The
        manifest `report.json` tells what was written, with hashes, and what was not, with the reason.

        Args:
            folder: what to write; a report that is there is replaced, anything else is not.
            formats: which of `csv`, `parquet`, `markdown` and so on; None for all that can be written with
                what is installed. A format that is named is written whole: without it, the large frames are
                written as Parquet alone, where pyarrow is installed.

        Returns:
            the folder.

        Raises:
            InputError: the folder cannot be written, or holds what no report wrote; or a format is unknown,
                or named although what it needs is not installed.
        """
        return write_report(self, self.environment, folder, formats, ok=self.ok)
