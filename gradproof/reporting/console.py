"""What is printed on a terminal: prose and tables, as wide and as coloured as it is."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from gradproof.texts import visible
from gradproof.verdicts.printing import table_lines, wrapped

Style = Callable[[Any], str]


def make_console(*, stderr: bool = False) -> Console:
    """Make a console that is as wide as the terminal (COLUMNS, else 80) and coloured only on one.

    With NO_COLOR nothing is coloured, nor bold; with FORCE_COLOR it is where there is no terminal, too.
    """
    console = Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, color_system=None) if console.no_color else console


def say(
    console: Console,
    text: str,
    style: str = "",
    styled: int | None = None,
    *,
    indent: int = 0,
    hanging: int | None = None,
) -> None:
    """Print prose, wrapped between words at the console's width, its unseen characters as escapes.

    Args:
        console: where to.
        text: the prose.
        style: a colour, or nothing.
        styled: how many characters from the first have it; None for all.
        indent: columns before the first line.
        hanging: columns before the others; None for twice as many.
    """
    others = 2 * indent if hanging is None else hanging
    # A break takes the place of a space, so that positions stay.
    shown = Text(wrapped(f"{' ' * indent}{visible(text)}", console.width, " " * others))
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
    """Print a table as `table_lines` lays it out.

    Args:
        console: where to.
        header: the columns' names.
        rows: the cells, whose texts are shown.
        fixed: as in `table_lines`.
        style: gives the colour of a cell that is not fixed, or nothing.
    """
    texts = [[visible(cell) for cell in row] for row in rows]
    for line in table_lines([*map(visible, header)], texts, console.width, fixed=fixed):
        shown = Text()
        for text, cell in line:
            coloured = cell is not None and cell[1] >= fixed
            shown.append(text, style=style(rows[cell[0]][cell[1]]) or None if coloured and cell else None)
        shown.rstrip()
        console.print(shown, soft_wrap=True)
