"""A JAX function as it is, with a custom_vjp: `gradproof check examples/jax_function.py`, and `::wrong`."""

import jax
import jax.numpy as jnp
import numpy as np

import gradproof as gp

random = np.random.default_rng(6)
params = {
    "embedding": random.normal(size=(7, 4)).astype(np.float32),
    "norm": {"gain": random.normal(size=4).astype(np.float32)},
    "output": random.normal(size=(4, 3)).astype(np.float32),
}
batch = {"tokens": random.integers(0, 7, size=(5, 2)), "labels": random.integers(0, 3, size=5)}


def _norm(backward):
    @jax.custom_vjp
    def rms_norm(x, gain):
        return x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True)) * gain

    def forward(x, gain):
        size = jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True))
        return x / size * gain, (x, size, gain)

    rms_norm.defvjp(forward, backward)
    return rms_norm


# y = g x / s with s² = mean(x²), and so ds/dx = x / (n s):
# dL/dx = (h - x mean(h x) / s²) / s for h = g dL/dy
def _backward(kept, error):
    x, size, gain = kept
    h = error * gain
    along = jnp.mean(h * x, axis=-1, keepdims=True)
    return (h - x * along / size**2) / size, jnp.sum(error * x / size, axis=0)


# The same as if s did not depend on x.
def _wrong_backward(kept, error):
    x, size, gain = kept
    return error * gain / size, jnp.sum(error * x / size, axis=0)


def _loss(norm):
    def loss(params, batch):
        hidden = jnp.mean(params["embedding"][batch["tokens"]], axis=1)
        logits = norm(hidden, params["norm"]["gain"]) @ params["output"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][:, None], axis=1)
        return -jnp.mean(chosen)

    return loss


scenario = gp.from_jax(_loss(_norm(_backward)), params, batch, name="classifier")


def wrong():
    """Take the function with the wrong rule."""
    return gp.from_jax(_loss(_norm(_wrong_backward)), params, batch, name="classifier")
