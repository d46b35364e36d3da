"""The page as HTML: its parts, its numbers, and that no name can become markup."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from decimal import Decimal
from typing import Any

import lxml.html
import numpy as np
import pandas as pd
import planted_reports as planted_ones
import pytest

from gradproof.reporting.columns import records
from gradproof.reporting.findings import SEVERITIES, failing, in_order, judged
from gradproof.reporting.formats.page import render as build_page
from gradproof.reporting.names import RUN
from gradproof.reporting.page.heatmaps import entries_by_scenario, entry_pictures, shortened
from gradproof.reporting.page.templating import script_json
from gradproof.reporting.report import Report
from gradproof.reporting.run_costs import costs
from gradproof.reporting.telling import headline, verdict_matrix
from gradproof.verdicts.tolerances import SPREADS

REPORTS = ("agreeing", "differing", "hostile", "empty")


@pytest.fixture(scope="module")
def pages() -> dict[str, lxml.html.HtmlElement]:
    return {}


@pytest.fixture
def parse(request: pytest.FixtureRequest, pages: dict[str, Any]):
    """Build and parse the page of a report once."""

    def parsed(name: str) -> lxml.html.HtmlElement:
        if name not in pages:
            pages[name] = lxml.html.document_fromstring(build_page(request.getfixturevalue(name)))
        return pages[name]

    return parsed


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def rows_of(table: lxml.html.HtmlElement) -> list[dict[str, str]]:
    names = [words(cell) for cell in table.xpath("./thead//th")]
    return [dict(zip(names, map(words, row.xpath("./td")), strict=True)) for row in table.xpath("./tbody/tr")]


def data_of(page: lxml.html.HtmlElement, number: int | str) -> Any:
    (element,) = page.xpath(f"//script[@id='data-{number}']")
    return json.loads(element.text)


def table_called(page: lxml.html.HtmlElement, caption: str) -> lxml.html.HtmlElement:
    return page.xpath(f"//table[caption[normalize-space()='{caption}']]")[0]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("agreeing", "Everything that was checked agrees."),
        ("differing", "Not everything agrees."),
        ("empty", "Nothing was checked."),
    ],
)
def test_the_heading_is_the_verdict(parse: Any, name: str, title: str) -> None:
    page = parse(name)
    assert [words(each) for each in page.xpath("//h1")] == [title]
    assert page.get("lang") == "en"
    assert page.findtext(".//title") == f"gradproof: {title}"


def test_the_counts_are_those_of_the_frames(parse: Any, differing: Report) -> None:
    figures = {
        words(div.find("dt")): words(div.find("dd"))
        for div in parse("differing").xpath("//dl[@class='figures']/div")
    }
    assert figures == {
        "gradients judged": f"{len(differing.gradients):,}",
        "updates judged": f"{len(differing.updates):,}",
        "runs": str(len(differing.runs)),
        "do not pass": f"{len(differing.failures):,}",
    }


def test_the_heading_names_who_is_off(parse: Any) -> None:
    (who,) = parse("differing").xpath("//p[@class='who']")
    assert words(who) == "Off: reference/numpy in 4 of 4 runs. All runs of torch/eager, torch/func agree."
    assert parse("agreeing").xpath("//p[@class='who']") == []


def test_the_matrix_is_the_reports(parse: Any, differing: Report) -> None:
    expected = verdict_matrix(differing.runs, differing.findings).map(str)
    table = parse("differing").xpath("//table[@class='matrix']")[0]
    found = [[words(cell) for cell in row.xpath("./td")] for row in table.xpath("./tbody/tr")]
    assert found == expected.to_numpy().tolist()
    tones = {cell.get("class") for cell in table.xpath(".//td") if words(cell).startswith("OFF")}
    assert tones == {"tone-disagrees"}


def test_every_cell_of_the_matrix_leads_to_its_scenario(parse: Any) -> None:
    page = parse("agreeing")
    for row in page.xpath("//table[@class='matrix']/tbody/tr"):
        (target,) = {link.get("href") for link in row.xpath(".//a")}
        (section,) = page.xpath(f"//section[.//div[@id='{target[1:]}']]")
        names = row.xpath("./th[@scope='rowgroup']")
        if names:
            assert words(section.find(".//h2")).startswith(words(names[0]))


def test_the_worst_failure_is_told_in_full(parse: Any, differing: Report) -> None:
    (card,) = parse("differing").xpath("//article[contains(@class, 'tone-not-finite')]")
    told = {words(div.find("dt")): words(div.find("dd")) for div in card.xpath(".//dl/div")}
    rows = judged(differing.findings).astype(object)
    worst = rows[rows["verdict"] == "NOT_FINITE"].iloc[0]  # worse than DISAGREES
    assert told["scenario"] == worst["scenario"] == "nan_in_an_entry"
    assert told["implementation"] == "reference/numpy"
    assert told["gradient"] == f"w[{worst['index']}]"
    assert told["exact"] == worst["exact"]
    assert told["value"] == "NaN"
    assert {"dtype", "step", "absolute error", "relative error", "in ulps", "in spreads"} <= told.keys()


@pytest.mark.parametrize("planted", [["update"], ["gradient", "update"]], ids="+".join)
def test_the_page_tells_first_what_the_terminal_tells_first(agreeing: Report, planted: list[str]) -> None:
    made = with_wrong(agreeing, *planted)
    page = lxml.html.document_fromstring(build_page(made))
    card = page.xpath("//article")[0]
    told = {words(div.find("dt")): words(div.find("dd")) for div in card.xpath(".//dl/div")}
    first = records(failing(made.findings))[0]
    kind = {"gradient": "gradient", "update": "updated weight"}[planted[0]]
    assert first["kind"] == planted[0]
    assert headline(first) == (
        f"{words(card.xpath('./h2/span')[0])}: {told['scenario']} {told['implementation']} "
        f"{told['dtype']}, step {told['step']}, {kind} of {told[kind]}"
    )
    # Neither the section's verdict nor the picture that it starts with is that of the gradients that agree.
    (section,) = [
        each
        for each in page.xpath("//section[@class='scenario']")
        if told["scenario"] in words(each.find(".//h2"))
    ]
    assert "DISAGREES" in words(section.find(".//h2"))
    (chosen,) = section.xpath(".//figure[@data-plot='entries']//*[@data-control='run']/option[@selected]")
    assert words(chosen) == f"{told['implementation']} {told['dtype']}"


def test_each_cause_has_a_card(parse: Any, differing: Report) -> None:
    page = parse("differing")
    cards = page.xpath("//article")
    assert len(cards) == len(differing.root_causes)
    for card, cause in zip(cards, differing.root_causes, strict=True):
        told = {words(div.find("dt")): words(div.find("dd")) for div in card.xpath(".//dl/div")}
        title = words(card.find("h2")).lower()
        assert title == f"{cause.verdict} {cause.mistake or 'no cause was found'}".lower()
        if not cause.runs:  # a formula, which ran in certified arithmetic alone
            continue
        assert told["who"] == "reference/numpy (float64, float32)"
        assert told["when"] == cause.since
        rows = rows_of(card.xpath(".//table")[0])
        assert len(rows) == sum(row["kind"] != "formula" for row in cause.findings)
        assert sum(row[""] == "follows" for row in rows) == cause.following
    planted = next(cause for cause in differing.root_causes if "derivative of sigmoid" in cause.mistake)
    assert planted.scenarios == ("planted",)
    assert {each[-4:] for each in planted.parameters} == {"w_jk"}


def test_the_table_of_worst_rows_has_the_frames_numbers(parse: Any, agreeing: Report) -> None:
    rows = rows_of(parse("agreeing").xpath("//div[@id='scenario-1']//table")[0])
    expected = judged(agreeing.findings).astype(object)
    expected = expected[expected["scenario"] == "network"]
    assert len(rows) == len(expected)
    for shown, row in zip(rows, expected.to_dict("records"), strict=True):
        assert shown["implementation"] == f"{row['backend']}/{row['variant']}"
        assert shown["worst entry"] == f"{row['parameter']}[{row['index']}]"
        assert float(shown["value"]) == row["value"]
        assert shown["exact"] == row["exact"]
        assert int(shown["step"].replace(",", "")) == row["step"]
        assert float(shown["spreads"].replace(",", "")) == pytest.approx(row["spreads"], rel=5e-3)
        assert shown["failing steps"] == f"{row['failing']} of {row['steps']}"


def test_every_part_is_on_the_page(parse: Any) -> None:
    text = words(parse("agreeing").find("body"))
    for part in (
        "Verdicts",
        "What it cost",
        "measured in one process",
        "Not run, or not to the end",
        "has no hand-derived gradient",
        "From: A document",
        "Error along the steps",
        "Every entry at the worst step",
        "Drift from the reference",
        "The worst step of each parameter",
        "Where the values come from",
        "drawn with a seed",
        "What the document claims",
        "REFUTED",
        "Hand-derived formulas",
        "How near the ends are to the known solution",
        "Predictions at the end",
        "Environment",
        "python-flint",
    ):
        assert part in text, part


def rounded(values: pd.Series) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


@pytest.mark.parametrize("quantity", ["gradients", "updates"])
@pytest.mark.parametrize("measure", ["spreads", "ulps"])
def test_the_curves_of_errors_are_the_frames_values(
    parse: Any, agreeing: Report, quantity: str, measure: str
) -> None:
    page = parse("agreeing")
    shared, views = data_of(page, "page"), data_of(page, 1)["errors"]["views"]
    frame = agreeing.frames[quantity].astype(object)
    frame = frame[frame["scenario"] == "network"]
    for position, parameter in enumerate(["w_ij", "w_jk"]):
        curves = views[f"{quantity}|{measure}|{position}"]
        assert len(curves) == 6
        for curve in curves:
            implementation, dtype = shared["runs"][curve["run"]]
            backend, variant = shared["implementations"][implementation].split("/")
            key = (backend, variant, shared["dtypes"][dtype], parameter)
            same = frame[["backend", "variant", "dtype", "parameter"]] == list(key)
            own = frame[same.all(axis=1)].set_index("step")
            assert len(own) == 300
            assert curve["step"][0] == 0
            assert curve["step"] == sorted(set(curve["step"]))
            assert curve["value"] == rounded(own.loc[curve["step"], measure])
            assert max(curve["value"]) == max(rounded(own[measure]))


def test_the_worst_of_all_parameters_is_told_with_its_parameter(parse: Any) -> None:
    views = data_of(parse("differing"), 1)["errors"]["views"]
    for curve in views["gradients|spreads|worst"]:
        own = [
            dict(zip(each["step"], each["value"], strict=True))
            for position in (0, 1)
            for each in views[f"gradients|spreads|{position}"]
            if each["run"] == curve["run"]
        ]
        for step, value, entry in zip(curve["step"], curve["value"], curve["entry"], strict=True):
            assert own[entry][step] == value == max(each[step] for each in own)
    assert data_of(parse("differing"), 1)["errors"]["limits"] == {"spreads": SPREADS}


def test_where_the_reference_is_wrong_the_drift_says_so(parse: Any) -> None:
    told = [words(each) for each in parse("differing").xpath("//figure[@data-plot='drift']/figcaption/b")]
    words_of = (
        "The reference itself does not pass in float64 ({0}, first at step 0) and in float32 ({0}, first at "
        "step 0): the others are compared with a run that is wrong."
    )
    assert told == [words_of.format(verdict) for verdict in ("DISAGREES", "NOT_FINITE")]
    assert parse("agreeing").xpath("//figure[@data-plot='drift']/figcaption/b") == []


def with_wrong(report: Report, *kinds: str) -> Report:
    """A report in which the last gradient or update of `network` is wrong, and nothing else."""
    findings = report.findings.astype(object)
    for kind in kinds:
        last = findings.index[(findings["scenario"] == "network") & (findings["kind"] == kind)][-1]
        wrong = {"verdict": "DISAGREES", "passes": False, "severity": SEVERITIES["DISAGREES"]}
        findings.loc[last, [*wrong, "cause", "spreads"]] = [*wrong.values(), "planted", 1e6]
    said = in_order(findings.astype(report.findings.dtypes.to_dict() | {"verdict": "category"}))
    return Report({**report.frames, "findings": said}, report.environment)


def test_a_run_whose_updates_alone_are_wrong_looks_wrong(agreeing: Report) -> None:
    """The pictures begin with the updates, and the rows that fail are the first ones."""
    page = lxml.html.document_fromstring(build_page(with_wrong(agreeing, "update")))
    (section,) = [
        each
        for each in page.xpath("//section[@class='scenario']")
        if "DISAGREES" in words(each.find(".//h2"))
    ]
    for name in ("errors", "entries"):
        (chosen,) = section.xpath(
            f".//figure[@data-plot='{name}']//input[@data-control='quantity' and @checked]"
        )
        assert chosen.get("value") == "updates"
    (row, *others) = rows_of(section.xpath(".//table")[0])
    assert (row["verdict"], row["quantity"]) == ("DISAGREES", "updates")
    assert "DISAGREES" not in {other["verdict"] for other in others}
    (run,) = data_of(page, "page")["failing"]
    (chosen,) = section.xpath(".//*[@data-control='run']/option[@selected]")
    assert int(chosen.get("value")) == run


def test_what_is_not_finite_is_told_as_such(parse: Any) -> None:
    (curve, *_) = data_of(parse("differing"), 2)["errors"]["views"]["gradients|spreads|0"]
    assert set(curve["value"]) <= {"NaN", "inf"}


def test_losses_keep_the_highest_and_the_lowest(parse: Any, agreeing: Report) -> None:
    curves = data_of(parse("agreeing"), 1)["losses"]["views"][""]
    first = agreeing.steps[: len(agreeing.steps[agreeing.steps["scenario"] == "network"]) // 6]
    assert max(curves[0]["value"]) == max(rounded(first["loss"]))
    assert min(curves[0]["value"]) == min(rounded(first["loss"]))
    assert curves[0]["value"] == rounded(first.set_index("step").loc[curves[0]["step"], "loss"])


def test_entries_are_the_frames_values(parse: Any, agreeing: Report) -> None:
    page = parse("agreeing")
    views = data_of(page, 1)["entries"]["views"]
    entries = agreeing.entries.astype(object)
    own = entries[(entries["scenario"] == "network") & (entries["quantity"] == "gradients")]
    run, cells = next(iter(own.groupby(RUN, sort=False)))
    assert run == ("network", "reference", "numpy", "float64")
    pictures = views["gradients|0"]
    assert [picture["entry"] for picture in pictures] == [0, 1]
    for name, picture in zip(["w_ij", "w_jk"], pictures, strict=True):
        expected = cells[cells["parameter"] == name]
        assert picture["value"] == expected["value"].tolist()
        for shown, exact in zip(picture["exact"], expected["exact"], strict=True):
            assert shown == shortened(exact)
            assert abs(Decimal(shown) - Decimal(exact)) <= abs(Decimal(exact)) * Decimal("1e-19")
        assert picture["index"] == expected["index"].tolist()
        assert picture["spreads"] == rounded(expected["spreads"])


def test_too_many_entries_are_joined_and_the_worst_of_each_block_stays(many_entries: pd.DataFrame) -> None:
    frame = many_entries.astype({"verdict": object})
    frame.loc[1234, ["spreads", "verdict"]] = [0.0, "DISAGREES"]  # worse than its larger neighbours
    frame = frame.astype({"verdict": "category"})
    joined = entries_by_scenario(frame, cells=600)["s"]
    run = ("s", "b", "v", "float64")
    large, small = entry_pictures(joined, ["large", "small"], {run: 0})["views"]["gradients|0"]
    assert small["block"] == [1, 1]
    assert len(small["row"]) == 3
    height, width = large["block"]
    assert len(large["row"]) == (64 // height) * (64 // width) <= 600
    grid = many_entries["spreads"].to_numpy()[: 64 * 64].reshape(64 // height, height, 64 // width, width)
    largest = grid.max(axis=(1, 3)).ravel()
    planted = (1234 // 64 // height) * (64 // width) + 1234 % 64 // width
    largest[planted] = 0.0
    order = np.lexsort((large["column"], large["row"]))
    assert [large["spreads"][cell] for cell in order] == [float(f"{each:.4g}") for each in largest]
    assert large["index"][order[planted]] == f"{1234 // 64},{1234 % 64}"
    cells = list(zip(large["row"], large["column"], strict=True))
    assert sorted(cells) == list(np.ndindex(64 // height, 64 // width))


def test_what_changed_since_the_baseline_stands_below_the_verdict(worsened: Report) -> None:
    after = worsened
    page = lxml.html.document_fromstring(build_page(after))
    titles = [words(each) for each in page.xpath("//h2")]
    (section,) = page.xpath("//section[@id='since']")
    assert titles.index(words(section.find(".//h2"))) < titles.index("Verdicts")
    assert [words(each) for each in section.xpath(".//li")] == [
        " ".join(t.split()) for t in after.changes.sentences()
    ]
    shown = [words(each).rpartition(" ")[0] for each in section.xpath(".//summary")]
    assert shown == [title for title, _, _ in after.changes.tables()]
    rows = rows_of(table_called(page, "Verdicts that changed"))
    assert [row["change"] for row in rows] == after.changes.verdicts["change"].to_list()
    assert "worse" in [row["change"] for row in rows]
    assert section.xpath(".//h2//span[contains(@class, 'tone-disagrees')]")


@pytest.mark.parametrize("time", [np.nan, np.inf])
def test_a_time_that_a_backend_did_not_tell_is_no_bar(agreeing: Report, time: float) -> None:
    runs = agreeing.runs.copy()
    runs[["compiling_seconds", "training_seconds", "seconds_per_step", "judging_seconds"]] = time
    page = lxml.html.document_fromstring(build_page(Report(agreeing.frames | {"runs": runs}, {})))
    bars = page.xpath("//figure[@class='bars']//i")
    assert {each.get("style") for each in bars} == {"width: 0.00%", "width: 0%"}


def test_the_bars_are_as_long_as_what_they_tell(parse: Any, agreeing: Report) -> None:
    (parts, steps) = parse("agreeing").xpath("//figure[@class='bars']/div")
    table = costs(agreeing.runs)
    names = [f"{row.backend}/{row.variant}" for row in table.itertuples()]
    seconds = table[["compiling_seconds", "training_seconds", "judging_seconds"]].to_numpy()
    for bars in (parts, steps):
        assert [words(row[0]) for row in bars.xpath("./div")] == names
    lengths = [
        [float(each.get("style").removeprefix("width: ").rstrip("%")) for each in row.xpath(".//i")]
        for row in parts.xpath("./div")
    ]
    np.testing.assert_allclose(lengths, 100 * seconds / seconds.sum(axis=1).max(), atol=0.01)


def test_without_a_baseline_nothing_is_said_of_one(empty: Report) -> None:
    page = lxml.html.document_fromstring(build_page(empty))
    assert page.xpath("//*[@id='since' or @href='#since']") == []


@pytest.mark.parametrize("name", REPORTS)
def test_the_policy_lets_exactly_the_pages_own_scripts_run(parse: Any, name: str) -> None:
    page = parse(name)
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    scripts = [each for each in page.xpath("//script") if each.get("type") != "application/json"]
    hashes = {
        base64.b64encode(hashlib.sha256((each.text or "").encode()).digest()).decode() for each in scripts
    }
    assert hashes == allowed
    assert len(scripts) == 1
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_is_asked_for_and_ids_are_the_pages_own(parse: Any, name: str) -> None:
    page = parse(name)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(-(\d+|page|title))*", each) for each in ids), ids
    for link in page.xpath("//@href | //@src"):
        assert link == "data:," or re.fullmatch(r"#[a-z]+(-\d+)?", link), link
    assert list(page.iter("img", "iframe", "object", "embed", "base", "form")) == []
    handlers = [
        key
        for each in page.iter()
        if isinstance(each.tag, str)
        for key in each.attrib
        if key.startswith("on")
    ]
    assert handlers == []


def test_hostile_names_are_shown_as_they_are(parse: Any, hostile: Report) -> None:
    page = parse("hostile")
    titles = [words(each.find(".//h2/span")) for each in page.xpath("//section[@class='scenario']")]
    assert titles == hostile.runs["scenario"].astype(object).tolist()
    assert "{{7*7}}" in words(page.find("body"))
    assert set(data_of(page, "page")["parameters"][0]) == set(hostile.gradients["parameter"].astype(object))


@pytest.mark.parametrize("text", ["</script>", "<!--", "&lt;", "\u2028\u2029", "</SCRIPT >", "ü"])
def test_data_in_a_script_element_cannot_end_it_and_comes_back(text: str) -> None:
    written = str(script_json({text: [text]}))
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {text: [text]}


def test_data_that_json_has_no_sign_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script_json(np.nan)


@pytest.mark.parametrize("name", REPORTS)
def test_the_same_report_gives_the_same_page(request: pytest.FixtureRequest, name: str) -> None:
    report = request.getfixturevalue(name)
    assert build_page(report) == build_page(report)


def test_an_empty_report_has_a_page(parse: Any) -> None:
    text = words(parse("empty").find("body"))
    assert "There is no run." in text
    assert "Nothing was run." in text


def test_what_was_not_run_at_all_has_a_section(agreeing: Report) -> None:
    runs = agreeing.runs.astype(object)
    left_out = {**agreeing.frames, "runs": agreeing.runs[runs["status"] == "not run"].reset_index(drop=True)}
    for name in ("gradients", "updates", "entries", "steps", "trajectories", "claims", "formulas"):
        left_out[name] = agreeing.frames[name].iloc[:0]
    left_out["findings"] = agreeing.findings[agreeing.findings["kind"] == "run"].reset_index(drop=True)
    page = lxml.html.document_fromstring(build_page(Report(left_out, agreeing.environment)))
    assert words(page.find(".//h1")) == "Nothing was checked."
    assert "No run of this scenario was made." in words(page.xpath("//section[@class='scenario']")[0])


def test_a_scenario_that_does_not_train_has_no_updates_to_choose(agreeing: Report) -> None:
    findings = agreeing.findings[agreeing.findings["kind"] != "update"].reset_index(drop=True)
    frames = {**agreeing.frames, "updates": agreeing.updates.iloc[:0], "findings": findings}
    page = lxml.html.document_fromstring(build_page(Report(frames, agreeing.environment)))
    chosen = page.xpath("//figure[@data-plot='errors']//*[@data-control='quantity']")
    assert [(each.get("type"), each.get("value")) for each in chosen] == [("hidden", "gradients")] * 2


def test_runs_that_raised_are_told(agreeing: Report) -> None:
    runs = agreeing.runs.astype({"status": object}).replace({"status": {"not run": "failed"}})
    findings = agreeing.findings.astype({"verdict": object})
    findings.loc[findings["kind"] == "run", ["verdict", "counts"]] = ["FAILED", True]
    findings = in_order(findings.astype({"verdict": "category"}))
    frames = {**agreeing.frames, "runs": runs.astype({"status": "category"}), "findings": findings}
    page = lxml.html.document_fromstring(build_page(Report(frames, agreeing.environment)))
    (card,) = page.xpath("//article")
    assert words(card.find("h2")).startswith("FAILED Scenario 'line_without_gradient' has")
    assert words(card.xpath(".//summary")[0]) == "Runs 2"
    named = [words(each) for each in card.xpath(".//ul[@class='messages']/li")]
    assert named == [f"line_without_gradient reference/numpy {dtype}" for dtype in ("float64", "float32")]
    (who,) = page.xpath("//p[@class='who']")
    assert words(who) == "Off: reference/numpy in 2 of 4 runs. All runs of torch/eager, torch/func agree."


def test_checks_of_tests_are_told() -> None:
    check = planted_ones.check(ok=False, test="test_<b>mine</b>", cause="a factor 2")
    page = lxml.html.document_fromstring(build_page(Report.from_outcomes([], [], checks=[check])))
    assert words(page.find(".//h1")) == "Not everything agrees."
    (shown,) = rows_of(table_called(page, "A gradient that a test checked"))
    assert (shown["test"], shown["verdict"], shown["cause or reason"]) == (
        "test_<b>mine</b>",
        "WRONG",
        "a factor 2",
    )
    (card,) = page.xpath("//article")
    assert words(card.find("h2")) == "WRONG A factor 2"
    facts = {words(div.find("dt")): words(div.find("dd")) for div in card.xpath(".//dl/div")}
    assert facts["who"] == "test_<b>mine</b>"


def test_claims_of_scenarios_that_are_not_shown_are_told(agreeing: Report) -> None:
    claims = agreeing.claims.astype({"scenario": object}).assign(scenario="elsewhere")
    frames = {**agreeing.frames, "claims": claims.astype({"scenario": "category"})}
    page = lxml.html.document_fromstring(build_page(Report(frames, agreeing.environment)))
    rows = rows_of(table_called(page, "Claims of other scenarios"))
    assert [row["scenario"] for row in rows] == ["elsewhere"] * 2


def test_the_page_can_be_found_without_the_extra() -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['jinja2', 'markupsafe']))\n"
        "from gradproof.reporting.formats import report_formats\n"
        "try:\n"
        "    report_formats()['html'].render(None)\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"jinja2", "markupsafe"}  # the one comes with the other
