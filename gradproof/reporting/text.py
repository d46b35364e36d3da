"""Names and reasons as text that cannot do harm where it is shown: on a terminal, in a log, in a file."""

import textwrap
import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Control characters, formatting ones (which turn the direction of text around), separators of lines and of
# paragraphs, surrogates and what is no character at all. Private use is harmless.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Cn"})
# They join the parts of emoji and of letters in some scripts, and move nothing.
_JOINERS = frozenset("\u200c\u200d")


def visible(text: object, *, lines: bool = False) -> str:
    r"""Write characters that are not seen, or that steer a terminal, as escapes.

    Args:
        text: what to show, mostly somebody's name of something.
        lines: whether line feeds and tabs stay.

    >>> print(visible("red \x1b[31m, bell \a and\na second line"))
    red \x1b[31m, bell \x07 and\na second line
    """
    kept = "\n\t" if lines else ""
    return "".join(each if each in kept else _escaped(each) for each in str(text))


def encodable(text: str) -> str:
    r"""Write what is no character, half of a pair (a file's name may hold it), as an escape.

    >>> print(encodable("caf\u00e9 \udcff"))
    café \udcff
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSEEN:
        return character
    if character in _NAMED:
        return _NAMED[character]
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


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
