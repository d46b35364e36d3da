"""What `gradproof audit` prints: a table of claims for each document."""

import pandas as pd
from rich.markup import escape
from rich.table import Table

from gradproof.reporting.console import make_console
from gradproof.reporting.summary import count_verdicts, finding_text
from gradproof.reporting.text import visible

_COLOURS = {
    "CONFIRMED": "green",
    "REFUTED": "red",
    "NOT CHECKABLE": "dim",
    "UNDECIDED": "yellow",
}

_WIDTH = 120
"""Columns where there is no terminal (a log of CI, a file)."""


def print_claims(claims: pd.DataFrame) -> None:
    """Print the frame `claims`, a table per document, and how many claims have which verdict."""
    console = make_console()
    if not console.is_terminal:
        console.width = _WIDTH
    if claims.empty:
        console.print("There is no claim to check: none of the scenarios carries one.")
        return
    for document, group in claims.groupby("document", observed=True, sort=False):
        console.print(f"[bold]{escape(visible(document))}[/]: {count_verdicts(group)}")
        console.print(_table(group))
        console.print()
    console.print(f"{len(claims)} claims: {count_verdicts(claims)}.")


def _table(claims: pd.DataFrame) -> Table:
    table = Table(padding=(0, 1), show_lines=True, expand=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim", ratio=2)
    table.add_column("finding", ratio=3)
    for row in claims.astype(object).to_dict("records"):
        colour = _COLOURS[row["verdict"]]
        table.add_row(
            f"[{colour}]{row['verdict']}[/]",
            escape(visible(f"{row['claim']}: {row['text']}")),
            escape(visible(finding_text(row["cause"], row["reason"]), lines=True)),
        )
    return table
