"""What `gradproof compare` and `gradproof verify --baseline` print of what changed."""

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from gradproof.reporting.comparison import Changes, wording
from gradproof.reporting.comparison.columns import BETTER, WORSE


def print_changes(changes: Changes) -> None:
    """Print what changed: some sentences where nothing did, else the worse verdicts first and in full."""
    console = Console(highlight=False)
    verdicts = changes.verdicts.astype(object)
    colour = "red" if changes.worse else "green"
    console.print(f"[{colour}]{escape(wording.headline(changes))}[/]")
    for row in verdicts[verdicts["change"] == WORSE].to_dict("records"):
        _print_worse(console, row)
    for row in verdicts[verdicts["change"] == BETTER].to_dict("records"):
        console.print(Padding(f"[green]better[/]  {escape(wording.verdict_of(row))}", (0, 0, 0, 2)))
    for text in wording.standing(changes):
        console.print(escape(text))
    nondeterminism = bool(changes.bits["nondeterministic"].any())
    for text in wording.bits(changes):
        console.print(f"[yellow]{escape(text)}[/]" if nondeterminism else escape(text))
    if not changes.errors.empty:
        _print_errors(console, changes)
    elif wording.errors(changes):
        console.print(escape(wording.errors(changes)))
    console.print(escape(wording.environment(changes)))
    if changes.totals.empty:
        return
    if changes.unchanged:
        console.print(escape(wording.times(changes)))
        return
    console.print("Seconds, after / before; these are facts and no verdicts, machines are noisy:")
    console.print(Padding(_times(changes.totals), (0, 0, 0, 2)))


def _print_worse(console: Console, row: wording.Row) -> None:
    console.print(Padding(f"[red]worse[/]   {escape(wording.verdict_of(row))}", (0, 0, 0, 2)))
    lines = []
    spreads = np.array([row["spreads_before"], row["spreads_after"]], dtype=np.float64)
    if not np.isnan(spreads).all():
        lines.append(f"spreads   {row['spreads_before']:.3g} → {row['spreads_after']:.3g}")
    lines += [f"{name:10}{row[what]}" for name, what in (("cause", "cause"), ("why", "reason")) if row[what]]
    for line in lines:
        console.print(Padding(escape(line), (0, 0, 0, 4)))
    if row["repeat"]:
        # Not wrapped, so that it can be copied.
        console.print(f"    repeat    {escape(str(row['repeat']))}", soft_wrap=True)


def _print_errors(console: Console, changes: Changes) -> None:
    notable = wording.notable_errors(changes)
    console.print(escape(wording.errors(changes)))
    for row in notable.head(wording.SHOWN).astype(object).to_dict("records"):
        console.print(Padding(escape(wording.error_of(row)), (0, 0, 0, 2)))
    if len(notable) > wording.SHOWN:
        console.print(f"  and {len(notable) - wording.SHOWN:,} more, with smaller factors")


def _times(totals: pd.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("implementation")
    table.add_column("runs", justify="right")
    for name in ("compiling", "training", "judging"):
        table.add_column(name, justify="right")
    table.add_column("training, s", justify="right")
    for row in totals.astype(object).to_dict("records"):
        table.add_row(
            escape(f"{row['backend']}/{row['variant']}"),
            str(row["runs"]),
            *(f"{row[f'{name}_ratio']:.2f}" for name in ("compiling", "training", "judging")),
            f"{row['training_before']:.2f} → {row['training_after']:.2f}",
        )
    return table
