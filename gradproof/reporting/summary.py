"""What a report says in words: the matrix of verdicts, the first failure, the Markdown summary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.verdicts.records import CLAIM_VERDICTS
from gradproof.verdicts.verdict import SEVERITY, SPREADS, Verdict

_SUBJECT = ["scenario", "backend", "variant", "dtype"]


_WORDS = {
    Verdict.EQUAL: "ok",
    Verdict.AGREES: "ok",
    Verdict.KINK: "ok",
    Verdict.INACCURATE: "ok",
    Verdict.DISAGREES: "WRONG",
    Verdict.WRONG: "WRONG",
    Verdict.NOT_FINITE: "NaN/inf",
    Verdict.UNDECIDED: "UNDECIDED",
}
_STATUS_WORDS = {"failed": "FAILED", "not run": "-"}


def verdict_matrix(runs: pd.DataFrame, gradients: pd.DataFrame, updates: pd.DataFrame) -> pd.DataFrame:
    """Make the table that a person looks at first.

    Rows are scenario and dtype, columns are backend/variant. A cell holds `ok` where every step passes, else
    the worst verdict, and the largest error in spreads of the rounding noise: `ok 1.3`, say.
    """
    judged = pd.concat([gradients[[*_SUBJECT, "spreads"]], updates[[*_SUBJECT, "spreads"]]])
    judged = judged.fillna({"spreads": np.inf})  # a NaN is not hidden behind what is finite
    worst = judged.groupby(_SUBJECT, observed=True)["spreads"].max()
    cells: dict[tuple[str, str], dict[str, str]] = {}
    implementations: dict[str, None] = {}
    for row in runs.astype(object).to_dict("records"):
        key = tuple(str(row[name]) for name in _SUBJECT)
        if row["status"] == "run":
            cell = f"{_WORDS[Verdict(row['verdict'])]} {_short(worst.get(key, np.nan))}"
        else:
            cell = _STATUS_WORDS[row["status"]]
        implementation = "/".join(text for text in key[1:3] if text)
        implementations[implementation] = None
        cells.setdefault((key[0], key[3]), {})[implementation] = cell
    index = pd.MultiIndex.from_tuples(list(cells), names=["scenario", "dtype"])
    table = pd.DataFrame(list(cells.values()), index=index, columns=list(implementations))
    return table.fillna("-")


def _short(number: float) -> str:
    if not np.isfinite(number):
        return "?"
    return f"{number:.1f}" if number < 1000 else f"{number:.0e}"


def remarks(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Tell how often a verdict passes that is worth a remark, and what such a verdict means."""
    meaning = {
        Verdict.INACCURATE: "rounding explains the error, but fewer than half of the dtype's digits are left",
        Verdict.KINK: "the loss has a kink there, and the value is one of its subgradients",
    }
    lines = []
    for verdict, words in meaning.items():
        counts = {
            name: int((frames[name]["verdict"] == str(verdict)).sum()) for name in ("gradients", "updates")
        }
        if any(counts.values()):
            lines.append(
                f"{verdict} ({words}): {counts['gradients']:,} gradients, {counts['updates']:,} updates."
            )
    formulas = frames["formulas"]
    if len(formulas):
        equal = formulas[formulas["verdict"] == "EQUAL"]
        others = len(formulas) - len(equal)
        least = equal["digits"].min()
        how_well = f"to {least:.0f} digits and more" if np.isfinite(least) else "exactly"
        lines.append(
            f"Hand-derived gradients, run in certified arithmetic: {len(equal)} of {len(formulas)} "
            f"derivatives equal the exact ones{', ' + how_well if len(equal) else ''}"
            + (f"; {others} were not shown to be equal." if others else ".")
        )
    return lines


def failing_rows(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Give the rows of `gradients` and `updates` whose verdict does not pass, with a column `quantity`."""
    passing = [str(verdict) for verdict in Verdict if verdict.passes]
    parts = [
        frames[quantity][~frames[quantity]["verdict"].isin(passing)].astype(object).assign(quantity=quantity)
        for quantity in ("gradients", "updates")
    ]
    return pd.concat(parts, ignore_index=True)


def describe_failure(frames: Mapping[str, pd.DataFrame]) -> str:
    """Tell the first failure in full and how many more there are; a sentence if there is none."""
    failures, runs, formulas = failing_rows(frames), frames["runs"], frames["formulas"]
    lines = []
    for row in runs[runs["status"] == "failed"].astype(object).to_dict("records"):
        where = "/".join(text for text in (row["backend"], row["variant"]) if text)
        lines.append(f"{row['scenario']} {where} {row['dtype']} could not be run: {row['reason']}")
    wrong = formulas[formulas["verdict"] == "WRONG"]
    for (scenario, parameter), group in wrong.groupby(["scenario", "parameter"], observed=True):
        digits = max(group["digits"].min(), 0.0)
        lines.append(
            f"WRONG: the hand-derived gradient of {parameter} in {scenario} is proven to differ from the "
            f"exact one at step {group['step'].iloc[0]}; they agree to {digits:.1f} digits."
        )
    if len(failures):
        # A verdict on gradients says more than the one on the updates that follow from them.
        severity = failures["verdict"].map({str(v): i for i, v in enumerate(SEVERITY)}).astype(int)
        quantity = failures["quantity"].iloc[0]
        first = failures.loc[severity[failures["quantity"] == quantity].idxmax()]
        more = len(failures) - 1
        same = (runs[_SUBJECT].astype(object) == first[_SUBJECT]).all(axis=1)
        lines.append(_describe_row(first.to_dict(), str(runs.loc[same, "repeat"].iloc[0])))
        if more:
            rows = "row of gradients and updates does" if more == 1 else "rows of gradients and updates do"
            lines.append(f"{more:,} more {rows} not pass; the report's tables list all.")
    checks = frames["checks"]
    lines += [
        f"{row['verdict']}: {row['test']}: {row['cause'] or row['reason']}"
        for row in checks[~checks["ok"]].astype(object).to_dict("records")
    ]
    if not lines and not (runs["status"] == "run").any() and checks.empty:
        lines.append("Nothing was run, so nothing was checked.")
    return "\n".join(lines) or "Everything that was checked agrees."


def _describe_row(row: Mapping[str, Any], repeat: str) -> str:
    quantity = "gradient" if row["quantity"] == "gradients" else "updated weight"
    entry = row["parameter"] if row["index"] == "()" else f"{row['parameter']}[{row['index']}]"
    return (
        f"{row['verdict']}: {row['scenario']} {row['backend']}/{row['variant']} {row['dtype']}, "
        f"step {row['step']}, {quantity} of {entry}\n"
        f"  value    {row['value']!r}\n"
        f"  exact    {row['exact']}\n"
        f"  error    {row['absolute_error']:.3g} absolute, {row['relative_error']:.3g} relative, "
        f"{row['ulps']:.3g} ulp, {row['spreads']:.3g} spreads of the rounding noise "
        f"(at most {SPREADS:g} are rounding)\n"
        f"  why      {row['reason']}" + (f"\n  repeat   {repeat}" if repeat else "")
    )


def markdown_summary(frames: Mapping[str, pd.DataFrame], environment: Mapping[str, Any], *, ok: bool) -> str:
    """Write the summary of a report in Markdown."""
    runs, gradients, updates = frames["runs"], frames["gradients"], frames["updates"]
    parts = [
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
        "",
        *remarks(frames),
    ]
    if not ok:
        parts += [
            "",
            "## What does not agree",
            "",
            "```",
            describe_failure(frames),
            "```",
        ]
    partial = runs[runs["reason"] != ""]
    if len(partial):
        table = partial[[*_SUBJECT, "status", "steps", "planned_steps", "reason"]]
        parts += ["", "## What was not run, or not to the end", "", markdown_table(table)]
    if len(frames["claims"]):
        parts += ["", "## What the documents claim", "", *claims_section(frames["claims"])]
    parts += [
        "",
        *_solutions_section(frames["solutions"]),
        "## Where the values come from",
        "",
        markdown_table(frames["provenance"]),
        "",
        "## Environment",
        "",
        *(f"- {name}: {value}" for name, value in _flat(environment)),
        "",
    ]
    return "\n".join(parts)


def claims_section(claims: pd.DataFrame) -> list[str]:
    """Write the claims of each document as a Markdown table, the lines one by one."""
    lines: list[str] = []
    for document, group in claims.groupby("document", observed=True, sort=False):
        finding = [
            finding_text(cause, reason) for cause, reason in zip(group["cause"], group["reason"], strict=True)
        ]
        table = group[["verdict", "claim", "text"]].assign(finding=finding)
        lines += [f"**{_cell(document)}**: {count_verdicts(group)}.", "", markdown_table(table), ""]
    return lines[:-1]


def finding_text(cause: str, reason: str) -> str:
    """Tell what was found of a claim: the cause, if there is one, and the numbers."""
    return f"{cause[:1].upper()}{cause[1:]}. {reason}" if cause else reason


def count_verdicts(claims: pd.DataFrame) -> str:
    """Count the verdicts of some claims in words, `12 CONFIRMED, 4 REFUTED`, say."""
    counts = claims["verdict"].astype(object).value_counts()
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in CLAIM_VERDICTS if verdict in counts)


def _solutions_section(solutions: pd.DataFrame) -> list[str]:
    if solutions.empty:
        return []
    return [
        "## How near the ends are to the known solutions",
        "",
        "Descent stops before it arrives, so these distances are facts and no verdicts.",
        "",
        markdown_table(solutions),
        "",
    ]


def markdown_table(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table, with the characters that would break it escaped."""
    header = [_cell(name) for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return text.replace("<", "&lt;")


def _flat(environment: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in environment.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}, {inner}", content) for inner, content in value.items()]
        else:
            rows.append((name, value))
    return rows
