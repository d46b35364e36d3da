"""Normalisations: entries less their mean, over their deviation, along the axes that each of them takes."""

from collections.abc import Callable

from gradproof.reference.compositions.composition import Array, Composition


class Normalisations(Composition):
    """What is made of `standardize`."""

    standardize: Callable[..., Array]

    def batch_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        /,
        *,
        mean: Array | None = None,
        variance: Array | None = None,
        epsilon: float = 1e-5,
    ) -> Array:
        """Each channel standardised over all examples and places; by given statistics if there are any.

        Args:
            x: Of shape (examples, channels, ...).
            weight: What each channel is multiplied by, of shape (channels,).
            bias: What is added to each, likewise.
            mean: The statistics to take in place of x's own, likewise; both or none.
            variance: Likewise.
            epsilon: What is added to the variance.

        Raises:
            ValueError: one of the statistics is given alone.

        Source: Ioffe and Szegedy, Batch normalization (2015), algorithms 1 and 2.
        """
        if (mean is None) != (variance is None):
            raise ValueError("a mean is given without a variance, or a variance without a mean")
        if mean is None:
            y = self.standardize(x, axis=(0, *range(2, x.ndim)), epsilon=epsilon)
        else:
            of_channels = (1, -1, *(1,) * (x.ndim - 2))
            deviation = self._xp.sqrt(self._xp.reshape(variance, of_channels) + epsilon)
            y = (x - self._xp.reshape(mean, of_channels)) / deviation
        return self._for_channels(y, weight, bias)

    def layer_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        /,
        *,
        axis: int | tuple[int, ...] = -1,
        epsilon: float = 1e-5,
    ) -> Array:
        """Entries standardised along axes.

        Args:
            x: An array.
            weight: What is multiplied by, of a shape that broadcasts to x's.
            bias: What is added, likewise.
            axis: The axes to take mean and variance along.
            epsilon: What is added to the variance.

        Source: Ba, Kiros and Hinton, Layer normalization (2016), equation 4.
        """
        y = self.standardize(x, axis=axis, epsilon=epsilon)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    def group_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        /,
        *,
        groups: int,
        epsilon: float = 1e-5,
    ) -> Array:
        """Each group of channels of each example standardised.

        Args:
            x: Of shape (examples, channels, ...).
            weight: What each channel is multiplied by, of shape (channels,).
            bias: What is added to each, likewise.
            groups: Into how many groups of equal size the channels are divided, in order.
            epsilon: What is added to the variance.

        Raises:
            ValueError: the channels cannot be divided so.

        Source: Wu and He, Group normalization (2018), equations 1, 2 and 7.
        """
        if x.shape[1] % groups:
            raise ValueError(f"{x.shape[1]} channels cannot be divided into {groups} groups")
        grouped = self._xp.reshape(x, (x.shape[0], groups, -1))
        y = self._xp.reshape(self.standardize(grouped, axis=-1, epsilon=epsilon), tuple(x.shape))
        return self._for_channels(y, weight, bias)

    def instance_norm(
        self,
        x: Array,
        weight: Array | None = None,
        bias: Array | None = None,
        /,
        *,
        epsilon: float = 1e-5,
    ) -> Array:
        """Each channel of each example standardised.

        Args:
            x: Of shape (examples, channels, ...), with one axis or more behind.
            weight: What each channel is multiplied by, of shape (channels,).
            bias: What is added to each, likewise.
            epsilon: What is added to the variance.

        Source: Ulyanov, Vedaldi and Lempitsky, Instance normalization (2016), equation 4.
        """
        y = self.standardize(x, axis=tuple(range(2, x.ndim)), epsilon=epsilon)
        return self._for_channels(y, weight, bias)

    def rms_norm(
        self,
        x: Array,
        weight: Array | None = None,
        /,
        *,
        axis: int | tuple[int, ...] = -1,
        epsilon: float = 1e-5,
    ) -> Array:
        """Entries over the root of their mean square along axes, plus epsilon under the root.

        Source: Zhang and Sennrich, Root mean square layer normalization (2019), equation 4.
        """
        xp = self._xp
        y = x / xp.sqrt(xp.mean(x**2, axis=axis, keepdims=True) + epsilon)
        return y if weight is None else y * weight

    def _for_channels(self, y: Array, weight: Array | None, bias: Array | None) -> Array:
        of_channels = (1, -1, *(1,) * (y.ndim - 2))
        y = y if weight is None else y * self._xp.reshape(weight, of_channels)
        return y if bias is None else y + self._xp.reshape(bias, of_channels)
