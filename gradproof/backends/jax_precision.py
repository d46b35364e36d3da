"""What JAX's setting of precision lets products of matrices be rounded to, on each kind of device.

Source: JAX's documentation, "Matmul precision" and `jax.lax.DotAlgorithmPreset`. On the CPU the setting
changes no bit of a float32 product (JAX 0.10, measured).
"""

from typing import Any

from gradproof.backends.framework import Lazy
from gradproof.errors import UnsupportedError
from gradproof.reference.numbers.formats import PLAIN_PRODUCTS, Products

jax = Lazy("jax")

_TF32 = Products(product="tf32", convolution="tf32")
_BFLOAT16 = Products(product="bfloat16", convolution="bfloat16")
_FLOAT16 = Products(product="float16", convolution="float16")

_ON_GPU = {
    **dict.fromkeys(("default", "bfloat16", "tensorfloat32", "high"), _TF32),
    **dict.fromkeys(("float32", "highest"), PLAIN_PRODUCTS),
}
_ON_TPU = {
    **dict.fromkeys(("default", "bfloat16"), _BFLOAT16),
    # Three passes keep 16 bits and more, which is finer.
    **dict.fromkeys(("tensorfloat32", "high"), _TF32),
    **dict.fromkeys(("float32", "highest"), PLAIN_PRODUCTS),
}
_ALGORITHMS = {
    "F16_F16_F32": _FLOAT16,
    "BF16_BF16_F32": _BFLOAT16,
    "BF16_BF16_F32_X3": _TF32,
    "TF32_TF32_F32": _TF32,
    **dict.fromkeys(
        ("BF16_BF16_F32_X6", "BF16_BF16_F32_X9", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64"),
        PLAIN_PRODUCTS,
    ),
}

_AMPERE = 8.0
"""The first compute capability that has TF32."""


def products(dtype: str, device: Any) -> Products:
    """Tell what may be rounded within products in a dtype on one of JAX's devices.

    Raises:
        UnsupportedError: of the algorithm that is set it is not known how it rounds.
    """
    if dtype != "float32" or device.platform == "cpu":
        return PLAIN_PRODUCTS
    older = float(getattr(device, "compute_capability", _AMPERE)) < _AMPERE
    if device.platform != "tpu" and older:
        return PLAIN_PRODUCTS
    precision = str(jax.config.jax_default_matmul_precision or "default")
    known = (_ON_TPU if device.platform == "tpu" else _ON_GPU) | _ALGORITHMS
    if precision not in known:
        raise UnsupportedError(
            f"How {precision} rounds, which jax_default_matmul_precision is set to, is not known here. Set "
            f"it to one of {', '.join(known)}."
        )
    return known[precision]
