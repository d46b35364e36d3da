"""The summary of a report in Markdown, and the escapes that keep names from being read as Markdown."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from gradproof.reporting.costs import costs, duration, side_by_side
from gradproof.reporting.environment import flattened
from gradproof.reporting.failures import Failure, describe_failure, failures_of
from gradproof.reporting.names import implementation
from gradproof.reporting.overview import count_verdicts, finding_text, remarks, verdict_matrix
from gradproof.reporting.text import visible
from gradproof.reporting.worst import RUN, records
from gradproof.verdicts.tolerances import SPREADS

if TYPE_CHECKING:
    from gradproof.reporting.report import Report

LISTED = 50
"""How many failures are listed at most; the tables beside the summary hold all."""


def markdown_summary(report: "Report") -> str:
    """Write the summary of a report in Markdown: all of `summary_sections`."""
    return "\n\n".join(summary_sections(report)) + "\n"


def summary_sections(report: "Report") -> list[str]:
    """Write the summary of a report in Markdown, section by section, the most important first."""
    frames = report.frames
    sections = [
        _overview(frames, ok=report.ok),
        [] if report.ok else _failures_section(report),
        [] if report.changes is None else [report.changes.markdown().rstrip()],
        _not_run_section(frames["runs"]),
        _checks_section(frames["checks"]),
        _costs_section(frames["runs"], report.environment),
        _claims_section(frames["claims"]),
        _solutions_section(frames["solutions"]),
        _provenance_section(frames["provenance"]),
        ["## Environment", "", *(_item(name, value) for name, value in flattened(report.environment, ", "))],
    ]
    return ["\n".join(section) for section in sections if section]


def _overview(frames: Mapping[str, pd.DataFrame], *, ok: bool) -> list[str]:
    runs, gradients, updates = frames["runs"], frames["gradients"], frames["updates"]
    lines = [
        "# gradproof report",
        "",
        (
            f"**{'Everything that was checked agrees.' if ok else 'Not everything agrees.'}** "
            f"{len(gradients):,} gradients and {len(updates):,} updates were judged, "
            f"of {int((runs['status'] == 'run').sum())} runs."
        ),
        "",
        (
            "A cell holds `ok` or the worst verdict of all steps, and the largest error in spreads of the "
            f"measured rounding noise; at most {SPREADS:g} are rounding."
        ),
        "",
        markdown_table(verdict_matrix(runs, gradients, updates).reset_index()),
    ]
    told = remarks(frames)
    return [*lines, "", *told] if told else lines


def _failures_section(report: "Report") -> list[str]:
    lines = ["## What does not agree", "", *_fenced(describe_failure(report))]
    failures = failures_of(report)
    if len(failures) > 1:
        table = pd.DataFrame([_failure_cells(failure) for failure in failures[:LISTED]])
        lines += ["", markdown_table(table)]
    if len(failures) > LISTED:
        lines += ["", f"{len(failures) - LISTED:,} more are not listed here; the tables hold all."]
    return lines


def _failure_cells(failure: Failure) -> dict[str, Any]:
    return {
        "what": failure.kind,
        "scenario": failure.scenario,
        "implementation": " ".join(
            text for text in (implementation(failure.backend, failure.variant), failure.dtype) if text
        ),
        "parameter": failure.parameter,
        "verdict": failure.verdict,
        "rows": failure.rows,
        "cause": failure.cause,
    }


def _not_run_section(runs: pd.DataFrame) -> list[str]:
    partial = runs[runs["reason"] != ""]
    if partial.empty:
        return []
    table = partial[[*RUN, "status", "steps", "planned_steps", "reason"]]
    return ["## What was not run, or not to the end", "", markdown_table(table)]


def _checks_section(checks: pd.DataFrame) -> list[str]:
    if checks.empty:
        return []
    table = checks[["test", "verdict", "digits", "dtype", "points", "cause", "reason", "findings"]]
    return ["## Gradients that tests checked", "", markdown_table(table)]


def _provenance_section(provenance: pd.DataFrame) -> list[str]:
    return ["## Where the values come from", "", markdown_table(provenance)] if len(provenance) else []


def _costs_section(runs: pd.DataFrame, environment: Mapping[str, Any]) -> list[str]:
    table = costs(runs)
    if table.empty:
        return []
    shown = pd.DataFrame(
        {
            "implementation": [implementation(row["backend"], row["variant"]) for row in records(table)],
            "runs": table["runs"],
            "steps": table["steps"].map("{:,}".format),
            "compiling": table["compiling_seconds"].map(duration),
            "training": table["training_seconds"].map(duration),
            "a step": table["seconds_per_step"].map(duration),
            "judging": table["judging_seconds"].map(duration),
        }
    )
    return [
        "## What it cost",
        "",
        (
            f"{side_by_side(int(environment.get('processes', 1)))} A step's time is the median over the runs "
            "of training time a step; compare variants that ran different numbers of steps by it alone."
        ),
        "",
        markdown_table(shown),
    ]


def _claims_section(claims: pd.DataFrame) -> list[str]:
    return ["## What the documents claim", "", *claims_section(claims)] if len(claims) else []


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


def _solutions_section(solutions: pd.DataFrame) -> list[str]:
    if solutions.empty:
        return []
    return [
        "## How near the ends are to the known solutions",
        "",
        "Descent stops before it arrives, so these distances are facts and no verdicts.",
        "",
        markdown_table(solutions),
    ]


def markdown_table(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table, with all that would be read as Markdown escaped."""
    header = [escaped(name) for name in frame.columns]
    rows = [[escaped(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_ACTIVE = re.compile(
    r"[\\`*\[\]|~$]"  # code, emphasis, links, cells, strike-through, formulas
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; between letters an underscore is none
)
# What GitHub makes a link or a mention of without any mark around it.
_LINKED = re.compile(r"(?:(?<=:)(?=//))|(?:(?<=\bwww)(?=\.))|(?:(?<=[@#])(?=\w))", re.IGNORECASE)


def escaped(value: object) -> str:
    r"""Write a value so that Markdown shows its very characters, in a table or elsewhere, in one line.

    An empty comment, which is not shown, keeps GitHub from linking mentions, addresses and numbers of issues.

    >>> print(escaped("a|b *c* <d> bce_network @you"))
    a\|b \*c\* &lt;d> bce_network @<!-- -->you
    """
    text = visible(value).replace("&", "&amp;").replace("<", "&lt;")
    text = _ACTIVE.sub(r"\\\g<0>", text)
    return _LINKED.sub("<!-- -->", text)


def _fenced(text: str) -> list[str]:
    """Put a text into a block of code that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]


def _item(name: str, value: object) -> str:
    return f"- {escaped(name)}: {escaped(value)}"
