"""The formats of a report, a file each, which are found by looking into this folder.

A format's file says, as literals that can be read without importing it: `name`, what `--formats` calls it;
`files`, what it writes, where `*.csv` is a file of each frame (none: it is shown and not written); and
`needs`, the packages that it imports beside gradproof's own dependencies. Its function `render(report)` gives
the text, or for several files by name what makes the bytes of each. A format may leave files to another one
that is written too, unless it was asked for by name: `left_to = {"parquet": ("gradients.csv",)}`.

What comes in is a Report; what goes out is text or bytes. To add a format, add its file here and its section
to docs/reference/formats.md.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gradproof.errors import InputError

Rendered = str | Mapping[str, Callable[[], bytes]]
"""What a format makes of a report: its one file's text, or what makes the bytes of each of its files."""

_SAID = ("name", "files", "needs", "left_to")


@dataclass(frozen=True)
class ReportFormat:
    """A format that a report is written in, or shown in.

    Attributes:
        module: where it is.
        name: what `--formats` calls it.
        files: the names of its files; `*` stands for each frame's name.
        needs: the packages that it imports beside gradproof's own dependencies.
        left_to: by other format the files that are left to it where both are written and this one was not
            asked for by name.
    """

    module: str
    name: str
    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    left_to: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def render(self, report: Any) -> Rendered:
        """Make of a report what is to be written; the format's module is imported only now."""
        render: Callable[[Any], Rendered] = import_module(self.module).render
        return render(report)

    def parse(self, frame: str, data: bytes) -> Any:
        """Give a frame back of the bytes of its file; formats of tables can.

        Raises:
            InputError: the bytes are no table with the columns of the frame.
        """
        return import_module(self.module).parse(frame, data)

    def missing(self) -> str:
        """Tell what it needs that is not installed, and how to install it; empty if all is there."""
        missing = [package for package in self.needs if find_spec(package) is None]
        if not missing:
            return ""
        are = "which are" if len(missing) > 1 else "which is"
        listed = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        advice = "Install what it needs with: pip install 'gradproof[report]'"
        return f"needs {listed}, {are} not installed. {advice}"


@cache
def report_formats() -> Mapping[str, ReportFormat]:
    """Give all formats that are written, by the names that `--formats` knows.

    >>> list(report_formats())
    ['csv', 'html', 'jsonl', 'junit', 'markdown', 'parquet']
    """
    files = Path(__file__).parent.glob("[!_]*.py")
    found = [_read(path) for path in files]
    return {each.name: each for each in sorted(found, key=lambda each: each.name) if each.files}


def _read(path: Path) -> ReportFormat:
    """Read what a format's file says of itself, without importing it and what it needs."""
    said = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in _SAID
    }
    return ReportFormat(f"{__name__}.{path.stem}", **said)


def check_formats(names: Iterable[str] | None) -> dict[str, str]:
    """Tell what cannot be written for something that is not installed: per files' name the reason.

    Args:
        names: of formats; None for all.

    Raises:
        InputError: there is no name, one is unknown, or what a format needs is not installed although the
            format was named.
    """
    known = report_formats()
    choose = f"Choose from {', '.join(known)}."
    if names is None:
        missing = {file: format_.missing() for format_ in known.values() for file in format_.files}
        return {file: reason for file, reason in missing.items() if reason}
    if not (names := [*names]):
        raise InputError(f"No report format was chosen. {choose}")
    for name in names:
        if name not in known:
            raise InputError(f"There is no report format called {name!r}. {choose}")
        if reason := known[name].missing():
            raise InputError(f"The report format {name!r} {reason}")
    return {}
