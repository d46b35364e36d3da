"""Building the page: from a report to what the templates show, and to the HTML text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gradproof.reporting.comparison.changes import Changes
from gradproof.reporting.page.cells import (
    NAME,
    VERDICT,
    Table,
    environment_table,
    frame_table,
    tone,
)
from gradproof.reporting.page.heading import Heading
from gradproof.reporting.page.heading import heading as heading_of
from gradproof.reporting.page.scripts import content_security_policy, own_file, own_script, script_json
from gradproof.reporting.page.sections import Section, sections
from gradproof.reporting.report import Report
from gradproof.verdicts.tolerances import SPREADS


@dataclass(frozen=True)
class Since:
    """What changed since the baseline: sentences, and tables with a title and a sentence."""

    sentences: Sequence[str]
    tables: Sequence[tuple[str, str, Table]]
    worse: bool


def build_page(report: Report) -> str:
    """Build the page of a report.

    Args:
        report: what to show; with its `changes`, if it has any.

    Returns:
        the HTML text; the same for the same report.
    """
    heading = heading_of(report)
    shown = sections(report.frames, heading.scenarios)
    script = own_script()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            policy=content_security_policy(script),
            script=Markup(script),  # noqa: S704 - our own file
            style=Markup(own_file("page.css")),  # noqa: S704 - our own file
            heading=heading,
            since=_since(report.changes),
            sections=shown,
            other_claims=_other_claims(report.claims, heading.scenarios),
            checks=_checks(report.checks),
            environment=environment_table(report.environment),
            data=_page_data(heading, shown),
            limit=f"{SPREADS:g}",
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gradproof.reporting.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script_json"] = script_json
    environment.filters["tone"] = tone
    return environment


def _page_data(heading: Heading, shown: Sequence[Section]) -> Mapping[str, Any]:
    """Give what all pictures share."""
    return {
        "implementations": heading.implementations,
        "dtypes": heading.dtypes,
        "runs": heading.run_names,
        "limit": SPREADS,
        "parameters": [section.parameters for section in shown],
        "failing": heading.failing_runs,
    }


def _since(changes: Changes | None) -> Since | None:
    if changes is None:
        return None
    kinds = {"before": VERDICT, "after": VERDICT, "verdict_before": VERDICT, "verdict_after": VERDICT}
    tables = [
        (title, sentence, frame_table(title, frame, kinds if "scenario" in frame else {}, brief=True))
        for title, sentence, frame in changes.tables()
    ]
    return Since(changes.sentences(), tables, worse=changes.worse)


def _checks(checks: pd.DataFrame) -> Table | None:
    if checks.empty:
        return None
    kinds = {"test": NAME, "verdict": VERDICT, "dtype": NAME}
    return frame_table("A gradient that a test checked", checks.drop(columns="failing_point"), kinds)


def _other_claims(claims: pd.DataFrame, scenarios: Sequence[str]) -> Table | None:
    others = claims[~claims["scenario"].isin(list(scenarios))]
    if others.empty:
        return None
    return frame_table("Claims of other scenarios", others, {"verdict": VERDICT})
