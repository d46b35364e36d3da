"""What is computed: the Scenario type and the systems of three documents."""

from gradproof.scenarios.catalogue import CATALOGUE, scenario
from gradproof.scenarios.documents.bce_network.system import bce_network
from gradproof.scenarios.documents.line_fit.system import line_fit, line_fit_minibatch
from gradproof.scenarios.documents.neuron_chain.system import neuron_chain
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network
from gradproof.scenarios.scenario import Provenance, Scenario, given, reconstructed

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
