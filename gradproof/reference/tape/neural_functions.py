"""What frameworks have natively for neural networks and the array API standard does not."""

from math import prod
from typing import Any, Literal

import numpy as np

from gradproof.errors import InputError
from gradproof.reference.compositions import NeuralCompositions
from gradproof.reference.compositions.composition import Lengths
from gradproof.reference.compositions.convolutions import convolution_slides
from gradproof.reference.compositions.windows import Padding
from gradproof.reference.numbers import Noisy
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Value, integers_of, is_discrete, one_axis, shape_of
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.node import Recorder, Tensor
from gradproof.reference.tape.operations import IN_NAMESPACE, neural
from gradproof.reference.tape.operations.along_axes import MEAN, SUM
from gradproof.reference.tape.operations.convolution import CONVOLUTION
from gradproof.reference.tape.operations.logarithm_products import XLOGY
from gradproof.reference.tape.operations.moving import GATHER, SCATTER_ADD

Reduction = Literal["mean", "sum", "none"]


class NeuralFunctions(
    Functions,
    NeuralCompositions,
    prefix="xp.nn.",
    operations=IN_NAMESPACE["nn"],
):
    """The namespace `xp.nn`."""

    def __init__(self, tape: Recorder, xp: Any) -> None:
        """Bind all functions to the tape that they record on, and to `xp`."""
        super().__init__(tape)
        self._xp = xp

    def stop_gradient(self, x: Value, /) -> Tensor:
        """The array as a constant: no derivative goes back through it."""
        tensor = self._tensor(x)
        return Tensor(tensor.value, self._tape, source=caller())

    def convolution(
        self,
        x: Value,
        weights: Value,
        bias: Value | None = None,
        /,
        *,
        stride: Lengths = 1,
        padding: Padding = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        input_dilation: Lengths = 1,
    ) -> Tensor:
        """The sums of products of weights with what a window sees as it slides over an array, plus a bias.

        The arguments are those of `gradproof.reference.compositions.convolutions.Convolutions.convolution`.

        Raises:
            InputError: the shapes do not fit together, or an argument is not one for each axis.
        """
        slides = convolution_slides(
            shape_of(x),
            shape_of(weights),
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            input_dilation=input_dilation,
        )
        y = self._apply(CONVOLUTION, x, weights, slides=tuple(slides), groups=groups)
        return y if bias is None else y + self._xp.reshape(bias, (-1, *(1,) * len(slides)))

    def scatter_add(self, x: Value, positions: Value, /, *, shape: tuple[int, ...]) -> Tensor:
        """Entries added to their places in zeros of a shape.

        Args:
            x: An array.
            positions: For each entry its place in the zeros, counted row by row; integers of x's shape.
            shape: That of the zeros.

        Raises:
            UnsupportedError: the positions are computed.
        """
        places = integers_of(positions)
        if places.shape != shape_of(x):
            raise ValueError(f"positions of shape {places.shape} do not fit an array of shape {shape_of(x)}")
        if places.size and not 0 <= places.min() <= places.max() < prod(shape):
            raise ValueError(f"positions {places.min()}, ..., {places.max()} are outside of {tuple(shape)}")
        return self._apply(SCATTER_ADD, x, positions=places, shape=tuple(shape))

    def _attention_weights(self, scores: Value) -> Value:
        # as fused kernels compute them on the way back: the rounding of the logarithm is of the scores' size
        return self._xp.exp(scores - self.logsumexp(scores, axis=-1, keepdims=True))

    def gelu(self, x: Value, /, *, approximate: Literal["none", "tanh"] = "none") -> Tensor:
        """X times the normal distribution function of x, or its approximation by a tanh."""
        if approximate not in {"none", "tanh"}:
            raise InputError(
                f'gelu at {caller()} does not know approximate={approximate!r}. Pass "none" or "tanh".'
            )
        return self._apply(neural.GELU if approximate == "none" else neural.GELU_TANH, x)

    def binary_cross_entropy(
        self, probabilities: Value, targets: Value, /, *, reduction: Reduction = "mean"
    ) -> Tensor:
        """-(t log p + (1 - t) log(1 - p)), where 0 log 0 is 0.

        A sigmoid that is 0 or 1 to the last digit that is computed leaves 0/0 in the derivative. It is then
        taken from the sigmoid's operand instead, which gives the same derivative exactly.
        """
        p, t = self._tensor(probabilities), self._tensor(targets)
        saturated = p.operation is neural.SIGMOID and not _is_open(p)
        if saturated and not self._is_textbooks_noise(p):
            # For p = sigmoid(x), the same function of x has a derivative that does not divide by p (1 - p).
            return self.binary_cross_entropy_with_logits(p.parents[0], t, reduction=reduction)
        gains = self._apply(XLOGY, t, p) + self._apply(XLOGY, 1 - t, 1 - p)
        if saturated:
            # Programs go either way: 0, but for what is rounded where they go by x.
            twice = [self._apply(neural.CROSS_ENTROPY_OF_LOGITS, p.parents[0], t) for _ in range(2)]
            gains = gains + (twice[0] - twice[1])
        return self._reduced(-gains, reduction)

    def _is_textbooks_noise(self, p: Tensor) -> bool:
        """Whether noise is measured of the textbook's formula, which divides by p (1 - p) as programs do."""
        return isinstance(self._tape.kind, Noisy) and not self._tape.accurately(neural.SIGMOID, p.source)

    def binary_cross_entropy_with_logits(
        self, logits: Value, targets: Value, /, *, reduction: Reduction = "mean"
    ) -> Tensor:
        """The binary cross-entropy of sigmoid(logits): softplus(x) - t x."""
        losses = self._apply(neural.CROSS_ENTROPY_OF_LOGITS, logits, targets)
        return self._reduced(losses, reduction)

    def cross_entropy(
        self, logits: Value, targets: Value, /, *, axis: int = -1, reduction: Reduction = "mean"
    ) -> Tensor:
        """The cross-entropy of softmax(logits) along an axis.

        Args:
            logits: Floats.
            targets: Integers, the index of each row's class; or probabilities in logits' shape.
            axis: The axis of the classes.
            reduction: "mean" over all rows, "sum", or "none".
        """
        log_p = self.log_softmax(logits, axis=axis)
        place = one_axis(axis, log_p.ndim)
        labels = np.asarray(targets) if is_discrete(targets) else None
        if labels is not None and labels.ndim == log_p.ndim - 1:
            return self._reduced(-self._chosen(log_p, labels, place), reduction)
        gains = self._tensor(targets) * log_p
        losses = -self._apply(SUM, gains, axes=(place,), keepdims=False)
        return self._reduced(losses, reduction)

    def _chosen(self, log_p: Tensor, labels: Value, place: int) -> Tensor:
        """The logarithms of the probabilities that the labels choose."""
        places = np.arange(log_p.size).reshape(log_p.shape)
        chosen = np.take_along_axis(places, np.expand_dims(labels, place), place)
        return self._apply(GATHER, log_p, positions=np.squeeze(chosen, place))

    def _reduced(self, losses: Tensor, reduction: str) -> Tensor:
        axes = tuple(range(-losses.ndim, 0))
        if reduction == "mean":
            return self._apply(MEAN, losses, axes=axes, keepdims=False)
        if reduction == "sum":
            return self._apply(SUM, losses, axes=axes, keepdims=False)
        if reduction == "none":
            return losses
        raise InputError(
            f'A loss at {caller()} does not know reduction={reduction!r}. Pass "mean", "sum" or "none".'
        )


def _is_open(p: Tensor) -> bool:
    """Whether all probabilities are certainly between 0 and 1, and neither of the two."""
    inside = (p.value > 0) & (p.value < 1)
    return bool(np.all(inside.true))
