"""Muon: the step of a matrix is its momentum with all singular values brought near to 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from gradproof.errors import InputError
from gradproof.inputs import (
    COUNT,
    NUMBER,
    YES_OR_NO,
    check_inputs,
    instance_of,
    one_of,
    optional,
    sequence_of,
)
from gradproof.reference.numbers.formats import numpy_dtype
from gradproof.reference.optimizers.optimizer import (
    Array,
    At,
    Optimizer,
    average,
    check_decay_rates,
    check_not_negative,
    decayed,
    root,
    zeros,
)

_MATRIX = 2
"""So many axes has what Muon updates."""


@dataclass(frozen=True)
class Muon(Optimizer):
    """Muon: momentum, orthogonalised by the Newton-Schulz iteration.

    With g = ∂L/∂w, and m, which begins with 0:

        m ← momentum · m + (1 - momentum) · g
        M = momentum · m + (1 - momentum) · g          (with Nesterov's; else M = m)
        X₀ = M / (‖M‖ + epsilon)                       the norm is Frobenius'
        Xᵢ₊₁ = a Xᵢ + (b A + c A²) Xᵢ,   A = Xᵢ Xᵢᵀ
        w ← w - learning_rate · (s · X + weight_decay · w)

    With M = U S Vᵀ each step makes a σ + b σ³ + c σ⁵ of each singular value σ, and leaves U and V as they
    are. A matrix with more rows than columns is transposed first, and back afterwards, so that A is the
    smaller of both products.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks (2024); the scale by the
    greatest side: Liu et al., Muon is Scalable for LLM Training (2025), equation 4.

    Attributes:
        momentum: in [0, 1).
        nesterov: whether the gradient is averaged with the momentum once more.
        correct: whether the averages are divided by the share of the weights that they have (optax):
            m / (1 - momentumᵗ), and with Nesterov's momentum · m / (1 - momentumᵗ⁺¹) +
            (1 - momentum) · g / (1 - momentumᵗ).
        coefficients: a, b and c.
        iterations: how many.
        epsilon: what keeps the norm from 0.
        epsilon_place: whether it is `added` to the norm (optax), or the `least` norm that is divided by
            (torch.optim).
        scale: what s is for a matrix of so many rows and columns: √max(1, rows / columns) (`rows`:
            torch.optim's "original"), √max(1, columns / rows) (`columns`: optax's, whose matrices are applied
            from the right), or root_mean_square · √max(rows, columns) (`side`: "match_rms_adamw" of
            torch.optim, `consistent_rms` of optax).
        root_mean_square: for the scale `side`.
        iterates_in: the format that the matrix is rounded to before it is orthogonalised: `bfloat16` for
            torch.optim, whatever the weights are held in; empty for none.
        weight_decay: decoupled, as in AdamW.
        others: the rule of parameters that are no matrices; None where there are none.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.zeros((2, 2)), Muon()
    >>> gradient = np.array([[4.0, 0.0], [0.0, -4.0]])
    >>> rule.update(np, weight, gradient, rule.state(weight), At(1, 1.0))[0].round(2).tolist()
    [[-1.11, 0.0], [0.0, 1.11]]
    """

    momentum: float = 0.95
    nesterov: bool = True
    correct: bool = False
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)
    iterations: int = 5
    epsilon: float = 1e-7
    epsilon_place: Literal["added", "least"] = "least"
    scale: Literal["rows", "columns", "side"] = "rows"
    root_mean_square: float = 0.2
    iterates_in: Literal["", "bfloat16"] = ""
    weight_decay: float = 0.0
    others: Optimizer | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("Muon", momentum=self.momentum)
        check_not_negative(
            "Muon",
            epsilon=self.epsilon,
            root_mean_square=self.root_mean_square,
            weight_decay=self.weight_decay,
        )
        three = sequence_of(NUMBER, "three finite numbers")
        check_inputs(
            "Muon",
            nesterov=(self.nesterov, YES_OR_NO),
            correct=(self.correct, YES_OR_NO),
            coefficients=(self.coefficients, three),
            iterations=(self.iterations, COUNT),
            epsilon_place=(self.epsilon_place, one_of("added", "least")),
            scale=(self.scale, one_of("rows", "columns", "side")),
            iterates_in=(self.iterates_in, one_of("", "bfloat16")),
            others=(self.others, optional(instance_of(Optimizer, "an optimizer such as AdamW(...)"))),
        )
        object.__setattr__(self, "coefficients", tuple(float(each) for each in self.coefficients))
        object.__setattr__(self, "iterations", int(self.iterations))
        if len(self.coefficients) != 3:
            raise InputError(
                f"Muon's coefficients are {self.coefficients}, which are {len(self.coefficients)}. Give "
                "three: those of an entry's first, third and fifth power."
            )

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the momentum of a matrix; of another parameter what the other rule keeps.

        Raises:
            InputError: it is no matrix, and there is no other rule.
        """
        if weight.ndim == _MATRIX:
            return zeros(weight, "momentum")
        if self.others is None:
            raise InputError(
                f"Muon updates matrices, and a parameter has the shape {weight.shape}. Give the rule of such "
                "parameters as others=AdamW(...), or leave them out."
            )
        return self.others.state(weight)

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its momentum."""
        if self.others is not None and len(weight.shape) != _MATRIX:
            return self.others.update(xp, weight, gradient, state, at)
        momentum = average(self.momentum, state["momentum"], gradient)
        share = 1 - self.momentum**at.number if self.correct else 1.0
        mean = momentum / share
        if self.nesterov:
            ahead = 1 - self.momentum ** (at.number + 1) if self.correct else 1.0
            mean = self.momentum * momentum / ahead + (1 - self.momentum) * gradient / share
        rows, columns = weight.shape
        direction = self._scale(rows, columns) * self._orthogonalised(xp, mean, rows > columns)
        weight, _ = decayed(weight, gradient, at, self.weight_decay, decoupled=True)
        return weight - at.learning_rate * direction, {"momentum": momentum}

    def _orthogonalised(self, xp: Any, matrix: Any, is_tall: bool) -> Any:
        """Bring all singular values of a matrix near to 1."""
        a, b, c = self.coefficients
        held_in = matrix.dtype
        if self.iterates_in:
            matrix = xp.astype(matrix, numpy_dtype(self.iterates_in))
        norm = root(xp, xp.sum(matrix**2))
        least = norm + self.epsilon if self.epsilon_place == "added" else xp.maximum(norm, self.epsilon)
        matrix = (matrix.T if is_tall else matrix) / least
        for _ in range(self.iterations):
            product = matrix @ matrix.T
            matrix = a * matrix + (b * product + c * (product @ product)) @ matrix
        matrix = matrix.T if is_tall else matrix
        return xp.astype(matrix, held_in) if self.iterates_in else matrix

    def _scale(self, rows: int, columns: int) -> float:
        if self.scale == "side":
            return self.root_mean_square * sqrt(max(rows, columns))
        return sqrt(max(1.0, rows / columns if self.scale == "rows" else columns / rows))
