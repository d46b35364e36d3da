"""The examples are right, and their wrong twins are found wrong, with the cause where it is one of a kind."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

CAUSES = {
    "attention": "the division by 2 of the derivative of divide",
    "jax_function": "nothing carried back through mean",
    "jax_custom_vjp": "s (1 - s), s the sigmoid of x, in place of the factor sigmoid(x) of softplus",
    "layer_normalisation": "nothing carried back through var",
    "softmax_classifier": "the 1/6 of the derivative of mean",
    "torch_module": "nothing carried back through mean",
    "torch_function": "the term x s' left out of the derivative of silu",
}

FRAMEWORKS = {
    "jax_custom_vjp": "jax",
    "jax_function": "jax",
    "torch_function": "torch",
    "torch_module": "torch",
}
"""What an example works with, if not NumPy alone."""

MODELS = {"jax_function", "torch_module"}
"""Those that take a model as it is, and make the wrong one in a function."""


def run(target):
    return subprocess.run(
        [sys.executable, "-m", "gradproof", "check", str(target)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_example_is_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_an_example_is_right(name):
    pytest.importorskip(FRAMEWORKS.get(name, "numpy"))
    result = run(EXAMPLES / f"{name}.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "EQUAL" in result.stdout or "AGREES" in result.stdout


@pytest.mark.parametrize(
    ("name", "cause"),
    [pytest.param(*case, marks=pytest.mark.slow if case[0] in FRAMEWORKS else []) for case in CAUSES.items()],
)
def test_its_wrong_twin_is_wrong(name, cause):
    framework = FRAMEWORKS.get(name, "numpy")
    pytest.importorskip(framework)
    result = run(f"{EXAMPLES / name}.py::{'wrong' if name in MODELS else 'wrong_gradient'}")
    assert result.returncode == 1, result.stdout + result.stderr
    # Code on NumPy is judged as a formula, by proof; a framework's by its numbers.
    assert ("WRONG" if framework == "numpy" else "DISAGREES") in result.stdout
    assert cause in " ".join(result.stdout.split())
