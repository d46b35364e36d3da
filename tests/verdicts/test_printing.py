"""Text that cannot do harm, and prose that is wrapped."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.texts import visible
from gradproof.verdicts.printing import wrapped


@given(st.text(st.characters()), st.booleans())
def test_nothing_unseen_is_left(text: str, lines: bool) -> None:
    shown = visible(text, lines=lines)
    allowed = "\n\t\u200c\u200d" if lines else "\u200c\u200d"
    left = {unicodedata.category(character) for character in shown if character not in allowed}
    assert not left & {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}
    shown.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"])))
def test_what_is_seen_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\u202eabc", r"\u202eabc"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_escapes_are_pythons(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.sampled_from("ab \n-"), max_size=200), st.integers(8, 40), st.sampled_from(["", "    "]))
def test_words_stay_whole_and_lines_fit(text: str, width: int, indent: str) -> None:
    lines = wrapped(text, width, indent).split("\n")
    assert [word for line in lines for word in line.split()] == text.split()
    for line in lines:
        assert len(line) <= width or len(line.split()) == 1


def test_without_a_width_nothing_is_broken() -> None:
    assert wrapped("a b " * 100, None) == "a b " * 100
    assert wrapped("first\nsecond", None, "  ") == "first\n  second"
