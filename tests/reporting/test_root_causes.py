"""Failures are grouped by what they are told to be caused by, and nothing more is said than is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import planted_reports
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_causes import (
    ALWAYS,
    FOLLOWS,
    SHORT,
    SIGMOID,
    SIGMOIDS,
    STEPS,
    outcome,
    record,
    report,
    short_steps,
    without_sigmoid,
)

from gradproof.reporting.cause_texts import CauseText
from gradproof.reporting.findings import QUANTITIES, failing
from gradproof.reporting.report import Report
from gradproof.reporting.root_causes import RootCause, failing_rows_in_words, in_words
from gradproof.verdicts.records import FormulaRecord, NotRun, ParameterRecord, RunStatus, Subject
from gradproof.verdicts.verdict import Verdict


def test_a_right_report_has_no_cause() -> None:
    right = report(outcome("line", "torch/eager", "float64"))
    assert right.ok
    assert right.root_causes == ()
    assert (in_words(()), failing_rows_in_words(())) == ("", "")


def test_one_mistake_in_many_runs_and_what_follows_from_it_is_one() -> None:
    runs = [
        without_sigmoid("line", who, dtype)
        for who in ("torch/eager", "jax/jit")
        for dtype in ("float64", "float32")
    ]
    [cause] = report(*runs).root_causes
    assert str(cause) == "the derivative of sigmoid (mine.py:12) left out, in 4 runs, from step 0"
    assert (cause.implementations, cause.dtypes) == (("torch/eager", "jax/jit"), ("float64", "float32"))
    assert (cause.parameters, cause.lines, cause.verdict) == (("w", "b"), ("mine.py:12",), "DISAGREES")
    assert (len(cause.findings), cause.following, cause.rows) == (16, 8, 16 * STEPS)
    assert (cause.judged_steps, cause.failing_steps) == (4 * STEPS, 4 * STEPS)
    assert [row["kind"] for row in cause.findings] == ["gradient"] * 8 + ["update"] * 8
    assert len(cause.repeats) == 4


def test_two_causes_are_two_each_with_its_own_steps() -> None:
    causes = report(
        *(without_sigmoid("other", "torch/eager", dtype) for dtype in ("float64", "float32")),
        *(short_steps(who, range(3, STEPS, 7)) for who in ("jax/jit", "jax/eager")),
    ).root_causes
    assert list(map(str, causes)) == [
        "the derivative of sigmoid (mine.py:12) left out, in 2 runs, from step 0",
        "the step is 0.9 times the learning rate times the gradient, in 2 runs, every 7th step from step 3",
    ]
    assert in_words(causes) == "2 causes"
    rows = 2 * 4 * STEPS + 2 * 3
    assert failing_rows_in_words(causes) == f"{rows} rows of gradients and updates do not pass"


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (range(STEPS), "from step 0"),
        (range(5, STEPS), "from step 5"),
        (range(0, STEPS, 2), "every 2nd step from step 0"),
        (range(2, STEPS, 6), "every 6th step from step 2"),
        ([0, 10], "in 2 of 20 steps, first in step 0"),  # two are no period
        ([1, 3, 5], "in 3 of 20 steps, first in step 1"),  # a period that ends is none
        ([4, 5, 9], "in 3 of 20 steps, first in step 4"),
        ([7], "in 1 of 20 steps, first in step 7"),
        ([19], "from step 19"),
    ],
)  # fmt: skip
def test_a_period_is_told_only_where_it_holds_to_the_end(steps: Sequence[int], told: str) -> None:
    [cause] = report(short_steps("torch/eager", steps)).root_causes
    assert cause.since == told


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (range(3, STEPS, 7), "every 7th step from step 3"),
        (range(5, STEPS, 7), "every 7th step from step 3 (in one run from step 5 only)"),
        (range(3, STEPS, 6), "in 6 of 40 steps, first in step 3"),
    ],
)
def test_a_period_is_told_only_where_all_runs_have_it(other: Sequence[int], told: str) -> None:
    runs = [short_steps("torch/eager", range(3, STEPS, 7)), short_steps("jax/jit", other)]
    [cause] = report(*runs).root_causes
    assert cause.since == told


def test_a_mistake_at_two_lines_of_a_scenario_is_two() -> None:
    gradients = [record(ALWAYS, "w", SIGMOID.format("w", 12)), record(ALWAYS, "b", SIGMOID.format("b", 30))]
    causes = report(outcome("line", "torch/eager", "float64", gradients=gradients)).root_causes
    assert [cause.lines for cause in causes] == [("mine.py:12",), ("mine.py:30",)]


def test_what_is_said_beside_a_mistake_does_not_divide_it() -> None:
    cause = SIGMOID.format("w", 12)
    beside = record(ALWAYS, "w", cause + "; the gradient goes wrong at mine.py:31")
    runs = [
        outcome("line", "reference/numpy", "float64", gradients=[beside]),
        outcome("line", "reference/numpy", "float32", gradients=[record(ALWAYS, "w", cause)]),
    ]
    [found] = report(*runs).root_causes
    assert set(found.lines) == {"mine.py:12", "mine.py:31"}


def test_a_mistake_at_another_line_of_another_scenario_is_told_the_same_cause() -> None:
    runs = [
        without_sigmoid("one", "torch/eager", "float64", 12),
        without_sigmoid("two", "torch/eager", "float64", 30),
    ]
    [cause] = report(*runs).root_causes
    assert (cause.lines, cause.scenarios) == (("mine.py:12", "mine.py:30"), ("one", "two"))


def test_what_differs_from_dtype_to_dtype_does_not_divide_a_cause() -> None:
    text = "log_softmax at mine.py:12 loses {0} of {0} digits as 1 - softmax"
    lost = {"float64": record(ALWAYS, "w", text.format(16)), "float32": record(ALWAYS, "w", text.format(7))}
    [cause] = report(
        *(outcome("line", "torch/eager", dtype, gradients=[each]) for dtype, each in lost.items())
    ).root_causes
    assert cause.dtypes == ("float64", "float32")


def test_where_no_cause_was_found_none_is_told() -> None:
    runs = [outcome("line", who, "float64", gradients=[record(ALWAYS)]) for who in ("torch/eager", "jax/jit")]
    causes = report(*runs).root_causes
    assert list(map(str, causes)) == ["DISAGREES, no cause found, in 1 run, from step 0"] * 2
    assert [cause.mistake for cause in causes] == ["", ""]
    assert in_words(causes) == "2 groups of failures without a cause that was found"


def test_an_update_that_is_wrong_beside_a_gradient_is_a_cause_of_its_own() -> None:
    run = outcome(
        "line", "torch/eager", "float64",
        gradients=[record(ALWAYS, "w", SIGMOID.format("w", 12)), record([], "b")],
        updates=[record(ALWAYS, "w", FOLLOWS.format("w")), record(ALWAYS, "b", SHORT.format("b"))],
    )  # fmt: skip
    led, own = report(run).root_causes
    assert (led.following, own.following) == (1, 0)
    assert [row["parameter"] for row in own.findings] == ["b"]


@pytest.mark.parametrize("led", ["w", "w and b", "b, w and c"])
def test_what_follows_clipped_gradients_belongs_to_them(led: str) -> None:
    verb = "that of" if led == "w" else "those of"
    clipped = f"the update of d follows the clipped gradients, of which {verb} {led} is wrong".replace(
        "is", "is" if led == "w" else "are"
    )
    run = outcome(
        "line", "torch/eager", "float64",
        gradients=[record(ALWAYS, "w", SIGMOID.format("w", 12))],
        updates=[record(ALWAYS, "d", clipped)],
    )  # fmt: skip
    [cause] = report(run).root_causes
    assert (cause.following, cause.parameters) == (1, ("w", "d"))


def test_states_and_updates_of_a_wrong_gradient_follow_it() -> None:
    text = "the first_moment of w follows its gradient, which is wrong"
    run = outcome(
        "line", "torch/eager", "float64",
        gradients=[record(ALWAYS, "w", SIGMOID.format("w", 12))],
        states=[record(ALWAYS, "w", text, entry_of_state="first_moment")],
    )  # fmt: skip
    [cause] = report(run).root_causes
    assert (cause.following, cause.parameters) == (1, ("w", "first_moment of w"))


def test_what_comes_after_a_nan_belongs_to_it() -> None:
    nan = {"verdict": Verdict.NOT_FINITE}
    text = "the update of b follows weights or a state with NaN or infinities since step 4"
    run = outcome(
        "line", "torch/eager", "float64",
        gradients=[record(range(4, STEPS), "w", "", **nan)],
        updates=[record(range(5, STEPS), "b", text, **nan)],
    )  # fmt: skip
    [cause] = report(run).root_causes
    assert (cause.following, cause.mistake, cause.since) == (1, "", "from step 4")


def test_runs_that_end_alike_are_one() -> None:
    def crashed(who: str, pid: int, status: RunStatus = RunStatus.CRASHED) -> NotRun:
        return NotRun(
            Subject("line", "torch", who, "float64"), f"The process {pid} ended with signal 11.", status
        )

    other = crashed("c", 3, RunStatus.TIMED_OUT)
    crash, late = report(not_run=[crashed("a", 12), crashed("b", 3456), other]).root_causes
    assert str(crash) == "CRASHED: The process 12 ended with signal 11, in 2 runs"
    assert (crash.implementations, late.implementations) == (("torch/a", "torch/b"), ("torch/c",))
    assert in_words((crash, late)) == "2 reasons why runs could not be made"


def test_a_check_of_a_test_and_a_run_that_are_told_the_same_are_one() -> None:
    check = planted_reports.check(ok=False, cause="your" + SIGMOID.format("w", 12).removeprefix("the"))
    [cause] = report(without_sigmoid("line", "torch/eager", "float64"), checks=[check]).root_causes
    assert cause.where_seen == "1 run and 1 check"
    assert cause.tests == ("tests/test_mine.py::test_it",)


def test_a_formula_and_the_reference_that_runs_it_are_one() -> None:
    """Also where the run is told another cause, or none, since fewer digits tell it less."""
    factor = "the gradient of w is 20 times the true one"
    runs = [
        outcome("line", "reference/numpy", "float64", gradients=[record(ALWAYS, "w", factor)]),
        outcome("line", "reference/numpy", "float32", gradients=[record(ALWAYS)]),
        outcome("line", "torch/eager", "float64", gradients=[record(ALWAYS, "w", factor)]),
    ]
    left_out = "your gradient of w is the true one with the 1/20 of mean (mine.py:9) left out"
    formulas = [FormulaRecord("line", "w", 0, 0.0, "WRONG", "", left_out, "mean at mine.py:9")]
    one, other = report(*runs, formulas=formulas).root_causes
    assert (one.mistake, one.where_seen) == ("the 1/20 of mean (mine.py:9) left out", "2 runs")
    assert (other.mistake, other.implementations) == (
        "the gradient is 20 times the true one",
        ("torch/eager",),
    )


def test_all_that_fails_is_in_a_group() -> None:
    report_ = planted_reports.report_of("everything")
    named = [row["kind"] for cause in report_.root_causes for row in cause.findings]
    assert sorted(named) == sorted(failing(report_.findings)["kind"])


@pytest.mark.parametrize(
    "cause",
    [
        SIGMOID.format("w", 12),
        SIGMOIDS.format("w, b and 3 others", 12),
        "your" + SIGMOID.format("layer.weight", 12).removeprefix("the"),
        SIGMOID.format("w", 12) + " (in this gradient alone)",
        SIGMOID.format("w", 12) + "; this was seen at one step only",
        SIGMOID.format("w", 12) + "; the gradient goes wrong at mine.py:31",
        SIGMOIDS.format("w and b", 12) + " (in these gradients alone); this was seen at one point only",
    ],
)
def test_one_mistake_is_read_from_all_its_sentences(cause: str) -> None:
    read = CauseText.read(cause)
    assert read.mistake == "the derivative of sigmoid (mine.py:12) left out"
    assert read.lines[0] == "mine.py:12"


@pytest.mark.parametrize(
    "text", ["", "x", "the", "the gradient of w", "a of b is c", "the gradient of \n is \n"]
)
def test_a_sentence_of_another_form_is_its_own_mistake(text: str) -> None:
    assert CauseText.read(text).key is not None


KINDS: Mapping[int, str] = dict(enumerate(QUANTITIES.values()))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["torch/eager", "jax/jit"]),
            st.sampled_from(["float64", "float32"]),
            st.lists(
                st.tuples(
                    st.sampled_from(list(QUANTITIES.values())),
                    st.sampled_from(["w", "b"]),
                    st.sampled_from(["", SIGMOID, SIGMOIDS, SHORT, FOLLOWS]),
                    st.sets(st.integers(0, STEPS - 1)),
                ),
                unique_by=lambda each: each[:2],
            ),
        ),
        unique_by=lambda each: each[:2],
        min_size=1,
    )
)
def test_each_failure_is_in_one_group_and_none_is_lost(runs: Any) -> None:
    outcomes = []
    for who, dtype, wrong in runs:
        records: dict[str, list[ParameterRecord]] = {}
        for kind, name, cause, steps in wrong:
            more = {"entry_of_state": "momentum"} if kind == "states" else {}
            text = cause.format(name, 12) if steps else ""
            records.setdefault(kind, []).append(record(sorted(steps), name, text, **more))
        outcomes.append(outcome("line", who, dtype, **records))
    made = report(*outcomes)
    grouped = [row for cause in made.root_causes for row in cause.findings]
    assert len(grouped) == len(failing(made.findings))
    assert sum(cause.rows for cause in made.root_causes) == len(made.failures)
    for cause in made.root_causes:
        assert cause.judged_steps <= len(cause.runs) * STEPS
        assert _steps_of(cause, made) == cause.failing_steps


def _steps_of(cause: RootCause, made: Report) -> int:
    """Count the failing steps of what does not follow, from the frames themselves."""
    roots = cause.findings[: len(cause.findings) - cause.following]
    found = set()
    for row in roots:
        frame = made.frames[QUANTITIES[row["kind"]]]
        own = frame[
            (frame["backend"] == row["backend"]) & (frame["dtype"] == row["dtype"])
            & (frame["parameter"] == row["parameter"]) & (frame["verdict"] != "AGREES")
        ]  # fmt: skip
        found |= {(row["backend"], row["dtype"], step) for step in np.asarray(own["step"])}
    return len(found)
