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

# ---------------------------------------------------------------- activations, losses, norms, attention

SIGNS = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
OTHERS = RANDOM.standard_normal((5, 4))
LOG_P = X - np.log(np.exp(X).sum(axis=-1, keepdims=True))
SCALES, SHIFTS = RANDOM.standard_normal(4), RANDOM.standard_normal(4)
HEADS = tuple(RANDOM.standard_normal(shape) for shape in ((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 2)))

ACTIVATIONS = (
    *("selu", "celu", "elu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "mish", "log_sigmoid", "glu"),
    *("softshrink", "hardshrink", "squareplus", "logmeanexp", "leaky_relu", "softsign", "tanhshrink"),
    *("logcumsumexp", "standardize"),
)
REDUCED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **{name: ((X, OTHERS), {}) for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")},
    "kl_div": ((LOG_P, SHARES), {}),
    "nll_loss": ((LOG_P, CLASSES), {}),
    "poisson_nll_loss": ((OTHERS, TARGETS), {}),
    "gaussian_nll_loss": ((OTHERS, TARGETS, PROBABILITIES), {}),
    "hinge_embedding_loss": ((OTHERS[:, 0].copy(), SIGNS), {"margin": 0.5}),
    "margin_ranking_loss": ((OTHERS[:, 0].copy(), OTHERS[:, 1].copy(), SIGNS), {"margin": 0.5}),
    "soft_margin_loss": ((OTHERS[:, 0].copy(), SIGNS), {}),
    "multilabel_soft_margin_loss": ((OTHERS, TARGETS), {}),
    "multi_margin_loss": ((OTHERS, CLASSES), {}),
    "cosine_embedding_loss": ((X, OTHERS, SIGNS), {}),
    "triplet_margin_loss": ((X, OTHERS, TARGETS), {}),
}
CALLS |= {
    **{name: (name, (X,), {}) for name in ACTIVATIONS},
    "elu, scaled": ("elu", (X,), {"alpha": 1.5, "scale": 1.25, "input_scale": 0.5}),
    "celu, wide": ("celu", (X,), {"alpha": 1.5}),
    "hardtanh, wide": ("hardtanh", (X,), {"low": -2.0, "high": 0.5}),
    "glu, axis": ("glu", (X.T.copy(),), {"axis": 0}),
    "threshold": ("threshold", (X,), {"threshold": 0.25, "value": -3.0}),
    "prelu": ("prelu", (X, SCALES), {}),
    "logcumsumexp, axis": ("logcumsumexp", (X,), {"axis": 0}),
    "standardize, axes": ("standardize", (IMAGES,), {"axis": (0, 2, 3), "epsilon": 0.01}),
    "scatter_add": ("scatter_add", (OTHERS, np.arange(20).reshape(5, 4) % 7), {"shape": (2, 4)}),
    **{
        f"{name}, {reduction}": (name, arrays, {"reduction": reduction} | options)
        for name, (arrays, options) in REDUCED.items()
        for reduction in ("none", "sum", "mean")
    },
    "kl_div of logarithms": (
        "kl_div",
        (LOG_P, LOG_P[::-1].copy()),
        {"log_targets": True, "reduction": "sum"},
    ),
    "kl_div, batchmean": ("kl_div", (LOG_P, SHARES), {"reduction": "batchmean"}),
    "poisson_nll_loss of rates": ("poisson_nll_loss", (PROBABILITIES, TARGETS), {"log_input": False}),
    "gaussian_nll_loss, full": ("gaussian_nll_loss", (OTHERS, TARGETS, PROBABILITIES), {"full": True}),
    "multi_margin_loss, squares": ("multi_margin_loss", (OTHERS, CLASSES), {"p": 2, "margin": 0.75}),
    "smooth_l1_loss, narrow": ("smooth_l1_loss", (X, OTHERS), {"beta": 0.5}),
    "smooth_l1_loss, none": ("smooth_l1_loss", (X, OTHERS), {"beta": 0.0}),
    "huber_loss, wide": ("huber_loss", (X, OTHERS), {"delta": 2.0}),
    "cosine_similarity": ("cosine_similarity", (X, OTHERS), {"axis": 0}),
    "pairwise_distance": ("pairwise_distance", (X, OTHERS), {}),
    "batch_norm": ("batch_norm", (IMAGES, SCALES, SHIFTS), {}),
    "batch_norm, alone": ("batch_norm", (X,), {"epsilon": 0.01}),
    "layer_norm": ("layer_norm", (IMAGES, RANDOM.standard_normal((7, 6))), {"axis": (-2, -1)}),
    "layer_norm, first axis": ("layer_norm", (X,), {"axis": 0}),
    "group_norm": ("group_norm", (IMAGES, SCALES, SHIFTS), {"groups": 2}),
    "instance_norm": ("instance_norm", (IMAGES, SCALES, SHIFTS), {}),
    "rms_norm": ("rms_norm", (IMAGES, RANDOM.standard_normal(6)), {}),
    "rms_norm, first axis": ("rms_norm", (X,), {"axis": 0, "epsilon": 0.01}),
    "embedding": ("embedding", (CLASSES[:4].reshape(2, 2), X), {}),
    "attention": ("scaled_dot_product_attention", HEADS, {}),
    "attention, causal": ("scaled_dot_product_attention", HEADS, {"is_causal": True, "scale": 0.3}),
    "attention, added": (
        "scaled_dot_product_attention",
        (*HEADS, RANDOM.standard_normal((2, 1, 5, 6))),
        {},
    ),
    "attention, chosen": ("scaled_dot_product_attention", (*HEADS, np.tri(5, 6, 1, dtype=bool)), {}),
    **{
        f"interpolate, {mode}, {aligned}, {size}": (
            "interpolate",
            (IMAGES,),
            {"size": size, "mode": mode, "align_corners": aligned},
        )
        for mode, aligned in (
            ("nearest", False),
            ("nearest-exact", False),
            ("linear", False),
            ("linear", True),
        )
        for size in ((10, 4), (3, 13))
    },
    "interpolate, a signal": ("interpolate", (SIGNALS,), {"size": (5,), "mode": "linear"}),
}

FIXED = {
    **dict.fromkeys(("zeta", "gammainc", "gammaincc"), 0),
    **dict.fromkeys(("hinge_embedding_loss", "soft_margin_loss"), 1),
    **dict.fromkeys(("margin_ranking_loss", "cosine_embedding_loss"), 2),
}
"""By the function, the operand that has no derivative."""
