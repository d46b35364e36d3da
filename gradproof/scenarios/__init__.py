"""What is computed: the Scenario, and the systems of three documents.

What comes in: a loss, its parameters and data, perhaps a gradient, a training and claims; as objects, from
a user's file, or by a document's name. What goes out: a `Scenario`, which every other room takes, and what
calls a user's code without being ended by it.

In the order of reading: `scenario` (what it is), `claim` (what a document may state, with
`claims_arithmetic`, `claims_of`, `claims_files` and `claims_training` to check it by), `documents` (a
folder each), `finding` (by name and in files), `dense_network` (making them), `validation` (trying
one out), `fingerprint` (telling whether two are the same), `user_code` (running what users wrote).
"""

from gradproof.scenarios.documents.bce_network.system import bce_network
from gradproof.scenarios.documents.line_fit.system import line_fit, line_fit_minibatch
from gradproof.scenarios.documents.neuron_chain.system import neuron_chain
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network
from gradproof.scenarios.finding import CATALOGUE, scenario
from gradproof.scenarios.scenario import Provenance, Scenario

__all__ = [
    "CATALOGUE",
    "Provenance",
    "Scenario",
    "bce_network",
    "line_fit",
    "line_fit_minibatch",
    "neuron_chain",
    "scenario",
    "sigmoid_network",
]
