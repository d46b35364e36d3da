"""The page: one HTML file that shows whether everything agrees, who is off, where, by how much and why.

The file holds its styles, its script and its data, says which scripts a browser may run, and asks for nothing
over a network.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
from markupsafe import Markup

from gradproof.reporting.columns import records
from gradproof.reporting.comparison.changes import Changes
from gradproof.reporting.findings import failing, judged
from gradproof.reporting.names import RUN, implementation, run_key
from gradproof.reporting.page.cells import VERDICT, Table, checks_table, environment_table, frame_table
from gradproof.reporting.page.curves import Runs
from gradproof.reporting.page.error_section import error_section
from gradproof.reporting.page.heading import heading
from gradproof.reporting.page.sections import sections
from gradproof.reporting.page.templating import content_security_policy, own_file, template_environment
from gradproof.reporting.report import Report
from gradproof.verdicts.tolerances import SPREADS

name = "html"
files = ("index.html",)
needs = ("jinja2",)


def render(report: Report) -> str:
    """Build the page of a report.

    Args:
        report: what to show; with its `changes`, if it has any.

    Returns:
        the HTML text; the same for the same report.
    """
    runs = {run_key(row): at for at, row in enumerate(records(report.runs[RUN].drop_duplicates()))}
    scenarios = list(dict.fromkeys(key[0] for key in runs))
    shown = sections(report.frames, scenarios, runs)
    script = own_script()
    return (
        template_environment()
        .get_template("page.html.j2")
        .render(
            policy=content_security_policy(script),
            script=Markup(script),  # noqa: S704 - our own file
            style=Markup(own_file("page.css")),  # noqa: S704 - our own file
            heading=heading(report, scenarios),
            since=_since(report.changes),
            errors=error_section(report),
            sections=shown,
            other_claims=_other_claims(report.claims, scenarios),
            checks=checks_table(report.checks) if len(report.checks) else None,
            environment=environment_table(report.environment),
            data=_page_data(report.findings, runs, shown),
            limit=f"{SPREADS:g}",
        )
    )


def _page_data(findings: pd.DataFrame, runs: Runs, shown: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Give what all pictures share."""
    names = [(implementation(backend, variant), dtype) for _, backend, variant, dtype in runs]
    implementations, dtypes = (
        (list(dict.fromkeys(each)) for each in zip(*names, strict=True)) if names else ([], [])
    )
    return {
        "implementations": implementations,
        "dtypes": dtypes,
        "runs": [(implementations.index(name), dtypes.index(dtype)) for name, dtype in names],
        "limit": SPREADS,
        "parameters": [section["parameters"] for section in shown],
        "failing": sorted({runs[run_key(row)] for row in records(judged(failing(findings)))}),
    }


def _since(changes: Changes | None) -> dict[str, Any] | None:
    """Tell what changed since the baseline: sentences, and tables with a title and a sentence."""
    if changes is None:
        return None
    kinds = {"before": VERDICT, "after": VERDICT, "verdict_before": VERDICT, "verdict_after": VERDICT}
    tables = [
        (title, sentence, frame_table(title, frame, kinds if "scenario" in frame else {}, brief=True))
        for title, sentence, frame in changes.tables()
    ]
    return {"sentences": changes.sentences(), "tables": tables, "worse": changes.worse}


def _other_claims(claims: pd.DataFrame, scenarios: Sequence[str]) -> Table | None:
    others = claims[~claims["scenario"].isin(list(scenarios))]
    if others.empty:
        return None
    return frame_table("Claims of other scenarios", others, {"verdict": VERDICT})


@cache
def own_script() -> str:
    """Give the script that draws the pictures and sorts the tables."""
    return "\n".join(own_file(f"{name}.js") for name in ("drawing", "lines", "entries", "tables", "page"))
