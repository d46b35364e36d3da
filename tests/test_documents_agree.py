"""The documents' systems agree on every backend, variant and dtype that is installed, at every step."""

import pytest

from gradproof.backends import load_backend
from gradproof.pytest_cases import assert_agrees
from gradproof.scenarios import scenario


def test_every_step_agrees(gradproof_outcome):
    subject = gradproof_outcome.subject
    if subject.backend in {"mlx", "keras"} and subject.dtype == "float64":
        pytest.skip(f"{subject.backend} has float32's digits in it: tests/backends/test_{subject.backend}.py")
    assert_agrees(gradproof_outcome)


def test_every_step_was_judged(gradproof_outcome):
    outcome = gradproof_outcome
    steps = {len(judgement.index) for judgement in (*outcome.gradients, *outcome.updates)}
    assert steps == {outcome.steps}
    planned = scenario(outcome.subject.scenario).steps
    limits = load_backend(outcome.subject.backend).step_limits
    planned = min(planned, limits.get(outcome.subject.variant, planned))
    assert outcome.steps == planned or outcome.stopped


@pytest.mark.gradproof_scenarios("sigmoid_network")
def test_parameters_are_all_there(gradproof_outcome):
    names = {"w_ij", "w_jk"}
    assert {judgement.parameter for judgement in gradproof_outcome.gradients} == names
    assert {judgement.parameter for judgement in gradproof_outcome.updates} == names
