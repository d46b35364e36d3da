"""Losses of torch.nn.functional that are made of other functions, by the names that they have there."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradproof.reference.compositions.composition import Array, Composition


class NeuralLosses(Composition):
    """Losses, with reduction="mean" over all entries, "sum" or "none"."""

    relu: Callable[..., Array]
    softplus: Callable[..., Array]
    log_sigmoid: Callable[..., Array]

    def mse_loss(self, x: Array, targets: Array, /, *, reduction: str = "mean") -> Array:
        """(x - t)²."""
        return self._reduced((x - targets) ** 2, reduction)

    def l1_loss(self, x: Array, targets: Array, /, *, reduction: str = "mean") -> Array:
        """|x - t|."""
        return self._reduced(self._xp.abs(x - targets), reduction)

    def huber_loss(
        self, x: Array, targets: Array, /, *, delta: float = 1.0, reduction: str = "mean"
    ) -> Array:
        """d²/2 of the difference d where |d| is at most delta, and delta (|d| - delta/2) elsewhere.

        Source: Huber, Robust estimation of a location parameter (1964), section 4.
        """
        size = self._xp.abs(x - targets)
        terms = self._xp.where(size <= delta, (x - targets) ** 2 / 2, delta * (size - delta / 2))
        return self._reduced(terms, reduction)

    def smooth_l1_loss(
        self, x: Array, targets: Array, /, *, beta: float = 1.0, reduction: str = "mean"
    ) -> Array:
        """d²/(2 beta) of the difference d where |d| is less than beta, and |d| - beta/2 elsewhere.

        Source: Girshick, Fast R-CNN (2015), equation 3.
        """
        if beta == 0:
            return self.l1_loss(x, targets, reduction=reduction)
        size = self._xp.abs(x - targets)
        terms = self._xp.where(size < beta, (x - targets) ** 2 / (2 * beta), size - beta / 2)
        return self._reduced(terms, reduction)

    def kl_div(
        self,
        log_p: Array,
        targets: Array,
        /,
        *,
        log_targets: bool = False,
        reduction: str = "mean",
    ) -> Array:
        """T (log t - log p), and 0 where t is 0; of logarithms of the targets, if they are that.

        Args:
            log_p: Logarithms of probabilities.
            targets: Probabilities, or their logarithms.
            log_targets: Whether they are logarithms.
            reduction: Also "batchmean": the sum over the number of examples.

        Source: Cover and Thomas, Elements of Information Theory, 2nd ed. (2006), equation 2.26.
        """
        if log_targets:
            terms = self._xp.exp(targets) * (targets - log_p)
        else:
            terms = self._xp.special.xlogy(targets, targets) - targets * log_p
        if reduction == "batchmean":
            return self._reduced(terms, "sum") / log_p.shape[0]
        return self._reduced(terms, reduction)

    def nll_loss(self, log_p: Array, classes: Array, /, *, reduction: str = "mean") -> Array:
        """-log p of the class, along the last axis.

        Args:
            log_p: Logarithms of probabilities, the classes along the last axis.
            classes: Integers, of the shape of the other axes.
            reduction: "mean", "sum" or "none".
        """
        chosen = self._xp.take_along_axis(log_p, self._xp.expand_dims(classes, axis=-1), axis=-1)
        return self._reduced(-self._xp.squeeze(chosen, axis=-1), reduction)

    def poisson_nll_loss(
        self,
        x: Array,
        targets: Array,
        /,
        *,
        log_input: bool = True,
        epsilon: float = 1e-8,
        reduction: str = "mean",
    ) -> Array:
        """exp(x) - t x, for x the logarithm of a rate; x - t log(x + epsilon) for a rate."""
        xp = self._xp
        terms = xp.exp(x) - targets * x if log_input else x - targets * xp.log(x + epsilon)
        return self._reduced(terms, reduction)

    def gaussian_nll_loss(
        self,
        x: Array,
        targets: Array,
        variance: Array,
        /,
        *,
        full: bool = False,
        epsilon: float = 1e-6,
        reduction: str = "mean",
    ) -> Array:
        """(log v + (x - t)²/v) / 2 for the variance v, which is no less than epsilon.

        Args:
            x: Means.
            targets: What was seen.
            variance: Likewise, positive.
            full: Whether log(2 pi)/2 is added.
            epsilon: The least variance.
            reduction: "mean", "sum" or "none".

        Source: Nix and Weigend, Estimating the mean and variance of the target (1994), equation 4.
        """
        v = self._xp.clip(variance, min=epsilon)
        terms = (self._xp.log(v) + (x - targets) ** 2 / v) / 2
        return self._reduced(terms + math.log(2 * math.pi) / 2 if full else terms, reduction)

    def hinge_embedding_loss(
        self, x: Array, signs: Array, /, *, margin: float = 1.0, reduction: str = "mean"
    ) -> Array:
        """X where the sign is 1, and max(0, margin - x) where it is -1."""
        terms = self._xp.where(signs == 1, x, self.relu(margin - x))
        return self._reduced(terms, reduction)

    def margin_ranking_loss(
        self, x1: Array, x2: Array, signs: Array, /, *, margin: float = 0.0, reduction: str = "mean"
    ) -> Array:
        """max(0, margin - sign (x1 - x2))."""
        return self._reduced(self.relu(margin - signs * (x1 - x2)), reduction)

    def soft_margin_loss(self, x: Array, signs: Array, /, *, reduction: str = "mean") -> Array:
        """log(1 + exp(-sign x))."""
        return self._reduced(self.softplus(-signs * x), reduction)

    def multilabel_soft_margin_loss(self, x: Array, targets: Array, /, *, reduction: str = "mean") -> Array:
        """The mean over the last axis of -(t log sigmoid(x) + (1 - t) log sigmoid(-x))."""
        terms = -(targets * self.log_sigmoid(x) + (1 - targets) * self.log_sigmoid(-x))
        return self._reduced(self._xp.mean(terms, axis=-1), reduction)

    def multi_margin_loss(
        self, x: Array, classes: Array, /, *, p: int = 1, margin: float = 1.0, reduction: str = "mean"
    ) -> Array:
        """The sum of max(0, margin - x_c + x_j)^p over the other classes j, over the number of classes.

        Args:
            x: Of shape (examples, classes).
            classes: The class c of each example.
            p: 1 or 2.
            margin: How far the class's score is to be above the others.
            reduction: "mean", "sum" or "none".
        """
        xp, n = self._xp, x.shape[-1]
        own = xp.take_along_axis(x, xp.expand_dims(classes, axis=-1), axis=-1)
        terms = self.relu(margin - own + x) ** p
        others = xp.expand_dims(classes, axis=-1) != self._indices(np.arange(n), x)
        return self._reduced(xp.sum(xp.where(others, terms, xp.zeros_like(terms)), axis=-1) / n, reduction)

    def cosine_similarity(self, x1: Array, x2: Array, /, *, axis: int = -1, epsilon: float = 1e-8) -> Array:
        """The product of vectors along an axis, over the product of their lengths, each at least epsilon."""
        xp = self._xp
        lengths = [xp.clip(xp.sqrt(xp.sum(x**2, axis=axis)), min=epsilon) for x in (x1, x2)]
        return xp.sum(x1 * x2, axis=axis) / (lengths[0] * lengths[1])

    def cosine_embedding_loss(
        self, x1: Array, x2: Array, signs: Array, /, *, margin: float = 0.0, reduction: str = "mean"
    ) -> Array:
        """1 - cos along the last axis where the sign is 1, and max(0, cos - margin) where it is -1.

        For cos, 1e-12 is added to each of the squared lengths.
        """
        xp = self._xp
        squares = [xp.sum(x**2, axis=-1) + 1e-12 for x in (x1, x2)]
        cosine = xp.sum(x1 * x2, axis=-1) / xp.sqrt(squares[0] * squares[1])
        terms = xp.where(signs == 1, 1 - cosine, self.relu(cosine - margin))
        return self._reduced(terms, reduction)

    def pairwise_distance(self, x1: Array, x2: Array, /, *, epsilon: float = 1e-6) -> Array:
        """The length of x1 - x2 + epsilon along the last axis."""
        return self._xp.sqrt(self._xp.sum((x1 - x2 + epsilon) ** 2, axis=-1))

    def triplet_margin_loss(
        self,
        anchor: Array,
        positive: Array,
        negative: Array,
        /,
        *,
        margin: float = 1.0,
        epsilon: float = 1e-6,
        reduction: str = "mean",
    ) -> Array:
        """max(0, the distance to the positive less that to the negative, plus margin).

        Source: Schroff, Kalenichenko and Philbin, FaceNet (2015), equation 2.
        """
        near, far = (self.pairwise_distance(anchor, x, epsilon=epsilon) for x in (positive, negative))
        return self._reduced(self.relu(near - far + margin), reduction)

    def _reduced(self, terms: Array, reduction: str) -> Any:
        """Losses, put together."""
        if reduction not in {"mean", "sum", "none"}:
            raise ValueError(f'reduction={reduction!r} is not "mean", "sum" or "none"')
        reduce = {"mean": self._xp.mean, "sum": self._xp.sum, "none": lambda x: x}[reduction]
        return reduce(terms)
