"""Trainings of every kind, and the documents' systems trained by them."""

from dataclasses import replace
from typing import Any

import gradproof as gp
from gradproof.scenarios import line_fit, sigmoid_network
from gradproof.scenarios.scenario import Scenario

OPTIMIZERS: dict[str, Any] = {
    "plain": gp.SGD(),
    "momentum": gp.SGD(momentum=0.9),
    "dampened": gp.SGD(momentum=0.9, dampening=0.25),
    "nesterov": gp.SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": gp.Adam(),
    "adam with L2": gp.Adam(weight_decay=0.1, beta2=0.99),
    "adam, epsilon inside": gp.Adam(epsilon_place="inside"),
    "adam, epsilon before correction": gp.Adam(epsilon_place="before correction"),
    "adam, nesterov": gp.Adam(nesterov=True),
    "amsgrad": gp.Adam(amsgrad="moment"),
    "amsgrad, corrected": gp.Adam(amsgrad="corrected"),
    "amsgrad, uncorrected": gp.Adam(amsgrad="moment", correct_first=False, correct_second=False),
    "adamw": gp.AdamW(weight_decay=0.1),
    "nadam": gp.NAdam(weight_decay=0.1),
    "radam": gp.RAdam(weight_decay=0.1, decoupled=True),
    "radam, epsilon outside": gp.RAdam(epsilon_place="outside"),
    "adamax": gp.Adamax(),
    "rmsprop": gp.RMSprop(),
    "rmsprop, centered": gp.RMSprop(centered=True, momentum=0.9, weight_decay=0.1),
    "rmsprop, epsilon inside": gp.RMSprop(epsilon_place="inside", momentum=0.9, momentum_of="step"),
    "adagrad": gp.Adagrad(initial_accumulator=0.1, learning_rate_decay=0.01),
    "adagrad, epsilon inside": gp.Adagrad(initial_accumulator=0.1, epsilon_place="inside"),
    "adadelta": gp.Adadelta(),
    "lion": gp.Lion(weight_decay=0.1),
    "lamb": gp.LAMB(weight_decay=0.1),
}

STEPS = 20

OTHERS: dict[str, dict[str, Any]] = {
    "alone": {},
    "warm-up and cosine, clipped by norm, averaged": {
        "schedule": gp.WarmUp(5, gp.CosineDecay(STEPS - 5, floor=0.1), start=0.25),
        "clipping": gp.ClipByNorm(0.5),
        "average": gp.ExponentialAverage(0.9),
    },
    "steps, clipped by value, accumulated": {
        "schedule": gp.StepDecay(7, 0.5),
        "clipping": gp.ClipByValue(0.1),
        "accumulation": gp.Accumulation(3, "sum"),
    },
}
"""What a training may have beside its optimizer."""


def trained(system: str, optimizer: str, others: str = "alone", **changed: Any) -> Scenario:
    """One of the documents' systems whose loss is a sum over examples, with a training of these names."""
    own = {**OTHERS[others], **changed}
    steps = own.pop("steps", STEPS)
    made = gp.GradientDescent(own.pop("learning_rate", 0.01), steps, optimizer=OPTIMIZERS[optimizer], **own)
    scenario = {"line_fit": line_fit, "sigmoid_network": sigmoid_network}[system]()
    return replace(scenario, name=f"{system}, {optimizer}, {others}", training=made, claims=())
