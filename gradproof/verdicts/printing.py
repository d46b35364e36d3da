"""How texts and tables are printed: they fit a width, and no number is cut."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

Printed = list[tuple[str, tuple[int, int] | None]]
"""A line of a table: texts, and of each the row and the column whose cell it is, if it is one."""

_GAP = 2


def wrapped(text: str, width: int | None, indent: str = "") -> str:
    """Break prose between words, never inside one: numbers, paths and names stay in one piece.

    Args:
        text: some lines, each of which is broken on its own.
        width: columns; None to break nothing.
        indent: what goes before all lines but the first.

    >>> print(wrapped("value    a word and 0.500000000000000000000000000000", 20, "         "))
    value    a word and
             0.500000000000000000000000000000
    """
    if width is None:
        return text.replace("\n", f"\n{indent}")
    lines: list[str] = []
    for line in text.split("\n"):
        broken = textwrap.wrap(
            line,
            width,
            initial_indent=indent if lines else "",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += broken or [""]
    return "\n".join(lines)


def terminal_width() -> int:
    """Tell how wide the terminal is: COLUMNS where that is set, and 80 where there is none."""
    return shutil.get_terminal_size().columns


def table_lines(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, fixed: int = 1
) -> list[Printed]:
    r"""Lay out a table, in several below each other where the columns do not fit into one.

    No cell is cut: where not even one column fits beside the fixed ones, each cell has a line. What the first
    column repeats from the row above is left out.

    Args:
        header: the columns' names; a slash in one but the fixed becomes a line break.
        rows: the cells.
        width: columns of the terminal; None for any number.
        fixed: so many columns from the first on are repeated in each table.

    >>> rows = [("w[0]", "0.25", "AGREES"), ("w[1]", "0.5", "KINK")]
    >>> print(*printed(table_lines(("entry", "value", "verdict"), rows, 14)), sep="\n")
    entry  value
    w[0]   0.25
    w[1]   0.5
    <BLANKLINE>
    entry  verdict
    w[0]   AGREES
    w[1]   KINK
    """
    names = [[name] if at < fixed else name.split("/", 1) for at, name in enumerate(header)]
    widths = [
        max(cell_len(text) for text in (*parts, *(row[at] for row in rows))) for at, parts in enumerate(names)
    ]
    groups = list(_groups(widths, fixed, width))
    if width is not None and any(_total(widths, group) > width for group in groups):
        return [*_a_line_a_cell(names, rows, fixed)]
    lines: list[Printed] = []
    for group in groups:
        lines += [[]] if lines else []
        for line in range(max((len(parts) for parts in names), default=0)):
            heads = [(parts[line] if line < len(parts) else "", None) for parts in names]
            lines.append(_beside([(heads[at], widths[at]) for at in group]))
        previous = ""
        for number, row in enumerate(rows):
            shown = ["" if row[0] == previous else row[0], *row[1:]]
            previous = row[0]
            lines.append(_beside([((shown[at], (number, at)), widths[at]) for at in group]))
    return lines


def printed(lines: Sequence[Printed]) -> list[str]:
    """Give the lines of a table as plain texts."""
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def _total(widths: Sequence[int], group: Sequence[int]) -> int:
    return sum(widths[at] for at in group) + _GAP * (len(group) - 1)


def _groups(widths: Sequence[int], fixed: int, width: int | None) -> Iterator[list[int]]:
    """Share the columns out to tables; each has the fixed ones and at least one more."""
    first = list(range(fixed))
    group = list(first)
    for at in range(fixed, len(widths)):
        if len(group) > fixed and width is not None and _total(widths, [*group, at]) > width:
            yield group
            group = list(first)
        group.append(at)
    yield group


def _beside(cells: Sequence[tuple[tuple[str, tuple[int, int] | None], int]]) -> Printed:
    line: Printed = []
    for (text, cell), width in cells:
        line += [(text, cell), (" " * (width - cell_len(text) + _GAP), None)]
    return line


def _a_line_a_cell(
    names: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], fixed: int
) -> Iterator[Printed]:
    for number, row in enumerate(rows):
        yield [("  ".join(row[:fixed]), None)]
        for at in range(fixed, len(row)):
            yield [(f"  {'/'.join(names[at])}  ", None), (row[at], (number, at))]
