"""The page about the files of a report names just what there is."""

import re
from pathlib import Path

import pytest

from gradproof.reporting.columns import COLUMNS, SCHEMA
from gradproof.reporting.environment import environment
from gradproof.reporting.formats.lines import KINDS
from gradproof.reporting.reading import read_report
from gradproof.verdicts.verdict import SEVERITY

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text from a heading to the next of its level or above."""
    level = heading.split(maxsplit=1)[0]
    rest = PAGE.partition(f"\n{heading}\n")[2]
    assert rest, heading
    return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_frame_has_a_section_and_there_is_no_other() -> None:
    assert re.findall(r"^### `(\w+)`$", section("## Frames"), re.MULTILINE) == list(COLUMNS)


@pytest.mark.parametrize("frame", COLUMNS)
def test_every_column_is_explained_in_its_order(frame: str) -> None:
    table = rows(section(f"### `{frame}`"))
    assert [row[0] for row in table] == [f"`{column}`" for column in COLUMNS[frame]]
    assert all(len(row) == 3 and row[1] for row in table)
    numbers = [name for name, dtype in COLUMNS[frame].items() if dtype == "float64"]
    assert all(row[2] for row in table if row[0].strip("`") in numbers), "a number without a unit"


def test_the_kinds_of_lines_are_explained() -> None:
    table = rows(section("## `verdicts.jsonl`"))
    assert [row[0] for row in table] == [f"`{kind}`" for kind in KINDS]


def test_the_number_and_the_verdicts_are_those_of_the_code() -> None:
    assert f"now {SCHEMA}." in section("## Versions")
    (line,) = (line for line in section("## Words").split("\n- ") if "**verdict**" in line)
    assert re.findall(r"\b[A-Z_]{3,}\b", line) == [str(verdict) for verdict in SEVERITY]


def test_the_environment_is_explained() -> None:
    text = section("## `environment.json`")
    assert [name for name in environment() if f"`{name}`" not in text] == []


def test_the_sample_report_is_one_of_this_version() -> None:
    assert read_report(Path(__file__).parents[2] / "reports" / "sample").ok
