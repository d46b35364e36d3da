"""The summary of a report in Markdown."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.comparison.changes import ABSENT, SHOWN, Changes
from gradproof.reporting.describing import describe
from gradproof.reporting.environment import flattened
from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import RUN, count, implementation, listed
from gradproof.reporting.report import Report
from gradproof.reporting.root_causes import RootCause
from gradproof.reporting.run_costs import cost_cells, side_by_side
from gradproof.reporting.telling import (
    count_verdicts,
    finding_text,
    judged_in_words,
    remarks,
    verdict_matrix,
)
from gradproof.texts import visible
from gradproof.verdicts.tolerances import SPREADS

name = "markdown"
files = ("summary.md",)
needs = ()

_LIMITS = (1.0, 4.0, 8.0, SPREADS)

LISTED = 50
"""How many failures are listed at most; the tables beside the summary hold all."""


def render(report: Report) -> str:
    """Write the summary of a report: all of `summary_sections`."""
    return "\n\n".join(summary_sections(report)) + "\n"


def summary_sections(report: Report) -> list[str]:
    """Write the summary of a report section by section, the most important first."""
    frames = report.frames
    runs, claims, solutions = frames["runs"], frames["claims"], frames["solutions"]
    partial = runs[runs["reason"] != ""][[*RUN, "status", "steps", "planned_steps", "reason"]]
    checks = frames["checks"][["test", "verdict", "digits", "dtype", "points", "cause", "reason", "findings"]]
    sections = [
        _overview(report),
        [] if report.ok else _failures(report),
        [] if report.changes is None else changes_section(report.changes),
        _errors(report.error_distribution),
        _table("What was not run, or not to the end", partial),
        _table("Gradients that tests checked", checks),
        _costs(runs, report.environment),
        ["## What the documents claim", "", *claims_section(claims)] if len(claims) else [],
        _table(
            "How near the ends are to the known solutions",
            solutions,
            "Descent stops before it arrives, so these distances are facts and no verdicts.",
        ),
        _table("Where the values come from", frames["provenance"]),
        [
            "## Environment",
            "",
            *(f"- {escaped(name)}: {escaped(value)}" for name, value in flattened(report.environment, ", ")),
        ],
    ]
    return ["\n".join(section) for section in sections if section]


def _table(title: str, frame: pd.DataFrame, sentence: str = "") -> list[str]:
    """Make a section of a table; nothing where the table is empty."""
    if frame.empty:
        return []
    return [f"## {title}", "", *([sentence, ""] if sentence else []), markdown_table(frame)]


def _overview(report: Report) -> list[str]:
    lines = [
        "# gradproof report",
        "",
        (
            f"**{'Everything that was checked agrees.' if report.ok else 'Not everything agrees.'}** "
            f"{judged_in_words(report.frames)} were judged, "
            f"of {int((report.runs['status'] == 'run').sum())} runs."
        ),
        "",
        (
            "A cell holds `ok` or the worst verdict of all steps, and the largest error in spreads of the "
            f"measured rounding noise; at most {SPREADS:g} are rounding."
        ),
        "",
        markdown_table(verdict_matrix(report.runs, report.findings).reset_index()),
    ]
    told = remarks(report.frames, report.environment)
    return [*lines, "", *told] if told else lines


def _failures(report: Report) -> list[str]:
    causes = report.root_causes
    lines = ["## What does not agree", ""]
    if len(causes) > 1:
        cells = [_cause_cells(number, cause) for number, cause in enumerate(causes[:LISTED], 1)]
        lines += [markdown_table(pd.DataFrame(cells)), ""]
    lines += fenced(describe(causes, report.findings))
    rows = [(number, row) for number, cause in enumerate(causes, 1) for row in cause.findings]
    if len(rows) > 1:
        table = markdown_table(pd.DataFrame([_failure_cells(*each) for each in rows[:LISTED]]))
        left = len(rows) - LISTED
        more = ["", f"{left:,} more are not listed here; the tables hold all."] if left > 0 else []
        summary = f"<summary>All that fails: {count(len(rows), 'finding')}</summary>"
        lines += ["", "<details>", summary, "", table, *more, "", "</details>"]
    return lines


def _cause_cells(number: int, cause: RootCause) -> dict[str, Any]:
    return {
        "": number,
        "what is wrong": cause.what,
        "in": cause.where_seen,
        "steps": cause.since,
        "who": listed([*cause.implementations, *cause.tests]),
        "lines": ", ".join(cause.lines),
    }


def _failure_cells(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    who = (implementation(row["backend"], row["variant"]), row["dtype"])
    return {
        "cause": number,
        "what": QUANTITIES.get(row["kind"], row["kind"]),
        "scenario": row["scenario"] or row["name"],
        "implementation": " ".join(filter(None, who)),
        "parameter": row["parameter"],
        "verdict": row["verdict"],
        "rows": max(row["failing"], 1),
        "first step": row["first_failing_step"] if row["first_failing_step"] >= 0 else "",
    }


def _errors(distribution: pd.DataFrame) -> list[str]:
    """Tell how many of all errors are how large; the report's page draws them, and Python has them all."""
    sentence = (
        "Of the worst entry of each parameter at each step, in spreads of the rounding noise: how many there "
        f"are, and how many of them are larger. At most {SPREADS:g} are the rounding of single operations."
    )
    rows = [
        {
            "implementation": implementation(str(backend), str(variant)),
            "dtype": dtype,
            "errors": f"{group['errors'].sum():,}",
            **{
                f"above {limit:g}": f"{group['errors'][group['above'] >= limit].sum():,}" for limit in _LIMITS
            },
        }
        for (backend, variant, dtype), group in distribution.groupby(
            ["backend", "variant", "dtype"], sort=False
        )
    ]
    return _table("How large the errors are", pd.DataFrame(rows), sentence)


def _costs(runs: pd.DataFrame, environment: Mapping[str, Any]) -> list[str]:
    sentence = (
        f"{side_by_side(environment)} A step's time is the median over the runs of training time a step; "
        "compare variants that ran different numbers of steps by it alone."
    )
    return _table("What it cost", cost_cells(runs), sentence)


def claims_section(claims: pd.DataFrame) -> list[str]:
    """Write the claims of each document as a Markdown table, the lines one by one."""
    lines: list[str] = []
    for document, group in claims.groupby("document", observed=True, sort=False):
        finding = [
            finding_text(cause, reason) for cause, reason in zip(group["cause"], group["reason"], strict=True)
        ]
        table = group[["verdict", "claim", "text"]].assign(finding=finding)
        lines += [f"**{escaped(document)}**: {count_verdicts(group)}.", "", markdown_table(table), ""]
    return lines[:-1]


def changes_section(changes: Changes) -> list[str]:
    """Write what changed as sentences, and tables of what matters most; the lines one by one."""
    lines = ["## What changed", "", *(f"- {escaped(text)}" for text in changes.sentences())]
    for title, _, frame in changes.tables():
        shown = frame
        if frame is changes.errors:
            shown = changes.notable_errors().head(SHOWN)
        # The times of runs are as long as the whole report; the totals say what a reader asks first.
        if len(shown) and frame is not changes.timings:
            lines += ["", f"### {title}", "", markdown_table(_rounded(shown))]
    return lines


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Round what is for the eye, and leave out the columns in which nothing stands."""
    shown = frame.astype(object)
    for name in frame.columns:
        if frame[name].dtype == np.float64:
            shown[name] = [f"{number:.3g}" for number in frame[name]]
    empty = [name for name in shown.columns if shown[name].isin([ABSENT, "nan"]).all()]
    return shown.drop(columns=empty)


# Frames and texts, with the escapes that keep names from being read as Markdown.

_ACTIVE = re.compile(
    r"[\\`*\[\]|~$]"  # code, emphasis, links, cells, strike-through, formulas
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; between letters an underscore is none
)
# What GitHub makes a link or a mention of without any mark around it.
_LINKED = re.compile(r"(?:(?<=:)(?=//))|(?:(?<=\bwww)(?=\.))|(?:(?<=[@#])(?=\w))", re.IGNORECASE)


def markdown_table(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table, with all that would be read as Markdown escaped."""
    header = [escaped(name) for name in frame.columns]
    rows = [[escaped(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escaped(value: object) -> str:
    r"""Write a value so that Markdown shows its very characters, in a table or elsewhere, in one line.

    An empty comment, which is not shown, keeps GitHub from linking mentions, addresses and numbers of issues.

    >>> print(escaped("a|b *c* <d> bce_network @you"))
    a\|b \*c\* &lt;d> bce_network @<!-- -->you
    """
    text = visible(value).replace("&", "&amp;").replace("<", "&lt;")
    text = _ACTIVE.sub(r"\\\g<0>", text)
    return _LINKED.sub("<!-- -->", text)


def fenced(text: str) -> list[str]:
    """Put a text into a block of code that nothing in it can end; the lines one by one."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]
