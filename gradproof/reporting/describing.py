"""What fails, told in text: a numbered paragraph a cause, with the worst that it does in full."""

from collections.abc import Iterator, Sequence

import pandas as pd

from gradproof.reporting.findings import something_was_checked
from gradproof.reporting.names import count, implementation, listed
from gradproof.reporting.root_causes import RootCause, failing_rows_in_words, in_words
from gradproof.reporting.telling import details, headline, labelled, repeating, text
from gradproof.texts import visible
from gradproof.verdicts.printing import wrapped

IN_FULL = 3
"""Of so many causes the worst failure is told with all its numbers; of the others in a few lines."""

SHOWN = 20
"""So many causes are told at most."""


def describe(causes: Sequence[RootCause], findings: pd.DataFrame, width: int | None = None) -> str:
    """Tell what fails, cause by cause; where nothing fails a sentence says so.

    Args:
        causes: of a report.
        findings: of the same.
        width: columns at which prose is wrapped; None to wrap nothing.
    """
    if not causes:
        checked = something_was_checked(findings)
        sentence = (
            "Everything that was checked agrees." if checked else "Nothing was run, so nothing was checked."
        )
        return wrapped(sentence, width)
    if len(causes) == 1 and len(causes[0].findings) == 1:
        return "\n".join([text(causes[0].worst, width), *_more_rows(causes, width, of_one=True)])
    lines = [wrapped(f"{in_words(causes)}:", width)]
    for number, cause in enumerate(causes[:SHOWN], 1):
        lines += paragraph(cause, f"{number}. ", width, in_full=number <= IN_FULL)
    if len(causes) > SHOWN:
        lines.append(f"and {len(causes) - SHOWN:,} more; the report's tables list all.")
    return "\n".join([*lines, *_more_rows(causes, width)])


def _more_rows(causes: Sequence[RootCause], width: int | None, *, of_one: bool = False) -> Iterator[str]:
    rows = failing_rows_in_words(causes)
    if rows and not (of_one and causes[0].rows == 1):
        yield wrapped(f"In all {rows}; the report's tables list all.", width)


def paragraph(cause: RootCause, head: str, width: int | None, *, in_full: bool) -> list[str]:
    """Tell of a cause: what, who, where, and the worst that it does.

    Args:
        cause: what is told of.
        head: what stands before it, `1. `, say.
        width: columns at which prose is wrapped; None to wrap nothing.
        in_full: whether the worst failure is told with all its numbers.

    Returns:
        the lines.
    """
    told = seen_in(cause)
    if cause.worst["kind"] != "run":
        told.append(("worst", headline(cause.worst)))
        told += details(cause.worst) if in_full else []
    return [
        wrapped(visible(f"{head}{cause}", lines=True), width, "  "),
        *labelled(told, width),
        *repeating(cause.repeats[:1]),
    ]


def seen_in(cause: RootCause) -> list[tuple[str, str]]:
    """Tell who and what a cause is seen in, labels and texts.

    What one run or one test alone is told with the failure itself is not told again.
    """
    named = [" ".join((scenario, implementation(*who), dtype)) for scenario, *who, dtype in cause.runs]
    named += cause.tests
    told = [("in", listed(named))] if len(named) > 1 or cause.worst["kind"] == "run" else []
    if len(cause.parameters) > 1:
        told.append(("of", listed(cause.parameters)))
    if cause.following:
        follow = "follows" if cause.following == 1 else "follow"
        told.append(
            (
                "beside",
                f"{count(cause.following, 'update or state', 'updates and states')} that {follow} from it",
            )
        )
    return told
