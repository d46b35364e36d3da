"""`xp.nn` on the tape against the frameworks' own functions: gradients, certified and with noise."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from nn_calls import CALLS, FIXED, SPECIAL

import gradproof as gp
from gradproof.backends import load_backend
from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.tape import differentiate

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean':UserWarning")  # of torch's own kl_div

BACKENDS = ["torch", pytest.param("jax", marks=pytest.mark.slow)]  # which compiles each function anew
DERIVED = [call for call in CALLS | SPECIAL if call != "stop_gradient"]

DIGITS = {
    ("torch", "digamma"): 1e-8,
    ("torch", "polygamma, order 0"): 1e-8,
    ("torch", "hardsigmoid"): 1e-7,
}
"""Where a framework has few: PyTorch's trigamma function is a series of five terms, its 1/6 a float32."""


@cache
def loaded(backend: str) -> Any:
    pytest.importorskip(backend)
    return load_backend(backend)


def scenario_of(call: str, dtype: str = "float64") -> Any:
    """A loss in which every entry of the result has another weight; all floats are parameters."""
    name, operands, options = (CALLS | SPECIAL)[call]
    arrays = {f"x{i}": x for i, x in enumerate(operands) if isinstance(x, np.ndarray)}
    rounded = {n: x.astype(dtype).astype(float) if x.dtype.kind == "f" else x for n, x in arrays.items()}
    fixed = {n for n, x in rounded.items() if x.dtype.kind != "f"} | {f"x{FIXED.get(name, -1)}"}
    params = {n: x for n, x in rounded.items() if n not in fixed}
    batch = {n: x for n, x in rounded.items() if n in fixed}

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        given = {**params, **batch}
        function = getattr(xp.special if call in SPECIAL else xp.nn, name)
        y = function(*(given.get(f"x{i}", operand) for i, operand in enumerate(operands)), **options)
        size = int(np.prod(y.shape))
        return xp.sum(xp.reshape(y, (-1,)) * xp.asarray(np.linspace(0.5, 2.0, size), dtype=y.dtype))

    return gp.Scenario(name="call", loss=loss, params=params, batch=batch)


def gradients_of(call: str, backend: str, dtype: str) -> dict[str, Any]:
    run = loaded(backend).run(scenario_of(call, dtype), dtype=dtype, variant="eager")
    return {name: gradient[0] for name, gradient in run.gradients.items()}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("call", DERIVED)
def test_the_gradient_is_a_frameworks(call: str, backend: str) -> None:
    expected, digits = gradients_of(call, backend, "float64"), DIGITS.get((backend, call), 1e-11)
    scenario = scenario_of(call)
    for kind in (Plain(), Balls(128)):
        own = differentiate(scenario.loss, scenario.params, scenario.batch, kind)
        for name, gradient in own.gradients.items():
            np.testing.assert_allclose(gradient.values()[0], expected[name], rtol=digits, atol=1e-12)
            if isinstance(kind, Balls):
                assert np.all(gradient.radii() <= 1e-30 * (1 + np.abs(gradient.values())))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "call", [call if "," not in call else pytest.param(call, marks=pytest.mark.slow) for call in DERIVED]
)
def test_a_right_float32_gradient_is_not_accused_and_a_wrong_one_is(call: str, backend: str) -> None:
    gradients = gradients_of(call, backend, "float32")
    scenario = scenario_of(call, "float32")
    judged = gp.judge(scenario.loss, scenario.params, scenario.batch, gradients, dtype="float32")
    assert judged.verdict.accepted, judged
    for name, gradient in gradients.items():
        wrong = gradient.copy()
        worst = np.unravel_index(np.argmax(np.abs(wrong)), wrong.shape)
        wrong[worst] *= np.float32(1.01)
        claim = gradients | {name: wrong}
        judged = gp.judge(scenario.loss, scenario.params, scenario.batch, claim, dtype="float32")
        assert judged.verdict is gp.Verdict.DISAGREES, (name, judged)


@pytest.mark.parametrize("seed", range(3))
def test_fused_attention_of_sharp_scores_is_not_accused(seed: int) -> None:
    """PyTorch's kernel computes the weights again from the logarithm of their sum, which is rounded."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(seed)
    params = {name: 4 * random.normal(size=(1, 2, 40, 32)) for name in "qkv"}
    weights = random.normal(size=(1, 2, 40, 32))

    def loss(xp: Any, p: Any, _: Any) -> Any:
        return xp.sum(xp.nn.scaled_dot_product_attention(p["q"], p["k"], p["v"]) * weights)

    own = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    attended = torch.nn.functional.scaled_dot_product_attention(*own.values())
    (attended * torch.tensor(weights)).sum().backward()
    gradients = {name: value.grad.numpy() for name, value in own.items()}
    assert gp.judge(loss, params, {}, gradients, dtype="float64").verdict is not gp.Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_norm_of_numbers_near_one_another_is_not_accused(dtype: str) -> None:
    """PyTorch's kernel computes x/s - m/s, and the like in its derivative."""
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(3)
    values = random.normal(size=(6, 256)) * 1e-2 + 10, random.normal(size=256)
    params = {name: np.asarray(value, dtype) for name, value in zip("xw", values, strict=True)}
    weights = np.asarray(random.normal(size=(6, 256)), dtype)

    def loss(xp: Any, p: Any, _: Any) -> Any:
        return xp.sum(xp.nn.layer_norm(p["x"], p["w"]) * weights)

    own = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    normal = torch.nn.functional.layer_norm(own["x"], (256,), own["w"], eps=1e-5)
    (normal * torch.tensor(weights)).sum().backward()
    gradients = {name: value.grad.numpy() for name, value in own.items()}
    assert gp.judge(loss, params, {}, gradients, dtype=dtype).verdict is not gp.Verdict.DISAGREES


def test_the_gradient_of_gammaln_near_the_zero_of_digamma_is_not_accused() -> None:
    """Libraries compute digamma by a recurrence, which loses digits there."""
    torch = pytest.importorskip("torch")
    x = np.linspace(1.3, 1.6, 50)
    own = torch.tensor(x, requires_grad=True)
    torch.special.gammaln(own).sum().backward()
    judged = gp.judge(
        lambda xp, p, _: xp.sum(xp.special.gammaln(p["x"])),
        {"x": x},
        {},
        {"x": own.grad.numpy()},
        dtype="float64",
    )
    assert judged.verdict is not gp.Verdict.DISAGREES
