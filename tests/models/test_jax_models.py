"""A transformer block, and the documents' systems, as JAX functions."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradproof as gp
from gradproof.scenarios.documents.bce_network.system import bce_network
from gradproof.scenarios.documents.line_fit.system import line_fit, line_fit_minibatch
from gradproof.scenarios.documents.neuron_chain.system import neuron_chain
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network

RANDOM = np.random.default_rng(4)
HEADS = 2


def normal(*shape: int) -> Any:
    return (0.5 * RANDOM.normal(size=shape)).astype(np.float32)


def layer_norm(x: Any, p: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p["gain"] + p["bias"]


def transformer(p: Any, b: Any) -> Any:
    """A causal block with learnt positions, two heads and shared embeddings, and its cross-entropy."""
    length = b["tokens"].shape[1]
    x = p["embedding"][b["tokens"]] + p["positions"][:length]
    q, k, v = jnp.split(layer_norm(x, p["norms"][0]) @ p["qkv"], 3, axis=-1)
    q, k, v = (each.reshape(*each.shape[:2], HEADS, -1) for each in (q, k, v))
    scores = jnp.einsum("bthd,bshd->bhts", q, k) / jnp.sqrt(q.shape[-1])
    scores = jnp.where(jnp.tril(jnp.ones((length, length), dtype=bool)), scores, jnp.finfo(scores.dtype).min)
    x = x + jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), v).reshape(x.shape) @ p["out"]
    x = x + jax.nn.gelu(layer_norm(x, p["norms"][1]) @ p["up"]) @ p["down"]
    log_p = jax.nn.log_softmax(x @ p["embedding"].T)
    return -jnp.take_along_axis(log_p, b["next"][..., None], axis=-1).mean()


def transformer_scenario(width: int = 8, words: int = 11) -> gp.Scenario:
    params = {
        "embedding": normal(words, width),
        "positions": normal(6, width),
        "norms": [{"gain": 1 + normal(width), "bias": normal(width)} for _ in range(2)],
        "qkv": normal(width, 3 * width),
        "out": normal(width, width),
        "up": normal(width, 4 * width),
        "down": normal(4 * width, width),
    }
    tokens = RANDOM.integers(0, words, size=(2, 5))
    return gp.from_jax(transformer, params, {"tokens": tokens, "next": np.roll(tokens, -1, axis=1)})


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_transformer_passes(dtype: str) -> None:
    check = gp.check(transformer_scenario(), dtype=dtype, points=1, strict=False)
    assert check.ok, check
    assert check.dtype == dtype


# -------------------------------------------------------------------- the documents' systems


def sigmoid_function(p: Any, b: Any) -> Any:
    output = jax.nn.sigmoid(jax.nn.sigmoid(b["x"] @ p["w_ij"]) @ p["w_jk"])
    return 0.5 * jnp.sum((b["y"] - output) ** 2)


def bce_function(p: Any, b: Any) -> Any:
    output = jax.nn.sigmoid(jax.nn.relu(b["x"] @ p["w_hidden"]) @ p["w_output"])
    return -jnp.mean(b["y"] * jnp.log(output) + (1 - b["y"]) * jnp.log1p(-output))


def line_function(p: Any, b: Any) -> Any:
    return jnp.sum((p["m"] * b["x"] + p["c"] - b["y"]) ** 2)


def chain_function(p: Any, b: Any) -> Any:
    a1 = jax.nn.sigmoid(p["w1"] * b["a0"] + p["b1"])
    return jnp.mean((jax.nn.sigmoid(p["w2"] * a1 + p["b2"]) - b["d"]) ** 2)


SYSTEMS = {
    "sigmoid_network": (sigmoid_network, sigmoid_function),
    "bce_network": (bce_network, bce_function),
    "line_fit": (line_fit, line_function),
    "line_fit_minibatch": (line_fit_minibatch, line_function),
    "neuron_chain": (neuron_chain, chain_function),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_documents_system_as_a_jax_function_has_its_verdicts(name: str) -> None:
    make, function = SYSTEMS[name]
    document = make()
    assert document.training is not None
    training = replace(document.training, steps=5)
    model = gp.from_jax(function, document.params, document.batch, name=name, training=training)
    verdicts = []
    for scenario, variant in (
        (replace(document, training=training, claims=()), "eager"),
        (model, "function"),
    ):
        report = gp.verify([scenario], backends=[f"jax/{variant}"], limits=None)
        judged = report.findings[report.findings["kind"].isin(["gradient", "update"])]
        rows = judged[["kind", "dtype", "parameter", "steps", "verdict"]].itertuples(index=False)
        verdicts.append(sorted(map(tuple, rows)))
    assert verdicts[0] == verdicts[1]
    assert len(verdicts[0]) == 4 * len(document.flat_params)
