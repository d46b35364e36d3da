"""What is computed: the Scenario type and the systems of three documents."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gradproof.errors import InputError
from gradproof.scenarios.documents.bce_network.system import LEARNING_RATES, bce_network
from gradproof.scenarios.documents.line_fit.system import line_fit, line_fit_minibatch
from gradproof.scenarios.documents.neuron_chain.system import neuron_chain
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network
from gradproof.scenarios.scenario import Provenance, Scenario, given, reconstructed

CATALOGUE: dict[str, Callable[[], Scenario]] = {
    **{name: partial(bce_network, name) for name in LEARNING_RATES},
    "line_fit": line_fit,
    "line_fit_minibatch": line_fit_minibatch,
    "neuron_chain": neuron_chain,
    "sigmoid_network": sigmoid_network,
}


def scenario(name: str) -> Scenario:
    """Build the documents' scenario of that name.

    Raises:
        InputError: there is none; the nearest name is told.

    >>> scenario("line_fit").training.learning_rate
    0.01
    """
    if name not in CATALOGUE:
        from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

        near = get_close_matches(name, CATALOGUE, n=1, cutoff=0.0)[0]
        raise InputError(
            f"There is no scenario called {name!r}. Did you mean {near!r}? `gradproof list` shows them all."
        )
    return replace(CATALOGUE[name](), origin=name)


__all__ = [
    "CATALOGUE",
    "Provenance",
    "Scenario",
    "bce_network",
    "given",
    "line_fit",
    "line_fit_minibatch",
    "neuron_chain",
    "reconstructed",
    "scenario",
    "sigmoid_network",
]
