"""What "Gradient Descent and Backpropagation Walkthrough" claims.

The document works one update out by hand: of the edge EF, from the second of two hidden nodes (D, E) to
the output F, at the first point [1, 2, 3] with the label 0. Its formulas and tables are pictures; what
follows from the text's own words is checked, and where a number is in a picture, the finding says so.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb

from gradproof.scenarios.claim import ClaimedGradient, Comparison, States, decimal
from gradproof.scenarios.claims_arithmetic import (
    BallArray,
    Certified,
    balls,
    exactly,
    fraction,
    prediction,
    show,
)
from gradproof.scenarios.claims_files import Checks, Computed, Facts
from gradproof.scenarios.claims_of import only
from gradproof.scenarios.claims_training import examples, loss_at, output_at
from gradproof.scenarios.scenario import Scenario

check = Checks()

EF = (1, 0)
"""The edge EF among the output weights: from the second hidden node to the only output."""


def _at_point(scenario: Scenario, states: States) -> Scenario:
    """The network with the one point that is worked out as its data."""
    x, y = [[float(entry) for entry in states["x"]]], [[float(states["y"])]]
    return replace(scenario, batch={"x": np.array(x), "y": np.array(y)})


def _hidden(scenario: Scenario) -> BallArray:
    """The hidden nodes D and E of the first example before ReLU."""
    nodes: BallArray = balls(scenario.flat_batch["x"])[0] @ balls(scenario.flat_params["w_hidden"])
    return nodes


def _output(scenario: Scenario) -> Certified:
    """The output F with its derivatives."""
    return output_at(scenario, scenario.flat_batch)


def _loss_by_output(scenario: Scenario) -> arb:
    """∂L/∂F; F is what the last sigmoid of the loss gives."""
    run = loss_at(scenario)
    return run.derivative_by(run.nodes("sigmoid")[-1]).item()


# ---------------------------------------------------------------- data and forward pass


@check("label-rule")
def _label_rule(_scenario: Scenario, states: States) -> Computed:
    third = fraction(states["x"][2])
    by_rule = "1" if third > 0 else "0"
    same = fraction(by_rule) == fraction(states["y"])
    return Facts(same, third=third, stated=states["y"], exact=by_rule)


@check("value-of-E")
def _node_e(scenario: Scenario, states: States) -> Computed:
    return decimal(states["E"], _hidden(_at_point(scenario, states))[1], "E")


@check("relu-changes-nothing")
def _relu(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    nodes = _hidden(one)
    slope = loss_at(one).gradients["w_hidden"]
    after = balls(one.flat_batch["x"])[0] @ (balls(one.flat_params["w_hidden"]) - slope)
    return Facts(all(node > 0 for node in nodes), before=nodes, after=after)


@check("output")
def _output_value(scenario: Scenario, states: States) -> Computed:
    return decimal(states["F"], _output(_at_point(scenario, states)).value, "F")


@check("output-formula", F=lambda ef, e: ef * e)
def _output_formula(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    stated = states["F"](balls(one.flat_params["w_output"])[EF], _hidden(one)[1])
    return Comparison({"F": stated}, {"F": _output(one).value})


# ---------------------------------------------------------------- the loss


@check("loss-is-average", total=lambda entropies: sum(entropies) / len(entropies))
def _average(scenario: Scenario, states: States) -> Computed:
    single = [loss_at(scenario, batch=batch).value for batch in examples(scenario)]
    found = Comparison({"the loss": states["total"](single)}, {"the loss": loss_at(scenario).value})
    return Facts(found, points=len(single))


@check("loss-derivative", derivative=lambda f, y: -y / f + (1 - y) / (1 - f))
def _loss_derivative(_scenario: Scenario, states: States) -> Computed:
    claimed, exact = {}, {}
    for label in ("0", "1"):
        for f in ("0.001", "0.25", "0.5", "0.999"):
            key = f"∂L/∂F at F = {f}, y = {label}"
            run = Certified(
                lambda xp, params, batch: xp.nn.binary_cross_entropy(params["F"], batch["y"]),
                {"F": balls([f])},
                {"y": balls([label])},
            )
            exact[key] = run.gradients["F"]
            claimed[key] = balls([states["derivative"](exactly(f), exactly(label))])
    return Comparison(claimed, exact)


# ---------------------------------------------------------------- the derivative by EF


@check("chain-rule", derivative=lambda by_output, by_weight: by_output * by_weight)
def _chain_rule(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    claimed = states["derivative"](_loss_by_output(one), _output(one).gradients["w_output"][EF])
    return Comparison({"EF": claimed}, {"EF": loss_at(one).gradients["w_output"][EF]})


@check("output-derivative", derivative=lambda e, _f: e)
def _output_derivative(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    predict = prediction(one)
    of_output = replace(one, loss=lambda xp, params, batch: xp.sum(predict(xp, params, batch)))
    return _by_output_edges(of_output, [states["derivative"](e, _output(one).value) for e in _hidden(one)])


@check("final-derivative", derivative=lambda by_output, e, _f: by_output * e)
def _final_derivative(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    f, by_output = _output(one).value, _loss_by_output(one)
    return _by_output_edges(one, [states["derivative"](by_output, e, f) for e in _hidden(one)])


def _by_output_edges(scenario: Scenario, claimed: list[arb]) -> Comparison:
    """Compare what is claimed for EF; the claim for both edges serves the search for a cause."""
    both = balls([[entry] for entry in claimed])
    exact = loss_at(scenario).gradients["w_output"]
    return Comparison({"EF": both[EF]}, {"EF": exact[EF]}, gradient=only(scenario, {"w_output": both}))


@check("new-weight")
def _new_weight(scenario: Scenario, states: States) -> Computed:
    """The update as it is plugged in: the loss of the first point alone, F cut off, learning rate 1."""
    one = _at_point(scenario, states)
    rate, old, new = (exactly(states[name]) for name in ("rate", "EF", "new EF"))
    exact = old - rate * loss_at(one).gradients["w_output"][EF]
    plugged = _as_plugged_in(one, states, (old - new) / rate)
    there = Certified(plugged.loss, {"EF": balls([[states["EF"]]])}, plugged.batch).gradients["EF"]
    return Facts(
        decimal(states["new EF"], exact, "The new weight", gradient=plugged),
        F=states["F"],
        plugged_in=(old - rate * there).item(),
        in_full=old - rate * _loss_by_output(one) * exactly(states["E"]),
    )


def _as_plugged_in(scenario: Scenario, states: States, claimed: arb) -> ClaimedGradient:
    """The loss as a function of EF, where the output is the F that is plugged in, exactly.

    The other edge DF carries what is left: sigmoid(DF·D + EF·E) = F, so DF·D = ln(F / (1 - F)) - EF·E.
    """
    odds = fraction(states["F"]) / (1 - fraction(states["F"]))
    total = fraction(states["EF"]) * fraction(states["E"])

    def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        by_odds = xp.log(odds.numerator) - xp.log(odds.denominator)
        rest = by_odds - xp.divide(total.numerator, total.denominator)
        d = (batch["x"] @ batch["w_hidden"])[:, :1]
        weights = {"w_hidden": batch["w_hidden"], "w_output": xp.concat([rest / d, params["EF"]], axis=0)}
        return scenario.loss(xp, weights, batch)

    return ClaimedGradient(
        loss,
        {"EF": np.array([[float(states["EF"])]])},
        {**scenario.flat_batch, "w_hidden": scenario.flat_params["w_hidden"]},
        {"EF": balls([[claimed]])},
        float(states["rate"]),
    )


@check("learning-rate")
def _learning_rates(scenario: Scenario, states: States) -> Computed:
    rates = states["rates"]
    slope = loss_at(_at_point(scenario, states)).gradients["w_output"][EF]
    weight = balls(scenario.flat_params["w_output"])[EF]
    leads = [f"{rate} to {show(weight - exactly(rate) * slope, 6)}" for rate in rates]
    same = len({fraction(rate) for rate in rates}) == 1
    return Facts(same, leads=leads, rate=rates[0], count=len(rates), stated=", ".join(rates))


@check("other-edges", derivative=lambda delta, weight, entry: delta * weight * entry)
def _other_edges(scenario: Scenario, states: States) -> Computed:
    one = _at_point(scenario, states)
    x = balls(one.flat_batch["x"])[0]
    weights = balls(one.flat_params["w_output"])[:, 0]
    f = _output(one).value
    # at the output, ∂L/∂z = ∂L/∂F · F (1 - F)
    delta = _loss_by_output(one) * f * (1 - f)
    claimed = balls([[states["derivative"](delta, weight, entry) for weight in weights] for entry in x])
    exact = loss_at(one).gradients
    after_update = (weights - exact["w_output"][:, 0])[1] / weights[1]
    left, exact_left = {"the left edges": claimed}, {"the left edges": exact["w_hidden"]}
    return Facts(Comparison(left, exact_left), after_update=after_update)


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
