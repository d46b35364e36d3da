"""What `gradproof audit` prints: each document's claims, with what was found of them below each."""

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.console import make_console, say
from gradproof.reporting.summary import count_verdicts, finding_text
from gradproof.verdicts.records import CLAIM_VERDICTS

_COLOURS = {"CONFIRMED": "green", "REFUTED": "red", "NOT CHECKABLE": "dim", "UNDECIDED": "yellow"}

_INDENT = max(map(len, CLAIM_VERDICTS)) + 2


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
            head = f"{verdict:{_INDENT}}{row['claim']}: {row['text']}"
            say(console, head, _COLOURS[verdict], len(verdict), hanging=_INDENT)
            for line in found.splitlines():
                say(console, line, indent=_INDENT, hanging=_INDENT)
        console.print()
    say(console, f"{len(claims)} claims: {count_verdicts(claims)}.")
