"""What "Math Behind Backpropagation and Gradient Descent" claims of three layers of one neuron each.

The neurons are a0 → a1 → a2, as in the scenario: the document calls the activation of the last layer a2, and
its parameters w2 and b2. It leaves the activation function open; the scenario's is the sigmoid.
"""

from collections.abc import Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference.tape import Tensor
from gradproof.scenarios.claim import (
    Checked,
    Comparison,
    States,
    confirmed,
    refuted,
    undecided,
)
from gradproof.scenarios.claims_arithmetic import (
    BallArray,
    Certified,
    balls,
    entries,
    show,
)
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import either, examples, loss_at, output_at, weights_after
from gradproof.scenarios.scenario import Scenario

check = Checks()


def _mean(steps: list[BallArray]) -> BallArray:
    total: BallArray = np.sum(steps, axis=0)
    return np.asarray(total / len(steps))


def _factors(node: Tensor, activations: Mapping[int, str]) -> set[str]:
    """Name what a node is computed from: parameters, and activations, which are not looked into."""
    found: set[str] = set()
    for parent in node.parents:
        if parent.index is None:
            continue  # data
        if parent.index in activations:
            found.add(activations[parent.index])
        elif parent.name:
            found.add(parent.name)
        else:
            found |= _factors(parent, activations)
    return found


def _activations(run: Certified) -> dict[str, Tensor]:
    """The neurons' activations, a1 first."""
    return {f"a{n}": node for n, node in enumerate(run.nodes("sigmoid"), start=1)}


@check("depends-on-preceding")
def _depends(scenario: Scenario, states: States) -> Checked:
    run = output_at(scenario, examples(scenario)[0])
    slope = run.derivative_by(_activations(run)[states["by"]]).item()
    what = f"The derivative of a2 by {states['by']} is"
    right, wrong = f"{what} {show(slope, 6)} at the first example.", f"{what} 0 at the first example."
    return either(slope != 0, right, wrong, "it does not depend on it")


@check("three-options")
def _options(scenario: Scenario, states: States) -> Checked:
    run = loss_at(scenario, batch=examples(scenario)[0])
    activations = _activations(run)
    names = {node.index: name for name, node in activations.items() if node.index is not None}
    true = _factors(activations[states["changed"]], names)
    stated = set(states["options"])
    numbers = {"stated": ", ".join(sorted(stated)), "exact": ", ".join(sorted(true))}
    what = f"{states['changed']} is computed from {numbers['exact']}"
    if stated == true:
        return confirmed(f"{what}.", **numbers)
    return refuted(
        f"{what}; {', '.join(sorted(stated - true))} is listed, and {', '.join(sorted(true - stated))} is "
        "not. "
        "(Were a2 the hidden neuron, the list would be right, but the text calls a2 the activation of the "
        "last layer, which depends on the layer before.)",
        cause="a wrong index: to change the last activation by way of itself is circular, and what its "
        "weighted sum takes in is the activation before it",
        **numbers,
    )


@check("unfolded-parameters")
def _unfolded(scenario: Scenario, states: States) -> Checked:
    run = loss_at(scenario, batch=examples(scenario)[0])
    true = _factors(_activations(run)["a1"], {})
    stated = set(states["reached"])
    numbers = {"stated": ", ".join(sorted(stated)), "exact": ", ".join(sorted(true))}
    what = f"Unfolding the activation before the last layer's sum reaches {numbers['exact']}"
    wrong = f"{what}; the steps of w2 and b2 were calculated before."
    cause = "a wrong index: the names are of the layer that was finished before"
    return either(stated == true, f"{what}.", wrong, cause, **numbers)


@check(
    "chain-derivatives",
    derivatives={
        "a2": lambda v: 2 * (v["a2"] - v["d"]),
        "w2": lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"] * v["a1"],
        "b2": lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"],
        "a1": lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"] * v["w2"],
        "w1": lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"] * v["w2"] * v["slope1"] * v["a0"],
        "b1": lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"] * v["w2"] * v["slope1"],
    },
)
def _derivatives(scenario: Scenario, states: States) -> Checked:
    """Each formula is given the values of all neurons and the slopes a (1 - a) of both sigmoids."""
    p = {name: balls(array).item() for name, array in scenario.flat_params.items()}
    claimed: dict[str, Any] = {}
    exact: dict[str, Any] = {}
    for number, batch in enumerate(examples(scenario), start=1):
        run = loss_at(scenario, batch=batch)
        activations = _activations(run)
        values: dict[str, Any] = {name: balls(array).item() for name, array in batch.items()}
        values |= {name: entries(node.value).item() for name, node in activations.items()}
        values |= {f"slope{n}": values[f"a{n}"] * (1 - values[f"a{n}"]) for n in (1, 2)}
        for name, formula in states["derivatives"].items():
            key = f"∂C/∂{name} at example {number}"
            claimed[key] = formula({**p, **values})
            exact[key] = (
                run.derivative_by(activations[name]) if name in activations else run.gradients[name]
            ).item()
    return Comparison(claimed, exact, "Every formula, at each example,", cause="a wrong chain of factors")


def _gradients(scenario: Scenario) -> list[dict[str, BallArray]]:
    return [loss_at(scenario, batch=batch).gradients for batch in examples(scenario)]


@check("steps-differ")
def _steps_differ(scenario: Scenario, _states: States) -> Checked:
    single = _gradients(scenario)
    pairs = list(combinations(range(len(single)), 2))
    same = [
        (name, i + 1, j + 1)
        for name in scenario.flat_params
        for i, j in pairs
        if balls(single[i][name] - single[j][name]).item().contains(0)
    ]
    if not same:
        return confirmed(
            f"For every parameter, all {len(single)} examples' derivatives are proven to differ."
        )
    name, i, j = same[0]
    # Balls never prove two computed numbers equal; equal data do.
    if any(array[i - 1] != array[j - 1] for array in scenario.flat_batch.values()):
        return undecided(f"The derivatives by {name} of the examples {i} and {j} may be the same.")
    return refuted(
        f"The derivatives by {name} of the examples {i} and {j} are the same.", cause="equal examples"
    )


@check("average-step", together=_mean)
def _average(scenario: Scenario, states: States) -> Checked:
    single = _gradients(scenario)
    claimed = {name: states["together"]([each[name] for each in single]) for name in scenario.flat_params}
    exact = {name: each.item() for name, each in loss_at(scenario).gradients.items()}
    what = f"The steps of {len(single)} examples, put together, are those of the average cost, which"
    return Comparison(claimed, exact, what, cause="the examples' steps are put together in another way")


@check("closer-over-epochs")
def _closer(scenario: Scenario, states: States) -> Checked:
    costs = [loss_at(scenario, weights_after(scenario, epoch)).value for epoch in states["epochs"]]
    listed = ", ".join(f"{show(cost, 4)} at {n}" for n, cost in zip(states["epochs"], costs, strict=True))
    falls = all(later < earlier for earlier, later in pairwise(costs))
    right = (
        f"On the reconstructed examples the cost falls: {listed} epochs. (How far the "
        "weights are from a minimum is not known, only that they lead to lower cost.)"
    )
    return either(
        falls, right, f"On these examples the cost does not always fall: {listed} epochs.", "it rises"
    )


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
