"""What Adam makes of very small gradients is told for what it is, and not as a mistake."""

from dataclasses import replace

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario
from gradproof.backends import load_backend
from gradproof.reference.optimizers import SGD, Adam
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import Verdict


def scenario(size, epsilon, start=(1.0, 2.0, 3.0)):
    """A loss whose gradient is `size`, or a part of it."""
    return Scenario(
        name="slope",
        loss=lambda xp, params, batch: xp.sum(params["w"] * batch["x"]),
        gradient=lambda _, batch: {"w": batch["x"]},
        params={"w": np.array(start)},
        batch={"x": size * np.array([1.0, 0.5, 2.0])},
        training=GradientDescent(0.1, 3, optimizer=Adam(epsilon=epsilon)),
    )


UNDERFLOWS = "in 3 of 3 entries the second moment is below float32's smallest normal number, 1.18e-38"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("size", "verdict", "fact"),
    [
        (
            0.0,
            Verdict.NOT_FINITE,
            "3 of 3 entries the rule divides by 0: the second moment is 0 and epsilon is 0",
        ),
        (1e-23, Verdict.NOT_FINITE, "the second moment is below float32's smallest normal number, 1.18e-38"),
        (1e-20, Verdict.UNDECIDED, "the second moment is below float32's smallest normal number, 1.18e-38"),
    ],
)
def test_an_update_that_is_no_number_without_epsilon_is_told_why(size, verdict, fact):
    slope = scenario(size, 0.0)
    outcome = judge(slope, load_backend("reference").run(slope, dtype="float32", variant="numpy"), {})
    (update,) = outcome.updates
    assert update.worst_verdict() is verdict
    assert fact in update.reason[update.worst_step()]
    assert update.cause == ""


def test_a_second_moment_that_underflows_is_told_so():
    slope = scenario(1e-21, 1e-8)
    outcome = judge(slope, load_backend("reference").run(slope, dtype="float32", variant="numpy"), {})
    moments = {each.entry_of_state: each for each in outcome.states}
    second = moments["second_moment"]
    assert second.worst_verdict() is Verdict.ILL_CONDITIONED
    assert second.reason[0].endswith(
        "in 3 of 3 entries the second moment is below float32's smallest normal number, 1.18e-38"
    )
    assert moments["first_moment"].reason.tolist() == [""] * 3


def test_an_epsilon_that_drowns_the_second_moment_is_told_where_a_step_does_not_agree():
    slope = scenario(1e-12, 1e-8, start=(1e-30, 2.0, 3.0))
    run = load_backend("reference").run(slope, dtype="float64", variant="numpy")
    off = replace(run, weights={"w": run.weights["w"] * (1 + 1e-9 * np.arange(4)[:, np.newaxis])})
    (update,) = judge(slope, off, {}).updates
    assert update.worst_verdict() is Verdict.DISAGREES
    assert (
        "in 3 of 3 entries epsilon is more than 1000 times the root of the second moment" in update.reason[0]
    )


def test_of_a_rule_without_squares_and_of_steps_that_agree_nothing_is_told():
    for slope in (scenario(1.0, 1e-8), replace(scenario(1.0, 1e-8), training=GradientDescent(0.1, 3))):
        outcome = judge(slope, load_backend("reference").run(slope, dtype="float64", variant="numpy"), {})
        assert {text for each in (*outcome.updates, *outcome.states) for text in each.reason} == {""}
    momentum = replace(slope, training=GradientDescent(0.1, 3, optimizer=SGD(momentum=0.9)))
    outcome = judge(momentum, load_backend("reference").run(momentum, dtype="float64", variant="numpy"), {})
    assert outcome.worst_verdict() is Verdict.AGREES
