"""What every format must do: tell each thing that does not pass, and stand any name."""

import json
import unicodedata
from xml.etree import ElementTree as ET

import planted_reports as planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradproof.texts import visible

formats = pytest.mark.parametrize("name", planted.TOLD)


@formats
@pytest.mark.parametrize("kind", planted.KINDS)
def test_what_does_not_pass_is_told(kind: str, name: str) -> None:
    report = planted.report_of(kind, name="culprit")
    told = planted.TOLD[name](report)
    assert planted.KINDS[kind] in told
    # What was not run is told by its reason where there is one reason for many runs.
    assert "culprit" in told or (kind == "not run" and name in {"github", "terminal"})
    assert report.ok is (kind == "not run")


@formats
def test_where_all_passes_nothing_is_told(name: str) -> None:
    """The guard of the test above: what it looks for is not there unless it was planted."""
    told = planted.TOLD[name](planted.report_of(name="culprit"))
    assert "culprit" not in told
    assert not any(verdict in told for verdict in planted.KINDS.values())


@formats
@pytest.mark.parametrize("kind", ["gradient", "update", "not finite", "undecided"])
def test_a_failure_tells_the_command_that_repeats_it(kind: str, name: str) -> None:
    told = planted.TEXTS[name](planted.report_of(kind))
    assert "gradproof verify mine.py::first --backends torch/eager --dtypes float64" in told


@formats
def test_the_cause_is_told(name: str) -> None:
    told = planted.TOLD[name](planted.report_of("gradient"))
    assert "with the derivative of sigmoid (mine.py:12) left" in " ".join(told.split())


def assert_harmless(text: str, lines: bool = True) -> None:
    """No character steers a terminal or a parser, and no line is begun but by us."""
    allowed = "\n\t" if lines else ""
    steering = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"}} - set(allowed)
    assert not steering - set("\u200c\u200d")


@formats
@pytest.mark.parametrize("odd", planted.HOSTILE.values(), ids=planted.HOSTILE)
def test_an_odd_name_or_reason_does_no_harm(odd: str, name: str) -> None:
    report = planted.report_of("everything", name=odd, parameter=odd, reason=odd)
    text = planted.TEXTS[name](report)
    assert_harmless(text)
    if name == "junit":
        ET.fromstring(text)  # noqa: S314 - our own text
    if name == "lines":
        assert [json.loads(line) for line in text.splitlines()]
    if name == "github":
        assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in text.split("\n"))


names = st.text(st.characters(), min_size=1, max_size=30).filter(lambda text: text.strip())


@settings(max_examples=25)
@given(name=names)
def test_any_name_comes_back_from_what_a_program_reads(name: str) -> None:
    report = planted.report_of("everything", name=name, parameter=name)
    runs = [
        line for line in map(json.loads, planted.TEXTS["lines"](report).splitlines()) if line["kind"] == "run"
    ]
    assert runs[0]["scenario"] == name.encode("utf-8", "backslashreplace").decode()
    root = ET.fromstring(planted.TEXTS["junit"](report))  # noqa: S314 - our own text
    assert root[0].get("name") == visible(name)
    assert {case.get("classname") for case in root[0].iter("testcase")} == {visible(name)}


@settings(max_examples=25)
@given(name=names, columns=st.integers(20, 120))
def test_any_name_is_harmless_for_people(name: str, columns: int) -> None:
    report = planted.report_of("everything", name=name, parameter=name, reason=name)
    for format_ in ("markdown", "github"):
        assert_harmless(planted.TEXTS[format_](report))
    assert_harmless(planted.printed(report, columns))
