"""Every claim of the three documents: its verdict, and another document for which the verdict turns."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from gradproof import GradientDescent
from gradproof.scenarios import CATALOGUE, Scenario, bce_network, scenario
from gradproof.scenarios.claim import Claim, ClaimVerdict
from gradproof.verdicts.audited import UNEXPLAINED, check_claims
from gradproof.verdicts.records import ClaimRecord
from gradproof.verdicts.tolerances import EQUAL_DIGITS

CONFIRMED, REFUTED, NOT_CHECKABLE = (
    ClaimVerdict.CONFIRMED,
    ClaimVerdict.REFUTED,
    ClaimVerdict.NOT_CHECKABLE,
)

VERDICTS = {
    "bce_network": {
        "training-points": NOT_CHECKABLE,
        "label-rule": REFUTED,
        "value-of-E": CONFIRMED,
        "relu-changes-nothing": CONFIRMED,
        "relu-on-other-points": NOT_CHECKABLE,
        "output": CONFIRMED,
        "predictions": NOT_CHECKABLE,
        "loss-is-average": CONFIRMED,
        "cross-entropies": NOT_CHECKABLE,
        "loss-derivative": CONFIRMED,
        "loss-derivative-shown": NOT_CHECKABLE,
        "chain-rule": CONFIRMED,
        "output-formula": REFUTED,
        "output-derivative": REFUTED,
        "final-derivative": REFUTED,
        "new-weight": REFUTED,
        "learning-rate": REFUTED,
        "other-edges": CONFIRMED,
    },
    "line_fit": {
        "line-data": NOT_CHECKABLE,
        "line-derivatives": CONFIRMED,
        "line-numbers": NOT_CHECKABLE,
        "learning-rate-percent": CONFIRMED,
        "subtracting-descends": CONFIRMED,
        "always-to-a-minimum": REFUTED,
        "more-dimensions": NOT_CHECKABLE,
        "first-step-not-best": CONFIRMED,
        "stops-when-negligible": CONFIRMED,
        "derivatives-zero": CONFIRMED,
    },
    "line_fit_minibatch": {
        "one-mini-batch-an-epoch": REFUTED,
        "gradient-descent-is-slow": NOT_CHECKABLE,
    },
    "neuron_chain": {
        "chain-formulas": NOT_CHECKABLE,
        "depends-on-preceding": CONFIRMED,
        "three-options": REFUTED,
        "chain-derivatives": CONFIRMED,
        "unfolded-parameters": REFUTED,
        "steps-differ": CONFIRMED,
        "average-step": CONFIRMED,
        "closer-over-epochs": CONFIRMED,
    },
    "sigmoid_network": {
        "descent-is-backpropagation": REFUTED,
        "reaches-minimum": REFUTED,
        "update-equation": CONFIRMED,
        "derivations": NOT_CHECKABLE,
        "squared-error": REFUTED,
        "indirect-error": CONFIRMED,
        "same-form": CONFIRMED,
        "any-depth": CONFIRMED,
        "negated": CONFIRMED,
        "same-results": CONFIRMED,
        "shapes": CONFIRMED,
        "sigmoid-derivative": CONFIRMED,
        "gradient-w_jk": CONFIRMED,
        "gradient-w_ij": CONFIRMED,
        "final-prediction": REFUTED,
    },
}

SOURCES = {name: scenario(name) for name in CATALOGUE}
RECORDS = {(r.scenario, r.claim): r for r in check_claims(list(SOURCES.values()))}
CHECKABLE = [
    pytest.param(name, claim, id=f"{name}-{claim}")
    for name, verdicts in VERDICTS.items()
    for claim, verdict in verdicts.items()
    if verdict is not NOT_CHECKABLE
]


def claim_of(name: str, claim: str) -> Claim:
    return next(each for each in SOURCES[name].claims if each.name == claim)


def planted(name: str, claim: str, change: Any) -> ClaimRecord:
    """The record of a claim that states something else, or that another scenario carries."""
    own = claim_of(name, claim)
    if callable(change):
        changed = replace(change(SOURCES[name]), claims=[own])
    else:
        unknown = change.keys() - own.states.keys()
        assert not unknown, "what is planted must be what the claim states"
        changed = replace(SOURCES[name], claims=[replace(own, states={**own.states, **change})])
    (record,) = check_claims([changed])
    return record


# Documents that are wrong where the true one is right, and right where it is wrong.


def without(claim: str, name: str, parameter: str, formula: Callable[..., Any]) -> dict[str, Any]:
    return {"derivatives": {**claim_of(name, claim).states["derivatives"], parameter: formula}}


def flat_start(chosen: Scenario) -> Scenario:
    """All outputs are 1/2, as are the targets: the gradient is 0, and training stays."""
    return replace(
        chosen,
        params={name: np.zeros_like(array) for name, array in chosen.flat_params.items()},
        batch={**chosen.flat_batch, "y": np.full((4, 1), 0.5)},
    )


def best_in_one_step(chosen: Scenario) -> Scenario:
    """Σ x² = n and Σ x = 0: the cost is as steep in m as in c, and 1/(2n) leads to the minimum at once."""
    return replace(chosen, batch={"x": np.tile([1.0, -1.0], 25), "y": np.arange(50.0)})


PLANTED: dict[str, dict[str, Any]] = {
    "bce_network": {
        "label-rule": {"y": "1"},
        "value-of-E": {"E": "5"},
        "relu-changes-nothing": {"x": ("1", "2", "-5")},
        "output": {"F": "0.998"},
        "loss-is-average": {"total": sum},
        "loss-derivative": {"derivative": lambda f, y: -y / f - (1 - y) / (1 - f)},
        "chain-rule": {"derivative": lambda by_output, by_weight: by_output + by_weight},
        "output-formula": {"F": lambda ef, e: 1 / (1 + (-2 * ef * e).exp())},
        "output-derivative": {"derivative": lambda e, f: f * (1 - f) * e},
        "final-derivative": {"derivative": lambda by_output, e, f: by_output * f * (1 - f) * e},
        "new-weight": {"new EF": "-5"},
        "learning-rate": {"rates": ("0.1", "0.10", "0.1")},
        "other-edges": {"derivative": lambda delta, weight, entry: delta * entry * weight * 2},
    },
    "line_fit": {
        "line-derivatives": without(
            "line-derivatives", "line_fit", "m", lambda m, c, x, y: ((m * x + c - y) * x).sum()
        ),
        "learning-rate-percent": {"percent": "10"},
        "subtracting-descends": {"sign": "1"},
        "always-to-a-minimum": {"largest step": "0.01"},
        "first-step-not-best": best_in_one_step,
        "stops-when-negligible": {"negligible": "0.0000001"},
        "derivatives-zero": {"solution": lambda x, y: ((x * y).sum() / (x * x).sum(), 0 * x.sum())},
    },
    "line_fit_minibatch": {"one-mini-batch-an-epoch": {"mini-batches in an epoch": 4}},
    "neuron_chain": {
        "depends-on-preceding": lambda chosen: replace(
            chosen, params={**chosen.flat_params, "w2": np.array(0.0)}
        ),
        "three-options": {"options": ("w2", "b2", "a1")},
        "chain-derivatives": without(
            "chain-derivatives",
            "neuron_chain",
            "w1",
            lambda v: 2 * (v["a2"] - v["d"]) * v["slope2"] * v["w2"] * v["a0"],
        ),
        "unfolded-parameters": {"reached": ("w1", "b1")},
        "steps-differ": lambda chosen: replace(chosen, batch={"a0": np.full(5, 0.25), "d": np.full(5, 0.5)}),
        "average-step": {"together": sum},
        "closer-over-epochs": {"epochs": (0, 1000, 100)},
    },
    "sigmoid_network": {
        "descent-is-backpropagation": {"same": False},
        "reaches-minimum": flat_start,
        "update-equation": {"update": lambda weight, slope: weight + slope},
        "squared-error": {"factor": "0.5"},
        "indirect-error": {"errors": lambda errors, weights: errors[:, :1] @ weights.T[:1]},
        "same-form": {"form": lambda inputs, error, _: inputs.T @ error},
        "any-depth": {"back": lambda error, weights: error @ weights.T / 2},
        "negated": {"sign": "1"},
        "same-results": {"seed": 11},
        "shapes": {"wij": (4, 3)},
        "sigmoid-derivative": {"derivative": lambda s: s * (1 + s)},
        "gradient-w_jk": {"g": lambda v: v["Xj"].T @ (v["y"] - v["yhat"])},
        "gradient-w_ij": {"of": "w_ij", "g": lambda v: 0 * v["wij"]},
        "final-prediction": {"updates before it is printed": 10_000},
    },
}


def test_the_tables_here_hold_every_claim_of_every_scenario() -> None:
    told = {name: {claim.name for claim in chosen.claims} for name, chosen in SOURCES.items()}
    assert {name: names for name, names in told.items() if names} == {
        name: set(verdicts) for name, verdicts in VERDICTS.items()
    }
    # Each claim that can be checked has a planted document.
    assert {name: set(plants) for name, plants in PLANTED.items()} == {
        name: {claim for claim, verdict in verdicts.items() if verdict is not NOT_CHECKABLE}
        for name, verdicts in VERDICTS.items()
    }


@pytest.mark.parametrize(
    ("name", "claim"), [(name, claim) for name, verdicts in VERDICTS.items() for claim in verdicts]
)
def test_a_claim_has_its_verdict(name: str, claim: str) -> None:
    record = RECORDS[name, claim]
    assert record.verdict == VERDICTS[name][claim], record.reason
    assert record.reason.strip()
    assert record.document == SOURCES[name].source
    assert bool(record.cause) is (record.verdict == REFUTED)
    assert record.cause != UNEXPLAINED


@pytest.mark.parametrize(("name", "claim"), CHECKABLE)
def test_another_document_turns_the_verdict(name: str, claim: str) -> None:
    record = planted(name, claim, PLANTED[name][claim])
    expected = REFUTED if VERDICTS[name][claim] is CONFIRMED else CONFIRMED
    assert record.verdict == expected, record.reason
    assert bool(record.cause) is (expected is REFUTED)


@pytest.mark.parametrize("name", VERDICTS)
def test_claims_are_told_with_their_place(name: str) -> None:
    for claim in SOURCES[name].claims:
        assert claim.text.endswith(".")
        assert claim.place.strip()


def test_only_what_is_a_picture_or_an_opinion_is_not_checkable() -> None:
    reasons = {key: r.reason for key, r in RECORDS.items() if r.verdict == NOT_CHECKABLE}
    others = {key[1] for key, reason in reasons.items() if "only in a picture" not in reason}
    assert others == {"more-dimensions", "gradient-descent-is-slow"}


# The update that the first document works out.


def sigmoid_line() -> int:
    """The line of the network's loss that takes the sigmoid."""
    source = Path(bce_network.__code__.co_filename).read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return next(call.lineno for call in calls if ast.unparse(call.func) == "xp.nn.sigmoid")


@pytest.mark.parametrize("claim", ["output-derivative", "final-derivative", "new-weight"])
def test_the_cause_of_the_wrong_update_is_the_sigmoids_derivative_at_its_line(claim: str) -> None:
    cause = RECORDS["bce_network", claim].cause
    assert "with the factor y (1 - y) of sigmoid (" in cause
    assert cause.endswith(f"documents/bce_network/system.py:{sigmoid_line()}) left out (y is its result)")


def test_the_new_weight_is_the_one_that_mpmath_computes() -> None:
    record = RECORDS["bce_network", "new-weight"]
    with mpmath.workdps(60):
        f = 1 / (1 + mpmath.exp(-12))
        right = 1 - 6 * f
        assert abs(mpmath.mpf(record.exact) - right) < mpmath.mpf(10) ** -28
        assert str(mpmath.nstr(1 - 6 / (1 - f), 10)) in record.reason
    assert record.stated == "-5999"
    assert "-4.994:" in record.reason  # 1 - 6 · 0.999


@pytest.mark.parametrize(
    ("change", "explained"),
    [
        ({"new EF": "-5998"}, False),
        ({"new EF": "-5999.0001"}, False),
        ({"new EF": "7"}, False),
        ({"y": "1"}, False),
        ({"rate": "0.1"}, False),
        ({"rate": "0.1", "new EF": "-599"}, True),
        ({"F": "0.99", "new EF": "-599"}, True),
    ],
    ids=str,
)
def test_a_new_weight_that_the_formula_does_not_give_has_no_such_cause(
    change: dict[str, str], explained: bool
) -> None:
    record = planted("bce_network", "new-weight", change)
    assert record.verdict == REFUTED
    assert (record.cause == UNEXPLAINED) is not explained


@pytest.mark.parametrize(
    ("stated", "verdict"), [("-5", CONFIRMED), ("-4.99996", CONFIRMED), ("-4.8", REFUTED)]
)
def test_the_right_new_weight_is_confirmed(stated: str, verdict: ClaimVerdict) -> None:
    assert planted("bce_network", "new-weight", {"new EF": stated}).verdict == verdict


def test_the_learning_rates_lead_to_three_weights() -> None:
    reason = RECORDS["bce_network", "learning-rate"].reason
    assert all(part in reason for part in ("0.1 to 0.400004", "0.01 to 0.94", "1 to -4.99996"))


# The second document.


def test_the_bound_on_steps_is_where_the_cost_stops_falling() -> None:
    """1 / Σ x² for the slope, from the data themselves."""
    x = SOURCES["line_fit"].flat_batch["x"]
    bound = 1 / np.sum(x * x)
    just_below, just_above = (repr(float(bound * factor)) for factor in (0.999, 1.001))
    assert planted("line_fit", "always-to-a-minimum", {"largest step": just_below}).verdict == CONFIRMED
    assert planted("line_fit", "always-to-a-minimum", {"largest step": just_above}).verdict == REFUTED


@pytest.mark.parametrize("options", [("w2", "b2"), ("w2", "b2", "a1", "a0"), ("w1", "b1", "a1")])
def test_other_lists_of_what_the_last_activation_is_computed_from_are_refuted(
    options: tuple[str, ...],
) -> None:
    assert planted("neuron_chain", "three-options", {"options": options}).verdict == REFUTED


def test_the_cost_of_a_training_that_diverges_does_not_come_closer() -> None:
    def too_fast(chosen: Scenario) -> Scenario:
        return replace(chosen, training=GradientDescent(learning_rate=500.0, steps=1000))

    assert planted("neuron_chain", "closer-over-epochs", too_fast).verdict == REFUTED


# The third document.


@pytest.mark.parametrize("claim", ["gradient-w_jk", "gradient-w_ij"])
@pytest.mark.parametrize("factor", [-1, 2, 1 + 1e-12])
def test_a_gradient_of_the_code_that_is_off_by_a_factor_is_refuted(claim: str, factor: float) -> None:
    right = claim_of("sigmoid_network", claim).states["g"]
    record = planted("sigmoid_network", claim, {"g": lambda values: factor * right(values)})
    assert record.verdict == REFUTED
    assert record.digits < EQUAL_DIGITS
