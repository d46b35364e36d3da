"""Several reports beside one another: a regression in the third of four is seen where it is."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import lxml.html
import numpy as np
import pytest

import gradproof as gp
from gradproof import cli
from gradproof.reporting.page.history_page import curve, render_history
from gradproof.reporting.report import Report
from gradproof.verdicts.verdict import Verdict

HOSTILE = '<img src=x onerror="alert(1)">'


def made(verdict: Verdict, spreads: float, scenario: str = "line", **environment: Any) -> Report:
    record = builders.record([verdict, verdict], [spreads, spreads])
    subjects = [replace(builders.SUBJECT, scenario=scenario, variant=name) for name in ("eager", "func")]
    outcomes = [builders.outcome(subjects[0], gradients=(record,)), builders.outcome(subjects[1])]
    report = builders.report(*outcomes)
    report.environment |= environment
    return report


@pytest.fixture
def four() -> list[Report]:
    right = [(Verdict.AGREES, 1.0), (Verdict.AGREES, 2.0), (Verdict.DISAGREES, 5e4), (Verdict.AGREES, 1.5)]
    return [made(*each, python=f"3.{11 + number // 3}") for number, each in enumerate(right)]


def test_what_changes_stands_first_with_its_verdict_in_each(four: Sequence[Report]) -> None:
    found = gp.history(four, ["a", "b", "c", "d"])
    first, second = found.runs
    assert first.run == ("line", "torch", "eager", "float64")
    assert [cell.verdict for cell in first.cells if cell] == ["AGREES", "AGREES", "DISAGREES", "AGREES"]
    assert first.spreads == (1.25, 2.0, 5e4, 1.5)  # the updates have 1.25
    assert (first.changes, second.changes) == (True, False)
    assert first.seconds == tuple(float(report.runs["seconds_per_step"].iloc[0]) for report in four)
    assert found.surroundings["python"] == ("3.11", "3.11", "3.11", "3.12")


def test_a_run_that_a_report_lacks_is_absent_there(four: Sequence[Report]) -> None:
    found = gp.history([*four[:1], made(Verdict.AGREES, 1.0, scenario="other")])
    assert found.names == ("1", "2")
    assert [[cell is None for cell in run.cells] for run in found.runs] == [[False, True]] * 2 + [
        [True, False]
    ] * 2
    assert all(run.changes for run in found.runs)
    assert np.isnan(found.runs[0].spreads[1])


def test_the_table_has_a_row_for_each_run_and_report(four: Sequence[Report]) -> None:
    table = gp.history(four).table()
    assert len(table) == 8
    wrong = table[table["verdict"] == "DISAGREES"]
    assert wrong[["report", "variant", "spreads"]].to_numpy().tolist() == [["3", "eager", 5e4]]


def test_a_name_for_each_report_or_none(four: Sequence[Report]) -> None:
    with pytest.raises(gp.InputError, match=r"There are 4 reports and 1 names\. Give a name for each"):
        gp.history(four, ["a"])


def test_a_value_without_a_place_on_the_axis_is_left_out() -> None:
    drawn = curve([0.0, 1.0, np.nan, 100.0, np.inf], [])
    assert len(drawn["points"]) == 2
    (left, low), (right, high) = drawn["points"]
    assert left < right
    assert low > high  # downwards is smaller


def test_the_page_draws_each_run_and_shows_names_as_text(four: Sequence[Report]) -> None:
    page = lxml.html.document_fromstring(render_history(gp.history(four, ["a", HOSTILE, "c", "d"])))
    articles = page.xpath("//article")
    assert [len(each.xpath(".//figure[1]//circle")) for each in articles] == [4, 4]
    assert [each.get("class") for each in articles] == ["changes", None]
    assert [" ".join(each.text_content().split()) for each in articles[0].xpath(".//p/span")] == [
        "ok 1.2", "ok 2.0", "OFF 5e+04", "ok 1.5",
    ]  # fmt: skip
    assert page.xpath("//img | //script") == []
    assert HOSTILE in page.text_content()


def test_times_that_hardly_differ_look_so() -> None:
    near, far = (curve([1e-3, last], [])["points"] for last in (1.05e-3, 1e-1))
    assert abs(near[0][1] - near[1][1]) < 2
    assert abs(far[0][1] - far[1][1]) > 30


def test_the_page_tells_since_when_and_folds_what_stays(four: Sequence[Report]) -> None:
    lost = made(Verdict.AGREES, 1.0, scenario="other")
    page = lxml.html.document_fromstring(render_history(gp.history([*four[:3], lost], list("abcd"))))
    lead, *_ = page.xpath("//p[@class='lead']")
    assert lead.text_content() == (
        "1 of 4 runs has another verdict in some report than in others. 4 of 4 runs are not in all reports."
    )
    titles = [" ".join(each.text_content().split()) for each in page.xpath("//summary")]
    assert titles == ["Verdicts that changed 1", "Not in all reports 3"]
    assert [each.text_content() for each in page.xpath("//p[@class='told']")] == [
        "DISAGREES since c, AGREES before"
    ]
    captions = [each.text_content() for each in page.xpath("//figcaption") if "step" in each.text_content()]
    assert all("NaN" not in each and "-" not in each for each in captions)
    same = lxml.html.document_fromstring(render_history(gp.history([four[0], four[0]])))
    assert same.xpath("//p[@class='lead']")[0].text_content() == (
        "All runs have the same verdict wherever they were made."
    )


@pytest.fixture
def folders(four: Sequence[Report], tmp_path: Path) -> list[str]:
    return [str(report.write(tmp_path / name, ["csv"])) for name, report in zip("abcd", four, strict=True)]


@pytest.mark.parametrize(("chosen", "status"), [("abcd", 0), ("abc", 1), ("cd", 0), ("ac", 1)])
def test_the_status_is_that_of_the_last_beside_the_first(
    folders: list[str], capsys: pytest.CaptureFixture[str], chosen: str, status: int
) -> None:
    assert cli.main(["compare", *(folders["abcd".index(name)] for name in chosen)]) == status
    lines = capsys.readouterr().out.splitlines()
    told = [line.split()[3:] for line in lines if re.match(r"line +torch/eager", line)]
    known = {"a": "ok 1.2", "b": "ok 2.0", "c": "OFF 5e+04", "d": "ok 1.5"}
    assert [" ".join(each) for each in told] == (
        [" ".join(known[name] for name in chosen)] if len(chosen) > 2 else []
    )


def test_the_command_writes_the_page_and_the_history_as_json(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert cli.main(["compare", *folders, "--page", str(page), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["verdict"] for row in document["history"][:4]] == ["AGREES", "AGREES", "DISAGREES", "AGREES"]
    assert "4 reports" in page.read_text("utf-8")


def test_a_page_that_cannot_be_written_is_told(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *folders, "--page", str(tmp_path / "none" / "page.html")]) == 2
    assert (
        "cannot be written: No such file or directory. Give --page another file." in capsys.readouterr().err
    )


@pytest.mark.parametrize("chosen", ["aa", "aba", "abb"])
def test_the_same_report_twice_is_refused(
    folders: list[str], capsys: pytest.CaptureFixture[str], chosen: str
) -> None:
    assert cli.main(["compare", *(folders["abcd".index(name)] for name in chosen)]) == 2
    assert "are the same report. Give the folder of each report once." in capsys.readouterr().err
