"""The training that checks of claims look at: the scenario's own, by its hand-derived gradient."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from gradproof.errors import InputError
from gradproof.reference.descent import Trajectory, descend
from gradproof.reference.numpy_namespace import NumpyNamespace

if TYPE_CHECKING:
    from gradproof.scenarios.scenario import Scenario

_RUNS: "WeakKeyDictionary[Scenario, Trajectory]" = WeakKeyDictionary()


def trained(scenario: "Scenario") -> Trajectory:
    """Train a scenario; a second call with the same one gives the same run.

    What a claim says of the weights that are reached is then checked in certified arithmetic at these very
    weights: that they were reached by float64 steps takes nothing from it.

    Raises:
        InputError: the scenario has no training.

    >>> from gradproof.scenarios import line_fit
    >>> bool(trained(line_fit()).losses[-1] < 0.4)
    True
    """
    if scenario.training is None:
        raise InputError(f"Scenario {scenario.name!r} has no training. Give it one with `training=`.")
    if scenario not in _RUNS:
        params, batch = scenario.arrays("float64")
        with np.errstate(all="ignore"):  # a saturated output's loss is infinite, its gradient is not
            step = scenario.flat_value_and_gradient(NumpyNamespace())
            _RUNS[scenario] = descend(step, params, batch, scenario.training)
    return _RUNS[scenario]
