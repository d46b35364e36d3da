"""Embedding and attention."""

from collections.abc import Callable
from math import inf

import numpy as np

from gradproof.reference.compositions.composition import Array, Composition


class Attentions(Composition):
    """What is made of `softmax` and products of matrices."""

    softmax: Callable[..., Array]

    def embedding(self, indices: Array, weights: Array, /) -> Array:
        """The row of a table for each index.

        Args:
            indices: Integers, of any shape.
            weights: The table, of shape (rows, length).
        """
        rows = self._xp.take(weights, self._xp.reshape(indices, (-1,)), axis=0)
        return self._xp.reshape(rows, (*indices.shape, *weights.shape[1:]))

    def scaled_dot_product_attention(
        self,
        queries: Array,
        keys: Array,
        values: Array,
        mask: Array | None = None,
        /,
        *,
        is_causal: bool = False,
        scale: float | None = None,
    ) -> Array:
        """softmax(Q K' scale + mask) V, along the last axis.

        Args:
            queries: Of shape (..., m, d).
            keys: Of shape (..., n, d).
            values: Of shape (..., n, e).
            mask: Added to the scores; or booleans, which say where a query may look. It broadcasts to
                (..., m, n).
            is_causal: Whether query i may look at keys 0, ..., i alone.
            scale: 1 / sqrt(d) if None.

        Raises:
            ValueError: there is a mask, and `is_causal` is true.

        Source: Vaswani et al., Attention is all you need (2017), equation 1.
        """
        xp = self._xp
        if mask is not None and is_causal:
            raise ValueError("a mask is given, and is_causal is true; one of them says where to look")
        scores = xp.matmul(queries, xp.matrix_transpose(keys))
        if scale is None:
            scores = scores / xp.sqrt(self._constant(np.asarray(float(queries.shape[-1])), scores))
        else:
            scores = scores * scale
        if is_causal:
            mask = xp.asarray(np.tri(scores.shape[-2], scores.shape[-1], dtype=bool))
        if mask is None:
            pass
        elif "bool" in str(getattr(mask, "dtype", "bool")):  # a comparison has none
            scores = xp.where(mask, scores, xp.full_like(scores, -inf))
        else:
            scores = scores + mask
        return xp.matmul(self._attention_weights(scores), values)

    def _attention_weights(self, scores: Array) -> Array:
        return self.softmax(scores)
