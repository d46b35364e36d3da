"""Convolutions: the entries that each window sees, times the weights, as one product of matrices."""

from collections.abc import Sequence
from math import prod

from gradproof.reference.compositions.composition import Array, Lengths, for_each_axis
from gradproof.reference.compositions.windows import Padding, Sliding, Windows, slidings


def convolution_slides(
    x: Sequence[int],
    weights: Sequence[int],
    *,
    stride: Lengths,
    padding: Padding,
    dilation: Lengths,
    groups: int,
    input_dilation: Lengths,
) -> list[Sliding]:
    """Read how a convolution's window slides, from the shapes of its operands and its options.

    Raises:
        ValueError: the shapes do not fit together, or an argument is not one for each axis.
    """
    if len(x) < 2 or len(weights) != len(x):
        raise ValueError(f"x of shape {tuple(x)} does not fit weights of shape {tuple(weights)}")
    channels, (outputs, of_group, *window) = x[1], weights
    if channels != of_group * groups or outputs % groups:
        raise ValueError(
            f"{channels} channels and {outputs} outputs in {groups} groups do not fit weights of shape "
            f"{tuple(weights)}"
        )
    return slidings(window, stride=stride, padding=padding, dilation=dilation, spread=input_dilation)


class Convolutions(Windows):
    """Convolution along any number of axes, and its transpose."""

    def convolution(
        self,
        x: Array,
        weights: Array,
        bias: Array | None = None,
        /,
        *,
        stride: Lengths = 1,
        padding: Padding = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        input_dilation: Lengths = 1,
    ) -> Array:
        """The sums of products of weights with what a window sees as it slides over an array.

        y[n, o, p] = bias[o] + sum over c and k of weights[o, c, k] x[n, c, stride p + dilation k - padding],
        where x is 0 in the padding. The weights are not turned around: it is a cross-correlation.

        Args:
            x: Of shape (examples, channels, ...), with one axis or more behind.
            weights: Of shape (outputs, channels / groups, ...), with as many axes behind.
            bias: Of shape (outputs,).
            stride: How far the window moves.
            padding: Zeros on both sides: for all axes, for each, or as pairs (before, behind) for each;
                "same" for as many windows as entries, "valid" for none.
            dilation: The distance of the entries that the window sees.
            groups: Into how many groups channels and outputs are divided, each with weights of its own.
            input_dilation: The distance to which x's entries are moved apart first, with zeros between them.

        Raises:
            ValueError: the shapes do not fit together, or an argument is not one for each axis.

        Source: Goodfellow, Bengio and Courville, Deep Learning (2016), equations 9.6 and 9.8.
        """
        xp, lengths = self._xp, tuple(x.shape[2:])
        slides = convolution_slides(
            x.shape,
            weights.shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            input_dilation=input_dilation,
        )
        examples, (outputs, of_group) = x.shape[0], weights.shape[:2]
        seen = self._seen(x, [own.table(n) for own, n in zip(slides, lengths, strict=True)], 0.0)
        ends, entries = tuple(seen.shape[2:-1]), seen.shape[-1]
        # rows: every window of every example; columns: what it sees of a group's channels
        seen = xp.reshape(seen, (examples, groups, of_group, prod(ends), entries))
        rows = xp.reshape(
            xp.permute_dims(seen, (1, 0, 3, 2, 4)), (groups, examples * prod(ends), of_group * entries)
        )
        columns = xp.reshape(weights, (groups, outputs // groups, of_group * entries))
        sums = xp.matmul(rows, xp.permute_dims(columns, (0, 2, 1)))
        sums = xp.reshape(sums, (groups, examples, prod(ends), outputs // groups))
        y = xp.reshape(xp.permute_dims(sums, (1, 0, 3, 2)), (examples, outputs, *ends))
        return y if bias is None else y + xp.reshape(bias, (outputs, *(1,) * len(lengths)))

    def transposed_convolution(
        self,
        x: Array,
        weights: Array,
        bias: Array | None = None,
        /,
        *,
        stride: Lengths = 1,
        padding: Lengths = 0,
        output_padding: Lengths = 0,
        dilation: Lengths = 1,
        groups: int = 1,
    ) -> Array:
        """The transpose of `convolution` as a linear map of x: each entry is spread over a window.

        Args:
            x: Of shape (examples, channels, ...).
            weights: Of shape (channels, outputs / groups, ...).
            bias: Of shape (outputs,).
            stride: How far the window moves from an entry to the next.
            padding: How many entries are cut off on both sides.
            output_padding: How many are not cut off behind, after all.
            dilation: The distance of the entries of a window.
            groups: Into how many groups channels and outputs are divided.

        Raises:
            ValueError: the shapes do not fit together, or an argument is not one for each axis.

        Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (2016), chapter 4.
        """
        xp, (channels, of_group, *window) = self._xp, weights.shape
        rank = len(window)
        if channels % groups:
            raise ValueError(f"{channels} channels cannot be divided into {groups} groups")
        # The convolution of entries that are moved apart with weights that are turned around.
        grouped = xp.reshape(weights, (groups, channels // groups, of_group, *window))
        swapped = xp.permute_dims(grouped, (0, 2, 1, *range(3, 3 + rank)))
        turned = xp.flip(swapped, axis=tuple(range(3, 3 + rank)))
        axes = zip(
            window,
            *(for_each_axis(each, rank) for each in (dilation, padding, output_padding)),
            strict=True,
        )
        pads = [(d * (n - 1) - cut, d * (n - 1) - cut + more) for n, d, cut, more in axes]
        return self.convolution(
            x,
            xp.reshape(turned, (groups * of_group, channels // groups, *window)),
            bias,
            padding=pads,
            dilation=dilation,
            groups=groups,
            input_dilation=stride,
        )
