"""The worst row of each parameter is the one that the records call the worst."""

import numpy as np
import pytest

from gradproof import GradientDescent, dense_network
from gradproof.backends import load_backend
from gradproof.reporting.report import Report
from gradproof.reporting.worst import PASSING, RUN, worst_rows
from gradproof.verdicts.judging import judge


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
    rows = worst_rows(Report.from_outcomes([], outcomes).frames)
    expected = [
        (outcome.subject.variant, quantity, judgement.parameter, judgement.worst_step(), judgement.cause)
        for outcome in outcomes
        for quantity in ("gradients", "updates")
        for judgement in getattr(outcome, quantity)
    ]
    found = rows[["variant", "quantity", "parameter", "step", "cause"]]
    assert list(found.itertuples(index=False, name=None)) == expected


def test_counts_steps_and_those_that_do_not_pass(outcomes):
    report = Report.from_outcomes([], outcomes)
    for row in worst_rows(report.frames).to_dict("records"):
        frame = report.frames[row["quantity"]]
        same = (frame[[*RUN, "parameter"]].astype(object) == [row[name] for name in [*RUN, "parameter"]]).all(
            axis=1
        )
        assert row["steps"] == same.sum()
        assert row["failing"] == (~frame[same]["verdict"].isin(PASSING)).sum()


def test_wrong_parameters_fail_at_their_steps(outcomes):
    rows = worst_rows(Report.from_outcomes([], outcomes).frames)
    wrong = rows[(rows["variant"] == "wrong") & (rows["quantity"] == "gradients")].set_index("parameter")
    assert (wrong.loc["w1", "failing"], wrong.loc["w1", "verdict"]) == (3, "DISAGREES")
    assert (wrong.loc["w2", "failing"], wrong.loc["w2", "step"]) == (1, 2)
    assert wrong.loc["w2", "verdict"] == "NOT_FINITE"
    assert (rows[rows["variant"] == "numpy"]["failing"] == 0).all()


def test_nothing_judged_gives_no_rows():
    rows = worst_rows(Report.from_outcomes([], []).frames)
    assert len(rows) == 0
    assert {"quantity", "steps", "failing"} <= set(rows.columns)
