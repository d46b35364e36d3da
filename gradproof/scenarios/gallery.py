"""A gallery of trainings: two small systems, each trained by every optimizer and by what else trainings have.

It stands beside the documents' systems, which step by the learning rate times the gradient alone. The
settings are those that PyTorch's and optax's users have; where the two libraries' own differ, there is an
entry for each, and a library that has not the one says so.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from gradproof.reference.averaging import ExponentialAverage
from gradproof.reference.clipping import ClipByNorm, ClipByValue
from gradproof.reference.descent import Accumulation, GradientDescent
from gradproof.reference.optimizers import (
    LAMB,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from gradproof.reference.schedules import CosineDecay, StepDecay, WarmUp
from gradproof.scenarios.dense_network import dense_network
from gradproof.scenarios.documents.sigmoid_network.system import sigmoid_network
from gradproof.scenarios.scenario import Scenario

STEPS = 100

_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": SGD(momentum=0.9)},
    "nesterov": {"optimizer": SGD(momentum=0.9, nesterov=True)},
    "dampening": {"optimizer": SGD(momentum=0.9, dampening=0.1)},
    "weight_decay": {"optimizer": SGD(momentum=0.9, weight_decay=0.01)},
    "adam": {"optimizer": Adam()},
    "adam_l2": {"optimizer": Adam(weight_decay=0.01)},
    "adamw": {"optimizer": AdamW(weight_decay=0.01)},
    "amsgrad": {"optimizer": Adam(amsgrad="moment")},
    "amsgrad_corrected": {"optimizer": Adam(amsgrad="corrected")},
    "nadam": {"optimizer": NAdam()},
    "adam_nesterov": {"optimizer": Adam(nesterov=True)},
    "radam": {"optimizer": RAdam()},
    "radam_epsilon_outside": {"optimizer": RAdam(epsilon_place="outside")},
    "adamax": {"optimizer": Adamax()},
    "rmsprop": {"optimizer": RMSprop()},
    "rmsprop_epsilon_inside": {"optimizer": RMSprop(decay=0.9, epsilon_place="inside")},
    "rmsprop_centered": {"optimizer": RMSprop(centered=True, momentum=0.9)},
    "adagrad": {"optimizer": Adagrad(initial_accumulator=0.1)},
    "adagrad_epsilon_inside": {"optimizer": Adagrad(initial_accumulator=0.1, epsilon_place="inside")},
    "adadelta": {"optimizer": Adadelta(), "learning_rate": 1.0},
    "lion": {"optimizer": Lion(weight_decay=0.01)},
    "lamb": {"optimizer": LAMB(weight_decay=0.01)},
    "muon": {"optimizer": Muon(others=AdamW(weight_decay=0.01))},
}

_MORE: dict[str, dict[str, Any]] = {
    "step_decay": {"schedule": StepDecay(every=30, factor=0.5)},
    "warm_up_cosine": {"optimizer": AdamW(), "schedule": WarmUp(10, CosineDecay(STEPS - 10), start=0.1)},
    "clipped_by_value": {"clipping": ClipByValue(0.05)},
    "clipped_by_norm": {"clipping": ClipByNorm(0.05)},
    "clipped_by_norm_epsilon": {"clipping": ClipByNorm(0.05, epsilon=1e-6)},
    "averaged": {"optimizer": Adam(), "average": ExponentialAverage(0.99)},
}


def _trained(build: Callable[[], Scenario], name: str, settings: dict[str, Any]) -> Scenario:
    """Give a system with a training of the gallery in place of its own."""
    system = build()
    training = GradientDescent(**{"learning_rate": 0.01, "steps": STEPS, **settings})
    source = f"{system.source}; trained by {training.words}"
    return replace(system, name=name, training=training, claims=(), solution=None, source=source)


def _classifier() -> Scenario:
    """Give a small classifier: 4-6-1, tanh and sigmoid, binary cross-entropy of 10 examples."""
    return dense_network([4, 6, 1], ["tanh", "sigmoid"], "binary_cross_entropy", examples=10)


_OF_MATRICES: dict[str, dict[str, Any]] = {
    "muon_bfloat16": {"optimizer": Muon(iterates_in="bfloat16")},
    "muon_corrected": {"optimizer": Muon(correct=True, epsilon=1e-8, epsilon_place="added", scale="columns")},
}
"""Trainings of systems whose parameters are all matrices."""

_SYSTEMS: dict[str, tuple[Callable[[], Scenario], dict[str, dict[str, Any]]]] = {
    "sigmoid_network": (
        sigmoid_network,
        {**_OF_MATRICES, "accumulated": {"accumulation": Accumulation(3, "sum")}},
    ),
    "classifier": (_classifier, {"accumulated": {"accumulation": Accumulation(4, "mean")}}),
}

GALLERY: dict[str, Callable[[], Scenario]] = {
    name: partial(_trained, build, name, settings)
    for system, (build, further) in _SYSTEMS.items()
    for own, settings in (_OPTIMIZERS | _MORE | further).items()
    for name in [f"{system}.{own}"]
}
"""What builds each scenario of the gallery, by its name: the system's and the training's."""
