"""What the frameworks' flags let products be rounded to: what is modelled, what is told, what is put back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gradproof.backends import Run, load_backend
from gradproof.backends.laws import check_record
from gradproof.errors import BackendError, UnsupportedError
from gradproof.reference.numbers.formats import Products
from gradproof.running.slate import Slate
from gradproof.scenarios import line_fit

TF32, BFLOAT16 = (Products(product=name, convolution=name) for name in ("tf32", "bfloat16"))


@pytest.fixture
def torch() -> Iterator[Any]:
    """PyTorch, whose flags are put back."""
    module = pytest.importorskip("torch")
    slate = Slate.before(load_backend("torch"), line_fit())
    yield module
    slate.restored()
    assert slate.restored() == []


def set_flag(flag: str, value: Any) -> Callable[[Any], None]:
    def change(torch: Any) -> None:
        holder, names = torch.backends, flag.split(".")
        for name in names[:-1]:
            holder = getattr(holder, name)
        setattr(holder, names[-1], value)

    return change


def set_precision(name: str) -> Callable[[Any], None]:
    return lambda torch: torch.set_float32_matmul_precision(name)


CONVOLUTIONS = Products(convolution="tf32")
"""What PyTorch does on CUDA by itself."""

FLAGS = {
    "as it is": (lambda _: None, CONVOLUTIONS, Products()),
    "high": (set_precision("high"), TF32, Products(product="tf32")),
    "medium": (set_precision("medium"), TF32, Products(product="bfloat16")),
    "matrices": (set_flag("cuda.matmul.allow_tf32", value=True), TF32, Products()),
    "no convolutions": (set_flag("cudnn.allow_tf32", value=False), Products(), Products()),
    "matrices by the newer name": (set_flag("cuda.matmul.fp32_precision", "tf32"), TF32, Products()),
    "no convolutions by the newer name": (
        set_flag("cudnn.conv.fp32_precision", "ieee"),
        Products(),
        Products(),
    ),
    "on the CPU": (
        set_flag("mkldnn.matmul.fp32_precision", "bf16"),
        CONVOLUTIONS,
        Products(product="bfloat16"),
    ),
    "convolutions on the CPU": (set_flag("mkldnn.conv.fp32_precision", "tf32"), CONVOLUTIONS, CONVOLUTIONS),
}


@pytest.mark.parametrize("name", FLAGS)
def test_what_pytorchs_flags_permit(torch: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change, on_cuda, on_cpu = FLAGS[name]
    if "newer" in name or "CPU" in name:
        pytest.importorskip("torch", minversion="2.9")
    framework = load_backend("torch").framework  # type: ignore[attr-defined]
    capability = [(9, 0)]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability[0])
    change(torch)
    assert framework.products("float32", "cuda") == on_cuda
    assert framework.products("float32", "cuda:1") == on_cuda
    assert framework.products("float32", "cpu") == framework.products("float32") == on_cpu
    assert framework.products("float64", "cuda") == framework.products("float64") == Products()
    capability[0] = (7, 5)  # a device that has no TF32
    assert framework.products("float32", "cuda") == Products()


@pytest.mark.parametrize(("short", "dtype"), [("fp16", "float16"), ("bf16", "bfloat16")])
def test_partial_sums_of_short_formats(torch: Any, short: str, dtype: str) -> None:
    framework = load_backend("torch").framework  # type: ignore[attr-defined]
    assert framework.products(dtype, "cuda") == Products(partial=dtype)
    assert framework.products(dtype) == Products()
    set_flag(f"cuda.matmul.allow_{short}_reduced_precision_reduction", value=False)(torch)
    assert framework.products(dtype, "cuda") == Products()


def test_sums_in_float16(torch: Any) -> None:
    if not hasattr(torch.backends.cuda.matmul, "allow_fp16_accumulation"):
        pytest.skip("this version has no such flag")
    set_flag("cuda.matmul.allow_fp16_accumulation", value=True)(torch)
    framework = load_backend("torch").framework  # type: ignore[attr-defined]
    assert framework.products("float16", "cuda").accumulation == "float16"
    assert framework.products("bfloat16", "cuda").accumulation is None


@pytest.mark.parametrize(
    "change",
    [
        *(change for change, *_ in [*FLAGS.values()][1:]),
        set_flag("fp32_precision", "tf32"),
        set_flag("cuda.matmul.allow_bf16_reduced_precision_reduction", value=False),
        lambda torch: torch.set_default_device("meta"),
    ],
)
def test_a_flag_that_a_run_leaves_changed_is_told_and_put_back(
    torch: Any, change: Callable[[Any], None]
) -> None:
    slate = Slate.before(load_backend("torch"), line_fit())
    change(torch)
    assert slate.restored()
    assert slate.restored() == []
    assert torch.zeros(1).device.type == "cpu"


def test_flags_that_the_older_name_cannot_tell_do_not_end_a_run(torch: Any) -> None:
    """PyTorch raises a RuntimeError where they are read by it."""
    pytest.importorskip("torch", minversion="2.9")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    backend = load_backend("torch")
    assert Slate.before(backend, line_fit()).restored() == []
    assert backend.versions()["torch float32 matmul precision"]


def test_flags_are_told_where_there_is_a_device(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 90100)
    told = load_backend("torch").versions()
    assert told["torch CUDA devices"] == "Some GPU"
    assert told["torch cuDNN"] == "90100"
    assert told["torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction"] == "True"
    assert any("fp32_precision" in name or "allow_tf32" in name for name in told)


# -------------------------------------------------------------------- JAX


@pytest.mark.parametrize(
    ("precision", "gpu", "tpu"),
    [
        (None, TF32, BFLOAT16),
        ("default", TF32, BFLOAT16),
        ("bfloat16", TF32, BFLOAT16),
        ("high", TF32, TF32),
        ("tensorfloat32", TF32, TF32),
        ("float32", Products(), Products()),
        ("highest", Products(), Products()),
        ("BF16_BF16_F32", BFLOAT16, BFLOAT16),
        ("TF32_TF32_F32", TF32, TF32),
        ("F32_F32_F32", Products(), Products()),
    ],
)
def test_what_jaxs_precision_permits(precision: str | None, gpu: Products, tpu: Products) -> None:
    jax = pytest.importorskip("jax")
    from gradproof.backends.jax_precision import products

    def device(platform: str, capability: str = "8.0") -> Any:
        return SimpleNamespace(platform=platform, compute_capability=capability)

    with jax.default_matmul_precision(precision):
        assert products("float32", device("gpu")) == gpu
        assert products("float32", device("tpu")) == tpu
        assert products("float32", device("cpu")) == products("float64", device("gpu")) == Products()
        assert products("float32", device("gpu", "7.0")) == Products()


def test_an_algorithm_that_is_not_known_is_not_judged() -> None:
    jax = pytest.importorskip("jax")
    from gradproof.backends.jax_precision import products

    with jax.default_matmul_precision("ANY_F8_ANY_F8_F32"), pytest.raises(UnsupportedError, match="ANY_F8"):
        products("float32", SimpleNamespace(platform="gpu"))


@pytest.mark.parametrize("precision", [None, "bfloat16", "tensorfloat32", "highest", "BF16_BF16_F32"])
def test_on_the_cpu_jaxs_precision_changes_no_bit(precision: str | None) -> None:
    """So that nothing is modelled there."""
    jax = pytest.importorskip("jax")
    import numpy as np

    x = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    with jax.default_matmul_precision("float32"):
        exact = np.asarray(jax.jit(lambda x: x @ x.T)(x))
    with jax.default_matmul_precision(precision):
        np.testing.assert_array_equal(np.asarray(jax.jit(lambda x: x @ x.T)(x)), exact)


# -------------------------------------------------------------------- what a record tells


def recorded() -> tuple[Any, Any, Run]:
    backend, scenario = load_backend("reference"), line_fit()
    return backend, scenario, backend.run(scenario, dtype="float32", variant="numpy")


@pytest.mark.parametrize(
    "products", [None, "tf32", Products(product="float7"), Products(partial="tf32"), Products([])]
)
def test_a_record_of_products_that_there_are_not_is_refused(products: Any) -> None:
    backend, scenario, run = recorded()
    with pytest.raises(BackendError, match=r"products of .* Give gradproof\.backends\.Products"):
        check_record(replace(run, products=products), backend, scenario, dtype="float32", variant="numpy")
