"""Models of several dtypes, and runs that cast on the way: each parameter is judged by what flows into it."""

from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import InputError
from gradproof.verdicts.records import RunStatus

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - where there is PyTorch
from torch.nn import functional as F  # noqa: E402, N812 - as everybody calls it

jax = pytest.importorskip("jax")
jnp = jax.numpy

RIGHT = {"AGREES", "ILL_CONDITIONED"}


class Scaled(torch.autograd.Function):  # type: ignore[misc] # PyTorch is Any
    """The number itself, whose derivative is off by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.factor, None


class Mixed(nn.Module):  # type: ignore[misc] # PyTorch is Any
    """A layer in bfloat16, a norm and a head in float32, and a penalty that bfloat16 has no part in."""

    def __init__(self, body: float = 1.0, penalty: float = 1.0, low: Any = torch.bfloat16) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.low, self.factors = low, (body, penalty)
        self.body = nn.Linear(24, 32, dtype=low)
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 5)
        self.free = nn.Parameter(torch.randn(12))

    def forward(self, x: Any) -> Any:
        hidden = Scaled.apply(self.body(x.to(self.low)), self.factors[0])
        free = Scaled.apply(self.free, self.factors[1])
        return self.head(self.norm(F.gelu(hidden).float())), torch.sum(free**2 * torch.cos(free))


X, Y = torch.randn(16, 24, generator=torch.Generator().manual_seed(2)), torch.arange(16) % 5


def loss_of(output: Any) -> Any:
    return F.cross_entropy(output[0].float(), Y) + 0.35 * output[1]


def taken(**options: Any) -> gp.Scenario:
    return gp.from_torch(Mixed(**options), (X,), loss=loss_of)


def wrong_in(check: Any) -> set[str]:
    failing = ~check.entries["verdict"].isin(RIGHT)
    return set(check.entries["parameter"][failing])


# -------------------------------------------------------------------- PyTorch: parameters of several dtypes


def test_a_right_model_of_several_dtypes_passes_and_tells_what_flows_into_what() -> None:
    scenario = taken()
    assert scenario.formats("own").params["body.weight"] == "bfloat16"
    assert scenario.formats("own").params["head.weight"] == "float32"
    check = gp.check(scenario, dtype="own", points=1)
    assert str(check.verdict) in RIGHT, check
    (told,) = [each.text for each in check.findings if each.kind == "lower-precision"]
    assert "bfloat16" in told
    assert "head.weight" in told
    assert "free" not in told


def test_a_float32_parameter_of_its_own_is_judged_in_float32() -> None:
    check = gp.check(taken(penalty=1.0001), dtype="own", points=0)
    assert str(check.verdict) == "DISAGREES"
    assert wrong_in(check) == {"free"}


def test_an_error_in_what_is_computed_in_bfloat16_is_found_there() -> None:
    check = gp.check(taken(body=1.1), dtype="own", points=0)
    assert str(check.verdict) == "DISAGREES"
    assert wrong_in(check) == {"body.weight", "body.bias"}


def _gradients(model: Any) -> dict[str, Any]:
    model.zero_grad()
    loss_of(model(X)).backward()
    return {name: each.grad.clone() for name, each in model.named_parameters()}


def _judged(change: Any = lambda _, array: array, **options: Any) -> Any:
    """Judge what PyTorch gives, after a change, as it is: named parameters in, gradients out."""
    model = Mixed()
    params = dict(model.named_parameters())
    gradients = {name: change(name, each) for name, each in _gradients(model).items()}
    return gp.judge(gp.from_torch(model, (X,), loss=loss_of).loss, params, {"x": X}, gradients, **options)


def test_named_parameters_of_several_dtypes_are_judged_each_in_its_own() -> None:
    assert str(_judged().verdict) in RIGHT
    small = _judged(lambda name, each: each * 1.0001 if name == "free" else each)
    assert wrong_in(small) == {"free"}
    # bfloat16 flows into the head's gradient: there it is rounding
    assert str(_judged(lambda name, each: each * 1.0001 if name == "head.weight" else each).verdict) in RIGHT


def test_one_dtype_for_all_would_accuse_or_be_blind() -> None:
    assert str(_judged(dtype="float32").verdict) == "DISAGREES"

    def wrong(name: str, each: Any) -> Any:
        return each * 1.0001 if name == "free" else each

    assert str(_judged(wrong, dtype="bfloat16").verdict) in RIGHT


def test_verify_tells_each_parameters_dtype_and_runs_models_in_their_own_dtypes_alone() -> None:
    report = gp.verify([taken()], dtypes=["own", "float32"], backends="torch/module", limits=None)
    assert report.ok
    own = report.gradients[(report.gradients["dtype"] == "own") & (report.gradients["variant"] == "module")]
    assert dict(zip(own["parameter"], own["held_in"], strict=True))["body.weight"] == "bfloat16"
    assert dict(zip(own["parameter"], own["held_in"], strict=True))["head.weight"] == "float32"
    runs = report.runs.set_index(["variant", "dtype"])
    assert runs["status"]["module", "own"] == RunStatus.RUN
    assert "its own dtypes alone" in runs["reason"]["module", "float32"]


# -------------------------------------------------------------------- PyTorch: autocast


class Plain(nn.Module):  # type: ignore[misc] # PyTorch is Any
    """All in float32."""

    def __init__(self, body: float = 1.0, penalty: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.factors = body, penalty
        self.body, self.norm, self.head = nn.Linear(24, 32), nn.LayerNorm(32), nn.Linear(32, 5)
        self.free = nn.Parameter(torch.randn(12))

    def forward(self, x: Any) -> Any:
        hidden = Scaled.apply(self.body(x), self.factors[0])
        free = Scaled.apply(self.free, self.factors[1])
        return self.head(self.norm(F.gelu(hidden))), torch.sum(free**2 * torch.cos(free))


def _autocast(**factors: float) -> Any:
    scenario = gp.from_torch(Plain(**factors), (X,), loss=loss_of)
    report = gp.verify([scenario], dtypes="float32", backends="torch/autocast", limits=None)
    return report, set(report.gradients["parameter"][~report.gradients["verdict"].isin(RIGHT)])


def test_a_model_under_autocast_is_judged_by_the_formats_of_its_operations() -> None:
    report, wrong = _autocast()
    assert report.ok
    assert not wrong
    errors = report.gradients.set_index("parameter")["relative_error"]
    # it did compute in bfloat16, and not in what has no product
    assert errors["body.weight"] > 1e-3
    assert errors["free"] < 1e-5


@pytest.mark.parametrize(
    ("factors", "names"),
    [({"penalty": 1.0001}, {"free"}), ({"body": 1.1}, {"body.weight", "body.bias"})],
    ids=["float32", "bfloat16"],
)
def test_an_error_under_autocast_is_found(factors: Any, names: set[str]) -> None:
    assert _autocast(**factors)[1] == names


def test_a_loss_that_is_written_with_xp_is_run_under_autocast_too() -> None:
    random = np.random.default_rng(4)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        hidden = xp.tanh(batch["x"] @ params["w"])
        return xp.mean((hidden @ params["x"] - batch["y"]) ** 2) + xp.sum(params["free"] ** 2)

    scenario = gp.Scenario(
        name="perceptron",
        loss=loss,
        # a parameter and data of the same name are two things
        params={"w": random.normal(size=(5, 7)), "x": random.normal(size=7), "free": random.normal(size=3)},
        batch={"x": random.normal(size=(9, 5)), "y": random.normal(size=9)},
        training=gp.GradientDescent(learning_rate=0.01, steps=3),
    )
    report = gp.verify([scenario], dtypes=["float32", "float64"], backends="torch/autocast", limits=None)
    assert report.ok
    errors = report.gradients.groupby("parameter", observed=True)["relative_error"].max()
    assert errors["w"] > 1e-3
    assert errors["free"] < 1e-5
    runs = report.runs.set_index("dtype")
    assert runs["status"]["float64"] == RunStatus.NOT_RUN
    assert "float32" in runs["reason"]["float64"]


def test_autocast_is_run_where_it_is_named_alone() -> None:
    report = gp.verify("line_fit", dtypes="float32", backends="torch", limits=None)
    assert "autocast" not in set(report.runs["variant"])


# -------------------------------------------------------------------- JAX


def _mixed_loss(p: Any, b: Any) -> Any:
    low = jnp.bfloat16
    hidden = jax.nn.gelu(b["x"].astype(low) @ p["w"].astype(low)).astype(jnp.float32)
    product = jnp.matmul(hidden.astype(low), p["v"].astype(low), preferred_element_type=jnp.float32)
    return jnp.mean((product - b["y"]) ** 2) + 0.3 * jnp.sum(jnp.cos(p["free"]) * p["free"])


def _jax_arrays() -> tuple[dict[str, Any], dict[str, Any]]:
    random = np.random.default_rng(6)

    def normal(*shape: int) -> Any:
        return random.normal(size=shape).astype(np.float32)

    params = {"w": normal(24, 32) / 5, "v": normal(32, 8) / 6, "free": normal(12)}
    return params, {"x": normal(16, 24), "y": normal(16, 8)}


@pytest.mark.parametrize("stored", ["float32", "bfloat16"])
def test_a_jax_function_of_mixed_precision_is_judged_by_its_casts(stored: str) -> None:
    params, batch = _jax_arrays()
    params["w"] = params["w"].astype(stored)
    scenario = gp.from_jax(_mixed_loss, params, batch)
    dtype = "own" if stored == "bfloat16" else "float32"
    assert gp.check(scenario, dtype=dtype, points=1).ok
    gradients = jax.jit(jax.grad(_mixed_loss))(params, batch)

    def verdict(**factors: float) -> str:
        changed = {
            name: np.asarray(each) * np.float32(factors.get(name, 1)) for name, each in gradients.items()
        }
        found = gp.judge(scenario.loss, params, batch, changed, dtype=dtype)
        return "right" if str(found.verdict) in RIGHT else " ".join(sorted(wrong_in(found)))

    assert verdict() == "right"
    assert verdict(free=1.0001) == "free"
    assert verdict(v=1.0001) == "right"
    assert verdict(w=1.1) == "w"
    assert verdict(v=0.9) == "v"


def test_a_jax_function_in_its_own_dtypes_is_verified_compiled_and_not() -> None:
    params, batch = _jax_arrays()
    params["w"] = jnp.asarray(params["w"], jnp.bfloat16)
    training = gp.GradientDescent(learning_rate=0.1, steps=2)
    scenario = gp.from_jax(_mixed_loss, params, batch, training=training)
    report = gp.verify([scenario], dtypes="own", backends="jax", limits=None)
    assert report.ok
    assert set(report.runs["variant"][report.runs["status"] == RunStatus.RUN]) >= {"function", "jit"}


def test_what_is_no_dtype_is_told() -> None:
    with pytest.raises(InputError, match="own"):
        gp.check(taken(), dtype="mixed")
    with pytest.raises(InputError, match="own"):
        gp.verify("line_fit", dtypes="mixed")
