"""Gradients that work with PyTorch and JAX are judged in floating point, and it is said so."""

import numpy as np
import pytest

from gradproof import Verdict, check

R = np.random.default_rng(0)
PARAMS = {"w": R.normal(size=(3, 2)), "c": R.normal(size=2)}
BATCH = {"x": R.normal(size=(5, 3)), "y": R.normal(size=(5, 2))}
DTYPES = ["float64", "float32"]


def loss(xp, p, b):
    return xp.mean(xp.tanh(b["x"] @ p["w"] + p["c"]) * b["y"])


def torch_function(factor):
    """A gradient through a torch.autograd.Function of the user's, whose derivative is off by a factor."""
    torch = pytest.importorskip("torch")

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            a = torch.tanh(z)
            ctx.save_for_backward(a)
            return a

        @staticmethod
        def backward(ctx, g):
            (a,) = ctx.saved_tensors
            return factor * g * (1 - a * a)

    def from_arrays(p, b):
        w, c = (torch.tensor(p[name], requires_grad=True) for name in ("w", "c"))
        (Tanh.apply(torch.tensor(b["x"]) @ w + c) * torch.tensor(b["y"])).mean().backward()
        return {"w": w.grad, "c": c.grad}

    def from_leaves(p, b):
        (Tanh.apply(b["x"] @ p["w"] + p["c"]) * b["y"]).mean().backward()
        return {"w": p["w"].grad, "c": p["c"].grad}

    def by_hand(p, b):
        a = torch.tanh(b["x"].mm(p["w"]) + p["c"])
        delta = factor * b["y"] * (1 - a * a) / a.numel()
        return {"w": b["x"].T.mm(delta), "c": delta.sum(0)}

    return {"arrays": from_arrays, "leaves": from_leaves, "by hand": by_hand}


def jax_function(factor):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    @jax.custom_vjp
    def tanh(z):
        return jnp.tanh(z)

    tanh.defvjp(lambda z: (jnp.tanh(z), jnp.tanh(z)), lambda a, g: (factor * g * (1 - a * a),))

    def gradient(p, b):
        return jax.grad(lambda p: jnp.mean(tanh(b["x"] @ p["w"] + p["c"]) * b["y"]))(p)

    return {"custom_vjp": gradient, "compiled": jax.jit(gradient)}


def autograd_function(factor):
    autograd = pytest.importorskip("autograd")
    anp = autograd.numpy

    def gradient(p, b):
        function = autograd.grad(lambda p: anp.mean(anp.tanh(b["x"] @ p["w"] + p["c"]) * b["y"]))
        return {name: factor * each for name, each in function(p).items()}

    return {"autograd": gradient}


def mlx_function(factor):
    mx = pytest.importorskip("mlx.core")

    def gradient(p, b):
        function = mx.grad(lambda p: mx.mean(mx.tanh(b["x"] @ p["w"] + p["c"]) * b["y"]))
        return {name: factor * each for name, each in function(p).items()}

    return {"mlx": gradient}


def tensorflow_function(factor):
    tf = pytest.importorskip("tensorflow")

    def gradient(p, b):
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = tf.reduce_mean(tf.tanh(b["x"] @ p["w"] + p["c"]) * b["y"])
        return {name: factor * each for name, each in tape.gradient(value, p).items()}

    return {"tensorflow": gradient}


OTHERS = {"autograd": autograd_function, "mlx": mlx_function, "tensorflow": tensorflow_function}
NAMES = ["arrays", "leaves", "by hand", "custom_vjp", "compiled"]


def gradient_of(name, factor):
    usual = jax_function if name in {"custom_vjp", "compiled"} else torch_function
    return OTHERS.get(name, usual)(factor)[name]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_a_right_one_agrees(name, dtype):
    result = check(loss, gradient_of(name, 1.0), PARAMS, BATCH, dtype=dtype)
    assert result.verdict is Verdict.AGREES
    assert result.ok
    assert not result.certified
    assert result.points.checked >= 10
    assert "Judged in floating point alone" in result.reason
    assert "do not run on certified balls" in result.reason
    assert result.digits == pytest.approx({"float64": 15, "float32": 6}[dtype], abs=1.5)


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize("name", NAMES)
def test_a_slightly_wrong_one_disagrees(name, dtype, error):
    result = check(loss, gradient_of(name, 1.0 + error), PARAMS, BATCH, dtype=dtype)
    assert result.verdict is Verdict.DISAGREES
    assert not result.ok
    assert len(result.entries) == 8


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-9), ("float32", 1e-3)])
@pytest.mark.parametrize("name", OTHERS)
def test_so_are_those_of_other_frameworks(name, dtype, error):
    result = check(loss, gradient_of(name, 1.0), PARAMS, BATCH, dtype=dtype, points=3)
    assert result.verdict is Verdict.AGREES
    assert "Judged in floating point alone" in result.reason
    wrong = check(loss, gradient_of(name, 1.0 + error), PARAMS, BATCH, dtype=dtype, points=0)
    assert wrong.verdict is Verdict.DISAGREES


def test_the_64_bit_mode_of_jax_is_as_it_was():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    check(loss, gradient_of("custom_vjp", 1.0), PARAMS, BATCH)
    assert jax.config.jax_enable_x64 is before


def test_a_change_of_tensors_in_place_is_seen():
    by_hand = gradient_of("by hand", 1.0)

    def changes(p, b):
        result = by_hand(p, b)
        b["x"].mul_(2.0)
        return result

    result = check(loss, changes, PARAMS, BATCH)
    assert not result.ok
    assert "mutated-input" in {finding.kind for finding in result.findings}


def test_a_hidden_error_is_found_at_points_of_its_own():
    torch = pytest.importorskip("torch")

    def relu_loss(xp, p, b):
        return xp.sum(xp.nn.relu(b["x"] @ p["w"]) * b["y"])

    def no_mask(p, b):
        return {"w": torch.tensor(b["x"]).T @ torch.tensor(b["y"])}

    positive = {"w": np.abs(PARAMS["w"])}, {"x": np.abs(BATCH["x"]), "y": BATCH["y"]}
    assert check(relu_loss, no_mask, *positive, points=0).ok
    found = check(relu_loss, no_mask, *positive)
    assert found.verdict is Verdict.DISAGREES
    assert found.failing_point.seed == 0
