"""Models of Flax and Equinox as they are: JAX's own gradient of each is what float32 allows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradproof as gp

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(8)
KEY = jax.random.PRNGKey(3)


def normal(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


def flax_scenario(module: Any, batch: dict[str, Any], loss: Callable[[Any, Any], Any]) -> gp.Scenario:
    variables = module.init(KEY, batch["x"])
    fixed = {name: value for name, value in variables.items() if name != "params"}

    def function(params: Any, batch: Any) -> Any:
        return loss(module.apply({"params": params, **fixed}, batch["x"]), batch)

    return gp.from_jax(function, variables["params"], batch, name=type(module).__name__)


def cross_entropy(logits: Any, batch: Any) -> Any:
    labels = jax.nn.one_hot(batch["labels"], logits.shape[-1])
    return -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(logits), axis=-1))


def squares(output: Any, batch: Any) -> Any:
    return jnp.mean((output - batch["y"]) ** 2)


def flax_transformer() -> gp.Scenario:
    linen = pytest.importorskip("flax.linen")

    class Block(linen.Module):  # type: ignore[misc,name-defined] # Flax is not looked at by type checkers here
        @linen.compact
        def __call__(self, tokens: Any) -> Any:
            x = linen.Embed(11, 8)(tokens)
            mask = linen.make_causal_mask(tokens)
            x = x + linen.MultiHeadDotProductAttention(num_heads=2)(linen.LayerNorm()(x), mask=mask)
            h = linen.gelu(linen.Dense(16)(linen.LayerNorm()(x)))
            x = x + linen.Dropout(0.1, deterministic=True)(linen.Dense(8)(h))
            return linen.Dense(11)(x)

    tokens = RANDOM.integers(0, 11, size=(2, 5))
    return flax_scenario(Block(), {"x": tokens, "labels": np.roll(tokens, -1, axis=1)}, cross_entropy)


def flax_cnn() -> gp.Scenario:
    linen = pytest.importorskip("flax.linen")

    class CNN(linen.Module):  # type: ignore[misc,name-defined] # as above
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.GroupNorm(num_groups=2)(linen.Conv(4, (3, 3))(x)))
            x = linen.max_pool(x, (2, 2), strides=(2, 2))
            x = linen.BatchNorm(use_running_average=True)(linen.Conv(6, (3, 3), strides=2)(x))
            return linen.Dense(3)(linen.avg_pool(linen.swish(x), (2, 2)).reshape(len(x), -1))

    batch = {"x": normal(3, 8, 8, 2), "labels": np.array([0, 2, 1])}
    return flax_scenario(CNN(), batch, cross_entropy)


def flax_recurrent() -> gp.Scenario:
    linen = pytest.importorskip("flax.linen")

    class Recurrent(linen.Module):  # type: ignore[misc,name-defined] # as above
        @linen.compact
        def __call__(self, x: Any) -> Any:
            return linen.Dense(2)(linen.RNN(linen.GRUCell(5))(linen.RNN(linen.OptimizedLSTMCell(4))(x)))

    return flax_scenario(Recurrent(), {"x": normal(2, 6, 3), "y": normal(2, 6, 2)}, squares)


def equinox_scenario(model: Any, batch: dict[str, Any], loss: Callable[[Any, Any], Any]) -> gp.Scenario:
    return gp.from_jax(lambda model, batch: loss(jax.vmap(model)(batch["x"]), batch), model, batch)


def equinox_mlp() -> gp.Scenario:
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(4, 3, 8, 2, activation=jax.nn.silu, key=KEY)
    return equinox_scenario(model, {"x": normal(6, 4), "labels": np.arange(6) % 3}, cross_entropy)


def equinox_attention() -> gp.Scenario:
    eqx = pytest.importorskip("equinox")

    class Encoder(eqx.Module):  # type: ignore[misc,name-defined] # as above
        attention: Any
        norm: Any
        linear: Any

        def __call__(self, x: Any) -> Any:
            h = jax.vmap(self.norm)(x)
            return jax.vmap(self.linear)(x + self.attention(h, h, h))

    keys = jax.random.split(KEY, 2)
    attention = eqx.nn.MultiheadAttention(2, 6, inference=True, key=keys[0])
    model = Encoder(attention, eqx.nn.LayerNorm(6), eqx.nn.Linear(6, 2, key=keys[1]))
    return equinox_scenario(model, {"x": normal(3, 4, 6), "y": normal(3, 4, 2)}, squares)


def equinox_cnn() -> gp.Scenario:
    eqx = pytest.importorskip("equinox")
    keys = jax.random.split(KEY, 2)
    model = eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(2, 4, 3, padding=1, key=keys[0]),
            eqx.nn.GroupNorm(2, 4),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.AvgPool2d(2, 2),
            eqx.nn.ConvTranspose2d(4, 2, 2, stride=2, key=keys[1]),
        ]
    )
    return equinox_scenario(model, {"x": normal(2, 2, 6, 6), "y": normal(2, 2, 6, 6)}, squares)


MODELS = [
    flax_transformer,
    flax_cnn,
    flax_recurrent,
    equinox_mlp,
    equinox_attention,
    equinox_cnn,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_as_it_is_passes(make: Callable[[], gp.Scenario], dtype: str) -> None:
    check = gp.check(make(), dtype=dtype, points=1, strict=False)
    assert check.ok, check


def test_names_are_the_packages_own() -> None:
    names = list(flax_transformer().flat_params)
    assert "MultiHeadDotProductAttention_0.query.kernel" in names
    assert "LayerNorm_1.scale" in names
    assert "layers.0.weight" in list(equinox_mlp().flat_params)


def test_lines_are_the_users_and_modules_the_packages() -> None:
    scenario = flax_transformer()
    graph = scenario.loss.graph(scenario.flat_params, scenario.flat_batch)  # type: ignore[attr-defined]
    sources = [node.source for node in graph.nodes]
    assert {source.file for source in sources} == {__file__}
    assert any("LayerNorm_1" in source.module for source in sources)
