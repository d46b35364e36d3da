"""What the documentation says of verdicts, numbers and options is what the code has."""

import argparse
import re
from collections.abc import Iterator

import pytest
from pages import DOCS

import gradproof as gp
from gradproof.cli import build_parser
from gradproof.plugin import hooks
from gradproof.scenarios import CATALOGUE, scenario
from gradproof.verdicts import tolerances
from gradproof.verdicts.judging import evidence, together
from gradproof.verdicts.verdict import SEVERITY, Verdict

PAGES = {
    "README.md": (DOCS.parent / "README.md").read_text("utf-8"),
    **{path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))},
}
OTHERS = {"--nthreads"}
"""Options of other programs."""


@pytest.mark.parametrize("page", ["README.md", "decides/verdicts.md"])
def test_the_verdicts_are_documented_from_the_best_to_the_worst_with_what_passes(page: str) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", PAGES[page], flags=re.MULTILINE)
    assert [name for name, _ in rows] == [str(verdict) for verdict in SEVERITY]
    for name, passes in rows:
        verdict = Verdict(name)
        strictly, usually = verdict.accepted(strict=True), verdict.accepted()
        assert passes == ("yes" if strictly else "unless `strict`" if usually else "no")


def test_the_numbers_of_the_rule_are_those_of_the_code() -> None:
    noise, verdicts = PAGES["decides/noise.md"], PAGES["decides/verdicts.md"]
    assert f"## Why {tolerances.SPREADS:g} spreads" in noise
    assert f"at most {tolerances.SPREADS:g} spreads" in verdicts
    assert f"more than {tolerances.BIAS_SPREADS:g} standard" in noise
    assert f"more than {tolerances.STANDS_OUT:g} times as large" in noise
    assert f"by {together.SAMPLES} more samples" in noise
    assert {8: "Eight runs are made at once."}[evidence.SAMPLES] in noise
    assert f"agree to {tolerances.EQUAL_DIGITS} digits or more" in PAGES["decides/exact.md"]
    assert f"off by {tolerances.ZERO_UNITS:g} unit\n  roundoffs" in verdicts


def test_the_documents_claims_are_counted_as_they_are() -> None:
    claims = gp.audit([scenario(name) for name in CATALOGUE]).claims
    counts = claims["verdict"].value_counts()
    told = (
        f"Of {len(claims)} claims {counts['CONFIRMED']} are confirmed, {counts['REFUTED']}\n"
        f"are refuted, each with the cause, and {counts['NOT CHECKABLE']} are not checkable"
    )
    assert told in PAGES["decides/documents.md"]


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options_of(command)


@pytest.fixture(scope="module")
def options() -> set[str]:
    """All options of the command and of the pytest plugin."""
    parser = pytest.Parser(_ispytest=True)
    hooks.pytest_addoption(parser)
    of_plugin = (name for option in parser._anonymous.options for name in option.names())
    groups = (name for group in parser._groups for option in group.options for name in option.names())
    return {*options_of(build_parser()), *of_plugin, *groups}


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_named_is_there(page: str, options: set[str]) -> None:
    named = {found.rstrip("-") for found in re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGES[page])}
    assert named - options - OTHERS == set()


def test_a_planted_option_is_seen(options: set[str]) -> None:
    assert {"--backends", "--gradproof-backends", "--strict", "--baseline"} <= options
    assert "--backend" not in options
