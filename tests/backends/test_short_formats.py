"""float16 and bfloat16 in `verify` and `check`: right programs pass, wrong ones do not."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends.torch_functions import TorchFunctions

R = np.random.default_rng(0)
SHORT = ["float16", "bfloat16"]


def loss(xp, p, b):
    hidden = xp.nn.gelu(b["x"] @ p["w0"] + p["b0"])
    return xp.nn.cross_entropy(hidden @ p["w1"] + p["b1"], b["y"])


SCENARIO = gp.Scenario(
    name="short",
    loss=loss,
    params={
        "w0": R.normal(size=(8, 16)) / 3,
        "b0": R.normal(size=16) / 10,
        "w1": R.normal(size=(16, 5)) / 4,
        "b1": R.normal(size=5) / 10,
    },
    batch={"x": R.normal(size=(32, 8)), "y": np.eye(5)[R.integers(0, 5, 32)]},
    training=gp.GradientDescent(learning_rate=0.1, steps=5),
    predict=lambda xp, p, b: xp.tanh(b["x"] @ p["w0"]),
)


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_right_programs_pass(backend, dtype, tmp_path):
    pytest.importorskip(backend)
    report = gp.verify([SCENARIO], backends=backend, dtypes=dtype, limits=None)
    assert report.ok
    assert set(report.runs["status"]) == {"run"}
    assert len(report.gradients) == 2 * 5 * 4  # two variants, five steps, four parameters
    assert gp.read_report(report.write(tmp_path / "report")).ok


@pytest.mark.parametrize("dtype", SHORT)
def test_a_wrong_program_is_caught(monkeypatch, dtype):
    torch = pytest.importorskip("torch")

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.nn.functional.gelu(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.distributions.Normal(0, 1).cdf(x.float()).to(x)  # without x φ(x)

    monkeypatch.setattr(TorchFunctions, "gelu", lambda _, x: Wrong.apply(x))
    report = gp.verify([SCENARIO], backends="torch/eager", dtypes=dtype, limits=None)
    verdicts = report.gradients.groupby("parameter", observed=True)["verdict"].agg(set)
    assert all("DISAGREES" in verdicts[name] for name in ("w0", "b0"))
    assert not any("DISAGREES" in verdicts[name] for name in ("w1", "b1"))


def test_numpy_runs_float16_and_says_that_it_cannot_run_bfloat16():
    plain = gp.Scenario(
        name="plain",
        loss=lambda xp, p, b: xp.mean((b["x"] @ p["w"]) ** 2),
        gradient=lambda p, b: {"w": 2 * b["x"].T @ (b["x"] @ p["w"]) / len(b["x"])},
        params={"w": R.normal(size=4)},
        batch={"x": R.normal(size=(10, 4))},
    )
    report = gp.verify([plain], backends="reference", dtypes=SHORT, limits=None)
    runs = report.runs.set_index("dtype")
    assert runs.loc["float16", "status"] == "run"
    assert runs.loc["float16", "verdict"] in {"AGREES", "ILL_CONDITIONED"}
    assert runs.loc["bfloat16", "reason"] == "backend 'reference' cannot run bfloat16"


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_check_judges_in_them(dtype, factor):
    torch = pytest.importorskip("torch")

    def gradient(p, b):
        value = torch.nn.functional.cross_entropy(
            torch.nn.functional.gelu(b["x"] @ p["w0"] + p["b0"]) @ p["w1"] + p["b1"], b["y"]
        )
        value.backward()
        return {name: factor * each.grad for name, each in p.items()}

    found = gp.check(loss, gradient, SCENARIO.params, SCENARIO.batch, dtype=dtype, points=2)
    assert found.ok is (factor == 1.0)
    assert found.dtype == dtype


@pytest.mark.parametrize("dtype", SHORT)
def test_a_model_runs_itself_in_them(dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 3))
    target = torch.randint(0, 3, (10,))
    scenario = gp.from_torch(
        model,
        inputs=(torch.randn(10, 6),),
        loss=lambda output: torch.nn.functional.cross_entropy(output, target),
    )
    report = gp.verify([scenario], backends="torch/module", dtypes=dtype, limits=None)
    assert report.ok
    assert set(report.runs["status"]) == {"run"}
