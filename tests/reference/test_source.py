"""Where in the user's code something happens: the line, and what is written there."""

import pytest

from gradproof.reference.numbers import Plain
from gradproof.reference.source import UNKNOWN, Source
from gradproof.reference.tape import differentiate


def one_line(xp, p, b):
    return xp.sum((p["w"] - 1) * (b["é"] - p["w"]) - xp.tanh(p["w"]) - xp.subtract(p["w"], 2))


def several_lines(xp, p, b):
    return xp.sum(
        p["w"]
        - b["é"]
    )  # fmt: skip


def sources(loss):
    tape = differentiate(loss, {"w": [1.0, 2.0]}, {"é": [0.5, 0.25]}, Plain()).tape
    return [node.source for node in tape.nodes if node.operation and node.operation.name == "subtract"]


def test_what_is_written_tells_operations_of_one_line_apart():
    found = sources(one_line)
    assert {source.line for source in found} == {one_line.__code__.co_firstlineno + 1}
    assert [source.expression for source in found] == [
        'p["w"] - 1',
        'b["é"] - p["w"]',
        '(p["w"] - 1) * (b["é"] - p["w"]) - xp.tanh(p["w"])',
        'xp.subtract(p["w"], 2)',
        '(p["w"] - 1) * (b["é"] - p["w"]) - xp.tanh(p["w"]) - xp.subtract(p["w"], 2)',
    ]


def test_an_expression_over_several_lines_is_not_told():
    (source,) = sources(several_lines)
    assert source.expression == ""


@pytest.mark.parametrize("other", [UNKNOWN, Source("mine.py", 3)])
def test_sources_are_equal_by_their_lines(other):
    (source,) = sources(several_lines)
    assert source == Source(source.file, source.line)
    assert hash(source) == hash(Source(source.file, source.line))
    assert source != other
    assert other.expression == ""
