"""What does not pass: a list that every output tells in its own format, and the first of it in full."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from gradproof.reporting.names import entry, implementation, run_name
from gradproof.reporting.text import visible, wrapped
from gradproof.reporting.worst import PASSING, QUANTITIES, RUN, records, run_key, urgent_first
from gradproof.verdicts.tolerances import SPREADS

if TYPE_CHECKING:
    from gradproof.reporting.report import Report

_LABEL = 10


@dataclass(frozen=True)
class Failure:
    """One thing that does not pass. All texts are as they were given, whatever characters they hold.

    Attributes:
        kind: a run that failed, a hand-derived formula, the gradients or the updates of one parameter in one
            run, or a check of a test's own.
        scenario: the scenario's name; of a check the test.
        verdict: the worst verdict; NOT_CHECKED for a run that failed.
        headline: who and what, in one line.
        backend: whose run it is; empty for a formula and a check.
        variant: of the backend.
        dtype: of the run.
        parameter: the parameter's dotted name; empty for a run and a check.
        details: labels and texts of what is known, one a line.
        cause: what is wrong, in words; empty where no cause was found.
        origin: what the command line calls the scenario; empty if it cannot be named there.
        repeat: the command that repeats just this; empty if there is none.
        rows: how many rows of the frame do not pass.
    """

    kind: Literal["run", "formula", "gradients", "updates", "check"]
    scenario: str
    verdict: str
    headline: str
    backend: str = ""
    variant: str = ""
    dtype: str = ""
    parameter: str = ""
    details: tuple[tuple[str, str], ...] = ()
    cause: str = ""
    origin: str = ""
    repeat: str = ""
    rows: int = 1

    def text(self, width: int | None = None) -> str:
        """Tell it in full: the headline, a line a detail, and the command that repeats it, in one piece.

        Args:
            width: columns at which prose is wrapped; None to wrap nothing.
        """
        lines = [wrapped(visible(self.headline, lines=True), width, "  ")]
        for label, content in self.details:
            line = f"  {label:<{_LABEL}}{visible(content, lines=True)}"
            lines.append(wrapped(line, width, " " * (_LABEL + 2)))
        if self.repeat:
            lines.append(f"  {'repeat':<{_LABEL}}{visible(self.repeat)}")
        return "\n".join(lines)


def failing_rows(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Give the rows of `gradients` and `updates` whose verdict does not pass, with a column `quantity`."""
    parts = [
        frames[quantity][~frames[quantity]["verdict"].isin(PASSING)].astype(object).assign(quantity=quantity)
        for quantity in QUANTITIES
    ]
    return pd.concat(parts, ignore_index=True)


def failures_of(report: "Report") -> list[Failure]:
    """List what does not pass, so that the list is empty just where a report of something is ok.

    Runs that failed come first, then formulas that are proven wrong, gradients, the updates that follow from
    them, and checks. Gradients and updates are in the order of `urgent_first`. A parameter in a run is told
    once, by its worst step.
    """
    runs = {run_key(row): row for row in records(report.runs)}
    failed = [_failed_run(row) for row in runs.values() if row["status"] == "failed"]
    failing = urgent_first(report.worst[report.worst["failing"] > 0])
    judged = [_judged_failure(row, runs.get(run_key(row), {})) for row in records(failing)]
    return [*failed, *_wrong_formulas(report, judged), *judged, *_wrong_checks(report.checks)]


def describe_failure(report: "Report", width: int | None = None) -> str:
    """Tell the first failure in full and how many more there are; a sentence if there is none.

    Args:
        report: the report.
        width: columns at which prose is wrapped; None to wrap nothing.
    """
    failures = failures_of(report)
    judged = [failure for failure in failures if failure.kind in QUANTITIES]
    texts = [each.text(width) for each in failures if each.kind in {"run", "formula"}]
    if judged:
        texts.append(judged[0].text(width))
        more = sum(failure.rows for failure in judged) - 1
        if more:
            rows = "row of gradients and updates does" if more == 1 else "rows of gradients and updates do"
            texts.append(wrapped(f"{more:,} more {rows} not pass; the report's tables list all.", width))
    texts += [each.text(width) for each in failures if each.kind == "check"]
    if not texts and not (report.runs["status"] == "run").any() and report.checks.empty:
        texts.append(wrapped("Nothing was run, so nothing was checked.", width))
    return "\n".join(texts) or wrapped("Everything that was checked agrees.", width)


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in RUN}


def _failed_run(row: Mapping[str, Any]) -> Failure:
    return Failure(
        "run",
        **_named(row),
        verdict=row["verdict"],
        headline=f"{run_name(row)} could not be run: {row['reason']}",
        origin=row["origin"],
        repeat=row["repeat"],
    )


def _wrong_formulas(report: "Report", judged: Sequence[Failure]) -> list[Failure]:
    # The reference runs the very formula, so the cause of its wrong gradient is the formula's.
    causes = {
        (each.scenario, each.parameter): each.cause
        for each in judged
        if each.backend == "reference" and each.kind == "gradients"
    }
    formulas, runs = report.formulas, report.runs.astype({"scenario": object})
    origins = dict(zip(runs["scenario"], runs["origin"], strict=True))
    wrong = formulas[formulas["verdict"] == "WRONG"].astype(object)
    failures = []
    for (scenario, parameter), group in wrong.groupby(["scenario", "parameter"], sort=False):
        least = float(group["digits"].min(skipna=False))
        digits = int(least) if 0 < least < math.inf else 0
        right = "1 digit of it is" if digits == 1 else f"{digits or 'no'} digits of it are"
        headline = (
            f"WRONG: the hand-derived gradient of {parameter} in {scenario} is proven to differ from the "
            f"exact one, first at step {group['step'].iloc[0]}; where it is worst {right} right."
        )
        origin = str(origins.get(scenario, ""))
        failure = Failure(
            "formula",
            scenario=str(scenario),
            parameter=str(parameter),
            verdict="WRONG",
            headline=headline,
            cause=causes.get((str(scenario), str(parameter)), ""),
            origin=origin,
            rows=len(group),
        )
        failures.append(failure)
    return failures


def _judged_failure(row: Mapping[str, Any], run: Mapping[str, Any]) -> Failure:
    quantity = "gradient" if row["quantity"] == "gradients" else "updated weight"
    named = entry(row["parameter"], row["index"])
    error = f"{row['error']:.3g} absolute, {row['relative_error']:.3g} relative, {row['ulps']:.3g} ulp"
    details = (
        ("scenario", row["scenario"]),
        ("backend", implementation(row["backend"], row["variant"])),
        ("dtype", row["dtype"]),
        ("step", f"{row['step']} (of {row['steps']} judged, {row['failing']} do not pass)"),
        ("entry", f"{named} ({quantity})"),
        ("value", repr(float(row["value"]))),
        ("exact", row["exact"]),
        ("error", error),
        ("noise", f"{row['spreads']:.3g} spreads of the rounding noise (at most {SPREADS:g} are rounding)"),
        ("cause", row["cause"] or "none found"),
        ("why", row["reason"]),
    )
    return Failure(
        row["quantity"],
        **_named(row),
        parameter=row["parameter"],
        verdict=row["verdict"],
        headline=f"{row['verdict']}: {run_name(row)}, step {row['step']}, {quantity} of {named}",
        details=details,
        cause=row["cause"],
        origin=run.get("origin", ""),
        repeat=run.get("repeat", ""),
        rows=row["failing"],
    )


def _wrong_checks(checks: pd.DataFrame) -> list[Failure]:
    return [
        Failure(
            "check",
            scenario=row["test"],
            dtype=row["dtype"],
            verdict=row["verdict"],
            headline=f"{row['verdict']}: {row['test']}: {row['cause'] or row['reason']}",
            cause=row["cause"],
            origin=str(row["test"]).partition("::")[0],
        )
        for row in records(checks[~checks["ok"]])
    ]
