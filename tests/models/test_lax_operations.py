"""JAX's operations by the table: the tape's exact gradient against JAX's own in float64, and the values."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import gradproof as gp
from gradproof.models.functions_of_jax import from_jax
from gradproof.reference.numpy_namespace import NumpyNamespace

Case = Callable[[Any, Any], Any]

W = np.random.default_rng(5).uniform(0.2, 0.9, size=(4, 6))
IMAGES = np.random.default_rng(6).normal(size=(2, 4, 7, 6))
INDICES = np.array([[2, 0, 1], [3, 3, 1]])


def scattered(name: str, mode: Any = None) -> Case:
    def case(w: Any, b: Any) -> Any:
        target = jnp.zeros(5).at[b["i"]]
        return getattr(target, name)(w[:2, :3], mode=mode)

    return case


def convolution(shape: tuple[int, ...], numbers: Any = None, **options: Any) -> Case:
    size = int(np.prod(shape))

    def case(w: Any, b: Any) -> Any:
        kernel = jnp.resize(w.ravel(), size).reshape(shape) * jnp.arange(1.0, size + 1).reshape(shape)
        options.setdefault("window_strides", (1, 1))
        options.setdefault("padding", "SAME")
        return lax.conv_general_dilated(
            b["images"], kernel, dimension_numbers=numbers, preferred_element_type=None, **options
        )

    return case


NAMED = (
    "exp exp2 expm1 log log1p sin cos tanh arctan sqrt square cbrt abs negative reciprocal floor ceil sign "
    "nn.relu nn.sigmoid nn.softplus nn.silu nn.gelu nn.softmax nn.log_softmax nn.elu nn.selu nn.mish nn.glu "
    "nn.leaky_relu nn.hard_tanh nn.hard_swish nn.soft_sign nn.standardize nn.logsumexp nn.relu6"
)


def named(name: str) -> Case:
    part, _, function = name.rpartition(".")
    return lambda w, _: getattr(getattr(jax, part or "numpy"), function)(w)


ENTRYWISE = {name: named(name) for name in NAMED.split()}
ENTRYWISE |= {
    "integer_pow": lambda w, _: w**3 + w**-2,
    "pow": lambda w, _: w**2.5 + 2.0**w + w**w,
    "rsqrt": lambda w, _: lax.rsqrt(w),
    "rem": lambda w, _: lax.rem(7 * w, w + 1),
    "round": lambda w, _: w * jnp.round(10 * w) + lax.round(3 * w) * w,
    "clamp": lambda w, _: jnp.clip(w, 0.3, 0.6),
    "maximum": lambda w, b: jnp.maximum(w, b["x"]) + jnp.minimum(2 * w, b["x"]),
    "where": lambda w, b: jnp.where((w > 0.5) & ~(b["x"] > 0.1), w, w**2),
    "select_n": lambda w, b: lax.select_n(b["which"], w, w**2, w**3),
    "is_finite": lambda w, _: jnp.where(jnp.isfinite(w), w, 0.0),
    "cast": lambda w, _: w * (3 * w).astype(int) + (w > 0.5) * w + (w > 0.5).astype(int) * w**2,
    "stop_gradient": lambda w, _: w * lax.stop_gradient(w),
    "constants": lambda w, _: w * jnp.sin(jnp.arange(6) / 3.0) + jnp.linspace(0, 1, 6),
    "jit": lambda w, _: jax.jit(lambda x: jax.jit(jnp.sin)(x) * x)(w),
    "angles": lambda w, b: jnp.tan(w) + jnp.arcsin(w) + jnp.arccos(w) + jnp.arctan2(w, b["x"]),
    "hyperbolic": lambda w, _: (
        jnp.sinh(w) + jnp.cosh(w) + jnp.arcsinh(w) + jnp.arccosh(1 + w) + jnp.arctanh(w)
    ),
    "errors": lambda w, _: lax.erf(w) + lax.erfc(w) + lax.erf_inv(w),
    "gamma": lambda w, _: lax.lgamma(w) + lax.digamma(w) + lax.polygamma(2.0, w),
    "incomplete_gamma": lambda w, _: lax.igamma(1.5, w) + lax.igammac(2.5, w),
    "bessel": lambda w, _: lax.bessel_i0e(w) + lax.bessel_i1e(w),
    "normal": lambda w, _: jax.scipy.stats.norm.logcdf(3 * w) + jax.scipy.special.ndtr(w),
    "logaddexp": lambda w, b: jnp.logaddexp(w, b["x"]) + jax.scipy.special.xlogy(w, w),
    "checkpoint": lambda w, _: jax.checkpoint(lambda x: jnp.sin(x) * x)(w),
    "vmap": lambda w, b: jax.vmap(lambda x, y: jnp.dot(x, y) * x)(w, b["x"]),
}
MOVING: dict[str, Case] = {
    "reshape": lambda w, _: w.reshape(2, 12) * jnp.arange(12),
    "transpose": lambda w, _: w.T * jnp.arange(4),
    "squeeze": lambda w, _: w[None].squeeze(0),
    "broadcast": lambda w, _: jnp.broadcast_to(w[:, 0], (3, 4)) * jnp.arange(3)[:, None],
    "rev": lambda w, _: jnp.flip(w) * jnp.arange(6),
    "concatenate": lambda w, b: jnp.concatenate([w, b["x"], 2 * w], axis=1) ** 2,
    "stack": lambda w, b: jnp.stack([w, b["x"]]) ** 2,
    "split": lambda w, _: jnp.split(w, [1, 4], axis=1)[1] ** 2,
    "slice": lambda w, _: w[1:4:2, ::-2] ** 2,
    "pad": lambda w, _: jnp.pad(w, ((1, 2), (0, 1)), constant_values=0.5) ** 2,
    "pad_inside": lambda w, _: lax.pad(w, w[0, 0], ((1, -1, 2), (-2, 1, 0))) ** 2,
    "tile": lambda w, _: jnp.tile(w, (2, 1)) * jnp.arange(8)[:, None],
    "roll": lambda w, _: jnp.roll(w, 2, axis=1) * jnp.arange(6),
    "tril": lambda w, _: jnp.tril(w) ** 2,
    "diagonal": lambda w, _: jnp.diagonal(w) ** 2,
    "gather_one": lambda w, b: w[b["i"][0, 0]] ** 2 + w[1, b["i"][0, 1]],
    "take": lambda w, b: jnp.take(w, b["i"], axis=0) ** 2,
    "gather_clipped": lambda w, b: w.at[2 * b["i"]].get(mode="clip") ** 2,
    "gather_filled": lambda w, b: w.at[2 * b["i"]].get(mode="fill", fill_value=0.5) ** 2,
    "gather_pairs": lambda w, b: w[b["i"], b["i"] + 1] ** 2,
    "gather_vmapped": lambda w, b: jax.vmap(lambda x, i: x[i])(w[:2], b["i"]) ** 2,
    "take_along_axis": lambda w, b: jnp.take_along_axis(w[:2], b["i"], axis=1) ** 2,
    "dynamic_slice": lambda w, b: lax.dynamic_slice(w, (b["i"][0, 0], 5), (2, 3)) ** 2,
    "dynamic_update_slice": lambda w, b: lax.dynamic_update_slice(w**2, w[:2, :3], (b["i"][0, 0], 5)) ** 2,
    "scatter": lambda w, _: jnp.zeros(5).at[jnp.array([0, 3])].set(w[0, :2]) ** 2,
    "scatter_rows": lambda w, _: (w**2).at[jnp.array([0, 3]), 1:3].set(w[:2, :2]) ** 2,
    "scatter_add": lambda w, b: scattered("add")(w, b) ** 2,
    "scatter_add_dropped": lambda w, b: jnp.zeros(3).at[b["i"]].add(w[:2, :3], mode="drop") ** 2,
    "scatter_vmapped": lambda w, b: jax.vmap(lambda x, i: x.at[i].add(x[:3]))(w[:2], b["i"]) ** 2,
    "segment_sum": lambda w, _: jax.ops.segment_sum(w, jnp.array([1, 0, 1, 2]), 3) ** 2,
    "scatter_multiply": lambda w, _: (
        jnp.ones(5).at[jnp.array([0, 3])].multiply(w[0, :2], unique_indices=True) ** 2
    ),
    "scatter_max": lambda w, b: jnp.zeros(5).at[b["i"]].max(w[:2, :3]) ** 2,
    "scatter_min": lambda w, b: jnp.ones(5).at[b["i"]].min(w[:2, :3]) ** 2,
}
PRODUCTS: dict[str, Case] = {
    "dot": lambda w, b: w @ b["x"].T,
    "vector": lambda w, b: jnp.dot(w[0], b["x"][1]),
    "einsum": lambda w, b: jnp.einsum("ij,kj,ik->k", w, b["x"], w @ w.T),
    "stacked": lambda w, _: jnp.einsum("bij,bkj->bik", w.reshape(2, 2, 6), w.reshape(2, 2, 6) ** 2),
    "two_axes": lambda w, b: jnp.tensordot(
        w.reshape(2, 2, 6), b["x"].reshape(2, 2, 6), axes=[[1, 2], [0, 2]]
    ),
    "conv": convolution((3, 4, 2, 3)),
    "conv_strided": convolution((3, 4, 2, 3), window_strides=(2, 1), padding=((1, 0), (2, 2))),
    "conv_dilated": convolution((3, 4, 2, 2), rhs_dilation=(2, 3), padding="VALID"),
    "conv_transposed": convolution((3, 4, 3, 3), lhs_dilation=(2, 2), padding=((1, 2), (1, 1))),
    "conv_grouped": convolution((6, 2, 2, 2), feature_group_count=2),
    "conv_depthwise": convolution((4, 1, 3, 3), feature_group_count=4),
    "conv_batch_groups": convolution((4, 4, 2, 2), batch_group_count=2),
    "conv_channels_last": convolution((2, 2, 6, 3), ("NWHC", "WHIO", "NHWC")),
    "max_pool": lambda w, b: lax.reduce_window(
        w * b["x"], -jnp.inf, lax.max, (2, 3), (1, 2), ((1, 0), (0, 1))
    ),
    "min_pool": lambda w, b: lax.reduce_window(w * b["x"], jnp.inf, lax.min, (2, 3), (1, 2), "VALID"),
    "average_pool": lambda w, _: lax.reduce_window(
        w, 0.0, lax.add, (2, 2), (2, 1), "SAME", window_dilation=(1, 2)
    ),
}
ALONG_AXES: dict[str, Case] = {
    "sum": lambda w, _: w.sum(0) ** 2,
    "mean": lambda w, _: w.mean((0, 1)) ** 2,
    "var": lambda w, _: w.var(1, ddof=1),
    "std": lambda w, _: w.std(0),
    "prod": lambda w, _: w.prod(1),
    "max": lambda w, _: w.max(1) * w.min(1),
    "norm": lambda w, _: jnp.linalg.norm(w, axis=1),
    "cumsum": lambda w, _: jnp.cumsum(w, axis=1) ** 2 + lax.cumsum(w, 1, reverse=True) ** 2,
    "cumprod": lambda w, _: jnp.cumprod(w, axis=0),
    "cummax": lambda w, _: lax.cummax(w, 1) ** 2 + lax.cummin(w, 0, reverse=True) ** 2,
    "sort": lambda w, _: jnp.sort(w, axis=1) ** 2 + jnp.sort(w.ravel(), descending=True).reshape(4, 6),
    "sort_by_another": lambda w, b: lax.sort((b["x"], w, w**2), dimension=0, num_keys=1)[1:],
    "top_k": lambda w, _: lax.top_k(w, 3)[0] ** 2,
    "approximate_top_k": lambda w, _: lax.approx_max_k(w, 2)[0] ** 2 + lax.approx_min_k(w, 2)[0],
    "median": lambda w, _: jnp.median(w, axis=1),
    "argmax": lambda w, _: w[:, jnp.argmax(w[0])] * w[jnp.argmin(w, axis=0)[1]][:4],
    "cumlogsumexp": lambda w, _: lax.cumlogsumexp(w, 1),
    "any": lambda w, b: jnp.where((b["x"] > 1).any(1), w[:, 0], w[:, 1]) * (b["x"] > -5).all(),
    "logsumexp": lambda w, _: jax.scipy.special.logsumexp(w, axis=1, b=jnp.arange(1.0, 7)),
}
EQUATIONS: dict[str, Case] = {
    "solve": lambda w, b: jnp.linalg.solve(w[:, :4] + 3 * jnp.eye(4), b["x"][:, :2]),
    "solve_vector": lambda w, _: jnp.linalg.solve(w[:, :4] + 3 * jnp.eye(4), w[:, 5]),
    "solve_constants": lambda w, _: jnp.linalg.solve(jnp.eye(6) + jnp.arange(6) / 9, jnp.ones(6)) * w,
    "inverse": lambda w, _: jnp.linalg.inv(w[:3, :3] + 3 * jnp.eye(3)),
    "solve_stacked": lambda w, _: jax.vmap(lambda a: jnp.linalg.solve(jnp.diag(a[:3]) + 1, a[3:]))(w[:2]),
}
LOOPS: dict[str, Case] = {
    "scan": lambda w, b: lax.scan(lambda c, x: (jnp.tanh(c * x) + w[0], c * x), w[1], b["x"]),
    "scan_reverse": lambda w, b: lax.scan(
        lambda c, x: (c * x[0], c + x[1]), w[1], (b["x"], jnp.arange(4)), reverse=True
    ),
    "scan_without_input": lambda w, _: lax.scan(lambda c, _: (jnp.sin(c), None), w, length=3)[0],
    "fori_loop": lambda w, _: lax.fori_loop(0, 3, lambda i, c: c * w + i * w, w),
    "map": lambda w, _: lax.map(lambda row: jnp.sin(row) * row[0], w),
    "cond_of_integers": lambda w, b: lax.cond(b["i"][0, 0] > 1, jnp.sin, jnp.cos, w),
    "cond_of_data": lambda w, b: lax.cond(b["x"][0, 0] > 1, lambda x: x / 0.0, jnp.cos, w),
    "cond_of_parameters": lambda w, _: lax.cond(w[0, 0] > 0.1, lambda x: x**2, jnp.cos, w),
    "switch": lambda w, b: lax.switch(b["i"][0, 0], [jnp.sin, jnp.cos, jnp.exp, jnp.tanh], w),
    "associative_scan": lambda w, _: lax.associative_scan(jnp.multiply, w, axis=1),
}
CASES = {**ENTRYWISE, **MOVING, **PRODUCTS, **ALONG_AXES, **EQUATIONS, **LOOPS}


def total(case: Case) -> Callable[[Any, Any], Any]:
    """The sum of all that a case gives, each entry with a weight of its own."""

    def loss(params: Any, batch: Any) -> Any:
        results = jax.tree.leaves(case(params["w"], batch))
        return sum(jnp.sum(each * jnp.cos(jnp.arange(each.size).reshape(each.shape))) for each in results)

    return loss


@pytest.mark.parametrize("name", CASES)
def test_an_operation_has_jaxs_value_and_gradient(name: str) -> None:
    batch = {
        "x": np.random.default_rng(7).normal(size=(4, 6)),
        "i": INDICES,
        "images": IMAGES,
        "which": np.arange(24).reshape(4, 6) % 3,
    }
    loss = total(CASES[name])
    scenario = from_jax(loss, {"w": W}, batch)
    with jax.enable_x64(True):
        value, gradient = jax.jit(jax.value_and_grad(loss))({"w": jnp.asarray(W)}, batch)
        gradient = np.asarray(gradient["w"])
    replayed = scenario.flat_loss(NumpyNamespace(), scenario.flat_params, scenario.flat_batch)
    np.testing.assert_allclose(float(replayed), float(value), rtol=1e-11, atol=1e-11)
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch, digits=20)["w"].midpoint
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(exact, gradient, rtol=1e-10, atol=1e-11 * scale)
