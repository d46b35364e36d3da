"""The examples are right, and their wrong twins are found wrong, with the cause where it is one of a kind."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from gradproof.commands import check

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


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs the command's work in this process, which has imported the frameworks already."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    parser = argparse.ArgumentParser()
    check.add_options(parser)

    def status_and_output(target):
        return check.run(parser.parse_args([str(target)])), capsys.readouterr().out

    return status_and_output


def test_every_example_is_here():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_an_example_is_right(name, run):
    pytest.importorskip(FRAMEWORKS.get(name, "numpy"))
    status, output = run(EXAMPLES / f"{name}.py")
    assert status == 0, output
    assert "EQUAL" in output or "AGREES" in output


@pytest.mark.parametrize(
    ("name", "cause"),
    [pytest.param(*case, marks=pytest.mark.slow if case[0] in FRAMEWORKS else []) for case in CAUSES.items()],
)
def test_its_wrong_twin_is_wrong(name, cause, run):
    framework = FRAMEWORKS.get(name, "numpy")
    pytest.importorskip(framework)
    status, output = run(f"{EXAMPLES / name}.py::{'wrong' if name in MODELS else 'wrong_gradient'}")
    assert status == 1, output
    # Code on NumPy is judged as a formula, by proof; a framework's by its numbers.
    assert ("WRONG" if framework == "numpy" else "DISAGREES") in output
    assert cause in " ".join(output.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_of_a_file_is_verified_in_processes_of_its_own(name, tmp_path):
    pytest.importorskip(FRAMEWORKS[name])
    command = [sys.executable, "-m", "gradproof", "verify", EXAMPLES / f"{name}.py"]
    chosen = ["--backends", FRAMEWORKS[name], "--report", tmp_path / "report"]
    done = subprocess.run([*command, *chosen], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that was checked agrees" in done.stdout
