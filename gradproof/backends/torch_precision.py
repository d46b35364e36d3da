"""What PyTorch's flags let products of matrices be rounded to, on each kind of device.

Source: PyTorch's documentation, "Numerical accuracy" and "CUDA semantics".
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from gradproof.backends.framework import Lazy
from gradproof.backends.settings import Setting
from gradproof.reference.numbers.formats import PLAIN_PRODUCTS, Products

torch = Lazy("torch")

_MIXED = "of each kind of product its own"
"""What PyTorch raises an error for: precisions that one name cannot tell."""

_AMPERE = (8, 0)
"""The first compute capability that has TF32."""


def products(dtype: str, device: Any) -> Products:
    """Tell what may be rounded within products on a `torch.device`, in a dtype.

    What the flags permit counts, also where PyTorch then chooses an algorithm that does not need it: that
    depends on shapes and versions.
    """
    if device.type == "cuda":
        if dtype in {"float16", "bfloat16"}:
            return _of_short(dtype)
        if dtype == "float32" and torch.cuda.get_device_capability(device) >= _AMPERE:
            return Products(
                product=_factors("cuda.matmul.fp32_precision", "cuda.matmul.allow_tf32"),
                convolution=_factors("cudnn.conv.fp32_precision", "cudnn.allow_tf32"),
            )
    if device.type == "cpu" and dtype == "float32":
        older = {"medium": "bfloat16", "high": "tf32"}.get(matmul_precision())
        if not _has("mkldnn.matmul.fp32_precision"):
            return Products(product=older)
        return Products(
            product=_factors("mkldnn.matmul.fp32_precision"),
            convolution=_factors("mkldnn.conv.fp32_precision"),
        )
    return PLAIN_PRODUCTS


def _of_short(dtype: str) -> Products:
    short = {"float16": "fp16", "bfloat16": "bf16"}[dtype]
    permits = _value(f"cuda.matmul.allow_{short}_reduced_precision_reduction")
    reduces = permits[0] if isinstance(permits, tuple) else permits
    everywhere = f"cuda.matmul.allow_{short}_accumulation"
    return Products(
        partial=dtype if reduces else None,
        accumulation=dtype if _has(everywhere) and _value(everywhere) else None,
    )


def _factors(flag: str, older: str = "") -> str | None:
    """Give the format that factors may be rounded to, by a flag or by what older versions have for it."""
    if _has(flag):
        return {"tf32": "tf32", "bf16": "bfloat16"}.get(_value(flag))
    return "tf32" if _value(older) else None


def _holder(flag: str) -> tuple[Any, str]:
    *modules, name = flag.split(".")
    return reduce(lambda found, module: getattr(found, module, None), modules, torch.backends), name


def _has(flag: str) -> bool:
    return hasattr(*_holder(flag))


def _value(flag: str) -> Any:
    return getattr(*_holder(flag))


def matmul_precision() -> str:
    """Tell the precision of float32 matrix products, as PyTorch's own name of all kinds has it."""
    try:
        return str(torch.get_float32_matmul_precision())
    except RuntimeError:  # where the newer flags were set to what the older name cannot say
        return _MIXED


def _set_matmul_precision(name: str) -> None:
    if name != _MIXED:
        torch.set_float32_matmul_precision(name)


_PRECISION = tuple(
    f"{kind}fp32_precision"
    for kind in (
        *("", "cudnn.", "cudnn.conv.", "cudnn.rnn.", "mkldnn.", "mkldnn.conv.", "mkldnn.rnn."),
        *("cuda.matmul.", "mkldnn.matmul."),
    )
)
_OLDER = ("cuda.matmul.allow_tf32", "cudnn.allow_tf32")
_SUMS = (
    "cuda.matmul.allow_fp16_reduced_precision_reduction",
    "cuda.matmul.allow_bf16_reduced_precision_reduction",
    "cuda.matmul.allow_fp16_accumulation",
)


def _flags() -> Sequence[str]:
    """Give the flags that this version has, by where they stand in torch.backends."""
    precision = _PRECISION if _has("fp32_precision") else _OLDER
    return [flag for flag in (*precision, *_SUMS) if _has(flag)]


def precision_settings() -> Sequence[Setting]:
    """Give the flags as settings: first that which sets several, so that each has its own again after it."""

    def setting(flag: str) -> Setting:
        holder, name = _holder(flag)
        return Setting(
            f"torch.backends.{flag}",
            lambda: getattr(holder, name),
            lambda value: setattr(holder, name, value),
        )

    whole = Setting("PyTorch's precision of float32 matrix products", matmul_precision, _set_matmul_precision)
    return (whole, *map(setting, _flags()))


def flags() -> Mapping[str, str]:
    """Tell what results on CUDA depend on beside the versions; empty where there is no such device."""
    if not torch.cuda.is_available():
        return {}
    devices = [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]
    return {
        "torch CUDA": str(torch.version.cuda),
        "torch cuDNN": str(torch.backends.cudnn.version()),
        "torch CUDA devices": ", ".join(devices),
        **{f"torch.backends.{flag}": str(_value(flag)) for flag in _flags()},
    }
