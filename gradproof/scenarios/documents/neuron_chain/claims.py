"""What "Math Behind Backpropagation and Gradient Descent" claims of three layers of one neuron each.

The neurons are a0 → a1 → a2, as in the scenario: the document calls the activation of the last layer a2, and
its parameters w2 and b2. It leaves the activation function open; the scenario's is the sigmoid.
"""

from collections.abc import Collection, Mapping
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference.tape import Tensor
from gradproof.scenarios.claim import Comparison, States
from gradproof.scenarios.claims_arithmetic import BallArray, Certified, balls, entries, show
from gradproof.scenarios.claims_files import Checks, Computed, Facts
from gradproof.scenarios.claims_training import examples, loss_at, output_at, weights_after
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
def _depends(scenario: Scenario, states: States) -> Computed:
    run = output_at(scenario, examples(scenario)[0])
    slope = run.derivative_by(_activations(run)[states["by"]]).item()
    return Facts(bool(slope != 0), by=states["by"], slope=slope)


@check("three-options")
def _options(scenario: Scenario, states: States) -> Computed:
    activations = _activations(loss_at(scenario, batch=examples(scenario)[0]))
    names = {node.index: name for name, node in activations.items() if node.index is not None}
    true = _factors(activations[states["changed"]], names)
    return _same_names(states["options"], true, changed=states["changed"])


@check("unfolded-parameters")
def _unfolded(scenario: Scenario, states: States) -> Computed:
    run = loss_at(scenario, batch=examples(scenario)[0])
    return _same_names(states["reached"], _factors(_activations(run)["a1"], {}))


def _same_names(stated: Collection[str], true: set[str], **numbers: Any) -> Facts:
    listed = {
        "stated": {*stated}, "exact": true, "superfluous": {*stated} - true, "missing": true - {*stated}
    }  # fmt: skip
    told = {each: ", ".join(sorted(names)) for each, names in listed.items()}
    return Facts({*stated} == true, **told, **numbers)


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
def _derivatives(scenario: Scenario, states: States) -> Computed:
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
    return Comparison(claimed, exact)


def _gradients(scenario: Scenario) -> list[dict[str, BallArray]]:
    return [loss_at(scenario, batch=batch).gradients for batch in examples(scenario)]


@check("steps-differ")
def _steps_differ(scenario: Scenario, _states: States) -> Computed:
    single = _gradients(scenario)
    pairs = list(combinations(range(len(single)), 2))
    same = [
        (name, i + 1, j + 1)
        for name in scenario.flat_params
        for i, j in pairs
        if balls(single[i][name] - single[j][name]).item().contains(0)
    ]
    numbers = dict(zip(("name", "one", "other"), same[0] if same else (), strict=False))
    # Balls never prove two computed numbers equal; equal data do.
    equal = same and all(a[same[0][1] - 1] == a[same[0][2] - 1] for a in scenario.flat_batch.values())
    return Facts((False if equal else None) if same else True, examples=len(single), **numbers)


@check("average-step", together=_mean)
def _average(scenario: Scenario, states: States) -> Computed:
    single = _gradients(scenario)
    claimed = {name: states["together"]([each[name] for each in single]) for name in scenario.flat_params}
    exact = {name: each.item() for name, each in loss_at(scenario).gradients.items()}
    return Facts(Comparison(claimed, exact), examples=len(single))


@check("closer-over-epochs")
def _closer(scenario: Scenario, states: States) -> Computed:
    costs = [loss_at(scenario, weights_after(scenario, epoch)).value for epoch in states["epochs"]]
    listed = [f"{show(cost, 4)} at {n}" for n, cost in zip(states["epochs"], costs, strict=True)]
    return Facts(all(later < earlier for earlier, later in pairwise(costs)), costs=listed)


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
