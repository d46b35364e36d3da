"""JAX's linear algebra as it is traced: JAX's own gradients agree, and ones that are off do not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.lax import linalg as lax_linalg
from jax.scipy import linalg as scipy_linalg

import gradproof as gp
from gradproof.models.functions_of_jax import from_jax

A = np.random.default_rng(4).normal(size=(3, 3)) + 3 * np.eye(3)
B = np.random.default_rng(5).normal(size=(3, 2))
TALL = np.random.default_rng(6).normal(size=(4, 3))


def definite(a: Any) -> Any:
    return a @ a.T + jnp.eye(3)


def tridiagonal(a: Any) -> Any:
    return lax_linalg.tridiagonal_solve(a[0] * np.array([0, 1, 1]), a[1] + 4, a[2] * np.array([1, 1, 0]), B)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "inv": jnp.linalg.inv,
    "solve": lambda a: jnp.linalg.solve(a, B),
    "solve-vector": lambda a: jnp.linalg.solve(a, B[:, 0]),
    "solve-stack": lambda a: jnp.linalg.solve(jnp.stack([a, a.T]), B),
    "det": jnp.linalg.det,
    "slogdet": lambda a: jnp.linalg.slogdet(a)[1] * jnp.linalg.slogdet(a[::-1])[0],
    "cholesky": lambda a: jnp.linalg.cholesky(definite(a)),
    "cho_solve": lambda a: scipy_linalg.cho_solve(scipy_linalg.cho_factor(definite(a)), B),
    "solve_triangular": lambda a: scipy_linalg.solve_triangular(a, B, trans=1, unit_diagonal=True),
    "triangular_solve": lambda a: lax_linalg.triangular_solve(a, B.T, left_side=False, lower=True),
    "tridiagonal_solve": tridiagonal,
    "lu": lambda a: scipy_linalg.lu(a[::-1])[2],
    "lu_solve": lambda a: scipy_linalg.lu_solve(scipy_linalg.lu_factor(a[::-1]), B),
    "eigh": lambda a: jnp.linalg.eigh(definite(a))[1] ** 2,
    "eigvalsh": lambda a: jnp.linalg.eigvalsh(definite(a)),
    "svd": lambda a: jnp.linalg.svd(TALL @ a, full_matrices=False)[0] ** 2,
    "svdvals": jnp.linalg.svdvals,
    "qr": lambda a: jnp.linalg.qr(TALL @ a)[0],
    "pinv": lambda a: jnp.linalg.pinv(TALL @ a),
}


def loss_of(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def loss(params: Any, _: Any) -> Any:
        result = function(params["a"]).reshape(-1)
        return jnp.sum(result * jnp.exp(jnp.linspace(0.0, 1.0, result.size)))

    return loss


QUICK = ("solve", "cholesky", "lu_solve", "eigh", "svd")
NAMES = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in FUNCTIONS]


@pytest.mark.parametrize("name", NAMES)
def test_jaxs_gradient_agrees_and_one_that_is_off_does_not(name: str) -> None:
    with jax.enable_x64(True):
        loss = loss_of(FUNCTIONS[name])
        scenario = from_jax(loss, {"a": A}, {})
        given = np.asarray(jax.jit(jax.grad(loss))({"a": A}, {})["a"])
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch)["a"]
    np.testing.assert_allclose(given, np.asarray(exact.midpoint, dtype=float), rtol=1e-9, atol=1e-11)
    for factor, passes in ((1.0, True), (1.0 + 1e-7, False)):
        found = gp.judge(
            scenario.loss, scenario.params, scenario.batch, {"a": given * factor}, dtype="float64"
        )
        assert found.verdict.passes is passes
