"""The Markdown summary, rendered by a Markdown parser of others."""

import re
from html.parser import HTMLParser

import builders
import numpy as np
import pandas as pd
import planted_reports as planted
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gradproof.reporting.formats import markdown
from gradproof.reporting.formats.markdown import LISTED, escaped, markdown_table
from gradproof.texts import visible
from gradproof.verdicts.verdict import Verdict


class Rendered(HTMLParser):
    """The tags of a page, and the texts of its table's cells."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self.feed(renderer.render(markdown))

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells and data != "\n":
            self.cells[-1] += data


TABLE = ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]


def assert_shown(name: str) -> None:
    rendered = Rendered(markdown_table(pd.DataFrame({"name": [name], "plain": ["end"]})))
    assert rendered.tags == TABLE
    # A cell has no spaces at its ends, and a row of them is one where it is shown.
    assert [" ".join(cell.split()) for cell in rendered.cells] == [
        "name",
        "plain",
        " ".join(visible(name).split()),
        "end",
    ]


@pytest.mark.parametrize("name", planted.HOSTILE.values(), ids=planted.HOSTILE)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    assert_shown(name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_is_shown_as_it_is(name: str) -> None:
    assert_shown(name)


@given(st.text(st.sampled_from("ab_*[]()<>`~|\\!&;#@:/.w$ ")))
def test_any_marks_are_shown_as_they_are(name: str) -> None:
    assert_shown(name)


def test_the_renderer_sees_what_is_not_escaped() -> None:
    rendered = Rendered("| name | plain |\n| --- | --- |\n| [x](y) <b>z</b> | *end* |")
    assert rendered.tags == [*TABLE[:8], "a", "b", "td", "em"]


@pytest.mark.parametrize(
    ("name", "linked"),
    [
        ("@somebody", r"@\w"),
        ("fixes #12", r"#\w"),
        ("https://example.org", r"://"),
        ("www.example.org", r"www\."),
        ("me@example.org", r"@\w"),
    ],
)
def test_github_finds_nothing_to_link(name: str, linked: str) -> None:
    """GitHub links these without any mark around them, so a comment stands in their middle."""
    assert re.search(linked, name)
    assert not re.search(linked, escaped(name))


def summary(**changed: object) -> str:
    report = builders.report(builders.outcome(**changed))
    return markdown.render(report)


@pytest.mark.parametrize("odd", ["```", "`````\n# heading"])
def test_a_failure_cannot_end_its_block_of_code(odd: str) -> None:
    wrong = planted.judged(Verdict.DISAGREES, reason=np.array(["", odd], dtype=object))
    text = summary(gradients=(wrong,))
    rendered = Rendered(text)
    assert rendered.tags.count("pre") == 1
    assert rendered.tags.count("h1") == 1


def test_the_first_failure_is_told_with_its_cause() -> None:
    report = planted.report_of("gradient")
    text = markdown.render(report)
    assert f"  cause     {planted.CAUSE.format('w')}\n" in text


@pytest.mark.parametrize("wrong", [1, 2, LISTED, LISTED + 7])
def test_failures_are_listed_up_to_a_limit_and_counted(wrong: int) -> None:
    judged = tuple(planted.judged(Verdict.DISAGREES, f"w{number}") for number in range(wrong))
    section = summary(gradients=judged).partition("## What does not agree")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if re.match(r"\| 1 \| gradients \|", line)]
    assert len(rows) == (0 if wrong == 1 else min(wrong, LISTED))
    assert ("7 more are not listed" in section) is (wrong == LISTED + 7)


def test_the_costs_are_told_in_units_that_suit_them() -> None:
    section = summary().partition("## What it cost")[2].partition("\n## ")[0]
    assert "| torch/eager | 1 | 2 | 500 ms | 1.5 s | 750 ms | 2.5 s |" in section
    assert "in one process" in section
