"""What a run leaves changed is found and put back; runs that change nothing are not accused."""

import random
import warnings

import numpy as np
import pytest

from gradproof.backends import backend_names, is_own, load_backend
from gradproof.errors import BackendUnavailableError
from gradproof.running.slate import Slate
from gradproof.scenarios import line_fit


def loaded(name):
    try:
        return load_backend(name)
    except BackendUnavailableError as error:
        pytest.skip(str(error))


def torch_default_dtype(torch):
    torch.set_default_dtype(torch.float64)


def torch_patched(torch):
    torch.tanh = torch.sigmoid


def torch_method(torch):
    torch.Tensor.backward = lambda *_, **__: None


TORCH = {
    "default dtype": torch_default_dtype,
    "recording of gradients": lambda torch: torch.set_grad_enabled(False),
    "number of threads": lambda torch: torch.set_num_threads(3 - min(torch.get_num_threads(), 2)),
    "deterministic algorithms": lambda torch: torch.use_deterministic_algorithms(True),
    "float32 matrix products": lambda torch: torch.set_float32_matmul_precision("medium"),
    "detection of anomalies": lambda torch: torch.autograd.set_detect_anomaly(True),
    "random numbers": lambda torch: torch.manual_seed(1),
    "functions of torch (tanh)": torch_patched,
    "functions of torch (backward)": torch_method,
}

JAX = {
    "jax_enable_x64": lambda jax: jax.config.update("jax_enable_x64", True),
    "jax_default_matmul_precision": lambda jax: jax.config.update("jax_default_matmul_precision", "float32"),
    "functions of jax (tanh)": lambda jax: setattr(jax.numpy, "tanh", jax.numpy.sin),
}

PYTHON = {
    "NumPy's error state": lambda np: np.seterr(over="raise"),
    "Python's random numbers": lambda _: random.seed(1),
    "NumPy's random numbers": lambda np: np.random.random(),
    "the filters of warnings": lambda _: warnings.simplefilter("ignore"),
    "functions of numpy (sum)": lambda np: setattr(np, "sum", np.mean),
}

CASES = [
    *(("torch", words, change) for words, change in TORCH.items()),
    *(("jax", words, change) for words, change in JAX.items()),
    *(("reference", words, change) for words, change in PYTHON.items()),
]


@pytest.mark.parametrize(
    ("name", "words", "change"), CASES, ids=[f"{name}, {words}" for name, words, _ in CASES]
)
def test_what_is_left_changed_is_told_and_put_back(name, words, change):
    backend, scenario = loaded(name), line_fit()
    library = {"torch": "torch", "jax": "jax", "reference": "numpy"}[name]
    slate = Slate.before(backend, scenario)
    change(__import__(library))
    told = slate.restored()
    assert any(words in each for each in told), told
    assert Slate.before(backend, scenario).settings[0][1]
    assert slate.restored() == []


@pytest.mark.parametrize("name", [name for name in backend_names() if is_own(name)])
def test_gradproofs_own_backends_leave_nothing_changed(name):
    backend, scenario = loaded(name), line_fit()
    for variant in backend.variants:
        for dtype in backend.dtypes:
            slate = Slate.before(backend, scenario)
            backend.run(scenario, dtype=dtype, variant=variant)
            assert slate.restored() == [], (variant, dtype)


def test_arrays_are_put_back():
    scenario = line_fit()
    slate = Slate.before(load_backend("reference"), scenario)
    before = {name: array.copy() for name, array in scenario.flat_params.items()}
    name = next(iter(before))
    scenario.flat_params[name] = before[name] + 1
    assert slate.restored() == [f"parameter {name!r} of the scenario"]
    np.testing.assert_equal(scenario.flat_params, before)
