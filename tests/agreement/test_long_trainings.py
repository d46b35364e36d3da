"""500 steps of each rule in PyTorch: right at every step, in float64 and in float32."""

import pytest
from trainings import OPTIMIZERS, trained

import gradproof as gp

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

LACKING = {
    "adam, epsilon inside",
    "adam, epsilon before correction",
    "adam, nesterov",
    "amsgrad, corrected",
    "amsgrad, uncorrected",
    "radam, epsilon outside",
    "rmsprop, epsilon inside",
    "adagrad, epsilon inside",
    "lion",
    "lamb",
}
"""What torch.optim has not (see test_optimizers.py)."""

DIFFERENT = {("nadam", "float64")}
"""torch.optim.NAdam keeps the product of its momenta in float32."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("system", ["line_fit", "sigmoid_network"])
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name not in LACKING])
def test_500_steps_are_right(optimizer: str, system: str, dtype: str) -> None:
    report = gp.verify(trained(system, optimizer, steps=500), "torch/eager", dtype, limits=None)
    assert report.runs["steps"][0] == 500
    if (optimizer, dtype) in DIFFERENT:
        assert set(report.failures["quantity"]) == {"updates", "states"}
        return
    assert report.ok, report.failures.head().to_string()
