"""What stands above the scenarios: the verdict, the worst failure, the matrix, the cost, what was not run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES, SEVERITIES, judged, something_was_checked
from gradproof.reporting.names import implementation
from gradproof.reporting.page.cause_cards import cause_cards
from gradproof.reporting.page.cells import (
    costs_table,
    run_costs_table,
    unfinished_table,
)
from gradproof.reporting.report import Report
from gradproof.reporting.root_causes import in_words
from gradproof.reporting.run_costs import costs, duration, side_by_side
from gradproof.reporting.telling import (
    not_checked,
    remarks,
    verdict_matrix,
    who_is_off,
)


def heading(report: Report, scenarios: Sequence[str]) -> dict[str, Any]:
    """Collect what stands above the scenarios, by the names that the templates have for it."""
    runs = report.runs.astype(object)
    ran = bool((runs["status"] == "run").any())
    matrix = verdict_matrix(report.runs, report.findings)
    verdicts = {cell.verdict for cell in matrix.to_numpy().ravel()}
    return {
        "ok": report.ok,
        "title": _title(report),
        "who": "" if report.ok else who_is_off(runs, report.findings),
        "time": str(report.environment.get("time", "")),
        "versions": _versions(report.environment, dict.fromkeys(runs["backend"])),
        "figures": _figures(report),
        "notes": [*remarks(report.frames, report.environment), *not_checked(runs)],
        "counted": in_words(report.root_causes),
        "causes": (cards := cause_cards(report.root_causes, scenarios)),
        # Of the scenarios one is unfolded: that of the first card that has one.
        "opened": next((card["scenario"] for card in cards if card["where"]), 0),
        "matrix_columns": list(matrix.columns),
        # The rows of a scenario stand together, whatever the order of the runs.
        "matrix": [
            (scenarios.index(name), name, [(index[1], cells) for index, *cells in rows.itertuples(name=None)])
            for name, rows in matrix.groupby(level="scenario", sort=False)
        ],
        "legend": sorted(verdicts, key=lambda verdict: SEVERITIES.get(verdict, -1)),
        "costs": costs_table(runs) if ran else None,
        "run_costs": run_costs_table(runs) if ran else None,
        "bars": _bars(runs),
        "times": side_by_side(report.environment),
        "unfinished": unfinished_table(runs) if (runs["reason"] != "").any() else None,
    }


def _title(report: Report) -> str:
    if not something_was_checked(report.findings):
        return "Nothing was checked."
    return "Everything that was checked agrees." if report.ok else "Not everything agrees."


def _versions(environment: Mapping[str, Any], backends: Iterable[str]) -> str:
    packages = environment.get("packages", {})
    versions = environment.get("backends", {})
    shown = [("gradproof", packages.get("gradproof", ""))]
    shown += [(name, versions[name]) for name in ("numpy", *backends) if name in versions]
    shown.append(("Python", environment.get("python", "")))
    return " · ".join(f"{name} {version}" for name, version in shown if version)


def _figures(report: Report) -> list[tuple[str, str]]:
    """Count what was done, each with its label; of what there is none, nothing is told."""
    status = report.runs["status"]
    off = int(judged(report.findings)["failing"].sum())
    checks = report.findings[report.findings["kind"] == "check"]
    counted = [
        *((len(report.frames[name]), name.removesuffix("s"), "judged") for name in QUANTITIES.values()),
        (int((status == "run").sum()), "run", ""),
        (len(checks), "check", "by tests"),
        (int((status != "run").sum()), "run", "not made"),
    ]
    figures = [
        (f"{number:,}", f"{noun if number == 1 else noun + 's'} {rest}".rstrip())
        for number, noun, rest in counted
        if number
    ]
    # 0 beside a verdict that says otherwise would be taken for a contradiction: what is off is no row then.
    if off or (report.ok and len(judged(report.findings))):
        figures.append((f"{off:,}", "does not pass" if off == 1 else "do not pass"))
    return figures


def _bars(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Make a bar of the seconds of each implementation, in parts, and a logarithmic one of a step's."""
    rows = records(costs(runs))
    parts = ("compiling", "training", "judging")
    totals = [sum(_known(row[f"{part}_seconds"]) for part in parts) for row in rows]
    longest = max(totals, default=0.0) or 1.0
    steps = [_known(row["seconds_per_step"]) for row in rows]
    least = min((step for step in steps if step > 0), default=1.0) / 2
    decades = np.log10(max(steps, default=1.0) / least) if max(steps, default=0.0) > 0 else 1.0
    return [
        {
            "name": implementation(row["backend"], row["variant"]),
            "parts": [(part, _share(_known(row[f"{part}_seconds"]) / longest)) for part in parts],
            "total": duration(total),
            "step_share": _share(np.log10(step / least) / decades) if step > 0 else "0%",
            "step": duration(row["seconds_per_step"]),
        }
        for row, total, step in zip(rows, totals, steps, strict=True)
    ]


def _known(seconds: float) -> float:
    """Give seconds; 0 for a time that a backend did not tell."""
    return seconds if np.isfinite(seconds) else 0.0


def _share(share: float) -> str:
    return f"{100 * share:.2f}%"
