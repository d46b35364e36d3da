"""Whose gradient is looked at: a loss and a gradient of the user's, on flat mappings of arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradproof.errors import InputError
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import called
from gradproof.verdicts.judging.claimed import Place


@dataclass(frozen=True, eq=False)
class UserGradient:
    """A loss and a gradient of the user's.

    Attributes:
        scenario: the loss with the given parameters and data, and how they are nested.
        function: called as `function(params, batch)` on nested mappings.
    """

    scenario: Scenario
    function: Callable[[Any, Any], Any]

    @property
    def loss(self) -> Callable[[Any, Any, Any], Any]:
        """The loss, on flat mappings."""
        return self.scenario.flat_loss

    @property
    def given(self) -> Place:
        """The parameters and the data that the user gave."""
        return Place(self.scenario.flat_params, self.scenario.flat_batch)

    def nested(self, params: Any, batch: Any) -> tuple[Any, Any]:
        """Nest flat mappings as the user's functions expect them."""
        return self.scenario.params_structure.nest(params), self.scenario.batch_structure.nest(batch)

    @property
    def computed_by(self) -> str:
        """The framework that computes it of its own model, in floating point alone; empty for other code."""
        scenario = self.scenario
        if isinstance(scenario, ModelScenario) and self.function == scenario.claimed_gradient:
            return scenario.words
        return ""

    def loss_value(self, place: Place) -> float:
        """Evaluate the loss in float64.

        Raises:
            InputError: it raises, or gives no scalar.
        """
        params, batch = (
            {name: np.array(array) for name, array in arrays.items()}
            for arrays in (place.params, place.batch)
        )
        with np.errstate(all="ignore"):
            value = called("loss", lambda: self.loss(NumpyNamespace(), params, batch))
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The loss answers {value!r:.60}, which is no real number. Return the scalar that is to be "
                "differentiated."
            ) from error
        if array.shape != ():
            raise InputError(
                f"The loss answers an array of shape {array.shape}, but a gradient needs a scalar. Reduce "
                "it, for example with xp.sum or xp.mean."
            )
        return float(array)
