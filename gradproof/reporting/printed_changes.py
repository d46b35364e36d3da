"""What `gradproof compare` and `gradproof verify --baseline` print of what changed."""

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from gradproof.reporting.columns import records
from gradproof.reporting.comparison.changes import BETTER, SHOWN, WORSE, Changes, Row, error_of, verdict_of
from gradproof.reporting.console import make_console, say
from gradproof.reporting.names import implementation
from gradproof.verdicts.printing import visible
from gradproof.verdicts.verdict import Verdict

_INDENT = 2


def print_changes(changes: Changes) -> None:
    """Print what changed: some sentences where nothing did, else the worse verdicts first and in full."""
    console = make_console()
    say(console, changes.headline(), style="red" if changes.worse else "green")
    for row in records(changes.of(WORSE)):
        _print_worse(console, row)
    for row in records(changes.of(BETTER)):
        say(console, f"better  {verdict_of(row)}", "green", indent=_INDENT)
    for text in changes.standing():
        say(console, text)
    for text in changes.told_bits():
        say(console, text, style="yellow" if changes.bits["nondeterministic"].any() else "")
    notable = changes.notable_errors()
    say(console, changes.told_errors())
    for row in records(notable.head(SHOWN)):
        say(console, error_of(row), indent=_INDENT)
    if len(notable) > SHOWN:
        say(console, f"and {len(notable) - SHOWN:,} more, by smaller factors", indent=_INDENT)
    say(console, changes.told_environment())
    if changes.unchanged or changes.totals.empty:
        say(console, changes.told_times())
    else:
        say(console, "Seconds, after / before; these are facts and no verdicts, machines are noisy:")
        console.print(Padding(_times(changes.totals), (0, 0, 0, _INDENT), expand=False))


def _print_worse(console: Console, row: Row) -> None:
    say(console, f"worse  {verdict_of(row)}", "red", indent=_INDENT)
    spreads = [
        f"{row[f'spreads_{which}']:.3g}" for which in ("before", "after") if row[which] in Verdict.__members__
    ]
    facts = {
        "spreads": " → ".join(spreads) if row["kind"] == "run" else "",
        "cause": row["cause"],
        "why": row["reason"],
    }
    for name, fact in facts.items():
        if fact:
            say(console, f"{name:8}{fact}", indent=2 * _INDENT)
    if row["repeat"]:
        # Not wrapped, so that it can be copied.
        console.print(f"    repeat  {visible(row['repeat'])}", markup=False, soft_wrap=True)


def _times(totals: pd.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("implementation")
    table.add_column("runs", justify="right")
    for name in ("compiling", "training", "judging"):
        table.add_column(name, justify="right")
    table.add_column("training, s", justify="right")
    for row in records(totals):
        table.add_row(
            escape(visible(implementation(row["backend"], row["variant"]))),
            str(row["runs"]),
            *(f"{row[f'{name}_ratio']:.2f}" for name in ("compiling", "training", "judging")),
            f"{row['training_before']:.2f} → {row['training_after']:.2f}",
        )
    return table
