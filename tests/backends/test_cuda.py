"""The documents on a CUDA device, with TF32 and without; only where there is one.

Which bits a graphics processor gives is its own affair: everything is compared with the exact gradient.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.scenarios import CATALOGUE, Scenario, scenario

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="PyTorch sees no CUDA device here: torch.cuda.is_available() is False",
)


@pytest.fixture(params=[False, True], ids=["without TF32", "with TF32"])
def tf32(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = request.param
    yield request.param
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def short(name: str) -> Scenario:
    """A document's scenario with 20 steps."""
    found = scenario(name)
    if found.training is None:
        return found
    return replace(found, training=replace(found.training, steps=min(20, found.training.steps)))


def wide() -> Scenario:
    """A network whose products are large enough for tensor cores."""
    random = np.random.default_rng(0)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.tanh(batch["x"] @ params["w1"])
        return xp.mean((hidden @ params["w2"] - batch["y"]) ** 2)

    return gp.Scenario(
        name="wide",
        loss=loss,
        params={
            "w1": random.standard_normal((512, 128)) / 22,
            "w2": random.standard_normal((128, 64)) / 11,
        },
        batch={"x": random.standard_normal((256, 512)), "y": random.standard_normal((256, 64))},
    )


def images() -> Scenario:
    random = np.random.default_rng(1)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.mean(xp.nn.relu(xp.nn.convolution(batch["x"], params["w"])) ** 2)

    return gp.Scenario(
        name="images",
        loss=loss,
        params={"w": random.standard_normal((16, 8, 3, 3)) / 8},
        batch={"x": random.standard_normal((4, 8, 12, 12))},
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_documents_agree(tf32: bool, dtype: str, backend: str) -> None:
    if backend == "jax" and pytest.importorskip("jax").default_backend() != "gpu":
        pytest.skip("JAX sees no GPU here")
    scenarios = [*map(short, CATALOGUE), wide(), images()]
    report = gp.verify(scenarios, [backend], dtype, device="cuda", limits=None)
    report.raise_if_disagree()
    assert {*report.runs["status"]} == {"run"}
    assert report.runs["variant"].str.endswith("@cuda").all()
    if backend == "torch":
        told = [text for name, text in report.environment["backends"].items() if name.endswith("products")]
        assert any("factors in tf32" in text for text in told) == (tf32 and dtype == "float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_formats_agree(dtype: str) -> None:
    gp.verify([wide()], ["torch"], dtype, device="cuda", limits=None).raise_if_disagree()


def test_a_module_is_moved_and_comes_back(tf32: bool) -> None:
    model, x = torch.nn.Sequential(torch.nn.Linear(256, 64), torch.nn.Tanh()), torch.randn(32, 256)
    made = gp.from_torch(model, (x,), loss=lambda y: (y**2).mean())
    gp.verify([made], "torch/module@cuda", limits=None).raise_if_disagree()
    assert {each.device.type for each in model.parameters()} == {"cpu"}


def test_a_module_that_lies_there_stays_there(tf32: bool) -> None:
    model, x = torch.nn.Linear(256, 64).cuda(), torch.randn(32, 256, device="cuda")
    made = gp.from_torch(model, (x,), loss=lambda y: (y**2).mean())
    gp.verify([made], "torch/module", limits=None).raise_if_disagree()


def test_an_error_that_tf32_does_not_make_is_seen() -> None:
    class Enlarged(torch.autograd.Function):  # type: ignore[misc] # PyTorch is Any
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, w = ctx.saved_tensors
            return g @ w.T, 1.1 * (x.T @ g)

    x, w = torch.randn(32, 16, device="cuda"), torch.randn(16, 4, device="cuda", requires_grad=True)
    made = gp.from_torch(lambda x, w: (Enlarged.apply(x, w) ** 2).mean(), (x, w), params=["w"])
    assert not gp.verify([made], "torch/module", limits=None).ok
