"""PyTorch's linear algebra as it is traced: autograd's gradients agree, and one that is off does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")
linalg = torch.linalg

START = np.random.default_rng(4).normal(size=(3, 3)) + 3 * np.eye(3)
RIGHT = torch.tensor(np.random.default_rng(5).normal(size=(3, 2)))
TALL = torch.tensor(np.random.default_rng(6).normal(size=(4, 3)))


def definite(a: Any) -> Any:
    return a @ a.mT + torch.eye(a.shape[-1], dtype=a.dtype)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "inv": linalg.inv,
    "solve": lambda a: linalg.solve(a, RIGHT.to(a)),
    "solve-vector": lambda a: linalg.solve(a, RIGHT.to(a)[:, 0]),
    "solve-left": lambda a: linalg.solve(a, RIGHT.mT.to(a), left=False),
    "solve_triangular": lambda a: linalg.solve_triangular(a, RIGHT.to(a), upper=False),
    "solve_triangular-unit": lambda a: linalg.solve_triangular(
        a, RIGHT.mT.to(a), upper=True, left=False, unitriangular=True
    ),
    "det": torch.det,
    "slogdet": lambda a: torch.slogdet(a)[1],
    "cholesky": lambda a: linalg.cholesky(definite(a)),
    "cholesky-upper": lambda a: linalg.cholesky(definite(a), upper=True),
    "cholesky_solve": lambda a: torch.cholesky_solve(RIGHT.to(a), linalg.cholesky(definite(a))),
    "cholesky_inverse": lambda a: torch.cholesky_inverse(linalg.cholesky(definite(a))),
    "eigh": lambda a: linalg.eigh(definite(a))[1] ** 2,
    "eigvalsh": lambda a: linalg.eigvalsh(definite(a)),
    "svd": lambda a: linalg.svd(TALL.to(a) @ a, full_matrices=False)[2] ** 2,
    "svdvals": linalg.svdvals,
    "norm-nuc": lambda a: linalg.matrix_norm(a, ord="nuc"),
    "qr": lambda a: linalg.qr(TALL.to(a) @ a)[0],
    "pinv": lambda a: linalg.pinv(TALL.to(a) @ a),
    "lstsq": lambda a: linalg.lstsq(TALL.to(a) @ a, TALL.to(a)[:, :2])[0],
    "matrix_power": lambda a: linalg.matrix_power(a, -2),
    "householder_product": lambda a: linalg.householder_product(a, a[0]),
}


class Model(torch.nn.Module):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(START))
        self.function = function

    def forward(self) -> Any:
        return self.function(self.a)


def weighted(output: Any) -> Any:
    weights = torch.exp(torch.linspace(0.0, 1.0, output.numel(), dtype=output.dtype))
    return (output.reshape(-1) * weights).sum()


QUICK = ("inv", "solve", "cholesky", "eigh", "svd", "qr")
NAMES = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in FUNCTIONS]


@pytest.mark.parametrize("name", NAMES)
def test_autograds_gradient_agrees_and_one_that_is_off_does_not(name: str) -> None:
    scenario = gp.from_torch(Model(FUNCTIONS[name]), (), loss=weighted)
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch)["a"]
    model = Model(FUNCTIONS[name])
    weighted(model()).backward()
    given = model.a.grad.numpy()
    np.testing.assert_allclose(given, np.asarray(exact.midpoint, dtype=float), rtol=1e-9, atol=1e-11)
    for factor, passes in ((1.0, True), (1.0 + 1e-7, False)):
        found = gp.judge(
            scenario.loss, scenario.params, scenario.batch, {"a": given * factor}, dtype="float64"
        )
        assert found.verdict.passes is passes
