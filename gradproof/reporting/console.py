"""Tables for a terminal that cut no name: what does not fit beside each other stands below each other."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gradproof.reporting.text import visible, wrapped

_GAP = 2

Style = Callable[[Any], str]


def make_console(*, stderr: bool = False) -> Console:
    """Make a console that is as wide as the terminal (COLUMNS, else 80) and coloured only on one.

    With NO_COLOR nothing is coloured, nor bold; with FORCE_COLOR it is where there is no terminal, too.
    """
    console = Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, color_system=None) if console.no_color else console


def say(console: Console, text: str, style: str = "", styled: int | None = None, *, indent: int = 0) -> None:
    """Print prose, wrapped between words at the console's width, its unseen characters as escapes.

    Args:
        console: where to.
        text: the prose.
        style: a colour, or nothing.
        styled: how many characters from the first have it; None for all.
        indent: columns before the first line; the others have twice as many.
    """
    # A break takes the place of a space, so that positions stay.
    shown = Text(wrapped(f"{' ' * indent}{visible(text)}", console.width, " " * (2 * indent)))
    if style:
        shown.stylize(style, 0, len(shown) if styled is None else styled)
    console.print(shown, soft_wrap=True)


def print_table(
    console: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    fixed: int,
    style: Style = lambda _: "",
) -> None:
    """Print a table, in several below each other where the columns do not fit into one.

    What the first column repeats from the row above is left out.

    Args:
        console: where to.
        header: the columns' names; a slash in one but the fixed becomes a line break.
        rows: the cells, whose texts are shown.
        fixed: so many columns from the first on are repeated in each table.
        style: gives a cell's colour, or nothing.
    """
    names = [name.split("/", 1) if at >= fixed else [name] for at, name in enumerate(map(visible, header))]
    cells = [[visible(cell) for cell in row] for row in rows]
    styles = [["" if at < fixed else style(cell) for at, cell in enumerate(row)] for row in rows]
    widths = [
        max(cell_len(text) for text in (*parts, *(row[at] for row in cells)))
        for at, parts in enumerate(names)
    ]
    groups = list(_groups(widths, fixed, console.width))
    if any(_total(widths, group) > console.width for group in groups):
        _print_list(console, names, cells, fixed, styles)
        return
    tall = max((len(parts) for parts in names), default=0)
    heads = [[parts[line] if line < len(parts) else "" for parts in names] for line in range(tall)]
    for number, group in enumerate(groups):
        if number:
            console.print()
        for head in heads:
            _print_line(console, [(head[at], "", widths[at]) for at in group])
        previous = ""
        for row, styled in zip(cells, styles, strict=True):
            shown = ["" if row[0] == previous else row[0], *row[1:]]
            previous = row[0]
            _print_line(console, [(shown[at], styled[at], widths[at]) for at in group])


def _total(widths: Sequence[int], group: Sequence[int]) -> int:
    return sum(widths[at] for at in group) + _GAP * (len(group) - 1)


def _groups(widths: Sequence[int], fixed: int, width: int) -> Iterator[list[int]]:
    """Share the columns out to tables; each has the fixed ones and at least one more."""
    first = list(range(fixed))
    group = list(first)
    for at in range(fixed, len(widths)):
        if len(group) > fixed and _total(widths, [*group, at]) > width:
            yield group
            group = list(first)
        group.append(at)
    yield group


def _print_line(console: Console, cells: Sequence[tuple[str, str, int]]) -> None:
    line = Text()
    for number, (text, style, width) in enumerate(cells):
        line.append(text, style=style or None)
        if number < len(cells) - 1:
            line.append(" " * (width - cell_len(text) + _GAP))
    line.rstrip()
    console.print(line, soft_wrap=True)


def _print_list(
    console: Console,
    names: Sequence[Sequence[str]],
    cells: Sequence[Sequence[str]],
    fixed: int,
    styles: Sequence[Sequence[str]],
) -> None:
    """Print a line a cell, where not even one column fits beside the fixed ones."""
    for row, styled in zip(cells, styles, strict=True):
        console.print(Text("  ".join(row[:fixed])), soft_wrap=True)
        for parts, cell, style in zip(names[fixed:], row[fixed:], styled[fixed:], strict=True):
            line = Text(f"  {'/'.join(parts)}  ")
            line.append(cell, style=style or None)
            console.print(line, soft_wrap=True)
