"""Frames and texts as Markdown, with the escapes that keep names from being read as Markdown."""

import re

import pandas as pd

from gradproof.verdicts.printing import visible


def markdown_table(frame: pd.DataFrame) -> str:
    """Write a frame as a Markdown table, with all that would be read as Markdown escaped."""
    header = [escaped(name) for name in frame.columns]
    rows = [[escaped(value) for value in row] for row in frame.itertuples(index=False)]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_ACTIVE = re.compile(
    r"[\\`*\[\]|~$]"  # code, emphasis, links, cells, strike-through, formulas
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; between letters an underscore is none
)
# What GitHub makes a link or a mention of without any mark around it.
_LINKED = re.compile(r"(?:(?<=:)(?=//))|(?:(?<=\bwww)(?=\.))|(?:(?<=[@#])(?=\w))", re.IGNORECASE)


def escaped(value: object) -> str:
    r"""Write a value so that Markdown shows its very characters, in a table or elsewhere, in one line.

    An empty comment, which is not shown, keeps GitHub from linking mentions, addresses and numbers of issues.

    >>> print(escaped("a|b *c* <d> bce_network @you"))
    a\|b \*c\* &lt;d> bce_network @<!-- -->you
    """
    text = visible(value).replace("&", "&amp;").replace("<", "&lt;")
    text = _ACTIVE.sub(r"\\\g<0>", text)
    return _LINKED.sub("<!-- -->", text)


def fenced(text: str) -> list[str]:
    """Put a text into a block of code that nothing in it can end; the lines one by one."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, text, fence]
