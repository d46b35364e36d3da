"""The report at the end of a pytest session, made of what its processes left."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError
from gradproof.plugin.parts import CHECK_SUFFIX, parts_folder, report_folder, report_formats, setting
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.formats.github import annotations, append_summary
from gradproof.reporting.frames import Described
from gradproof.reporting.reading import read_report
from gradproof.reporting.report import Report
from gradproof.reporting.writing import describe_written
from gradproof.scenarios import Provenance
from gradproof.verdicts.records import CheckRecord, FormulaRecord, NotRun, Outcome, RunStatus, Subject
from gradproof.verdicts.storage import load_outcome


def read_baseline(config: pytest.Config) -> None:
    """Read the report that `--gradproof-baseline` names, before the tests and before it may be replaced.

    Raises:
        pytest.UsageError: there is none, or it cannot be read.
    """
    try:
        baseline = read_report(Path(config.rootpath, setting(config, "baseline")))
    except InputError as error:
        raise pytest.UsageError(f"--gradproof-baseline: {error}") from error
    config.gradproof_baseline = baseline  # type: ignore[attr-defined] # for the end of the session


def write_report(config: pytest.Config) -> None:
    """Write the report of all that was left, in the order of collection, and remove the folder.

    What the terminal summary is to say is kept in `config.gradproof_told`.
    """
    folder = parts_folder(config)
    checks = _checks(folder)
    parts = [(json.loads(path.read_text(encoding="utf-8")), path) for path in folder.glob("*.json")]
    parts.sort(key=lambda part: part[0]["number"])
    described: dict[str, Described] = {}
    formulas: dict[str, list[FormulaRecord]] = {}
    results: dict[Subject, Outcome | NotRun] = {}
    for part, path in parts:
        scenario = _described(part["scenario"])
        described.setdefault(scenario.name, scenario)
        if "formulas" in part:
            formulas.setdefault(scenario.name, [FormulaRecord(**check) for check in part["formulas"]])
        result = _read(part, path)
        results.setdefault(result.subject, result)
    shutil.rmtree(folder)
    outcomes = [result for result in results.values() if isinstance(result, Outcome)]
    not_run = [result for result in results.values() if isinstance(result, NotRun)]
    report = Report.from_outcomes(
        list(described.values()),
        outcomes,
        not_run,
        [check for entries in formulas.values() for check in entries],
        checks=checks,
        processes=len(getattr(config.option, "tx", None) or [config]),  # pytest-xdist's list of workers
    )
    baseline = getattr(config, "gradproof_baseline", None)
    if baseline is not None:
        report.changes = compare(baseline, report)
    written = report.write(report_folder(config), report_formats(config))
    told = [f"gradproof report: {line}" for line in describe_written(written)]
    if checks:
        counts = Counter(check.verdict for check in checks)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        told.append(f"gradproof checks: {verdicts}")
    if report.changes is not None:
        told += [f"gradproof changes: {sentence}" for sentence in report.changes.sentences()]
    warning = append_summary(report)
    if warning:
        told.append(f"gradproof: warning: {warning}")
    config.gradproof_told = told + annotations(report.root_causes, report.findings)  # type: ignore[attr-defined]


def _checks(folder: Path) -> Sequence[CheckRecord]:
    """Read what checks left, in the order of the tests."""
    left = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"*{CHECK_SUFFIX}")]
    return [CheckRecord(**row) for row in sorted(left, key=lambda row: (row["test"], row["seed"]))]


def _described(left: dict[str, Any]) -> Described:
    provenance = tuple(Provenance(**entry) for entry in left["provenance"])
    solution = left["flat_solution"]
    if solution is not None:
        solution = {name: np.asarray(values) for name, values in solution.items()}
    return Described(**{**left, "provenance": provenance, "flat_solution": solution})


def _read(part: dict[str, Any], path: Path) -> Outcome | NotRun:
    if "not run" not in part:
        return load_outcome(path.with_suffix(".npz"))
    left = part["not run"]
    return NotRun(Subject(**left["subject"]), left["reason"], RunStatus(left["status"]))
