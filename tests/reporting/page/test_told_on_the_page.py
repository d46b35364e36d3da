"""What the page says of one and of many: its sentences, titles, folds, and what it leaves out."""

import re

import builders
import lxml.html
import numpy as np
import planted_reports
import pytest

from gradproof.reporting.formats.page import render as build_page
from gradproof.reporting.report import Report
from gradproof.verdicts.records import FormulaRecord
from gradproof.verdicts.verdict import Verdict

ONE_OF_MANY = re.compile(
    r"(?<![\d,.])1 (?:causes|checks|claims|derivatives|formulas|gradients|groups|parameters|reasons|reports"
    r"|rows|runs|states|steps|updates|verdicts)\b"
)
NONE_OF_MANY = re.compile(r"(?<![\d,.])0 (?:gradients|updates|states|runs|checks)\b")


def parsed(report: Report) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(build_page(report))


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def facts_of(card: lxml.html.HtmlElement) -> dict[str, str]:
    return {words(div.find("dt")): words(div.find("dd")) for div in card.xpath(".//dl/div")}


def one_step() -> Report:
    """A report of one run of one step, with one formula."""
    record = builders.record([Verdict.ILL_CONDITIONED], [1.0])
    one = {
        "losses": np.array([2.0]),
        "digests": np.array(["0123456789abcdef"]),
        "steps": 1,
        "planned_steps": 1,
    }
    outcome = builders.outcome(gradients=(record,), updates=(), **one)
    formula = FormulaRecord("line", "w", 0, 30.0, "EQUAL", "")
    return Report.from_outcomes([builders.scenario()], [outcome], [], [formula])


@pytest.mark.parametrize("kind", [*planted_reports.KINDS, "everything", "one step"])
def test_one_is_told_as_one_and_none_is_not_told(kind: str) -> None:
    page = parsed(one_step() if kind == "one step" else planted_reports.report_of(kind))
    told = [words(each) for each in page.xpath("//section[contains(@class, 'verdict')]//*[not(*)]")]
    figures = [words(each.find("dd")) + " " + words(each.find("dt")) for each in page.xpath("//dl[1]/div")]
    for text in (*told, *figures, words(page.find("body"))):
        assert not ONE_OF_MANY.search(text), text
    for text in (*told, *figures):
        assert not NONE_OF_MANY.search(text), text


def test_what_is_said_of_one_formula_and_one_gradient() -> None:
    notes = [words(each) for each in parsed(one_step()).xpath("//ul[@class='notes']/li")]
    assert notes[0].endswith(": 1 gradient.")
    assert notes[1].startswith(
        "Hand-derived gradients, run in certified arithmetic: 1 of 1 derivative equals the exact one"
    )


def test_of_a_single_step_no_curve_is_drawn() -> None:
    page = parsed(one_step())
    assert page.xpath("//figure/@data-plot") == ["entries"]
    two = parsed(planted_reports.report_of())
    assert {"losses", "errors", "entries"} <= set(two.xpath("//figure/@data-plot"))


def test_a_check_that_is_not_wrong_is_not_said_to_have_no_cause() -> None:
    refused = planted_reports.check(
        ok=False, verdict="EQUAL", cause="", where="", findings="It is conditional."
    )
    undecided = planted_reports.check(ok=False, verdict="UNDECIDED", cause="", where="", test="other")
    page = parsed(
        Report.from_outcomes([], [], checks=[refused, undecided, planted_reports.check(test="right")])
    )
    cards = {words(card.find("h2")): facts_of(card) for card in page.xpath("//article")}
    assert {title: facts["why"] for title, facts in cards.items()} == {
        "EQUAL Right, and refused for what else was found": "It is conditional.",
        "UNDECIDED It could not be decided": planted_reports.REASON,
    }
    assert [words(each) for each in page.xpath("//p[@class='who']")] == [
        "2 of 3 checks by tests do not pass."
    ]
    assert page.xpath("//nav/a[@href='#checks']")
    assert not page.xpath("//nav/a[@href='#costs']")
    rows = [[words(cell) for cell in row] for row in page.xpath("//section[@id='checks']//tr")]
    assert rows[0][:4] == ["verdict", "test", "passes", "cause or reason"]
    assert [row[2] for row in rows[1:]] == ["no", "no", "yes"]


def test_a_card_names_few_of_many_parameters_and_the_parts_of_a_model_beside_its_title() -> None:
    cause = (
        "the gradients of {} are the true ones with nothing carried back through std (m.py:8), as if it were "
        "constant; this was seen at one point only; m.py:8 is in norm and has its derivative from F.backward "
        "at m.py:12"
    )
    names = [f"encoder.layers.{number}.weight" for number in range(9)]
    records = tuple(
        builders.record(
            [Verdict.DISAGREES], [5e4], parameter=name, cause=cause.format(f"{name} and 8 others")
        )
        for name in names
    )
    (card,) = parsed(builders.report(builders.outcome(gradients=records, updates=()))).xpath("//article")
    assert words(card.find("h2")) == (
        "DISAGREES Nothing carried back through std (m.py:8), as if it were constant"
    )
    facts = facts_of(card)
    assert facts["parameters"] == ", ".join(names[:4]) + " and 5 more"
    assert facts["part"] == "m.py:8 is in norm and has its derivative from F.backward at m.py:12"
    assert [words(each) for each in card.xpath(".//p[@class='cause']")] == [
        "This was seen at one point only."
    ]


def test_a_fold_is_called_by_what_is_in_it() -> None:
    (card,) = parsed(planted_reports.report_of("failed")).xpath("//article")
    assert card.xpath(".//summary") == [], "of one run, which the card names, nothing is left to be told"
    cards = parsed(planted_reports.report_of("everything")).xpath("//article")
    folds = {re.sub(r" \d+$", "", words(each)) for card in cards for each in card.xpath(".//summary")}
    known = {"The worst of it", "What is said of it", "Where it is seen", "Commands that repeat it"}
    assert folds <= known | {"The formula", "Formulas", "The check", "Checks", "The run", "Runs"}


def test_what_passes_the_line_is_told_as_a_part_of_all() -> None:
    page = parsed(planted_reports.report_of("gradient"))
    assert words(page.xpath("//div[@class='spreads']/div")[0]).endswith("1 of 4 beyond")
    ticks = page.xpath("//span[@class='places']/i")
    assert [words(each) for each in ticks] == ["1/16", "1/4", "1", "4", "16", "64"]
