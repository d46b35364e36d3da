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
    r" \(in (?:this gradient|these gradients) alone\)| \(likewise [^()]+\)|"
    r"; the gradients? goe?s? wrong at [^;]+"
)
_PART = re.compile(r"; (?=\S+:\d+ (?:is in|has its derivative from) )")
_DIGITS = re.compile(r"\bloses \d+ of \d+ digits\b")
_LINE = re.compile(r"[^\s()]+\.py:\d+")


@dataclass(frozen=True)
class CauseText:
    """The sentence of a cause, read.

    Attributes:
        subject: what it is said of, without names: "gradient", "update", "first_moment"; empty where the
            mistake says it by itself.
        mistake: what is wrong with it; after a subject it begins with the verb.
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
        CauseText(subject='', mistake='the factor 2 of power (a.py:3) left out', lines=('a.py:3',))
        >>> CauseText.read(
        ...     "the update of w is Adam's with epsilon inside the root; other steps are right"
        ... ).mistake
        "is Adam's with epsilon inside the root"
        """
        text = _NOTES.sub("", cause)
        lines = tuple(dict.fromkeys(_LINE.findall(cause)))
        found = _SUBJECT.fullmatch(text)
        if found is None:
            return cls("", text, lines)
        if shorter := _TRUE_ONE.match(found["rest"]):
            return cls("", found["rest"][shorter.end() :], lines)
        subject = "gradient" if found["what"] == "gradients" else found["what"]
        return cls(subject, _one(f"{found['verb']} {found['rest']}"), lines)

    @property
    def places(self) -> tuple[str, ...]:
        """The lines that the mistake itself names, and not what is said beside it."""
        return tuple(dict.fromkeys(_LINE.findall(self.mistake)))

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
        "the update is Adam's with epsilon inside the root"
        """
        return f"the {self.subject} {self.mistake}" if self.subject else self.mistake


def notes(cause: str) -> str:
    """Give what a cause says beside the mistake and whose it is: at which steps it was seen, say.

    >>> notes(
    ...     "the gradient of w is the true one doubled; this was seen at one step only; other steps are right"
    ... )
    'this was seen at one step only; other steps are right'
    >>> notes("the update of w is Adam's with epsilon inside the root (likewise b)")
    'likewise b'
    """
    return "; ".join(each.strip(" ;()") for each in _NOTES.findall(cause))


def with_parts(mistake: str) -> tuple[str, tuple[str, ...]]:
    """Divide a mistake into what is wrong and what is said of its lines: of which part of a model they are.

    >>> with_parts("the factor 2 of power (a.py:3) left out; a.py:3 is in norm; a.py:7 is in head")
    ('the factor 2 of power (a.py:3) left out', ('a.py:3 is in norm', 'a.py:7 is in head'))
    """
    head, *parts = _PART.split(mistake)
    return head, tuple(parts)


def _one(said: str) -> str:
    """Say of one gradient what is said of several.

    >>> _one("are the true ones transposed")
    'is the true one transposed'
    """
    singular = {"are": "is", "have": "has", "were": "was"}
    verb, _, rest = said.partition(" ")
    return f"{singular.get(verb, verb)} {re.sub(r'^the true ones', 'the true one', rest)}"
