"""Wrong implementations made on purpose: each error leaves the loss's value right and its gradient wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradproof.scenarios import Scenario


def stop_gradient(value: Any) -> Any:
    """Give the value with its gradient cut, in the framework that runs the loss."""
    if hasattr(value, "detach"):
        return value.detach()
    import jax

    return jax.lax.stop_gradient(value)


def with_gradient(value: Any, carrier: Any) -> Any:
    """Give something with the value of `value` and the gradient of `carrier`."""
    return stop_gradient(value - carrier) + carrier


class WithoutSigmoidDerivative:
    """A namespace whose sigmoid passes the gradient on as if its derivative were 1."""

    def __init__(self, xp: Any) -> None:
        def sigmoid(z: Any) -> Any:
            return with_gradient(xp.nn.sigmoid(z), z)

        self._xp = xp
        self.nn = SimpleNamespace(**{**vars(xp.nn), "sigmoid": sigmoid})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)


def one_entry(name: str, factor: float) -> Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]:
    """Scale the gradient of one parameter's first entry."""

    def change(xp: Any, params: Mapping[str, Any]) -> Mapping[str, Any]:
        weight = params[name]
        mask = np.zeros(tuple(weight.shape))
        mask.flat[0] = factor - 1.0
        scaled = weight + xp.asarray(mask, dtype=weight.dtype) * weight
        return {**params, name: with_gradient(weight, scaled)}

    return change


def planted_in_framework(scenario: Scenario, error: str, dtype: str) -> Scenario:
    """Plant an error into the loss that a framework differentiates."""
    small = {"float64": 1e-9, "float32": 1e-4}[dtype]
    name = max(scenario.flat_params, key=lambda key: scenario.flat_params[key].size)

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        if error == "missing sigmoid derivative":
            return scenario.loss(WithoutSigmoidDerivative(xp), params, batch)
        if error == "transposed product":
            transposed = xp.matrix_transpose(params[name])
            return scenario.loss(xp, {**params, name: with_gradient(params[name], transposed)}, batch)
        if error == "one entry":
            return scenario.loss(xp, one_entry(name, 1.0 + small)(xp, params), batch)
        if error == "NaN":
            return scenario.loss(xp, one_entry(name, float("nan"))(xp, params), batch)
        value = scenario.loss(xp, params, batch)
        return with_gradient(value, {"sign": -1.0, "factor 2": 2.0}[error] * value)

    return replace(scenario, loss=loss)


def planted_in_formula(scenario: Scenario, error: str, dtype: str) -> Scenario:
    """Plant an error into the hand-derived gradient that the reference runs."""
    small = {"float64": 1e-9, "float32": 1e-4}[dtype]
    name = max(scenario.flat_params, key=lambda key: scenario.flat_params[key].size)

    def gradient(params: Any, batch: Any) -> Any:
        right = dict(scenario.gradient(params, batch))
        if error in {"sign", "factor 2"}:
            factor = {"sign": -1, "factor 2": 2}[error]
            return {key: factor * entry for key, entry in right.items()}
        changed = right[name].copy()
        if error == "transposed product":
            changed = changed.T.copy()
        elif error == "missing sigmoid derivative":
            hidden = 1.0 / (1.0 + np.exp(-(batch["x"] @ params[name])))
            output = 1.0 / (1.0 + np.exp(-(hidden @ params["w2"])))
            delta = (output - batch["y"]) * output * (1 - output)
            changed = (batch["x"].T @ (delta @ params["w2"].T)).astype(changed.dtype)
        else:
            changed.flat[0] *= {"one entry": 1.0 + small, "NaN": np.nan}[error]
        return {**right, name: changed}

    return replace(scenario, gradient=gradient, value_and_gradient=None)
