"""The kinds of cause, by their slugs."""

from collections.abc import Mapping
from types import MappingProxyType

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "sign": "a derivative, or all of the gradient, has the wrong sign",
        "constant-factor": "a derivative, or all of the gradient, is off by a constant factor",
        "derivative-left-out": "the derivative of an operation is left out",
        "derivative-applied-twice": "the derivative of an operation is applied once too often",
        "derivative-inverted": "a derivative is divided by where it must be multiplied by",
        "derivative-at-output": "a derivative is evaluated at the operation's output, not at its input",
        "derivative-at-input": "a derivative's formula for the output is evaluated at the input",
        "derivative-of-another-layer": "the derivative is taken from another node of the same operation",
        "derivative-of-another-function": "the derivative of another function is used",
        "derivative-incomplete": "a term or factor of an operation's derivative is left out",
        "derivative-from-rounded-output": "the formula is right, and cancels when computed in floats",
        "extra-derivative": "a derivative is applied that the loss does not call for",
        "jacobian-diagonal": "only the diagonal of a Jacobian is used",
        "path-not-carried-back": "the gradient is not carried back along one path",
        "gradient-is-zero": "nothing is carried back to a parameter",
        "accumulation-overwritten": "contributions overwrite each other where they must be added",
        "contributions-averaged": "contributions are averaged where they must be added",
        "mean-instead-of-sum": "a sum over an axis is turned into a mean",
        "mean-left-out": "the 1/N of a mean is left out",
        "sum-over-all-axes": "a sum runs over all axes instead of some",
        "sum-over-another-axis": "a sum runs over another axis",
        "sum-left-out": "only one term of a sum over an axis is taken",
        "broadcast-not-reduced": "the gradient keeps the shape that broadcasting made",
        "transposed": "a product or a gradient is transposed, or a transpose is left out",
        "wrong-order": "entries come back in another order than they went",
        "parameters-swapped": "parameters' gradients stand in each other's place",
        "wrong-operand": "a product is differentiated with another value than it was computed with",
        "weights-already-updated": "weights are used after their update",
        "added-multiple": "a multiple of the parameter is added",
        "clipped": "entries are clipped",
        "ties-full-credit": "at a tie every greatest entry gets the whole gradient",
        "operation-left-out": "an operation is left out of the loss and of its derivative",
        "two-changes": "two changes together",
    }
)
"""What each kind means."""
