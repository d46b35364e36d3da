"""What the sentence of a cause says apart from whose gradient it speaks of; runs of one mistake agree in it.

A cause is a sentence with a subject: "the gradients of w and b are the true ones with the derivative of
sigmoid (mine.py:12) left out". Here it is read back, so that a report that was read from files is grouped as
well. A sentence that has another form is its own mistake: then two rows are told apart that may be one, and
never the other way round.
"""

import re
from dataclasses import dataclass

_SUBJECT = re.compile(
    r"(?P<article>your|the) (?P<what>[^ ]+(?: [^ ]+)?) of (?P<names>.+?) "
    r"(?P<verb>is|are|has|have|keeps|follows|was|were) (?P<rest>.+)",
    re.DOTALL,
)
_TRUE_ONE = re.compile(r"the true ones? with (?=\S)")
_NOTES = re.compile(
    r"; this was seen at one (?:step|point) only|; other steps are right|"
    r" \(in (?:this gradient|these gradients) alone\)|; the gradients? goe?s? wrong at [^;]+"
)
_DIGITS = re.compile(r"\bloses \d+ of \d+ digits\b")
_LINE = re.compile(r"[^\s()]+\.py:\d+")


@dataclass(frozen=True)
class CauseText:
    """The sentence of a cause, read.

    Attributes:
        subject: what it is said of, without names: "gradient", "update", "first_moment"; empty for a sentence
            of another form.
        mistake: what is wrong with it.
        lines: the lines of code that it names, in its order.
    """

    subject: str
    mistake: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, cause: str) -> "CauseText":
        """Read a sentence.

        >>> CauseText.read(
        ...     "the gradients of w and b are the true ones with the factor 2 of power (a.py:3) left out"
        ... )
        CauseText(subject='gradient', mistake='the factor 2 of power (a.py:3) left out', lines=('a.py:3',))
        >>> CauseText.read(
        ...     "the update of w is Adam's with epsilon inside the root; other steps are right"
        ... ).mistake
        "Adam's with epsilon inside the root"
        """
        text = _NOTES.sub("", cause)
        lines = tuple(dict.fromkeys(_LINE.findall(cause)))
        found = _SUBJECT.fullmatch(text)
        if found is None:
            return cls("", text, lines)
        what, rest = found["what"], found["rest"]
        if what.startswith("gradient"):
            shorter = _TRUE_ONE.sub("", rest, count=1)
            said = shorter if shorter != rest else f"{found['verb']} {rest}"
            return cls("gradient", _one(said), lines)
        return cls(what, rest if found["verb"] == "is" else f"{found['verb']} {rest}", lines)

    @property
    def key(self) -> str:
        """The mistake without lines and without what differs from dtype to dtype.

        >>> CauseText.read("log_softmax at mine.py:12 loses 7 of 7 digits as 1 - softmax").key
        'log_softmax at … loses digits as 1 - softmax'
        """
        return _LINE.sub("…", _DIGITS.sub("loses digits", self.mistake))

    def told(self) -> str:
        """Say what is wrong, in words that need no names.

        >>> CauseText.read("the update of w is Adam's with epsilon inside the root").told()
        "update: Adam's with epsilon inside the root"
        """
        return self.mistake if self.subject in {"", "gradient"} else f"{self.subject}: {self.mistake}"


def _one(said: str) -> str:
    """Say of one gradient what is said of several."""
    return re.sub(r"^are the true ones\b", "is the true one", said)
