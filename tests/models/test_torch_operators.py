"""PyTorch's own database of operators, a part of it: `python -m benchmarks operators` goes through all."""

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
pytestmark = pytest.mark.slow

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks import operators  # noqa: E402 - beside the package

EXACT = [
    "__getitem__",
    "addmm",
    "amax",
    "atan2",
    "as_strided",
    "cat",
    "cumprod",
    "diagonal",
    "einsum",
    "erf",
    "expand",
    "gather",
    "index_add",
    "index_put",
    "index_reduce.amax",
    "kthvalue",
    "lgamma",
    "linalg.eigh",
    "linalg.inv",
    "linalg.qr",
    "linalg.slogdet",
    "linalg.solve_triangular",
    "linalg.svdvals",
    "logcumsumexp",
    "masked_scatter",
    "matmul",
    "median",
    "min.reduction_with_dim",
    "nn.functional.adaptive_max_pool2d",
    "nn.functional.avg_pool2d",
    "nn.functional.batch_norm",
    "nn.functional.conv2d",
    "nn.functional.conv_transpose2d",
    "nn.functional.cross_entropy",
    "nn.functional.embedding",
    "nn.functional.gelu",
    "nn.functional.group_norm",
    "nn.functional.interpolate.bilinear",
    "nn.functional.layer_norm",
    "nn.functional.max_pool2d",
    "nn.functional.pad.circular",
    "nn.functional.rms_norm",
    "nn.functional.softplus",
    "norm.inf",
    "pow",
    "prod",
    "put",
    "roll",
    "scatter_add",
    "scatter_reduce.mean",
    "sort",
    "special.i1e",
    "take",
    "topk",
    "unfold",
    "var",
    "where",
]


@pytest.fixture(scope="module")
def entries() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {operators.name_of(entry): entry for entry in operators.differentiable()}


@pytest.mark.filterwarnings("ignore")
def test_operators_have_the_exact_gradient(entries: dict[str, Any]) -> None:
    found = [operators.measured(entries[name]) for name in EXACT if name in entries]
    assert len(found) >= 50
    assert [(each.name, each.kind, each.reason) for each in found if each.kind != "exact"] == []


@pytest.mark.filterwarnings("ignore")
def test_what_is_disputed_is_explained_and_disputed(entries: dict[str, Any]) -> None:
    reasons = operators.explained()
    assert reasons.keys() <= entries.keys()
    for name in ("digamma", "nn.functional.hardsigmoid", "as_strided_scatter", "native_layer_norm"):
        assert operators.measured(entries[name]).kind == "DISAGREES", name
        assert name in reasons
