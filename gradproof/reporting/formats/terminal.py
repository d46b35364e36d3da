"""What the command shows: of a report, of what changed, of what documents claim."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradproof.reporting.columns import records
from gradproof.reporting.comparison.changes import BETTER, SHOWN, WORSE, Changes, Row, error_of, verdict_of
from gradproof.reporting.comparison.history import History
from gradproof.reporting.console import make_console, print_table, say
from gradproof.reporting.describing import describe
from gradproof.reporting.names import count, implementation
from gradproof.reporting.report import Report
from gradproof.reporting.run_costs import cost_cells, side_by_side
from gradproof.reporting.telling import (
    MatrixCell,
    count_verdicts,
    finding_text,
    judged_in_words,
    not_checked,
    remarks,
    verdict_matrix,
)
from gradproof.reporting.writing import describe_written
from gradproof.texts import visible
from gradproof.verdicts.records import CLAIM_VERDICTS
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict

name = "terminal"
files = ()  # what it gives is printed
needs = ()

_COLOURS = {
    "ok": "green",
    "ok ~": "green",
    "-": "dim",
    "CONFIRMED": "green",
    "REFUTED": "red",
    "NOT CHECKABLE": "dim",
    "UNDECIDED": "yellow",
}
_INDENT = 2
_VERDICT = max(map(len, CLAIM_VERDICTS)) + 2


def render(report: Report) -> str:
    """Write what the command prints of a report, as wide and as coloured as the terminal is."""
    console = make_console()
    with console.capture() as capture:
        _print(console, report)
    return capture.get()


def print_report(report: Report, folder: Path) -> None:
    """Print the table of verdicts, what does not agree, what was not run, what it cost, and where it is."""
    console = make_console()
    _print(console, report)
    for line in describe_written(folder):
        say(console, f"Report: {line}")


def _print(console: Console, report: Report) -> None:
    _print_matrix(console, verdict_matrix(report.runs, report.findings))
    say(
        console,
        "Cells: ok or the worst verdict (OFF is DISAGREES), and the largest error in spreads of the measured "
        f"rounding noise (at most {SPREADS:g} are rounding).",
    )
    for line in (*remarks(report.frames, report.environment), *not_checked(report.runs)):
        say(console, line)
    _print_costs(console, report)
    if not report.ok:
        say(console, "Not everything agrees.", "red")
        console.print(Text(describe(report.root_causes, report.findings, console.width)), soft_wrap=True)
        return
    agrees = "Everything that was checked agrees"
    counted = (
        f"{judged_in_words(report.frames)} in {count(int((report.runs['status'] == 'run').sum()), 'run')}."
    )
    say(console, f"{agrees}: {counted}", "green", len(agrees))


def _print_matrix(console: Console, matrix: pd.DataFrame) -> None:
    pairs = zip(matrix.index.to_list(), matrix.to_numpy().tolist(), strict=True)
    rows = [[*run, *row] for run, row in pairs]
    if rows:
        print_table(console, ["scenario", "dtype", *map(str, matrix.columns)], rows, fixed=2, style=_colour)


def _colour(cell: object) -> str:
    if not isinstance(cell, MatrixCell):
        return ""
    if cell.verdict == Verdict.INACCURATE:
        return "yellow"
    return _COLOURS.get(cell.word, "red")


def _print_costs(console: Console, report: Report) -> None:
    table = cost_cells(report.runs).rename(columns={"implementation": "cost"})
    if not table.empty:
        print_table(console, list(table.columns), table.to_numpy().tolist(), fixed=1)
        say(console, f"{side_by_side(report.environment)} A step: the median over the runs.")


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


def print_history(found: History) -> None:
    """Print a line for each run over several reports: the verdict and the largest error in each."""
    console = make_console()
    numbers = [str(number) for number in range(1, len(found.names) + 1)]
    for number, name, time in zip(numbers, found.names, found.times, strict=True):
        say(console, f"{number}: {name} {time}".rstrip())
    header = ["scenario", "implementation", "dtype", *numbers]
    rows = [
        [each.run[0], implementation(each.run[1], each.run[2]), each.run[3]]
        + [MatrixCell("") if cell is None else cell for cell in each.cells]
        for each in found.runs
    ]
    if rows:
        print_table(console, header, rows, fixed=3, style=_colour)
    for name, values in found.surroundings.items():
        say(console, f"{name}: {' → '.join(value or '(absent)' for value in values)}")


def print_claims(claims: pd.DataFrame) -> None:
    """Print the frame `claims` by document, and how many claims have which verdict."""
    console = make_console()
    if claims.empty:
        say(console, "There is no claim to check: none of the scenarios carries one.")
        return
    for document, group in claims.groupby("document", observed=True, sort=False):
        say(console, f"{document}: {count_verdicts(group)}", "bold", len(str(document)))
        for row in records(group):
            verdict, found = row["verdict"], finding_text(row["cause"], row["reason"])
            head = f"{verdict:{_VERDICT}}{row['claim']}: {row['text']}"
            say(console, head, _COLOURS[verdict], len(verdict), hanging=_VERDICT)
            for line in found.splitlines():
                say(console, line, indent=_VERDICT, hanging=_VERDICT)
        console.print()
    say(console, f"{len(claims)} claims: {count_verdicts(claims)}.")
