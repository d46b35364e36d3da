"""The documents' systems agree on every backend, variant and dtype that is installed, at every step."""

import pytest

from gradproof.pytest_cases import assert_agrees
from gradproof.scenarios import scenario


def test_every_step_agrees(gradproof_outcome):
    assert_agrees(gradproof_outcome)


def test_every_step_was_judged(gradproof_outcome):
    outcome = gradproof_outcome
    steps = {len(judgement.index) for judgement in (*outcome.gradients, *outcome.updates)}
    assert steps == {outcome.steps}
    planned = scenario(outcome.subject.scenario).steps
    if (outcome.subject.backend, outcome.subject.variant) == ("jax", "eager"):
        planned = min(planned, 50)
    assert outcome.steps == planned or outcome.stopped


@pytest.mark.gradproof_scenarios("sigmoid_network")
def test_parameters_are_all_there(gradproof_outcome):
    names = {"w_ij", "w_jk"}
    assert {judgement.parameter for judgement in gradproof_outcome.gradients} == names
    assert {judgement.parameter for judgement in gradproof_outcome.updates} == names
