"""The page in a browser: links, tables, plots, light and dark, phone, paper, names that would be markup."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import planted_causes
import pytest
from browsers import ARGUMENTS, CHROMIUM

from gradproof.reporting.comparison.history import history
from gradproof.reporting.formats.page import render as build_page
from gradproof.reporting.page.cells import tone
from gradproof.reporting.page.history_page import render_history
from gradproof.reporting.report import Report
from gradproof.scenarios import CATALOGUE
from gradproof.verdicts.verdict import Verdict
from gradproof.verification import verify

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@dataclass
class Opened:
    """A page in a browser, and what it complained of or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def unfold(self) -> None:
        """Unfold all scenarios."""
        self.page.evaluate("document.querySelectorAll('details.fold').forEach(each => { each.open = true })")

    def figure(self, section: int | str, plot: str) -> Any:
        """Bring a figure into sight and wait until it is drawn."""
        self.unfold()
        found = self.page.locator(f'.figure[data-section="{section}"][data-plot="{plot}"]')
        found.scroll_into_view_if_needed()
        found.locator(".plot svg").first.wait_for()
        found.locator(".plot").scroll_into_view_if_needed()
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return {}


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, browser: Any, written: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Opened]]:
    contexts = []
    pages: list[Opened] = []

    def opened(name: str, *, width: int = 1280, **options: Any) -> Opened:
        if name not in written:
            written[name] = build_page(request.getfixturevalue(name))
        path = tmp_path / f"{name}.html"
        path.write_text(written[name], encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        made = Opened(context.new_page())
        made.page.on("console", lambda message: made.complaints.append(message.text))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("dialog", lambda dialog: made.complaints.append(dialog.message))
        made.page.on("request", lambda asked: made.requests.append(asked.url))
        made.page.goto(path.as_uri())
        pages.append(made)
        return made

    yield opened
    for made in pages:
        assert made.complaints == []
        own = made.page.url.partition("#")[0]
        assert [url for url in made.requests if url != own and not url.startswith(("data:", "blob:"))] == []
    for context in contexts:
        context.close()


def place_of(figure: Any, trace: int, point: int) -> tuple[float, float]:
    """Where on the page a point of a curve is."""
    return tuple(
        figure.evaluate(
            """(figure, [trace, point]) => {
                const { model, toX, toY } = figure.lines;
                const { x, y } = model.curves[trace];
                const box = figure.querySelector(".plot svg").getBoundingClientRect();
                return [box.x + toX(x[point]), box.y + toY(y[point])];
            }""",
            [trace, point],
        )
    )


def see_all(opened: Opened) -> None:
    """Scroll through the page, so that all is drawn that is drawn when it comes into sight."""
    opened.unfold()
    for figure in opened.page.locator(".figure").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".plot svg, .plot .single").first.wait_for()  # a single number is written


def no_sideways_scroll(opened: Opened) -> bool:
    return bool(opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("name", ["agreeing", "differing", "empty"])
def test_all_plots_are_drawn_without_a_complaint(open_page: Any, name: str) -> None:
    opened = open_page(name)
    see_all(opened)
    expected = {"agreeing": 7, "differing": 8, "empty": 0}[name]
    assert opened.page.locator(".plot:has(svg)").count() == expected
    assert opened.page.locator(".bars").count() == (name != "empty")
    assert no_sideways_scroll(opened)


def test_plots_are_drawn_when_they_come_into_sight(open_page: Any) -> None:
    opened = open_page("agreeing")
    opened.figure(1, "losses")
    last = opened.page.locator(".figure").last
    assert last.locator(".plot svg").count() == 0
    last.scroll_into_view_if_needed()
    last.locator(".plot svg").first.wait_for()


def test_a_cell_of_the_matrix_leads_to_its_scenario(open_page: Any) -> None:
    opened = open_page("differing")
    opened.page.locator(".matrix td a", has_text="OFF").first.click()
    title = opened.page.locator("h2", has_text="planted")
    title.wait_for()
    opened.page.wait_for_function("scrollY > 0")
    assert 0 <= title.bounding_box()["y"] < 800
    assert opened.page.url.endswith("#scenario-1")


def test_a_table_sorts_and_filters(open_page: Any) -> None:
    opened = open_page("differing")
    opened.unfold()
    table = opened.page.locator("#scenario-1 table.data").first
    table.scroll_into_view_if_needed()
    search = opened.page.locator("#scenario-1 input[type=search]").first
    search.wait_for()
    column = table.locator("thead th").all_inner_texts().index("spreads") + 1
    cells = table.locator(f"tbody td:nth-child({column})")

    def number(text: str) -> float:
        return float(text.replace(",", ""))

    everything = cells.all_inner_texts()
    assert everything != sorted(everything, key=number)
    header = table.locator(f"thead th:nth-child({column})")
    header.click()
    sync_api.expect(cells).to_have_text(sorted(everything, key=number))
    header.click()
    sync_api.expect(cells).to_have_text(sorted(everything, key=number, reverse=True))
    assert number(cells.first.inner_text()) > 1e6
    search.fill("DISAGREES")
    sync_api.expect(table.locator("tbody tr:visible")).not_to_have_count(len(everything))
    rows = table.locator("tbody tr:visible").all_inner_texts()
    assert 0 < len(rows) < len(everything)
    assert all("DISAGREES" in row and "reference/numpy" in row for row in rows)
    search.fill("nothing has this text")
    sync_api.expect(table.locator("tbody tr:visible")).to_have_count(0)
    sync_api.expect(opened.page.locator("#scenario-1 .told").first).to_have_text("no such row")


def test_hovering_tells_the_value(open_page: Any, differing: Report) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "errors")
    opened.page.mouse.move(*place_of(figure, 0, 20))
    label = opened.page.locator(".tip")
    label.wait_for()
    text = label.text_content()
    assert "step 20" in text
    assert "reference/numpy float64" in text
    assert "w_jk" in text
    rows = differing.gradients.astype(object)
    own = rows[(rows["scenario"] == "planted") & (rows["step"] == 20) & (rows["parameter"] == "w_jk")]
    value = float(own["spreads"].iloc[0])
    assert f"{value:.3e}".replace("e+", "e") in text


def test_dragging_zooms_and_a_double_click_comes_back(open_page: Any) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "errors")
    ranges = "figure => [...figure.lines.view.x, ...figure.lines.view.y]"
    before = figure.evaluate(ranges)
    (x, y), (to_x, to_y) = place_of(figure, 0, 5), place_of(figure, 0, 30)
    opened.page.mouse.move(x - 3, y - 20)
    opened.page.mouse.down()
    opened.page.mouse.move(to_x + 3, to_y + 60, steps=5)
    opened.page.mouse.up()
    zoomed = figure.evaluate(ranges)
    assert before[0] < zoomed[0] < zoomed[1] < before[1]
    assert before[2] < zoomed[2] < zoomed[3] < before[3]
    ticks = figure.locator(".tick.x").all_text_contents()
    assert ticks == [str(step) for step in (5, 6, 7, 8, 9, 10, 20, 30)]
    middle = ((x + to_x) / 2, (y + to_y) / 2)
    opened.page.mouse.dblclick(*middle)
    assert figure.evaluate(ranges) == pytest.approx(before)


def test_a_click_on_a_name_hides_its_curve_and_a_double_click_all_others(open_page: Any) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "errors")
    names = figure.locator(".curve-name")
    assert names.first.inner_text().endswith("does not pass")
    drawn = "figure => [...figure.querySelectorAll('.curve')].map(each => each.dataset.run)"
    whole = figure.evaluate(drawn)
    assert len(whole) == names.count() == 6
    run = names.first.get_attribute("data-run")
    names.first.click()
    assert figure.evaluate(drawn) == [each for each in whole if each != run]
    assert names.first.get_attribute("aria-pressed") == "false"
    names.first.click()
    names.first.dblclick()
    assert figure.evaluate(drawn) == [run]
    names.first.dblclick()
    assert figure.evaluate(drawn) == whole


def test_what_fails_is_drawn_over_what_passes(open_page: Any) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "errors")
    fails = figure.evaluate(
        "figure => [...figure.querySelectorAll('.curve')].map(each => each.classList.contains('fails'))"
    )
    assert fails == [False] * 4 + [True] * 2


def test_controls_change_what_is_drawn(open_page: Any, differing: Report) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "errors")
    plot = figure.locator(".plot")
    assert "spreads" in plot.locator(".title.y").text_content()
    assert plot.locator(".limit").count() == 1
    figure.get_by_label("ulps").check()
    assert "ulps" in plot.locator(".title.y").text_content()
    assert plot.locator(".limit").count() == 0
    figure.locator("select").select_option("w_ij")
    rows = differing.gradients.astype(object)
    own = rows[(rows["scenario"] == "planted") & (rows["parameter"] == "w_ij")]
    first = figure.evaluate("figure => figure.lines.model.curves[0].value[0]")
    assert first == pytest.approx(own["ulps"].iloc[0], rel=1e-3)


def test_entries_tell_index_value_exact_error_and_verdict(open_page: Any, differing: Report) -> None:
    opened = open_page("differing")
    figure = opened.figure(1, "entries")
    assert (
        figure.locator("select").first.evaluate("s => s.selectedOptions[0].label")
        == "reference/numpy float64"
    )
    figure.locator(".picture").nth(1).locator("rect[data-cell='2']").hover()
    told = opened.page.locator(".tip > *").all_inner_texts()
    entries = differing.entries.astype(object)
    own = entries[
        (entries["scenario"] == "planted") & (entries["parameter"] == "w_jk") & (entries["index"] == "2,0")
    ]
    first = own.iloc[0]
    assert told[:2] == ["w_jk[2,0] DISAGREES", f"value {first['value']!r}"]
    assert first["exact"].startswith(told[2].removeprefix("exact ")[:-1])
    assert [line.partition(" ")[0] for line in told[3:]] == ["error", "spreads", "ulps"]
    nan = opened.figure(2, "entries").locator(".plot")
    # At the first step, where only one weight is not finite; the other one follows it from the second on.
    assert nan.locator(".sign").all_text_contents() == ["\u00d7", "\u2022"]
    assert [each.get_attribute("class") for each in nan.locator("rect").all()] == [
        "cell look-not-finite",
        "cell look-disagrees",
    ]
    looks = opened.figure(2, "entries").locator(".look").all_inner_texts()
    assert [text.split()[-1] for text in looks] == ["DISAGREES", "NOT_FINITE", "spreads"]


def test_every_verdict_has_a_look_of_its_own(open_page: Any) -> None:
    """In the matrix and tables and in the pictures of entries, light and dark."""
    colours = """([kind, names, property]) => names.map(name => {
        const each = document.createElement("i");
        each.className = `${kind}-${name}`;
        document.body.append(each);
        const colour = getComputedStyle(each).getPropertyValue(property);
        each.style.color = colour;
        const shown = getComputedStyle(each).color;
        each.remove();
        return shown;
    })"""
    names = [tone(verdict) for verdict in Verdict]
    for scheme in ("light", "dark"):
        opened = open_page("empty", color_scheme=scheme)
        tones = opened.page.evaluate(colours, ["tone", names, "--tone"])
        assert len(set(tones)) == len(names)
        looks = opened.page.evaluate(colours, ["look", names, "--mark"])
        assert len(set(looks)) == len(names) - 1, "EQUAL is said of no entry, and has the look of AGREES"


def luminance(opened: Opened, element: str) -> float:
    colour = opened.page.locator(element).first.evaluate("e => getComputedStyle(e).backgroundColor")
    numbers = [float(each) for each in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(numbers) / (3 * 255)


@pytest.mark.parametrize("system", ["light", "dark"])
def test_light_and_dark_follow_the_system_and_the_button(open_page: Any, system: str) -> None:
    opened = open_page("agreeing", color_scheme=system)
    figure = opened.figure(1, "losses")
    colour = "figure => getComputedStyle(figure.querySelector('.grid')).stroke"
    was_dark = system == "dark"
    assert (luminance(opened, "body") < 0.5) == was_dark
    drawn = figure.evaluate(colour)
    opened.page.get_by_role("button", name="Light" if was_dark else "Dark").click()
    assert (luminance(opened, "body") < 0.5) != was_dark
    assert figure.evaluate(colour) != drawn
    opened.page.emulate_media(color_scheme="light" if was_dark else "dark")
    assert (luminance(opened, "body") < 0.5) != was_dark  # the button has said so


@pytest.mark.parametrize("width", [360])
@pytest.mark.parametrize("name", ["agreeing", "differing", "hostile"])
def test_a_phone_shows_the_page_without_scrolling_it_sideways(open_page: Any, name: str, width: int) -> None:
    opened = open_page(name, width=width, has_touch=True, is_mobile=True)
    for details in opened.page.locator("details").all():
        details.evaluate("each => { each.open = true }")
    see_all(opened)
    assert no_sideways_scroll(opened)
    assert opened.page.evaluate("document.documentElement.clientWidth") == width
    matrix = opened.page.locator(".scroll:has(.matrix)")
    assert matrix.evaluate("each => each.scrollWidth <= each.clientWidth")


def test_the_essentials_are_there_without_javascript(open_page: Any) -> None:
    opened = open_page("differing", java_script_enabled=False)
    text = opened.page.locator("body").inner_text()
    for part in (
        "Not everything agrees.",
        "reference/numpy",
        "OFF",
        "derivative of sigmoid",
        "needs JavaScript",
    ):
        assert part in text
    assert opened.page.locator("#theme").is_hidden()
    assert opened.page.locator(".controls").first.is_hidden()


def widths_of_plots(opened: Opened) -> list[int]:
    """Give the widths of all drawn plots, once what was asked to be drawn is drawn."""
    opened.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
    plots = opened.page.locator(".figure[data-kind='lines'] .plot svg")
    return list(plots.evaluate_all("all => all.map(each => each.clientWidth)"))


def test_paper_is_light_with_all_opened_and_drawn(open_page: Any) -> None:
    opened = open_page("agreeing", color_scheme="dark")
    paper = opened.page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("details:not([open])").count() == 0
    assert opened.page.locator(".plot:not(:has(svg))").count() == 0
    assert luminance(opened, "body") > 0.9
    assert opened.page.locator(".controls").first.is_hidden()
    opened.page.emulate_media(media="print", color_scheme="light")
    see_all(opened)  # neither another colour scheme nor coming into sight draws for the screen meanwhile
    assert set(widths_of_plots(opened)) == {680}
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details[open]").count() == 0
    assert 680 not in widths_of_plots(opened)


def test_names_that_would_be_markup_are_shown_as_text(open_page: Any, hostile: Report) -> None:
    opened = open_page("hostile")
    see_all(opened)
    page = opened.page
    names = list(dict.fromkeys(hostile.runs["scenario"].astype(object)))
    shown = [
        text.rsplit("\n", 1)[0].strip()
        for text in page.locator(".scenario h2 > span:first-child").all_inner_texts()
    ]
    assert shown == names
    parameters = list(dict.fromkeys(hostile.gradients["parameter"].astype(object)))
    figure = opened.figure(1, "errors")
    for name in parameters:
        figure.locator("select").select_option(label=name)
    figure.locator("select").select_option("worst")
    opened.page.mouse.move(*place_of(figure, 0, 1))
    label = page.locator(".tip")
    label.wait_for()
    assert any(name in label.text_content() for name in parameters)
    entries = opened.figure(1, "entries")
    for name in parameters:
        entries.locator("select").last.select_option(label=name)
        assert entries.locator(".picture-name").first.text_content().startswith(name)
    assert page.locator("img, iframe, .plot a, main a[href^='http'], main a[href^='javascript']").count() == 0
    data, code = (
        page.locator("script[type='application/json']"),
        page.locator("script:not([type='application/json'])"),
    )
    assert (data.count(), code.count()) == (1 + len(names), 1)


def test_an_injected_script_does_not_run(open_page: Any) -> None:
    opened = open_page("agreeing")
    opened.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.injected = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", '<img src="x" onerror="window.injected = true">');
        }"""
    )
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("window.injected") is None
    assert any("Content Security Policy" in text for text in opened.complaints)
    opened.complaints.clear()  # they were asked for
    opened.requests.clear()


@pytest.mark.slow
def test_the_page_of_all_documents_is_small_and_opens(
    open_page: Any, written: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = verify([build() for build in CATALOGUE.values()], jobs=0)
    written["full"] = build_page(report)
    assert len(written["full"].encode()) < 2e6
    opened = open_page("full")
    see_all(opened)
    took = opened.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    with capsys.disabled():
        print(  # noqa: T201 - a figure to look at, which no test may assert
            f"\n{len(written['full'].encode()) / 1e6:.1f} MB, loaded in {took / 1000:.2f} s"
        )


# What a reader sees before anything is opened.


@pytest.fixture(scope="module")
def two_causes() -> Report:
    """Twelve runs lack a derivative, four take steps that are too short every seventh time, two crashed."""
    return planted_causes.two_causes_and_a_crash()


@pytest.mark.parametrize("width", [1280, 768, 380])
@pytest.mark.parametrize("name", ["agreeing", "differing", "two_causes", "hostile"])
def test_the_page_is_short_until_something_is_opened(open_page: Any, name: str, width: int) -> None:
    opened = open_page(name, width=width)
    assert opened.page.evaluate("document.documentElement.scrollHeight") <= 12 * 800
    assert no_sideways_scroll(opened)


@pytest.mark.parametrize("width", [1280, 768, 380])
def test_each_cause_is_seen_whole_without_scrolling_anything_sideways(
    open_page: Any, two_causes: Report, width: int
) -> None:
    opened = open_page("two_causes", width=width)
    cards = opened.page.locator("article.failure")
    assert cards.count() == len(two_causes.root_causes) == 3
    for card, cause in zip(cards.all(), two_causes.root_causes, strict=True):
        title = card.locator("h2 > span").last
        assert title.inner_text().lower() == (cause.mistake or str(cause.worst["reason"])).lower()
        for each in (title, *card.locator(".facts dd").all(), card.locator(".repeat code").first):
            box = each.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert not each.evaluate("e => !!e.closest('.scroll')"), "no inner scroll hides it"


def test_on_a_phone_nothing_is_cut_or_torn(open_page: Any) -> None:
    """Every entry of the navigation is in sight, labels stay whole, and no number stands on its neighbour."""
    opened = open_page("two_causes", width=380)
    entries = [each.bounding_box() for each in opened.page.locator("nav a").all()]
    assert len(entries) == 5
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 380 for box in entries)
    assert opened.page.locator("nav").evaluate("e => e.scrollWidth <= e.clientWidth")
    labels = opened.page.locator(".facts dt")
    assert labels.evaluate_all("all => all.every(e => e.scrollWidth <= e.clientWidth)")
    options = opened.page.locator(".repeat .word")
    assert options.evaluate_all("all => all.length > 0 && all.every(e => e.getClientRects().length === 1)")
    ticks = opened.page.locator(".places i").evaluate_all(
        """all => all.filter(e => e.offsetWidth).map(each => {
            const { left, right } = each.getBoundingClientRect();
            return { left, right, size: parseFloat(getComputedStyle(each).fontSize) };
        })"""
    )
    assert len(ticks) == 3
    assert all(one["right"] < other["left"] for one, other in pairwise(ticks))
    assert min(each["size"] for each in ticks) >= 11


def test_the_table_of_worst_rows_has_its_causes_in_a_usual_window(open_page: Any) -> None:
    opened = open_page("differing")
    opened.unfold()
    cause = opened.page.locator("#scenario-1 table.data").first.locator("td.text").first.bounding_box()
    assert cause["x"] + cause["width"] <= 1280


@pytest.mark.parametrize("width", [1280, 380])
def test_the_history_of_many_runs_is_short_and_fits(
    open_page: Any, written: dict[str, str], two_causes: Report, width: int
) -> None:
    """Twice as many runs as a page of the documents has; of one the verdict changes."""
    changed = Report(
        {**two_causes.frames}, {**two_causes.environment, "a long name of a flag": "a value " * 9}
    )
    runs = changed.runs.astype({"verdict": object, "status": object})
    changed.frames["runs"] = runs[runs["scenario"].astype(object) != "line"].reset_index(drop=True)
    written["history"] = render_history(history([two_causes, changed], ["reports/first", "reports/second"]))
    opened = open_page("history", width=width)
    assert opened.page.evaluate("document.documentElement.scrollHeight") <= 12 * 800
    assert no_sideways_scroll(opened)
    assert set(
        opened.page.locator(".scroll").evaluate_all("all => all.map(e => e.scrollWidth <= e.clientWidth)")
    ) == {True}
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert no_sideways_scroll(opened)
    side_by_side = """all => all.every(each => {
        const [one, other] = [...each.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect().top);
        return one === other;
    })"""
    assert opened.page.locator(".drawn").evaluate_all(side_by_side)


def test_every_cell_of_the_matrix_is_in_sight_on_a_phone_and_says_whose_it_is(
    open_page: Any, two_causes: Report
) -> None:
    opened = open_page("two_causes", width=380)
    cells = opened.page.locator(".matrix td a").all()
    implementations = two_causes.runs[["backend", "variant"]].drop_duplicates()
    assert len(cells) == len(two_causes.runs["scenario"].unique()) * 2 * len(implementations)
    for cell in cells:
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380
    names = {cell.evaluate("e => getComputedStyle(e, '::before').content") for cell in cells}
    assert names == {f'"{backend} {variant}"' for backend, variant in implementations.to_numpy().tolist()}


def test_the_matrix_fits_a_usual_window(open_page: Any) -> None:
    opened = open_page("two_causes", width=1280)
    matrix = opened.page.locator(".scroll:has(.matrix)")
    assert matrix.evaluate("each => each.scrollWidth <= each.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_passes_otherwise_than_by_agreeing_has_a_pattern(open_page: Any, scheme: str) -> None:
    """Colours alone do not tell it: not to every reader, and not on every screen."""
    pattern = """name => {
        const row = document.body.appendChild(document.createElement("p"));
        row.className = "legend";
        const chip = row.appendChild(document.createElement("span"));
        chip.className = `chip tone-${name}`;
        return getComputedStyle(chip).backgroundImage;
    }"""
    opened = open_page("agreeing", color_scheme=scheme)
    found = {
        name: opened.page.evaluate(pattern, name) for name in ("agrees", "ill-conditioned", "inaccurate")
    }
    assert found["agrees"] == "none"
    assert len(set(found.values())) == 3


def test_curves_that_lie_on_each_other_are_one_that_names_all(open_page: Any, agreeing: Report) -> None:
    opened = open_page("agreeing")
    figure = opened.figure(1, "losses")
    assert figure.locator(".curve").count() == 1
    (name,) = figure.locator(".curve-name").all_inner_texts()
    runs = agreeing.runs[agreeing.runs["scenario"] == "network"]
    assert name.split(", ") == [
        f"{row['backend']}/{row['variant']} {row['dtype']}" for row in runs.astype(object).to_dict("records")
    ]


def test_a_single_number_is_written_and_not_painted(open_page: Any) -> None:
    opened = open_page("two_causes")
    opened.unfold()
    single = opened.page.locator(".picture .single")
    opened.page.locator('.figure[data-plot="entries"]').last.scroll_into_view_if_needed()
    single.first.wait_for()
    assert single.first.locator("dd").all_inner_texts()[:2] == ["DISAGREES", "0.125"]


def test_a_link_to_a_folded_scenario_unfolds_it(open_page: Any) -> None:
    opened = open_page("agreeing")
    fold = opened.page.locator("details.fold").first
    assert fold.get_attribute("open") is None
    opened.page.locator(".matrix td a").first.click()
    opened.page.wait_for_function("document.querySelector('details.fold').open")
    sync_api.expect(opened.page.locator("#scenario-1")).to_be_in_viewport()
