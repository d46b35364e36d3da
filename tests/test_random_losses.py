"""Random losses of the whole table of operations: right gradients are not accused, and wrong ones are.

`python -m benchmarks fuzz` does the same for as long as one likes.
"""

import importlib
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from scipy import special

from gradproof.reference.tape.operations import OPERATIONS


@pytest.fixture(scope="module")
def fuzz() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[1])
        yield importlib.import_module("benchmarks.fuzz")


def test_every_operation_of_the_table_is_drawn(fuzz: Any) -> None:
    assert fuzz.OPERATIONS.keys() == OPERATIONS.keys()


def test_no_right_gradient_of_the_tape_is_accused(fuzz: Any) -> None:
    tally = fuzz.fuzz(0, count=40, subjects=[("reference", "float64")])
    assert tally.found == []
    assert tally.losses >= 40
    assert len(tally.operations) > 30


@pytest.mark.parametrize(
    ("backend", "count"),
    [
        ("torch", 12),
        ("jax", 3),
        pytest.param("torch", 300, marks=pytest.mark.slow),
        pytest.param("jax", 150, marks=pytest.mark.slow),
    ],
)
def test_no_right_gradient_of_a_framework_is_accused(fuzz: Any, backend: str, count: int) -> None:
    pytest.importorskip(backend)
    tally = fuzz.fuzz(3, count=count, subjects=[(backend, dtype) for dtype in ("float64", "float32")])
    assert tally.found == []


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_a_logsumexp_along_all_axes(fuzz: Any, backend: str, shape: tuple[int, ...], keepdims: bool) -> None:
    """It raised in PyTorch, whose own function takes no None."""
    pytest.importorskip(backend)
    program = fuzz.Program({"w0": shape})
    program.add(
        "logsumexp",
        f"xp.nn.logsumexp(w0, axis=None, keepdims={keepdims})",
        (1,) * len(shape) if keepdims else (),
    )
    tally = fuzz.Tally()
    assert [*fuzz.judged(program, [(backend, "float64")], tally)] == []
    assert tally.verdicts[backend, "float64", "AGREES"] == 1


def test_what_a_framework_gets_wrong_is_not_forgotten(fuzz: Any) -> None:
    """An entry of the table goes when the framework has mended it."""
    torch = pytest.importorskip("torch")
    operations = {(backend, operation) for backend, _, operation in fuzz.KNOWN}
    of_torch = ("floor_divide", "softplus", "digamma", "ndtr", "xlogy")
    of_jax = ("atanh", "i0", "log_ndtr", "std", "xlogy")
    assert {operation for _, operation in operations} <= fuzz.OPERATIONS.keys()
    assert operations == {("torch", name) for name in of_torch} | {("jax", name) for name in of_jax}
    x = torch.tensor(2.5, requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        (x // 0.75).backward()
    x = torch.tensor(27.5, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.softplus(x).backward()
    assert x.grad == 1.0
    assert 1 / (1 + np.exp(-27.5)) < 1.0 - 1e-12
    trigamma = torch.special.polygamma(1, torch.tensor(1.0, dtype=torch.float64))
    assert abs(float(trigamma) / (np.pi**2 / 6) - 1) > 1e-12
    assert torch.special.ndtr(torch.tensor(-9.0, dtype=torch.float64)) == 0.0 < special.ndtr(-9.0)
    p = torch.tensor(1 - 2.0**-45, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.binary_cross_entropy(p, torch.tensor(0.0, dtype=torch.float64)).backward()
    assert float(p.grad) < 0.1 * 2.0**45  # it is 1 / (1 - p)
    jax = pytest.importorskip("jax")
    assert jax.grad(jax.scipy.special.i0)(0.0) > 0.5  # I0 is even: it is 0
    p = jax.numpy.float32(1.0)  # sigmoid(18)
    assert np.isnan(p * jax.numpy.log(p) + (1 - p) * jax.numpy.log(1 - p))
    with jax.enable_x64(True):
        slope = float(jax.grad(jax.scipy.special.log_ndtr)(-23.0))
        inverse = float(jax.numpy.arctanh(0.4141607436047019))
    exact = np.sqrt(2 / np.pi) / special.erfcx(23.0 / np.sqrt(2))  # the density by the distribution
    assert abs(slope / exact - 1) > 1e-10
    assert abs(inverse / np.arctanh(0.4141607436047019) - 1) > 1e-14
    assert np.isnan(jax.grad(jax.numpy.std)(jax.numpy.ones(3))).all()


def test_what_raises_is_told_though_something_less_is_accused(
    fuzz: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that raises shrank to one that is accused, and what raised was not printed."""
    raised = []

    def judged(program: Any, _: Any, tally: Any) -> Any:
        tally.losses += 1
        if "tanh" in program.operations:
            raised.append(program)
            yield fuzz.Fault("torch", "float64", "KeyError", "raises")
        elif raised:
            yield fuzz.Fault("torch", "float64", "accused", "is accused")

    monkeypatch.setattr(fuzz, "judged", judged)
    monkeypatch.setattr(fuzz, "SHRINKING", 1.0)
    first = fuzz.fuzz(1, count=200).found[0]
    assert "tanh" in first
    assert first.endswith("raises")


@pytest.mark.slow
def test_a_wrong_gradient_is_found_and_shrunk(fuzz: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tape's gradient with an error planted where a loss has a tanh."""
    right = fuzz.gradient_of

    def wrong(scenario: Any, backend: str, dtype: str) -> Any:
        gradients = right(scenario, backend, dtype)
        is_planted = "tanh" in scenario.loss.__code__.co_names
        return {name: value * (1.25 if is_planted else 1.0) for name, value in gradients.items()}

    monkeypatch.setattr(fuzz, "gradient_of", wrong)
    monkeypatch.setattr(fuzz, "SHRINKING", 3.0)
    tally = fuzz.fuzz(1, count=50, subjects=[("reference", "float64")])
    assert tally.found
    assert all("tanh" in text for text in tally.found)
    assert min(text.count(" = xp.") + text.count(" = w") for text in tally.found) <= 4


def test_what_raises_is_found(fuzz: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: Any) -> Any:
        raise KeyError("planted")

    monkeypatch.setattr(fuzz, "gradient_of", raising)
    monkeypatch.setattr(fuzz, "SHRINKING", 1.0)
    tally = fuzz.fuzz(0, count=1, subjects=[("reference", "float64")])
    assert "KeyError: 'planted'" in tally.found[0]


@hypothesis.settings(max_examples=30, deadline=None, database=None, derandomize=True)
@hypothesis.given(data=hypothesis.strategies.data())
def test_a_random_loss_is_code_of_its_own(fuzz: Any, data: Any) -> None:
    """It runs on plain NumPy, and gives the number that the tape gives."""
    program = data.draw(fuzz.programs())
    scenario = program.scenario()
    if scenario is not None:
        from gradproof.reference.numbers import Plain
        from gradproof.reference.numpy_namespace import NumpyNamespace
        from gradproof.reference.tape import differentiate

        with np.errstate(all="ignore"):
            value = scenario.loss(NumpyNamespace(), scenario.params, scenario.batch)
        tape = differentiate(scenario.flat_loss, scenario.flat_params, scenario.flat_batch, Plain())
        np.testing.assert_allclose(tape.value.values()[0], value, rtol=1e-9, atol=1e-9)
