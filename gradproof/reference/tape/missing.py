"""The error for a function that the namespace lacks."""

from typing import NoReturn

from gradproof.reference.tape.node import MissingAttributeError
from gradproof.reference.tape.source import caller

_INSTEAD = {
    "array": "xp.asarray",
    "concatenate": "xp.concat",
    "transpose": "xp.permute_dims(x, axes), or x.T for a matrix",
    "swapaxes": "xp.permute_dims(x, axes)",
    "power": "xp.pow",
    "absolute": "xp.abs",
    "amax": "xp.max",
    "amin": "xp.min",
    "cumsum": "xp.cumulative_sum",
    "dot": "xp.matmul, or the operator @",
    "inner": "xp.vecdot",
    "einsum": "xp.tensordot, xp.matmul, or products and xp.sum",
    "linalg": "xp.matmul, xp.outer, xp.vecdot, and for a norm xp.sqrt(xp.sum(x**2))",
    "norm": "xp.sqrt(xp.sum(x**2))",
    "logaddexp": "xp.nn.logsumexp(xp.stack([a, b]), axis=0)",
    "log2": "xp.log(x) / math.log(2)",
    "log10": "xp.log(x) / math.log(10)",
    "tan": "xp.sin(x) / xp.cos(x)",
    "sinh": "(xp.exp(x) - xp.exp(-x)) / 2",
    "cosh": "(xp.exp(x) + xp.exp(-x)) / 2",
    "ravel": "xp.reshape(x, (-1,))",
    "repeat": "xp.take(x, indices, axis=...)",
    "tile": "xp.concat",
    "dropout": "a mask in the batch, by which the loss multiplies",
    "nn.elu": "xp.where(x > 0, x, xp.expm1(x))",
    "nn.leaky_relu": "xp.where(x > 0, x, slope * x)",
    "nn.tanh": "xp.tanh",
    "nn.mse_loss": "xp.mean((a - b) ** 2)",
    "nn.nll_loss": "xp.nn.cross_entropy on the logits",
}


def missing(name: str) -> NoReturn:
    """Says that a function is lacking, where the loss called it, and what to use instead.

    Raises:
        UnsupportedError: Always; it is an AttributeError too, so that hasattr() answers False.
    """
    short = name.removeprefix("xp.")
    if short.split(".")[-1].startswith("__"):
        raise AttributeError(short)
    instead = _INSTEAD.get(short)
    advice = (
        f"Use {instead}."
        if instead
        else "Write it with functions of the array API standard; dir(xp) lists those it has."
    )
    raise MissingAttributeError(
        f"The loss calls {name} at {caller()}, and the tape has no such function. {advice}"
    )
