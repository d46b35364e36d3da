"""The functions of xp and xp.nn against JAX's, values and gradients, on the same loss."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Balls, Mask, Plain
from gradproof.reference.tape import Tape, Tensor, differentiate
from gradproof.reference.tape.namespace import Namespace

RNG = np.random.default_rng(6)
PARAMS = {
    "a": RNG.normal(size=(3, 4)),
    "b": RNG.normal(size=(4, 5)),
    "s": RNG.normal(size=(2, 3, 4)),
    "v": RNG.normal(size=4),
}
BATCH = {"x": RNG.normal(size=(3, 4)), "k": np.array([2, 0, 3]), "t": np.array([0, 1, 1, 0])}


def square(xp: Any, params: Any) -> Any:
    """A matrix that is regular."""
    return params["a"][:, :3] * 0.5 + 1.5 * xp.eye(3, dtype=xp.float64)


def stack(xp: Any, params: Any) -> Any:
    """Two of them, the second with a negative determinant."""
    return xp.stack([square(xp, params), xp.flip(square(xp, params), axis=0) * params["v"][0]])


def eigen_function(xp: Any, eigen: Any) -> Any:
    """A function of eigenvalues and eigenvectors that is the same whichever signs these have."""
    values, vectors = eigen
    return (vectors * xp.expand_dims(xp.sin(values), axis=-2)) @ vectors.mT + vectors**2


def singular_function(xp: Any, singular: Any) -> Any:
    """Likewise, of singular values and vectors."""
    u, s, vh = singular
    return xp.sum((u * xp.expand_dims(xp.sin(s), axis=-2)) @ vh, axis=-1) ** 2 + xp.sum(
        u**2 * xp.expand_dims(s, axis=-2), axis=-1
    )


FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "tensordot-int": lambda xp, p, _: xp.tensordot(p["s"], p["b"], axes=1),
    "tensordot-pairs": lambda xp, p, _: xp.tensordot(p["s"], p["a"], axes=([1, 2], [0, 1])),
    "tensordot-order": lambda xp, p, _: xp.tensordot(p["s"], p["a"], axes=([2, 1], [1, 0])),
    "tensordot-outer": lambda xp, p, _: xp.tensordot(p["v"], p["v"], axes=0),
    "vecdot": lambda xp, p, _: xp.vecdot(p["s"], p["a"]),
    "vecdot-axis": lambda xp, p, _: xp.vecdot(p["a"], p["a"], axis=0),
    "outer": lambda xp, p, _: xp.outer(p["v"], p["v"]),
    "stack": lambda xp, p, _: xp.stack([p["a"], p["a"] * 2], axis=1),
    "concat": lambda xp, p, _: xp.concat([p["a"], p["b"][:3, :4]], axis=-1),
    "concat-flat": lambda xp, p, _: xp.concat([p["a"], p["v"]], axis=None),
    "take": lambda xp, p, b: xp.take(p["b"], b["k"], axis=0),
    "take-last": lambda xp, p, b: xp.take(p["s"], b["k"], axis=-1),
    "take-vector": lambda xp, p, b: xp.take(p["v"], b["k"]),
    "take_along_axis": lambda xp, p, b: xp.take_along_axis(p["a"], b["k"][:, None], axis=1),
    "index-pairs": lambda xp, p, b: p["a"][xp.arange(3), b["k"]],
    "index-apart": lambda _, p, b: p["s"][0, :, b["k"]],
    "index-mixed": lambda _, p, b: p["s"][:, None, ..., b["k"]][::-1],
    "index-repeated": lambda _, p, b: p["v"][b["t"]],
    "tril": lambda xp, p, _: xp.tril(p["s"], k=1),
    "triu": lambda xp, p, _: xp.triu(p["a"], k=-1),
    "permute_dims": lambda xp, p, _: xp.permute_dims(p["s"], (2, 0, 1)),
    "moveaxis": lambda xp, p, _: xp.moveaxis(p["s"], 0, -1),
    "transposes": lambda xp, p, _: p["a"].T @ xp.matrix_transpose(p["s"])[0].mT,
    "broadcast_to": lambda xp, p, _: xp.broadcast_to(p["v"], (3, 4)),
    "broadcast_arrays": lambda xp, p, _: xp.broadcast_arrays(p["v"], p["a"])[0],
    "expand_dims": lambda xp, p, _: xp.expand_dims(p["a"], axis=1),
    "squeeze": lambda xp, p, _: xp.squeeze(p["a"][:, None, :], axis=1),
    "flip": lambda xp, p, _: xp.flip(p["a"], axis=0),
    "sum": lambda xp, p, _: xp.sum(p["s"], axis=(0, 2)),
    "mean": lambda xp, p, _: xp.mean(p["s"], axis=1, keepdims=True),
    "prod": lambda xp, p, _: xp.prod(p["s"], axis=(0, 1)),
    "prod-kept": lambda xp, p, _: xp.prod(p["a"], axis=0, keepdims=True),
    "max": lambda xp, p, _: xp.max(p["s"], axis=(0, 2)),
    "min": lambda xp, p, _: xp.min(p["s"], keepdims=True),
    "var": lambda xp, p, _: xp.var(p["s"], axis=(1, 2), correction=1),
    "std": lambda xp, p, _: xp.std(p["s"], axis=0, keepdims=True),
    "cumulative_sum": lambda xp, p, _: xp.cumulative_sum(p["a"], axis=0),
    "cumulative_sum-initial": lambda xp, p, _: xp.cumulative_sum(p["v"], include_initial=True),
    "cumulative_prod": lambda xp, p, _: xp.cumulative_prod(p["s"], axis=1),
    "cumulative_prod-initial": lambda xp, p, _: xp.cumulative_prod(p["v"], include_initial=True),
    "sort": lambda xp, p, _: xp.sort(p["s"], axis=1),
    "sort-descending": lambda xp, p, _: xp.sort(p["a"], descending=True),
    "argsort": lambda xp, p, _: xp.take_along_axis(p["a"], xp.argsort(p["a"], axis=0), axis=0),
    "argsort-descending": lambda xp, p, _: xp.take(p["b"], xp.argsort(p["v"], descending=True), axis=0),
    "argmax": lambda xp, p, _: xp.take(p["b"], xp.argmax(p["a"], axis=1), axis=0),
    "argmax-kept": lambda xp, p, _: xp.take_along_axis(
        p["s"], xp.argmax(p["s"], axis=-1, keepdims=True), axis=-1
    ),
    "argmax-all": lambda xp, p, _: xp.reshape(p["s"], (-1,))[xp.argmax(p["s"])],
    "argmin": lambda xp, p, _: p["b"][xp.argmin(p["a"], axis=1), xp.arange(3)],
    "searchsorted": lambda xp, p, _: p["v"] * xp.searchsorted(xp.asarray([-1.0, 0.0, 1.0]), p["v"]),
    "searchsorted-right": lambda xp, p, b: (
        p["v"] * xp.searchsorted(xp.sort(p["v"]), p["v"], side="right") + xp.searchsorted(b["t"][:2], b["t"])
    ),
    "count_nonzero": lambda xp, p, _: p["v"] * xp.count_nonzero(p["a"] > 0, axis=0),
    "any": lambda xp, p, _: xp.where(xp.any(p["s"] > 1, axis=(0, 1)), p["v"], 0.0),
    "all": lambda xp, p, _: xp.where(xp.all(p["a"] < 1, axis=0, keepdims=True), p["a"], p["v"]),
    "isfinite": lambda xp, p, _: xp.where(
        xp.isfinite(p["a"]) & ~xp.isnan(p["a"]) & ~xp.isinf(p["a"]), p["a"], 0.0
    ),
    "signbit": lambda xp, p, _: xp.where(xp.signbit(p["a"]), p["a"] ** 2, p["a"]),
    "bitwise": lambda xp, p, b: xp.where(
        xp.bitwise_and(p["v"] > 0, xp.bitwise_invert(b["t"] > xp.bitwise_xor(b["t"], b["t"]))), p["v"], 1.0
    ),
    "diff": lambda xp, p, _: xp.diff(p["a"], axis=0),
    "diff-twice": lambda xp, p, _: xp.diff(p["a"], n=2),
    "diff-ends": lambda xp, p, b: xp.diff(p["a"], axis=0, prepend=b["x"][:1], append=p["a"][:2]),
    "repeat": lambda xp, p, _: xp.repeat(p["a"], 2, axis=1),
    "repeat-each": lambda xp, p, _: xp.repeat(p["v"], np.array([2, 0, 3, 1])),
    "repeat-flat": lambda xp, p, _: xp.repeat(p["a"], 2),
    "roll": lambda xp, p, _: xp.roll(p["s"], (1, -2), axis=(0, 2)),
    "roll-flat": lambda xp, p, _: xp.roll(p["a"], 5),
    "tile": lambda xp, p, _: xp.tile(p["a"], (2, 1, 2)),
    "unstack": lambda xp, p, _: xp.unstack(p["s"], axis=1)[2] * xp.unstack(p["s"], axis=1)[0],
    "meshgrid": lambda xp, p, _: sum(xp.meshgrid(p["v"], p["b"][0], p["a"][:, 0])),
    "meshgrid-ij": lambda xp, p, _: sum(xp.meshgrid(p["v"], p["b"][0], indexing="ij")),
    "real": lambda xp, p, _: xp.real(p["a"]) * xp.conj(p["a"]),
    "atan": lambda xp, p, _: xp.atan(p["a"]) + xp.arctan(p["a"]),
    "pow": lambda xp, p, _: xp.pow(p["a"], 3) + p["a"] ** 2.0 + 2.0 ** p["a"],
    "pow-half": lambda xp, p, _: xp.pow(xp.exp(p["a"]), 0.5),
    "clip": lambda xp, p, _: xp.clip(p["a"], -0.5, 0.5),
    "clip-below": lambda xp, p, _: xp.clip(p["a"], min=-0.5),
    "clip-above": lambda xp, p, _: xp.clip(p["a"], max=0.5),
    "where": lambda xp, p, b: xp.where(p["a"] > b["x"], p["a"] ** 2, p["v"]),
    "where-not": lambda xp, p, b: xp.where(
        xp.logical_not(xp.logical_or(p["a"] <= b["x"], p["a"] != p["a"])), p["a"] ** 2, 1.0
    ),
    "reciprocal": lambda xp, p, _: xp.reciprocal(p["a"]) - xp.negative(xp.positive(p["a"])),
    "square-abs-sign": lambda xp, p, _: xp.square(p["a"]) * xp.abs(p["a"]) + xp.sign(p["a"]),
    "functions": lambda xp, p, _: xp.divide(
        xp.subtract(xp.multiply(p["a"], 3), xp.add(p["v"], 1)), xp.maximum(xp.minimum(p["a"], 2), 1)
    ),
    "creation": lambda xp, p, _: (
        p["a"] * xp.zeros_like(p["a"])
        + xp.full((3, 4), 0.1) * p["a"]
        + (xp.eye(4) + xp.ones((4, 4)) + xp.zeros(4)) @ p["v"] * xp.arange(4)
        + p["a"] * xp.linspace(0.0, 1.0, 4) * xp.ones_like(p["a"]) * xp.full_like(p["v"], xp.pi)
    ),
    "constants": lambda xp, p, _: p["v"][xp.newaxis] * xp.pi * xp.e * xp.asarray([1, 2.5, 3, 4]),
    "astype": lambda xp, p, b: xp.astype(b["t"], xp.float64) * xp.astype(p["v"], xp.float64),
}

MATRICES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "linalg-products": lambda xp, p, _: (
        xp.linalg.matmul(p["a"], p["b"])[:, 0] * xp.linalg.vecdot(p["a"], p["v"])
        + xp.linalg.tensordot(p["a"], p["v"], axes=1)
        + xp.linalg.outer(p["v"], p["v"])[0, 1:] * xp.linalg.matrix_transpose(p["a"])[0]
    ),
    "inv": lambda xp, p, _: xp.linalg.inv(square(xp, p)),
    "inv-stack": lambda xp, p, _: xp.linalg.inv(stack(xp, p)),
    "solve": lambda xp, p, _: xp.linalg.solve(square(xp, p), p["b"][:3]),
    "solve-vector": lambda xp, p, _: xp.linalg.solve(square(xp, p), p["v"][:3]),
    "solve-stack": lambda xp, p, _: xp.linalg.solve(stack(xp, p), p["b"][:3]),
    "det": lambda xp, p, _: xp.linalg.det(stack(xp, p)),
    "det-singular": lambda xp, p, _: xp.linalg.det(xp.linalg.outer(p["v"], p["v"])[:3, :3] * xp.eye(3)),
    "slogdet": lambda xp, p, _: xp.linalg.slogdet(stack(xp, p))[1] * xp.linalg.slogdet(stack(xp, p)).sign,
    "cholesky": lambda xp, p, _: xp.linalg.cholesky(p["a"] @ p["a"].mT),
    "cholesky-upper": lambda xp, p, _: xp.linalg.cholesky(p["a"] @ p["a"].mT, upper=True),
    "eigh": lambda xp, p, _: eigen_function(xp, xp.linalg.eigh(p["a"] @ p["a"].mT)),
    "eigh-values": lambda xp, p, _: xp.linalg.eigh(p["a"] @ p["a"].mT).eigenvalues,
    "eigvalsh": lambda xp, p, _: xp.linalg.eigvalsh(p["s"] @ p["s"].mT + xp.eye(3)),
    "svd": lambda xp, p, _: singular_function(xp, xp.linalg.svd(square(xp, p))),
    "svd-tall": lambda xp, p, _: singular_function(xp, xp.linalg.svd(p["a"].mT, full_matrices=False)),
    "svd-wide": lambda xp, p, _: singular_function(xp, xp.linalg.svd(p["s"], full_matrices=False)),
    "svdvals": lambda xp, p, _: xp.linalg.svdvals(p["s"]),
    "qr": lambda xp, p, _: sum(xp.linalg.qr(square(xp, p))),
    "qr-tall": lambda xp, p, _: xp.linalg.qr(p["a"].mT)[0] @ xp.linalg.qr(2 * p["a"].mT)[1] ** 2,
    "qr-wide": lambda xp, p, _: xp.linalg.qr(p["a"])[1] * 2,
    "pinv": lambda xp, p, _: xp.linalg.pinv(p["s"]) + xp.linalg.pinv(p["s"].mT).mT,
    "matrix_power": lambda xp, p, _: (
        xp.linalg.matrix_power(square(xp, p), 5) + xp.linalg.matrix_power(square(xp, p), 0)
    ),
    "matrix_power-negative": lambda xp, p, _: xp.linalg.matrix_power(square(xp, p), -3),
    "matrix_rank": lambda xp, p, _: p["v"] * xp.linalg.matrix_rank(p["a"]),
    "trace": lambda xp, p, _: xp.linalg.trace(p["s"]) + xp.linalg.trace(p["s"], offset=1),
    "diagonal": lambda xp, p, _: xp.linalg.diagonal(p["s"], offset=-1),
    "cross": lambda xp, p, _: xp.linalg.cross(p["s"], p["a"], axis=-2),
    "vector_norm": lambda xp, p, _: xp.linalg.vector_norm(p["s"], axis=(0, 2), keepdims=True),
    **{
        f"vector_norm-{order}": lambda xp, p, _, order=order: xp.linalg.vector_norm(p["a"], axis=0, ord=order)
        for order in (1, 3, 2.5, np.inf, -np.inf)
    },
    **{
        f"matrix_norm-{order}": lambda xp, p, _, order=order: xp.linalg.matrix_norm(
            p["s"], ord=order, keepdims=order == 1
        )
        for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
}

NEURAL: dict[str, Callable[[Any, Any], Any]] = {
    "sigmoid": lambda nn, x: nn.sigmoid(x),
    "relu": lambda nn, x: nn.relu(x),
    "silu": lambda nn, x: nn.silu(x),
    "softplus": lambda nn, x: nn.softplus(x),
    "softmax": lambda nn, x: nn.softmax(x),
    "softmax-axis": lambda nn, x: nn.softmax(x, axis=0),
    "log_softmax": lambda nn, x: nn.log_softmax(x, axis=1),
    "logsumexp": lambda nn, x: nn.logsumexp(x, axis=0, keepdims=True),
    "logsumexp-all": lambda nn, x: nn.logsumexp(x, axis=(0, 1)),
}


def weighted(xp: Any, result: Any) -> Any:
    """A loss in which every entry of a result has another weight."""
    size = int(np.prod(result.shape))
    return xp.sum(xp.reshape(result, (-1,)) * xp.linspace(0.5, 2.0, size, dtype=xp.float64))


def compare_with_jax(loss: Callable[[Any, Any, Any], Any], own: Callable[..., Any]) -> None:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        params = {name: jax.numpy.asarray(p) for name, p in PARAMS.items()}
        batch = {name: jax.numpy.asarray(b) for name, b in BATCH.items()}
        value, gradients = jax.jit(jax.value_and_grad(lambda p: loss(jax.numpy, p, batch)))(params)
    for kind in (Plain(), Balls()):
        result = differentiate(own, PARAMS, BATCH, kind)
        np.testing.assert_allclose(result.value.values()[0], value, rtol=1e-12, atol=1e-12)
        for name, gradient in result.gradients.items():
            np.testing.assert_allclose(gradient.values()[0], gradients[name], rtol=1e-9, atol=1e-11)


EVERY = FUNCTIONS | MATRICES


@pytest.mark.parametrize(
    "name", [*FUNCTIONS, *(pytest.param(name, marks=pytest.mark.slow) for name in MATRICES)]
)
def test_a_function_is_jaxs(name: str) -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return weighted(xp, EVERY[name](xp, params, batch))

    compare_with_jax(loss, loss)


@pytest.mark.parametrize("name", NEURAL)
def test_a_neural_function_is_jaxs(name: str) -> None:
    jax = pytest.importorskip("jax")

    def loss(nn: Any) -> Any:
        return lambda xp, params, _batch: weighted(xp, NEURAL[name](nn or xp.nn, params["a"] * 3))

    compare_with_jax(loss(jax.nn), loss(None))


def compare_with_torch(loss: Callable[[Any, Any, Any], Any], own: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    params = {name: torch.tensor(p, requires_grad=True) for name, p in PARAMS.items()}
    batch = {name: torch.tensor(b) for name, b in BATCH.items()}
    value = loss(torch, params, batch)
    value.backward()
    result = differentiate(own, PARAMS, BATCH, Plain())
    np.testing.assert_allclose(result.value.values()[0], value.item(), rtol=1e-12)
    for name, p in params.items():
        expected = np.zeros(p.shape) if p.grad is None else p.grad.numpy()
        np.testing.assert_allclose(result.gradients[name].values()[0], expected, atol=1e-12)


OTHERWISE_IN_TORCH = {
    "index-apart": "axes of integers that are apart go where they are, and not in front",
    "index-mixed": "a slice has no negative step",
    "creation": "new arrays are float32",
    "repeat-each": "the numbers of repeats are a tensor",
}


@pytest.mark.parametrize("name", [name for name in EVERY if name not in OTHERWISE_IN_TORCH])
def test_a_function_is_torchs(name: str) -> None:
    pytest.importorskip("torch")
    from gradproof.backends.torch_functions import TorchNamespace

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return weighted(xp, EVERY[name](xp, params, batch))

    compare_with_torch(lambda _, params, batch: loss(TorchNamespace(), params, batch), loss)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_is_torchs(approximate: str) -> None:
    compare_with_torch(
        lambda torch, p, _b: torch.nn.functional.gelu(p["a"], approximate=approximate).sum(),
        lambda xp, p, _b: xp.sum(xp.nn.gelu(p["a"], approximate=approximate)),
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses_are_torchs(reduction: Any) -> None:
    def total(value: Any) -> Any:
        return value.sum()

    def torch_loss(torch: Any, p: Any, b: Any) -> Any:
        functional, t = torch.nn.functional, b["t"].double()
        logits = p["v"] * 2
        return (
            total(functional.cross_entropy(p["a"], b["k"], reduction=reduction))
            + total(functional.cross_entropy(p["a"], b["x"].softmax(1), reduction=reduction))
            + total(functional.binary_cross_entropy(logits.sigmoid(), t, reduction=reduction))
            + total(functional.binary_cross_entropy_with_logits(logits, t, reduction=reduction))
        )

    def own_loss(xp: Any, p: Any, b: Any) -> Any:
        logits = p["v"] * 2
        losses = [
            xp.nn.cross_entropy(p["a"], b["k"], reduction=reduction),
            xp.nn.cross_entropy(p["a"], xp.nn.softmax(b["x"]), reduction=reduction),
            xp.nn.binary_cross_entropy(xp.nn.sigmoid(logits), b["t"], reduction=reduction),
            xp.nn.binary_cross_entropy_with_logits(logits, b["t"], reduction=reduction),
        ]
        return sum(xp.sum(each) for each in losses)

    compare_with_torch(torch_loss, own_loss)


def test_cross_entropy_along_another_axis() -> None:
    def loss(xp: Any, p: Any, _b: Any) -> Any:
        labels = np.array([0, 2, 1, 1])
        return xp.nn.cross_entropy(p["a"], labels, axis=0)

    def transposed(xp: Any, p: Any, _b: Any) -> Any:
        return xp.nn.cross_entropy(p["a"].T, np.array([0, 2, 1, 1]))

    results = [differentiate(f, PARAMS, BATCH, Plain()) for f in (loss, transposed)]
    np.testing.assert_allclose(*(r.gradients["a"].values() for r in results), rtol=1e-13)


def test_certain_targets_cost_nothing_where_the_probability_is_zero() -> None:
    result = differentiate(
        lambda xp, p, b: xp.nn.binary_cross_entropy(p["p"], b["t"], reduction="sum"),
        {"p": [0.0, 1.0]},
        {"t": [0, 1]},
        Plain(),
    )
    assert result.value.values().tolist() == [0.0]
    assert result.gradients["p"].values().tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize(
    "loss",
    [
        lambda xp, w: xp.nn.gelu(w, approximate="erf"),
        lambda xp, w: xp.nn.cross_entropy(w, np.array(0), reduction="all"),
    ],
)
def test_an_unknown_option_is_named(loss: Any) -> None:
    with pytest.raises(InputError, match=r"does not know .*Pass"):
        differentiate(lambda xp, p, _b: loss(xp, p["w"]), {"w": [1.0, 2.0]}, {}, Plain())


@pytest.mark.parametrize("name", ["take", "take_along_axis"])
def test_computed_indices_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedError, match=r"indices at .* are computed"):
        differentiate(lambda xp, p, _b: getattr(xp, name)(p["w"], p["w"]), {"w": [1.0, 2.0]}, {}, Plain())


def namespace() -> Any:
    return Namespace(Tape(Plain()))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda xp, k: xp.reshape(k, (3, 1)), [[2], [0], [3]]),
        (lambda xp, k: xp.permute_dims(k[None], (1, 0)), [[2], [0], [3]]),
        (lambda xp, k: xp.matrix_transpose(k[None]), [[2], [0], [3]]),
        (lambda xp, k: xp.broadcast_to(k, (2, 3)), [[2, 0, 3]] * 2),
        (lambda xp, k: xp.squeeze(xp.expand_dims(k, axis=0), axis=0), [2, 0, 3]),
        (lambda xp, k: xp.flip(k), [3, 0, 2]),
        (lambda xp, k: xp.concat([k, k]), [2, 0, 3, 2, 0, 3]),
        (lambda xp, k: xp.stack([k, k]), [[2, 0, 3]] * 2),
        (lambda xp, k: xp.take(k, k[1:] - 1, axis=0), [3, 3]),
        (lambda xp, k: xp.take_along_axis(k, k[1:2], axis=0), [2]),
        (lambda xp, k: xp.tril(xp.outer(k, k)), [[4, 0, 0], [0, 0, 0], [6, 0, 9]]),
        (lambda xp, k: xp.triu(xp.outer(k, k)), [[4, 0, 6], [0, 0, 0], [0, 0, 9]]),
        (lambda xp, k: xp.where(k > 1, k, -k), [2, 0, 3]),
        (lambda xp, k: xp.abs(xp.negative(xp.square(k))), [4, 0, 9]),
        (lambda xp, k: xp.sign(xp.clip(k, 0, 1)), [1, 0, 1]),
        (lambda xp, k: xp.pow(k, 2), [4, 0, 9]),
        (lambda xp, k: xp.add(k, k), [4, 0, 6]),
        (lambda xp, k: xp.greater_equal(k, 2), [True, False, True]),
        (lambda xp, k: xp.logical_and(k > 1, k < 3), [True, False, False]),
        (lambda xp, k: xp.logical_xor(k > 1, xp.logical_not(k < 3)), [True, False, False]),
        (lambda xp, k: xp.logical_or(k > 2, k < 1), [False, True, True]),
        (lambda xp, k: xp.sort(k, descending=True), [3, 2, 0]),
        (lambda xp, k: xp.argsort(k), [1, 0, 2]),
        (lambda xp, k: xp.argsort(k, descending=True), [2, 0, 1]),
        (lambda xp, k: xp.argmax(k) - xp.argmin(k), 1),
        (lambda xp, k: xp.any(k) & ~xp.all(k), True),
        (lambda xp, k: xp.count_nonzero(k), 2),
        (lambda xp, k: xp.nonzero(k)[0], [0, 2]),
        (lambda xp, k: xp.searchsorted(xp.sort(k), k), [1, 0, 2]),
        (lambda xp, k: xp.sort(xp.unique_values(xp.repeat(k, 2))), [0, 2, 3]),
        (lambda xp, k: xp.unique_counts(xp.roll(k, 1)).counts, [1, 1, 1]),
        (lambda xp, k: xp.unique_inverse(k).inverse_indices, [1, 0, 2]),
        (lambda xp, k: xp.unique_all(k).indices, [1, 0, 2]),
        (lambda xp, k: xp.diff(k), [-2, 3]),
        (lambda xp, k: xp.diff(k, prepend=k[:1]), [0, -2, 3]),
        (lambda xp, k: xp.tile(k, (2,)), [2, 0, 3, 2, 0, 3]),
        (lambda xp, k: xp.unstack(k), [2, 0, 3]),
        (lambda xp, k: xp.meshgrid(k, k[:1])[0], [[2, 0, 3]]),
        (lambda xp, k: xp.cumulative_prod(k + 1), [3, 3, 12]),
        (lambda xp, k: xp.bitwise_left_shift(xp.bitwise_or(k, 1), 1), [6, 2, 6]),
        (lambda xp, k: xp.bitwise_right_shift(xp.bitwise_invert(k), 1), [-2, -1, -2]),
        (lambda xp, k: xp.isfinite(k) & ~xp.isnan(k) & ~xp.isinf(k) & ~xp.signbit(k), [True] * 3),
        (lambda xp, k: xp.result_type(k, xp.int8) == xp.int64, True),
        (lambda xp, k: xp.can_cast(k, xp.float64) & xp.isdtype(k.dtype, "integral"), True),
        (lambda xp, k: xp.iinfo(k).max, 2**63 - 1),
        (lambda xp, k: xp.sum(k), 5),
        (lambda xp, k: xp.prod(k), 0),
        (lambda xp, k: xp.max(k), 3),
        (lambda xp, k: xp.cumulative_sum(k), [2, 2, 5]),
        (lambda xp, k: xp.vecdot(k, k), 13),
        (lambda xp, k: xp.tensordot(k, k, axes=1), 13),
        (lambda xp, k: xp.matmul(k, k), 13),
        (lambda xp, k: xp.astype(k > 1, xp.int64), [1, 0, 1]),
        (lambda xp, k: xp.asarray(k), [2, 0, 3]),
        (lambda xp, k: xp.zeros_like(k) + xp.ones_like(k) + xp.full_like(k, 2), [3, 3, 3]),
        (lambda xp, k: xp.arange(1, k[2] + 1), [1, 2, 3]),
    ],
)
def test_integers_stay_numpys(call: Any, expected: Any) -> None:
    result = call(namespace(), np.array([2, 0, 3]))
    assert not isinstance(result, Tensor)
    assert np.asarray(result).tolist() == expected


def test_floats_become_constants_of_the_tape() -> None:
    xp = namespace()
    for made in (xp.zeros(3), xp.asarray([0.5]), xp.full(2, 0.1), xp.arange(3.0), xp.eye(2)):
        assert isinstance(made, Tensor)
        assert made.index is None
    assert isinstance(xp.less(xp.ones(2), 2.0), Mask)
    assert xp.asarray(mask := Mask.lift([True])) is mask
    assert xp.astype(mask, xp.bool) is mask
    assert xp.finfo(xp.ones(1).dtype).eps == 2.0**-52


def test_every_public_function_is_documented() -> None:
    for group in (Namespace, type(namespace().nn)):
        for name, function in inspect.getmembers(group, inspect.isfunction):
            assert name.startswith("_") or function.__doc__, name
