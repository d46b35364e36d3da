"""What a report says in words: the matrix of verdicts, the first failure, the Markdown summary."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.verdicts.verdict import SEVERITY, SPREADS, Verdict

_SUBJECT = ["scenario", "backend", "variant", "dtype"]


def verdict_matrix(runs: pd.DataFrame, gradients: pd.DataFrame, updates: pd.DataFrame) -> pd.DataFrame:
    """Make the table that a person looks at first.

    Rows are scenario and dtype, columns are backend/variant; a cell holds the worst verdict of all steps and
    the largest error in spreads of the rounding noise, `agrees 1.3` say.
    """
    judged = pd.concat([gradients[[*_SUBJECT, "spreads"]], updates[[*_SUBJECT, "spreads"]]])
    worst = judged.groupby(_SUBJECT, observed=True)["spreads"].max()
    cells = {}
    for row in runs.itertuples(index=False):
        key = (row.scenario, row.backend, row.variant, row.dtype)
        if row.status == "run":
            cell = f"{_word(str(row.verdict))} {_short(worst.get(key, np.nan))}"
        else:
            cell = str(row.status)
        column = f"{row.backend}/{row.variant}" if row.variant else str(row.backend)
        cells[(row.scenario, row.dtype, column)] = cell
    table = pd.Series(cells, dtype=object)
    if table.empty:
        return pd.DataFrame()
    table.index = pd.MultiIndex.from_tuples(table.index, names=["scenario", "dtype", "implementation"])
    order = list(dict.fromkeys(key[2] for key in cells))
    rows = list(dict.fromkeys(key[:2] for key in cells))
    return table.unstack("implementation").reindex(index=rows, columns=order).fillna("-")


def _word(verdict: str) -> str:
    return verdict.lower().replace("_", " ")


def _short(number: float) -> str:
    if not np.isfinite(number):
        return "?"
    return f"{number:.1f}" if number < 1000 else f"{number:.0e}"


def describe_failure(failures: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Tell the first failure in full and how many more there are; a sentence if there is none."""
    failed = runs[runs["status"] == "failed"]
    lines = []
    for row in failed.itertuples(index=False):
        where = "/".join(text for text in (row.backend, row.variant) if text)
        lines.append(f"{row.scenario} {where} {row.dtype} could not be run: {row.reason}")
    if len(failures):
        # A verdict on gradients says more than the one on the updates that follow from them.
        severity = failures["verdict"].map({str(v): i for i, v in enumerate(SEVERITY)}).astype(int)
        first = failures.loc[severity[failures["quantity"] == failures["quantity"].iloc[0]].index[0]]
        more = len(failures) - 1
        lines += [_describe_row(first)]
        if more:
            lines.append(f"{more} more rows of gradients and updates do not pass; the report lists them.")
    if not lines and not (runs["status"] == "run").any():
        lines.append("Nothing was run, so nothing was checked.")
    return "\n".join(lines) or "Everything that was checked agrees."


def _describe_row(row: pd.Series) -> str:
    quantity = "gradient" if row["quantity"] == "gradients" else "updated weight"
    entry = row["parameter"] if row["index"] == "()" else f"{row['parameter']}[{row['index']}]"
    return (
        f"{row['verdict']}: {row['scenario']} {row['backend']}/{row['variant']} {row['dtype']}, "
        f"step {row['step']}, {quantity} of {entry}\n"
        f"  value    {row['value']!r}\n"
        f"  expected {row['expected']!r}\n"
        f"  error    {row['absolute_error']:.3g} absolute, {row['relative_error']:.3g} relative, "
        f"{row['ulps']:.3g} ulp, {row['spreads']:.3g} spreads of the rounding noise "
        f"(at most {SPREADS:g} are rounding)\n"
        f"  repeat   gradproof verify {row['scenario']} --backends {row['backend']} --dtypes {row['dtype']}"
    )


def markdown_summary(
    frames: Mapping[str, pd.DataFrame], environment: Mapping[str, Any], *, ok: bool
) -> str:
    """Write the summary of a report in Markdown."""
    runs, gradients, updates = frames["runs"], frames["gradients"], frames["updates"]
    passing = [str(verdict) for verdict in Verdict if verdict.passes]
    parts = [
        "# gradproof report",
        "",
        f"**{'Everything that was checked agrees.' if ok else 'Not everything agrees.'}** "
        f"{len(gradients):,} gradients and {len(updates):,} updates were judged, "
        f"of {int((runs['status'] == 'run').sum())} runs.",
        "",
        "A cell holds the worst verdict of all steps and the largest error, in spreads of the measured "
        f"rounding noise; at most {SPREADS:g} are rounding.",
        "",
        markdown_table(verdict_matrix(runs, gradients, updates).reset_index()),
    ]
    failures = pd.concat(
        [frame[~frame["verdict"].isin(passing)].astype(object).assign(quantity=quantity)
         for quantity, frame in (("gradients", gradients), ("updates", updates))],
        ignore_index=True,
    )  # fmt: skip
    if not ok:
        parts += ["", "## What does not agree", "", "```", describe_failure(failures, runs), "```"]
    remarks = runs[runs["reason"] != ""]
    if len(remarks):
        table = remarks[[*_SUBJECT, "status", "steps", "planned_steps", "reason"]]
        parts += ["", "## What was not run, or not to the end", "", markdown_table(table)]
    parts += [
        "",
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


def markdown_table(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table, with the characters that would break it escaped."""
    header = [str(name) for name in frame.columns]
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
