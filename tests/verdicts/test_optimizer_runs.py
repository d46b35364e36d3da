"""Runs of optimizers are judged to be right, also where a gradient cancels and where rounding decides."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario
from gradproof.backends import load_backend
from gradproof.errors import UnsupportedError
from gradproof.reference.clipping import ClipByNorm
from gradproof.reference.optimizers import (
    LAMB,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    At,
    Lion,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
)
from gradproof.reference.stepping import After, Stepping
from gradproof.scenarios.documents.line_fit.system import line_fit
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.judging.evidence import Evidence
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import Verdict

RULES: list[Optimizer] = [
    SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    SGD(momentum=0.9, dampening=0.5),
    Adam(),
    Adam(epsilon_place="inside"),
    Adam(epsilon_place="before correction", amsgrad="moment", beta2=0.5),
    Adam(amsgrad="corrected", correct_second=False),
    Adam(nesterov=True, correct_first=False),
    AdamW(weight_decay=0.1),
    NAdam(),
    NAdam(momentum_decay=0.25, weight_decay=0.1, decoupled=True),
    RAdam(),
    RAdam(beta2=0.75, threshold=4.0, nesterov=True, epsilon_place="outside"),
    Adamax(),
    RMSprop(),
    RMSprop(centered=True, epsilon_place="inside"),
    RMSprop(momentum=0.9, momentum_of="step", nesterov=True, correct=True),
    Adagrad(),
    Adagrad(initial_accumulator=0.5, learning_rate_decay=0.25),
    Adadelta(),
    Lion(weight_decay=0.1),
    LAMB(weight_decay=0.1),
    Muon(others=Adam()),
    Muon(others=Adam(), iterates_in="bfloat16"),
    Muon(others=SGD(), correct=True, epsilon_place="added", scale="side"),
]


def verdicts(scenario: Scenario, rule: Optimizer, dtype: str, steps: int) -> dict[tuple[str, str], Verdict]:
    """What is said of a run in NumPy: of updates and of states."""
    trained = replace(scenario, training=GradientDescent(0.01, steps, optimizer=rule))
    outcome = judge(trained, load_backend("reference").run(trained, dtype=dtype, variant="numpy"), {})
    return {
        (each.parameter, each.entry_of_state): each.worst_verdict()
        for each in (*outcome.updates, *outcome.states)
    }


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_of_an_optimizer_is_right(rule: Optimizer, dtype: str) -> None:
    found = verdicts(sigmoid_network() if dtype == "float32" else line_fit(), rule, dtype, 20)
    assert len(found) >= 2
    assert all(verdict.passes for verdict in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scenario", [line_fit, sigmoid_network], ids=lambda each: each.__name__)
def test_a_long_run_of_an_optimizer_is_right(scenario: Any, rule: Optimizer, dtype: str) -> None:
    found = verdicts(scenario(), rule, dtype, 500)
    assert all(verdict.passes for verdict in found.values()), found


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("scale", ["rows", "side"])
def test_torchs_muon_iterates_in_bfloat16_and_is_right_as_such(dtype: str, scale: Any) -> None:
    rule = Muon(iterates_in="bfloat16", scale=scale, weight_decay=0.1)
    scenario = replace(sigmoid_network(), training=GradientDescent(0.05, 10, optimizer=rule))
    pytest.importorskip("torch")
    backend = load_backend("torch")
    outcome = judge(scenario, backend.run(scenario, dtype=dtype, variant="eager"), {})
    assert outcome.worst_verdict().passes
    whole = replace(scenario, training=GradientDescent(0.05, 10, optimizer=replace(rule, iterates_in="")))
    with pytest.raises(UnsupportedError, match='iterates_in="bfloat16" is its own'):
        backend.run(whole, dtype=dtype, variant="eager")


def cancelled() -> Scenario:
    """A loss with a gradient that is 0, of which certified arithmetic tells that it is near 0."""
    return Scenario(
        name="cancelled",
        loss=lambda xp, params, batch: xp.sum(xp.exp(params["w"]) - xp.exp(params["w"])) + xp.sum(batch["x"]),
        gradient=lambda params, batch: {"w": np.exp(params["w"]) - np.exp(params["w"])},
        params={"w": np.array([[0.5, -1.25], [0.1, 2.0]])},
        batch={"x": np.array([1.0])},
    )


UNDECIDED = (Lion, LAMB)
"""Of a sign, and of a direction, of what may be 0 nothing can be told."""


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_where_a_gradient_cancels_a_step_is_told_to_be_right(rule: Optimizer) -> None:
    found = verdicts(cancelled(), rule, "float64", 3)
    allowed = {Verdict.UNDECIDED} if isinstance(rule, UNDECIDED) else set()
    told = {verdict for (_, entry), verdict in found.items() if not entry}
    assert all(verdict.passes or verdict in allowed for verdict in told), found
    assert all(verdict.passes for (_, entry), verdict in found.items() if entry), found


def test_where_a_gradient_cancels_its_norm_is_told() -> None:
    training = GradientDescent(0.01, 3, optimizer=Adam(), clipping=ClipByNorm(1.0))
    scenario = replace(cancelled(), training=training)
    outcome = judge(scenario, load_backend("reference").run(scenario, dtype="float64", variant="numpy"), {})
    assert outcome.worst_verdict().passes


def linear(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum(params["w"] * batch["x"])


def tied(rule: Any, gradient: Any) -> Any:
    """The states in which rounding decides the branch that a rule takes, nearly or exactly."""
    if isinstance(rule, Lion):
        return {"momentum": -(1 - rule.beta1) / rule.beta1 * gradient}
    if isinstance(rule, Adamax):
        greatest = (np.abs(gradient) + rule.epsilon) / rule.beta2
        return {"first_moment": 0.5 * gradient, "greatest_gradient": greatest}
    second = 0.75 * gradient**2
    after = rule.beta2 * second + (1 - rule.beta2) * gradient**2
    return {"first_moment": 0.5 * gradient, "second_moment": second, "greatest_moment": after}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "rule", [Lion(), Lion(beta1=0.5), Adamax(), Adam(amsgrad="moment", correct_second=False)]
)
def test_where_rounding_decides_a_branch_neither_is_accused(rule: Any, dtype: str) -> None:
    """In a thousand steps, and in as many programs: in the dtype, and rounded once at the end."""
    random = np.random.default_rng(0)
    places, shape = 1000, (3,)
    weight, gradient = random.standard_normal((2, places, *shape)).astype(dtype)
    state = {entry: array.astype(dtype) for entry, array in tied(rule, gradient.astype(np.float64)).items()}
    numbers, rates = np.full(places, 7), np.full(places, 0.125)
    stepping = Stepping(
        GradientDescent(0.125, 10, optimizer=rule),
        {"w": weight},
        {entry: {"w": array} for entry, array in state.items()},
        numbers,
        rates,
    )
    evidence = Evidence(linear, {"w": weight}, {"x": gradient}, dtype, stepping)
    made = {dtype: rule.update(np, weight, gradient, state, At(7, 0.125))}
    longer = np.longdouble if dtype == "float64" else np.float64
    wide = {entry: array.astype(longer) for entry, array in state.items()}
    made["once"] = rule.update(np, weight.astype(longer), gradient.astype(longer), wide, At(7, 0.125))
    for how, (after, kept) in made.items():
        record = judge_entries("w", after.astype(dtype), evidence.steps[After("w")], dtype)
        assert record.worst_verdict() is not Verdict.DISAGREES, how
        for entry, array in kept.items():
            record = judge_entries("w", array.astype(dtype), evidence.steps[After("w", entry)], dtype)
            assert record.worst_verdict() is not Verdict.DISAGREES, (how, entry)


def test_the_wrong_sign_is_accused_where_rounding_does_not_decide_it() -> None:
    rule, weight, gradient = Lion(), np.ones((1, 2)), np.array([[2.0, -3.0]])
    state = {"momentum": np.array([[0.5, 1.0]])}
    stepping = Stepping(
        GradientDescent(0.125, 10, optimizer=rule),
        {"w": weight},
        {"momentum": {"w": state["momentum"]}},
        np.array([3]),
        np.array([0.125]),
    )
    evidence = Evidence(linear, {"w": weight}, {"x": gradient}, "float64", stepping)
    known = evidence.steps[After("w")]
    right, _ = rule.update(np, weight, gradient, state, At(3, 0.125))
    assert judge_entries("w", right, known, "float64").worst_verdict() is Verdict.AGREES
    assert judge_entries("w", 2 * weight - right, known, "float64").worst_verdict() is Verdict.DISAGREES
