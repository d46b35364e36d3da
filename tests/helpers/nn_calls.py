"""A call of each function of `xp.nn` and `xp.special` on arrays, for all namespaces that have it."""

from typing import Any

import numpy as np

RANDOM = np.random.default_rng(11)
X = np.concatenate([RANDOM.standard_normal((3, 4)), 15 * RANDOM.standard_normal((2, 4)).clip(-1, 1)])
PROBABILITIES = RANDOM.random((5, 4))
TARGETS = RANDOM.random((5, 4))
SHARES = TARGETS / TARGETS.sum(axis=-1, keepdims=True)
CLASSES = np.array([0, 3, 1, 1, 2])
IMAGES = RANDOM.standard_normal((2, 4, 7, 6))
FILTERS = RANDOM.standard_normal((6, 2, 3, 2))
SIGNALS, KERNEL = RANDOM.standard_normal((2, 3, 9)), RANDOM.standard_normal((3, 4, 3))
VOLUMES, CUBES = RANDOM.standard_normal((1, 2, 4, 5, 3)), RANDOM.standard_normal((3, 2, 2, 3, 2))
BIAS = RANDOM.standard_normal(6)

CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    **{name: (name, (X,), {}) for name in ("sigmoid", "relu", "gelu", "silu", "softplus")},
    **{name: (name, (X,), {}) for name in ("softmax", "log_softmax", "logsumexp", "stop_gradient")},
    "gelu, tanh": ("gelu", (X,), {"approximate": "tanh"}),
    "softmax, axis 0": ("softmax", (X,), {"axis": 0}),
    "log_softmax, axis 0": ("log_softmax", (X,), {"axis": 0}),
    "logsumexp, axis 0": ("logsumexp", (X,), {"axis": 0}),
    "logsumexp, kept": ("logsumexp", (X,), {"axis": 0, "keepdims": True}),
    "cross_entropy of classes": ("cross_entropy", (X, CLASSES), {}),
    "cross_entropy of shares": ("cross_entropy", (X, SHARES), {}),
    "cross_entropy of stacked classes": ("cross_entropy", (X[None], CLASSES[None]), {"reduction": "none"}),
    "cross_entropy of stacked shares": ("cross_entropy", (X[None], SHARES[None]), {"reduction": "none"}),
    **{
        f"{name}, {reduction}": (name, arguments, {"reduction": reduction})
        for name, arguments in (
            ("cross_entropy", (X, CLASSES)),
            ("binary_cross_entropy", (PROBABILITIES, TARGETS)),
            ("binary_cross_entropy_with_logits", (X, TARGETS)),
        )
        for reduction in ("none", "sum", "mean")
    },
    "convolution": ("convolution", (IMAGES, FILTERS, BIAS), {"groups": 2}),
    "convolution, far": (
        "convolution",
        (IMAGES, FILTERS, BIAS),
        {"groups": 2, "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
    ),
    "convolution, pairs": (
        "convolution",
        (IMAGES, FILTERS),
        {"groups": 2, "padding": [(0, 2), (3, -1)], "input_dilation": (1, 2)},
    ),
    "convolution, same": ("convolution", (IMAGES, FILTERS), {"groups": 2, "padding": "same", "dilation": 2}),
    "convolution, valid": ("convolution", (IMAGES, FILTERS), {"groups": 2, "padding": "valid"}),
    "convolution, of signals": ("convolution", (SIGNALS, KERNEL.swapaxes(0, 1)), {"stride": 2, "padding": 1}),
    "convolution, of volumes": ("convolution", (VOLUMES, CUBES), {"padding": (1, 0, 1)}),
    "transposed_convolution": (
        "transposed_convolution",
        (IMAGES, RANDOM.standard_normal((4, 3, 3, 2)), BIAS),
        {"groups": 2, "stride": (2, 3), "padding": (1, 0), "output_padding": (1, 0), "dilation": (1, 2)},
    ),
    "transposed_convolution, of signals": ("transposed_convolution", (SIGNALS, KERNEL), {"stride": 2}),
    "transposed_convolution, of volumes": ("transposed_convolution", (VOLUMES, CUBES.swapaxes(0, 1)), {}),
    "max_pool": ("max_pool", (IMAGES,), {"window": (2, 2)}),
    "max_pool, padded": (
        "max_pool",
        (IMAGES,),
        {"window": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True},
    ),
    "max_pool, pairs": ("max_pool", (SIGNALS,), {"window": (3,), "padding": [(0, 2)], "dilation": 2}),
    "max_pool, of volumes": ("max_pool", (VOLUMES,), {"window": (2, 3, 2), "stride": 1}),
    **{
        f"average_pool, {ends}, {counted}": (
            "average_pool",
            (IMAGES,),
            {"window": (3, 2), "stride": 2, "padding": 1, "ceil_mode": ends, "count_padding": counted},
        )
        for ends in (False, True)
        for counted in (False, True)
    },
    "average_pool, divided": ("average_pool", (SIGNALS,), {"window": (3,), "stride": 1, "divisor": 2.0}),
    "adaptive_average_pool": ("adaptive_average_pool", (IMAGES,), {"output": (3, 4)}),
    "adaptive_average_pool, whole": ("adaptive_average_pool", (IMAGES,), {"output": (1, 1)}),
    "adaptive_max_pool": ("adaptive_max_pool", (IMAGES,), {"output": (3, 4)}),
}
"""By a name of its own: the function, its arrays, its options."""

ANY = np.concatenate([np.array([-2.6, -0.7, 0.3, 1.8, 0.2, -0.4]), RANDOM.standard_normal(4)])
POSITIVE = np.abs(ANY) + 0.25
SHARE = PROBABILITIES[0]

SPECIAL: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    **{name: (name, (ANY,), {}) for name in ("erf", "erfc", "erfcx", "ndtr", "log_ndtr")},
    **{name: (name, (ANY,), {}) for name in ("i0", "i0e", "i1", "i1e")},
    **{name: (name, (POSITIVE,), {}) for name in ("gammaln", "digamma")},
    **{name: (name, (SHARE,), {}) for name in ("erfinv", "ndtri", "logit", "entr")},
    **{name: (name, (TARGETS, PROBABILITIES), {}) for name in ("xlogy", "xlog1py", "rel_entr", "kl_div")},
    "betaln": ("betaln", (POSITIVE, POSITIVE[::-1].copy()), {}),
    "multigammaln": ("multigammaln", (POSITIVE + 1, 3), {}),
    "polygamma": ("polygamma", (2, POSITIVE), {}),
    "polygamma, order 0": ("polygamma", (0, POSITIVE), {}),
    "zeta": ("zeta", (POSITIVE + 1, POSITIVE), {}),
    "gammainc": ("gammainc", (POSITIVE[::-1].copy(), POSITIVE), {}),
    "gammaincc": ("gammaincc", (POSITIVE[::-1].copy(), POSITIVE), {}),
}
"""Likewise of `xp.special`."""

FIXED = {"zeta", "gammainc", "gammaincc"}
"""Whose first operand has no derivative."""
