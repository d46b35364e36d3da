"""`--json`: what a command found as one JSON document, alone on standard output.

Messages stand on standard error, as ever; a call that is bad writes no document, and ends with 2.
"""

import argparse
import sys
from contextlib import contextmanager, redirect_stdout

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO

    import pandas as pd


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document, and nothing else, on standard output"
    )


_streams: "list[TextIO]" = []
"""Where documents go, the innermost last."""


@contextmanager
def alone_on_standard_output() -> "Iterator[None]":
    """Keep standard output for the document: what a user's code prints goes to standard error."""
    _streams.append(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _streams.pop()


def print_document(command: str, status: int, **members: "Any") -> int:
    """Print what a command found, and give its exit status.

    Args:
        command: its name.
        status: its exit status, which the document tells, too.
        members: what it found.
    """
    from gradproof.reporting.columns import SCHEMA  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.strict_json import written  # noqa: PLC0415

    document = {"command": command, "schema": SCHEMA, "status": status, **members}
    print(written(document, indent=2), file=_streams[-1] if _streams else sys.stdout)
    return status


def rows(frame: "pd.DataFrame") -> "list[dict[str, Any]]":
    """Give the rows of a frame as objects."""
    from gradproof.reporting.columns import records  # noqa: PLC0415 - see the room's docstring

    return records(frame)
