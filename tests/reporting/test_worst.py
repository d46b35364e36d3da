"""The worst row of each parameter is the one that the records call the worst."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof import GradientDescent, dense_network
from gradproof.backends import load_backend
from gradproof.reporting.report import Report
from gradproof.reporting.worst import PASSING, QUANTITIES, RUN, urgent_first
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import SEVERITY


@pytest.fixture(scope="module")
def outcomes():
    training = GradientDescent(learning_rate=0.5, steps=6)
    scenario = dense_network(
        [3, 4, 1], ["sigmoid", "sigmoid"], "half_sum_squared_error", seed=1, training=training
    )
    backend = load_backend("reference")
    right, wrong = (backend.run(scenario, dtype="float32", variant="numpy") for _ in range(2))
    wrong.gradients["w1"][3:] *= 2
    wrong.gradients["w2"][2] = np.nan
    object.__setattr__(wrong, "variant", "wrong")
    return [judge(scenario, wrong, {}), judge(scenario, right, {})]


def test_agrees_with_the_records(outcomes):
    rows = Report.from_outcomes([], outcomes).worst
    expected = [
        (outcome.subject.variant, quantity, record.parameter, record.worst_step(), record.cause)
        for outcome in outcomes
        for quantity in ("gradients", "updates")
        for record in getattr(outcome, quantity)
    ]
    found = rows[["variant", "quantity", "parameter", "step", "cause"]]
    assert list(found.itertuples(index=False, name=None)) == expected


def test_counts_steps_and_those_that_do_not_pass(outcomes):
    report = Report.from_outcomes([], outcomes)
    for row in report.worst.to_dict("records"):
        frame = report.frames[row["quantity"]]
        same = (frame[[*RUN, "parameter"]].astype(object) == [row[name] for name in [*RUN, "parameter"]]).all(
            axis=1
        )
        assert row["steps"] == same.sum()
        assert row["failing"] == (~frame[same]["verdict"].isin(PASSING)).sum()


def test_wrong_parameters_fail_at_their_steps(outcomes):
    rows = Report.from_outcomes([], outcomes).worst
    wrong = rows[(rows["variant"] == "wrong") & (rows["quantity"] == "gradients")].set_index("parameter")
    assert (wrong.loc["w1", "failing"], wrong.loc["w1", "verdict"]) == (3, "DISAGREES")
    assert (wrong.loc["w2", "failing"], wrong.loc["w2", "step"]) == (1, 2)
    assert wrong.loc["w2", "verdict"] == "NOT_FINITE"
    assert (rows[rows["variant"] == "numpy"]["failing"] == 0).all()


def test_nothing_judged_gives_no_rows():
    rows = Report.from_outcomes([], []).worst
    assert len(rows) == 0
    assert {"quantity", "steps", "failing"} <= set(rows.columns)


def _tells_more(row, other):
    """Whether a reader is told of this row before the other: each rule in words of its own."""
    if (row["verdict"] in PASSING) != (other["verdict"] in PASSING):
        return other["verdict"] in PASSING
    if row["quantity"] != other["quantity"]:
        return row["quantity"] == "gradients"
    if row["verdict"] != other["verdict"]:
        return SEVERITY.index(row["verdict"]) > SEVERITY.index(other["verdict"])
    if bool(row["cause"]) != bool(other["cause"]):
        return bool(row["cause"])
    most = [float("inf") if np.isnan(each["spreads"]) else each["spreads"] for each in (row, other)]
    return most[0] >= most[1]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "quantity": st.sampled_from(QUANTITIES),
            "verdict": st.sampled_from([str(verdict) for verdict in SEVERITY]),
            "cause": st.sampled_from(["", "a factor 2"]),
            "spreads": st.sampled_from([0.0, 1.5, 40.0, np.inf, np.nan]),
        }
    ),
    min_size=2,
    max_size=12,
)


@given(rows=ROWS)
def test_readers_are_told_first_of_what_tells_most(rows):
    for row in rows:
        row["failing"] = int(row["verdict"] not in PASSING)
    told = urgent_first(pd.DataFrame(rows)).to_dict("records")
    assert all(_tells_more(*pair) for pair in pairwise(told))
    assert sorted(str(sorted(row.items())) for row in told) == sorted(
        str(sorted(row.items())) for row in rows
    )
