"""Standard output whose encoding lacks a character; imports nothing that costs time."""

import sys
from io import TextIOWrapper


def escape_what_cannot_be_encoded() -> None:
    """Print characters that the encoding of standard output lacks as escapes, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
