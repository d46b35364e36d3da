"""A jax.custom_vjp, ln(1 + eˣ): `gradproof check examples/jax_custom_vjp.py`, and `::wrong_gradient`."""

import jax
import jax.numpy as jnp
import numpy as np

random = np.random.default_rng(4)
params = {"w": random.normal(size=(4, 2))}
batch = {"x": random.normal(size=(5, 4)), "y": random.normal(size=(5, 2))}


def loss(xp, params, batch):
    """Compute half the sum of squared errors of softplus(x w)."""
    return 0.5 * xp.sum((xp.nn.softplus(batch["x"] @ params["w"]) - batch["y"]) ** 2)


def _softplus(backward):
    @jax.custom_vjp
    def softplus(x):
        return jnp.logaddexp(x, 0.0)

    softplus.defvjp(lambda x: (softplus(x), x), lambda x, error: (error * backward(x),))
    return softplus


# ln(1 + eˣ)' = eˣ / (1 + eˣ) = sigmoid(x)
right = _softplus(jax.nn.sigmoid)
# The derivative of sigmoid instead of sigmoid itself.
wrong = _softplus(lambda x: jax.nn.sigmoid(x) * (1 - jax.nn.sigmoid(x)))


def _run(softplus, params, batch):
    with jax.enable_x64(True):

        def objective(params):
            return 0.5 * jnp.sum((softplus(batch["x"] @ params["w"]) - batch["y"]) ** 2)

        return jax.grad(objective)({"w": jnp.asarray(params["w"])})


def gradient(params, batch):
    """Let JAX use the custom rule."""
    return _run(right, params, batch)


def wrong_gradient(params, batch):
    """Let JAX use the wrong one."""
    return _run(wrong, params, batch)
