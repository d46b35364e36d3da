"""What "Gradient Descent and Backpropagation Walkthrough" claims.

The document works one update out by hand: of the edge EF, from the second of two hidden nodes (D, E) to
the output F, at the first point [1, 2, 3] with the label 0. Its formulas and tables are pictures; what
follows from the text's own words is checked, and where a number is in a picture, the finding says so.
"""

from pathlib import Path

from gradproof.scenarios.claim import (
    Checked,
    Comparison,
    States,
    confirmed,
    decimal,
    refuted,
)
from gradproof.scenarios.claims_arithmetic import (
    Certified,
    balls,
    exactly,
    fraction,
    prediction,
    show,
)
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import either, examples, loss_at
from gradproof.scenarios.documents.bce_network.point import (
    EF,
    as_plugged_in,
    hidden,
    loss_at_point,
    loss_by_output,
    output_edges,
    point,
    predicted,
)
from gradproof.scenarios.scenario import Scenario

check = Checks()

# ---------------------------------------------------------------- data and forward pass


@check("label-rule")
def _label_rule(_scenario: Scenario, states: States) -> Checked:
    third = fraction(states["x"][2])
    by_rule = "1" if third > 0 else "0"
    numbers = {"stated": states["y"], "exact": by_rule}
    what = f"The third number is {third}, so the label is {by_rule} by the rule"
    wrong = f"{what}; the worked example puts in {states['y']}."
    cause = "the worked example contradicts the document's own rule"
    return either(fraction(by_rule) == fraction(states["y"]), f"{what}.", wrong, cause, **numbers)


@check("value-of-E")
def _node_e(scenario: Scenario, states: States) -> Checked:
    e = hidden(scenario, point(states)["x"])[0, 1]
    return decimal(states["E"], e, "E", cause="the inputs are not added up right")


@check("relu-changes-nothing")
def _relu(scenario: Scenario, states: States) -> Checked:
    x = point(states)["x"]
    nodes = hidden(scenario, x)[0]
    before = ", ".join(show(node) for node in nodes)
    if not all(node > 0 for node in nodes):
        return refuted(
            f"The hidden nodes are {before} before ReLU.", cause="ReLU changes nodes that are negative"
        )
    slope = loss_at_point(scenario, states).gradients["w_hidden"]
    after = (x @ (balls(scenario.flat_params["w_hidden"]) - slope))[0]
    return confirmed(
        f"Both hidden nodes are positive at the initial weights: {before}. It does not stay so: after one "
        f"step with the learning rate 1 they are {', '.join(show(node, 5) for node in after)} before ReLU, "
        "which "
        "makes them 0."
    )


@check("output")
def _output(scenario: Scenario, states: States) -> Checked:
    return decimal(states["F"], predicted(scenario, states).value, "F", cause="the output has another value")


@check("output-formula", F=lambda ef, e: ef * e)
def _output_formula(scenario: Scenario, states: States) -> Checked:
    weights = balls(scenario.flat_params["w_output"])
    e = hidden(scenario, point(states)["x"])[0, 1]
    stated = states["F"](weights[EF], e)
    return Comparison(
        {"F": stated},
        {"F": predicted(scenario, states).value},
        "The formula",
        cause="the other hidden node's edge and the sigmoid are left out: F = sigmoid(DF·D + EF·E), as the "
        "text itself computes F before",
    )


# ---------------------------------------------------------------- the loss


@check("loss-is-average", total=lambda entropies: sum(entropies) / len(entropies))
def _average(scenario: Scenario, states: States) -> Checked:
    single = [loss_at(scenario, batch=batch).value for batch in examples(scenario)]
    return Comparison(
        {"the loss": states["total"](single)},
        {"the loss": loss_at(scenario).value},
        f"The total of the cross-entropies of {len(single)} points",
        cause="the points' cross-entropies are put together in another way",
    )


@check("loss-derivative", derivative=lambda f, y: -y / f + (1 - y) / (1 - f))
def _loss_derivative(_scenario: Scenario, states: States) -> Checked:
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
    return Comparison(
        claimed, exact, "The formula, at 8 values of F and the label,", cause="a wrong derivative"
    )


# ---------------------------------------------------------------- the derivative by EF


@check("chain-rule", derivative=lambda by_output, by_weight: by_output * by_weight)
def _chain_rule(scenario: Scenario, states: States) -> Checked:
    by_weight = predicted(scenario, states).gradients["w_output"][EF]
    claimed = states["derivative"](loss_by_output(scenario, states), by_weight)
    exact = loss_at_point(scenario, states).gradients["w_output"][EF]
    return Comparison({"EF": claimed}, {"EF": exact}, "The product of both derivatives", cause="no product")


@check("output-derivative", derivative=lambda e, _f: e)
def _output_derivative(scenario: Scenario, states: States) -> Checked:
    run = predicted(scenario, states)
    nodes = hidden(scenario, point(states)["x"])[0]
    claimed = balls([[states["derivative"](node, run.value)] for node in nodes])
    predict = prediction(scenario)
    part = output_edges(
        lambda xp, params, batch: xp.sum(predict(xp, params, batch)), scenario, states, claimed
    )
    return Comparison(
        {"EF": claimed[EF]}, {"EF": run.gradients["w_output"][EF]}, "The formula", gradient=part
    )


@check("final-derivative", derivative=lambda by_output, e, _f: by_output * e)
def _final_derivative(scenario: Scenario, states: States) -> Checked:
    f = predicted(scenario, states).value
    by_output = loss_by_output(scenario, states)
    nodes = hidden(scenario, point(states)["x"])[0]
    claimed = balls([[states["derivative"](by_output, node, f)] for node in nodes])
    exact = loss_at_point(scenario, states).gradients["w_output"]
    part = output_edges(scenario.loss, scenario, states, claimed)
    return Comparison({"EF": claimed[EF]}, {"EF": exact[EF]}, "The formula", gradient=part)


@check("new-weight")
def _new_weight(scenario: Scenario, states: States) -> Checked:
    """The update as it is plugged in: the loss of the first point alone, F cut off, learning rate 1."""
    rate, old, new = (exactly(states[name]) for name in ("rate", "EF", "new EF"))
    exact = old - rate * loss_at_point(scenario, states).gradients["w_output"][EF]
    plugged = as_plugged_in(scenario, states, (old - new) / rate)
    there = Certified(plugged.loss, {"EF": balls([[states["EF"]]])}, plugged.batch).gradients["EF"]
    full = loss_by_output(scenario, states)
    remark = (
        f"With the F = {states['F']} that is plugged in, the right new weight would be "
        f"{show((old - rate * there).item())}: the cutting off of F does not matter, while the formula that "
        f"leaves the sigmoid out divides by 1 - F and would give "
        f"{show(old - rate * full * exactly(states['E']))} "
        "with F in full. (The number is in a picture; it is what the text's values give in the text's "
        "formula.)"
    )
    return decimal(states["new EF"], exact, "The new weight", gradient=plugged, remark=remark)


@check("learning-rate")
def _learning_rates(scenario: Scenario, states: States) -> Checked:
    rates = states["rates"]
    slope = loss_at_point(scenario, states).gradients["w_output"][EF]
    weight = balls(scenario.flat_params["w_output"])[EF]
    leads = ", ".join(f"{rate} to {show(weight - exactly(rate) * slope, 6)}" for rate in rates)
    if len({fraction(rate) for rate in rates}) == 1:
        return confirmed(f"There is one learning rate: {rates[0]}.")
    return refuted(
        f"The rates lead to different weights EF: {leads}.",
        stated=", ".join(rates),
        cause=f"the document contradicts itself: it names {len(rates)} learning rates for the same update",
    )


@check("other-edges", derivative=lambda delta, weight, entry: delta * weight * entry)
def _other_edges(scenario: Scenario, states: States) -> Checked:
    x = point(states)["x"][0]
    weights = balls(scenario.flat_params["w_output"])[:, 0]
    run = predicted(scenario, states)
    # at the output, ∂L/∂z = ∂L/∂F · F (1 - F)
    delta = loss_by_output(scenario, states) * run.value * (1 - run.value)
    claimed = balls([[states["derivative"](delta, weight, entry) for weight in weights] for entry in x])
    exact = loss_at_point(scenario, states).gradients["w_hidden"]
    slope = loss_at_point(scenario, states).gradients["w_output"][:, 0]
    remark = (
        "The output weights in it are those before their update: with the new ones (learning rate 1) the "
        f"derivatives of the left edges would be {show((weights - slope)[1] / weights[1], 6)} times as large."
    )
    left, exact_left = {"the left edges": claimed}, {"the left edges": exact}
    return Comparison(left, exact_left, "The formula", "a wrong chain of factors", remark=remark)


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
