"""A report that has rows in every frame and agrees with itself, as a reader may ask for."""

from typing import Any

import builders
import numpy as np
import pandas as pd
import planted_reports

from gradproof.reporting.frames import Described
from gradproof.reporting.report import Report
from gradproof.scenarios import Provenance
from gradproof.verdicts.records import FormulaRecord, NotRun, ParameterRecord, RunStatus, Subject


def whole(
    mark: str = "line",
    *gradients: ParameterRecord,
    not_run: tuple[NotRun, ...] = (),
    checks: tuple[Any, ...] = (),
) -> Report:
    """A report of two runs whose names and texts are `mark`; all of it is ok unless something else is given.

    Args:
        mark: what things are called.
        gradients: of the second run.
        not_run: runs that were not made.
        checks: of tests, beside one that is ok.
    """
    scenario = Described(
        mark,
        f"{mark}.py::first",
        "0123456789abcdef-0123456789abcdef",
        (Provenance(mark, "given", mark),),
        {"w": np.zeros((2, 3))},
    )
    odd: dict[str, Any] = {
        "value": np.array([np.nan, -0.0]),
        "error": np.array([np.inf, 5e-324]),
        "ulps": np.array([0.1, 1e308]),
    }
    subject = Subject(mark, "torch", "eager", "float64")
    outcomes = [
        builders.outcome(Subject(mark, "reference", "numpy", "float64")),
        builders.outcome(subject, gradients=gradients or (builders.record(parameter=mark, **odd),)),
    ]
    report = Report.from_outcomes(
        [scenario],
        outcomes,
        not_run,
        [FormulaRecord(mark, "w", step, 30.0, "EQUAL", "") for step in (0, 2)],
        [
            planted_reports.claim("CONFIRMED", scenario=mark, text=mark),
            planted_reports.claim("REFUTED", scenario=mark, text=mark, claim="dv"),
        ],
        [planted_reports.check(), *checks],
    )
    report.frames["runs"] = report.runs.assign(reason=pd.Series([mark] * len(report.runs), dtype=object))
    return Report(report.frames, {"mark": mark, "backends": {"torch": "2"}})


FAILED = NotRun(Subject("line", "jax", "jit", "float64"), "it raised", RunStatus.FAILED)
LEFT_OUT = NotRun(Subject("line", "jax", "eager", "float64"), "not installed", RunStatus.NOT_RUN)
