"""The code that pages of the documentation show, by the files that it is said to be in."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"


class Titled(NamedTuple):
    """A block with a title: in which language it is, in which file, and what it says."""

    language: str
    file: str
    text: str


def titled(page: str) -> Iterator[Titled]:
    """Give the blocks of a page that have titles.

    >>> [block.file for block in titled("howto/format.md")]
    ['gradproof/reporting/formats/counts.py']
    """
    text = (DOCS / page).read_text("utf-8")
    for found in re.finditer(r'^```(\w+) title="([^"]+)"\n(.*?)^```', text, re.DOTALL | re.MULTILINE):
        yield Titled(*found.groups())


def followed(page: str, folder: Path) -> None:
    """Do to files in a folder what a page says: append code, or make a file of it; change lines.

    Args:
        page: below `docs`.
        folder: what the titles of its blocks are relative to.
    """
    for language, file, text in titled(page):
        path = folder / file
        before = path.read_text("utf-8") if path.exists() else ""
        if language == "diff":
            old, new = ("".join(_side(text, gone)) for gone in "+-")
            assert before.count(old) == 1, f"{file} has {before.count(old)} times what {page} changes"
            after = before.replace(old, new)
        else:
            after = f"{before}\n\n{text}" if before else text
        path.write_text(after, encoding="utf-8")


def _side(diff: str, gone: str) -> Iterator[str]:
    """Give the lines of a diff without those that are of its other side."""
    for line in diff.splitlines(keepends=True):
        if line[0] != gone:
            yield line[1:] or "\n"
