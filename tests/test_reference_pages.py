"""The reference has every public name, every option and every function of `xp`, as they are."""

import re
from pathlib import Path

import pytest
import yaml
from docstring_examples import fenced
from reference_parts import PAGES, PARTS, filled, table

import gradproof as gp
from gradproof.cli import build_parser
from gradproof.commands import HELP

DOCS = PAGES.parent
OURS = sorted(PAGES.glob("*.md"))


@pytest.mark.parametrize("page", OURS, ids=lambda page: page.name)
def test_what_is_generated_is_as_the_package_is(page: Path) -> None:
    text = page.read_text("utf-8")
    assert filled(text) == text, "call: python docs/reference_parts.py"


def test_a_part_that_is_stale_is_written_anew() -> None:
    page = "a\n<!-- generated: commands -->\nstale\n<!-- end -->\nb\n"
    assert "stale" not in filled(page)
    assert filled(page).startswith("a\n")
    assert filled(page).endswith("<!-- end -->\nb\n")


def test_each_part_is_on_one_page() -> None:
    told = [
        name for page in OURS for name in re.findall(r"<!-- generated: (\w+) -->", page.read_text("utf-8"))
    ]
    assert sorted(told) == sorted(PARTS)


def test_each_public_name_is_on_one_page() -> None:
    told = re.findall(
        r"^::: gradproof\.(\w+)$", "\n".join(page.read_text("utf-8") for page in OURS), re.MULTILINE
    )
    assert sorted(told) == sorted(gp.__all__)


def test_each_option_of_each_command_is_told() -> None:
    page = PARTS["commands"]()
    choices = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    for name in HELP:
        section = page.partition(f"## `gradproof {name}`")[2].partition("\n## ")[0]
        flags = {flag for each in choices[name]._actions for flag in each.option_strings} - {"-h", "--help"}  # type: ignore[index]
        assert {flag for flag in flags if f"`{flag}" in section or f", {flag}" in section} == flags


def test_each_page_is_in_the_navigation_once() -> None:
    def pages(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        parts = entry.values() if isinstance(entry, dict) else entry
        return [page for part in parts for page in pages(part)]  # type: ignore[attr-defined]

    site = yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text("utf-8"))
    assert sorted(pages(site["nav"])) == sorted(
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It adds.\n\n>>> 1 + 1\n2\n", "It adds.\n\n```pycon\n>>> 1 + 1\n2\n```\n"),
        (">>> [\n...   1]\n[1]\n\nThen:\n", "```pycon\n>>> [\n...   1]\n[1]\n```\n\nThen:\n"),
        ("a:\n    >>> 1\n    1", "a:\n    ```pycon\n    >>> 1\n    1\n    ```"),
        ("Nothing > 1.", "Nothing > 1."),
    ],
)
def test_an_example_is_shown_as_code(text: str, shown: str) -> None:
    assert fenced(text) == shown


def test_a_line_in_a_cell_parts_no_cells() -> None:
    assert table(["a"], [["|x|"]]) == "| a |\n|---|\n| \\|x\\| |"
