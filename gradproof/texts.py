"""Texts of others (names, messages) so that showing them does no harm; every room may import it.

Imports nothing that costs time.
"""

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


def shortened(text: str, most: int) -> str:
    """Leave the middle of a long text out, and tell how long it is.

    Args:
        text: somebody's message, say, of any length.
        most: so many of its characters are kept; a third of them are its last ones.

    >>> shortened("a" * 1000 + "z", 9)
    'aaaaaa ... (1,001 characters) ... aaz'
    """
    if len(text) <= most:
        return text
    last = most // 3
    return f"{text[: most - last]} ... ({len(text):,} characters) ... {text[len(text) - last :]}"


class ShownInNotebooks:
    """What a notebook shows of a result: what `print` shows, in the notebook's own colours."""

    def _repr_html_(self) -> str:
        """Give the text in HTML, with all that would be markup escaped."""
        return preformatted(str(self))


def preformatted(text: str) -> str:
    """Give a text as HTML that keeps its lines; its first word, a verdict, is strong.

    >>> preformatted("WRONG at <b>")
    '<pre style="white-space: pre; overflow-x: auto"><b>WRONG</b> at &lt;b&gt;</pre>'
    """
    from html import escape  # noqa: PLC0415 - see the module's docstring

    first, space, rest = visible(text, lines=True).partition(" ")
    told = f"<b>{escape(first)}</b>{space}{escape(rest)}"
    return f'<pre style="white-space: pre; overflow-x: auto">{told}</pre>'
