"""The blocks of code that pages of the documentation show, and what is done with them."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from os import environ, pathsep
from pathlib import Path
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt

DOCS = Path(__file__).parents[2] / "docs"

_MARK = re.compile(r"<!-- not run: (.+) -->\s*")
_LANGUAGES = {"python", "sh", "text", "toml", "yaml", "json", "diff"}


class Block(NamedTuple):
    """A block of a page.

    Attributes:
        line: of the page, where it begins.
        language: as it says.
        file: the file that it is said to be; empty where it has no title.
        text: what it holds.
        not_run: why it is not run; empty where it is.
        shows: what follows it as text: what it prints; None where nothing does.
    """

    line: int
    language: str
    file: str
    text: str
    not_run: str
    shows: str | None = None


def blocks(text: str) -> list[Block]:
    """Give the blocks of a page.

    >>> [block] = blocks('```python title="mine.py"\\nprint(1)\\n```\\n\\n```text\\n1\\n```\\n')[:1]
    >>> block.file, block.shows
    ('mine.py', '1\\n')
    """
    found: list[Block] = []
    before = ""
    for token in MarkdownIt().enable("table").parse(text):
        if token.type == "fence":
            language, _, rest = token.info.partition(" ")
            title = re.search(r'title="([^"]+)"', rest)
            mark = _MARK.fullmatch(before)
            is_output = language == "text" and before == "fence" and found and found[-1].language == "python"
            if is_output:
                found[-1] = found[-1]._replace(shows=token.content)
            line = token.map[0] + 1 if token.map else 0
            found.append(
                Block(line, language, title[1] if title else "", token.content, mark[1] if mark else "")
            )
        before = token.content if token.type == "html_block" else token.type
    return found


def of_page(page: str) -> list[Block]:
    """Give the blocks of a page below `docs`."""
    return blocks((DOCS / page).read_text("utf-8"))


# -------------------------------------------------------------------- blocks that change files


def followed(page: str, folder: Path) -> None:
    """Do to files in a folder what a page says: append code, or make a file of it; change lines.

    Args:
        page: below `docs`.
        folder: what the titles of its blocks are relative to.
    """
    for block in of_page(page):
        if not block.file:
            continue
        path = folder / block.file
        before = path.read_text("utf-8") if path.exists() else ""
        if block.language == "diff":
            old, new = ("".join(_side(block.text, gone)) for gone in "+-")
            assert before.count(old) == 1, f"{block.file} has {before.count(old)} times what {page} changes"
            after = before.replace(old, new)
        else:
            after = f"{before}\n\n{block.text}" if before else block.text
        path.write_text(after, encoding="utf-8")


def _side(diff: str, gone: str) -> Iterator[str]:
    """Give the lines of a diff without those that are of its other side."""
    for line in diff.splitlines(keepends=True):
        if line[0] != gone:
            yield line[1:] or "\n"


# -------------------------------------------------------------------- blocks that are run

_DRIVER = """
import contextlib, io, json, sys, traceback

sys.path.insert(0, "")
with open("blocks.json", encoding="utf-8") as file:
    blocks = json.load(file)
place, told = {"__name__": "__main__"}, []
for name, text in blocks:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, name, "exec"), place)
            error = ""
        except BaseException:
            error = traceback.format_exc()
    told.append((printed.getvalue(), error))
with open("told.json", "w", encoding="utf-8") as file:
    json.dump(told, file)
"""


def faults(page: Sequence[Block], folder: Path) -> list[str]:
    """Run the blocks of a page in a folder, and tell what is not as the page says.

    Python goes on from block to block in one process, and commands run afterwards, in the order of the page.
    A block with a title is saved first, so that others may import it; of what is a test, pytest does.
    """
    run = [block for block in page if not block.not_run]
    for block in page:
        if block.file and "/" not in block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
    unknown = [f"line {b.line}: {b.language!r} is no language that is looked at" for b in page
               if b.language not in _LANGUAGES]  # fmt: skip
    return [*unknown, *_python_faults(run, folder), *_command_faults(run, folder), *_data_faults(run)]


def _environment() -> dict[str, str]:
    programs = pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    return {**environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PATH": programs}


def _python_faults(page: Sequence[Block], folder: Path) -> Iterator[str]:
    python = [block for block in page if block.language == "python" and not block.file.startswith("test_")]
    if not python:
        return
    named = [(block.file or f"line_{block.line}.py", block.text) for block in python]
    for name, text in named:  # where lines of code are looked up
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "blocks.json").write_text(json.dumps(named), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        cwd=folder, env=_environment(), capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        yield f"the blocks end Python: {done.stderr}"
        return
    told = json.loads((folder / "told.json").read_text("utf-8"))
    for block, (printed, error) in zip(python, told, strict=True):
        if error:
            yield f"line {block.line} raises:\n{error}"
        elif block.shows is not None and not is_shown(block.shows, printed):
            yield f"line {block.line} shows\n{block.shows}and what is printed is\n{printed}"


def is_shown(shown: str, printed: str) -> bool:
    """Tell whether a page shows what is printed; a line with … stands for any lines.

    >>> is_shown("one\\n…\\n", "one  \\ntwo\\n"), is_shown("one\\n", "one\\ntwo\\n")
    (True, False)
    """
    bare = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    parts = re.split(r"^ *…$", shown.strip("\n"), flags=re.MULTILINE)
    pattern = r".*".join(re.escape(part.strip("\n")) for part in parts)
    return re.fullmatch(pattern, bare, re.DOTALL) is not None


def _command_faults(page: Sequence[Block], folder: Path) -> Iterator[str]:
    for block in page:
        if block.language != "sh":
            continue
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", block.text],
            cwd=folder, env=_environment(), capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        if done.returncode:
            yield f"line {block.line} has the status {done.returncode}:\n{done.stdout}{done.stderr}"


def _data_faults(page: Sequence[Block]) -> Iterator[str]:
    readers = {"toml": tomllib.loads, "yaml": yaml.safe_load, "json": json.loads}
    for block in page:
        if block.language in readers:
            try:
                readers[block.language](block.text)
            except (ValueError, yaml.YAMLError) as error:
                yield f"line {block.line} is no {block.language}: {error}"
