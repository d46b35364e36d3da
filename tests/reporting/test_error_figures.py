"""The spread of errors, the least tolerances, equal bits and relative times, against independent counts."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import builders
import lxml.html
import numpy as np
import pytest

from gradproof.backends import Timing
from gradproof.reporting.error_figures import EDGES, equal_everywhere
from gradproof.reporting.formats import markdown
from gradproof.reporting.formats.page import render
from gradproof.reporting.report import Report
from gradproof.scenarios import Scenario
from gradproof.verdicts.needed_tolerances import USUAL_RTOL
from gradproof.verdicts.records import NEEDED
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict
from gradproof.verification import verify

# How errors are spread.


def counted(spreads: list[float], verdicts: list[Verdict] | None = None) -> dict[tuple[float, float], int]:
    """What is counted of a gradient of so many steps, by bins."""
    verdicts = verdicts or [Verdict.AGREES] * len(spreads)
    report = builders.report(builders.outcome(gradients=(builders.record(verdicts, spreads),), updates=()))
    rows = report.error_distribution
    return {(row.above, row.up_to): row.errors for row in rows.itertuples() if row.errors}


@pytest.mark.parametrize(
    ("spread", "place"),
    [
        (0.0, (0.0, 2.0**-6)),
        (2.0**-6, (0.0, 2.0**-6)),
        (0.3, (0.25, 0.5)),
        (1.0, (0.5, 1.0)),
        (SPREADS, (SPREADS / 2, SPREADS)),
        (np.nextafter(SPREADS, np.inf), (SPREADS, 2 * SPREADS)),
        (1e9, (256.0, np.inf)),
        (np.inf, (256.0, np.inf)),
        (np.nan, (256.0, np.inf)),
    ],
)
def test_an_error_is_in_the_bin_that_it_belongs_to(spread: float, place: tuple[float, float]) -> None:
    assert counted([spread, spread]) == {place: 2}


def test_what_is_at_a_kink_is_left_out() -> None:
    assert counted([3.0, 3.0], [Verdict.AGREES, Verdict.KINK]) == {(2.0, 4.0): 1}


def test_each_row_is_counted_once_for_its_implementation_and_dtype() -> None:
    other = replace(builders.SUBJECT, dtype="float32")
    report = builders.report(builders.outcome(), builders.outcome(other))
    counts = report.error_distribution.groupby(["backend", "variant", "dtype"])["errors"].sum()
    assert counts.to_dict() == {("torch", "eager", "float64"): 4, ("torch", "eager", "float32"): 4}
    assert len(report.error_distribution) == 2 * (len(EDGES) + 1)


# The least tolerances.


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum(xp.exp(batch["x"] * params["w"]) * xp.sin(params["w"]))


@pytest.fixture(scope="module", params=["float64", "float32", "bfloat16"])
def judged(request: pytest.FixtureRequest) -> tuple[str, Report]:
    random = np.random.default_rng(0)
    made = Scenario(
        name="made",
        loss=loss,
        params={"w": random.normal(size=(3, 4))},
        batch={"x": random.normal(size=(5, 3, 4))},
    )
    return request.param, verify([made], ["torch/eager"], [request.param], limits=None)


@pytest.mark.parametrize("column", NEEDED)
def test_the_least_tolerance_lets_pass_and_a_little_less_does_not(
    judged: tuple[str, Report], column: str
) -> None:
    """NumPy decides, on every entry of the one step; of float64 fractions, which do not round."""
    dtype, report = judged
    (row,) = report.least_tolerances.to_dict("records")
    value = report.entries["value"].to_numpy(dtype=float)
    exact = np.array([float(text) for text in report.entries["exact"]])
    assert len(value) == 12

    def passes(amount: float) -> bool:
        given = {"rtol": {"rtol": amount, "atol": 0.0}, "atol": {"rtol": 0.0, "atol": amount}}.get(
            column, {"rtol": USUAL_RTOL[dtype], "atol": amount}
        )
        if dtype == "float64":
            rtol, atol = map(Fraction, (given["rtol"], given["atol"]))
            pairs = zip(map(Fraction, value.tolist()), map(Fraction, report.entries["exact"]), strict=True)
            return all(abs(one - other) <= atol + rtol * abs(other) for one, other in pairs)
        try:
            np.testing.assert_allclose(value, exact, **given)
        except AssertionError:
            return False
        return True

    assert passes(row[column])
    if row[column]:
        assert not passes(0.99 * row[column])


def test_zero_needs_an_absolute_tolerance_and_nan_none_helps() -> None:
    def flat(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum(params["w"] * batch["x"] - params["w"] * batch["x"])

    report = verify(
        [Scenario(name="flat", loss=flat, params={"w": np.ones(2)}, batch={"x": np.array([0.1, 0.3])})],
        ["torch/eager"], ["float64"], limits=None,
    )  # fmt: skip
    (row,) = report.least_tolerances.to_dict("records")
    assert (row["rtol"], row["atol"], row["atol_with_rtol"]) == (0.0, 0.0, 0.0)  # 0 where 0 is exact
    infinite = np.full((2, 3), np.inf)
    wrong = builders.record([Verdict.AGREES, Verdict.NOT_FINITE], [1.0, np.inf], tolerances=infinite)
    (first, _) = builders.report(builders.outcome(gradients=(wrong,))).least_tolerances.to_dict("records")
    assert [first[name] for name in NEEDED] == [np.inf] * 3


# Equal bits.


def outcome(variant: str, *digests: str, scenario: str = "line") -> Any:
    subject = replace(builders.SUBJECT, variant=variant, scenario=scenario)
    return builders.outcome(subject, digests=np.array(digests))


def test_runs_are_equal_only_in_all_bits_of_all_steps() -> None:
    runs = [outcome("a", "1", "2"), outcome("b", "1", "2"), outcome("c", "1", "3"), outcome("d", "1", "3")]
    report = builders.report(*runs, outcome("e", "4", "2"))
    found = report.equal_bits[["implementations", "steps"]].to_numpy().tolist()
    assert found == [[("torch/a", "torch/b"), 2], [("torch/c", "torch/d"), 2]]
    assert equal_everywhere(report.equal_bits, report.steps) == [
        ("torch/a", "torch/b"),
        ("torch/c", "torch/d"),
    ]


def test_equal_in_one_scenario_is_not_equal_in_all() -> None:
    runs = [outcome("a", "1", "2"), outcome("b", "1", "2")]
    others = [outcome("a", "1", "2", scenario="other"), outcome("b", "1", "9", scenario="other")]
    report = builders.report(*runs, *others)
    assert report.equal_bits["scenario"].tolist() == ["line"]
    assert equal_everywhere(report.equal_bits, report.steps) == []


# Relative times.


def timed(variant: str, scenario: str, seconds: float) -> Any:
    subject = replace(builders.SUBJECT, variant=variant, scenario=scenario)
    return builders.outcome(subject, timing=Timing(compiling=0.0, training=2 * seconds))


def test_times_are_compared_run_by_run() -> None:
    runs = [timed("a", "one", 1.0), timed("a", "two", 30.0), timed("b", "one", 2.0), timed("b", "two", 90.0)]
    table = builders.report(*runs, timed("c", "one", 4.0)).relative_times
    assert table.loc["torch/b", "torch/a"] == 2.5  # the median of 2 and 3, and not 92 / 31
    assert table.loc["torch/c", "torch/a"] == 4.0  # of the one run that both made
    assert table.loc["torch/a", "torch/a"] == 1.0


# In the summary and on the page.


def test_the_summary_counts_what_is_larger() -> None:
    record = builders.record([Verdict.AGREES, Verdict.DISAGREES], [5.0, 5e4])
    text = markdown.render(builders.report(builders.outcome(gradients=(record,), updates=())))
    assert "| torch/eager | float64 | 2 | 2 | 2 | 1 | 1 |" in text


def test_the_page_shows_all_of_it() -> None:
    record = builders.record([Verdict.AGREES, Verdict.DISAGREES], [1.0, 5e4])
    runs = [
        builders.outcome(replace(builders.SUBJECT, variant=name), gradients=(record,))
        for name in ("eager", "func")
    ]
    page = lxml.html.document_fromstring(render(builders.report(*runs)))
    (section,) = page.xpath("//section[@id='errors']")
    pictures = section.xpath(".//div[@class='spreads']//svg[@aria-label]")
    assert [each.get("aria-label") for each in pictures] == [
        f"torch/{name} float64: {_below(record)}; 1 above 256, or not finite; " for name in ("eager", "func")
    ]
    assert len(section.xpath(".//rect[@class='off']")) == 2
    judged = len(record.spreads) + len(builders.record().spreads)
    assert f"1 of {judged} beyond" in section.text_content()
    for title in ("equal bit for bit", "The least tolerances", "relative to one another"):
        assert title in section.text_content()


def _below(record: Any) -> str:
    updates = builders.record().spreads
    spreads = [*record.spreads[:1], *updates]
    bins: dict[int, int] = {}
    for spread in spreads:
        place = int(np.searchsorted(EDGES, spread))
        bins[place] = bins.get(place, 0) + 1
    return "; ".join(
        f"{count} above {EDGES[at - 1]:g}, up to {EDGES[at]:g}" for at, count in sorted(bins.items())
    )


def test_a_report_of_nothing_has_no_such_section() -> None:
    assert "How large the errors are" not in render(builders.report())
