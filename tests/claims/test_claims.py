"""The types, the comparisons and the claims that users write."""
# ruff: noqa: ARG005 - what a loss, a gradient and a check take is fixed

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gradproof import (
    Claim,
    ClaimVerdict,
    Finding,
    InputError,
    Scenario,
    Verdict,
    audit,
    gradient_claim,
    update_claim,
    value_claim,
)
from gradproof.scenarios.claim import Comparison, confirmed
from gradproof.scenarios.claims_arithmetic import (
    Certified,
    balls,
    exactly,
    fraction,
)
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import trained
from gradproof.verdicts.audited import check_claims, decided
from gradproof.verdicts.judging.decimals import judge_decimal
from gradproof.verdicts.judging.measuring import compare
from gradproof.verdicts.records import ClaimRecord

CONFIRMED, REFUTED, UNDECIDED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.UNDECIDED


def of_decimal(stated: str, exact: Any) -> Verdict:
    return judge_decimal(stated, exact, "it").verdict


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((xp.tanh(batch["x"] @ params["w"]) + params["b"]) ** 2)


def right_gradient(params: Any, batch: Any) -> dict[str, Any]:
    a = np.tanh(batch["x"] @ params["w"])
    return {
        "w": batch["x"].T @ (2 * (a + params["b"]) * (1 - a * a)),
        "b": np.sum(2 * (a + params["b"]), axis=0),
    }


def without_tanh(params: Any, batch: Any) -> dict[str, Any]:
    a = np.tanh(batch["x"] @ params["w"])
    return {"w": batch["x"].T @ (2 * (a + params["b"]))}


def carrying(*claims: Claim, **changed: Any) -> Scenario:
    random = np.random.default_rng(5)
    given_arrays = {
        "params": {"w": random.normal(size=(3, 2)), "b": random.normal(size=2)},
        "batch": {"x": random.normal(size=(4, 3))},
        **changed,
    }
    return Scenario(name="mine", loss=loss, claims=claims, **given_arrays)


def judged(claim: Claim, **changed: Any) -> ClaimRecord:
    (record,) = check_claims([carrying(claim, **changed)])
    return record


# Comparing with a decimal.


@given(
    st.decimals(min_value="-1000", max_value="1000", places=9),
    st.integers(0, 8),
    st.sampled_from([ROUND_DOWN, ROUND_HALF_EVEN]),
)
def test_a_decimal_that_is_rounded_or_cut_off_is_right_and_its_neighbours_beyond_are_wrong(
    exact: Decimal, places: int, how: str
) -> None:
    with flint.ctx.workprec(256):
        unit = Decimal(1).scaleb(-places)
        stated = exact.quantize(unit, rounding=how)
        assert of_decimal(str(stated), exactly(str(exact))) is Verdict.EQUAL
        for wrong in (stated + 2 * unit, stated - 2 * unit):
            assert of_decimal(str(wrong), exactly(str(exact))) is Verdict.WRONG


@given(st.decimals(min_value="0.0001", max_value="9", places=6))
def test_a_decimal_rounded_away_from_the_nearer_side_is_refuted(exact: Decimal) -> None:
    down = exact.quantize(Decimal("0.1"), rounding=ROUND_DOWN)
    assume(down < exact < down + Decimal("0.0499"))
    assert of_decimal(str(down + Decimal("0.1")), exactly(str(exact))) is Verdict.WRONG


def test_trailing_zeros_mean_more_exactness() -> None:
    exact = exactly("0.1234")
    assert of_decimal("0.1", exact) is Verdict.EQUAL
    assert of_decimal("0.10", exact) is Verdict.WRONG


def test_a_decimal_is_judged_in_all_its_digits() -> None:
    """No 15 digits are enough here: what a document writes out is not a double."""
    third = "0.33333333333333333333"
    with flint.ctx.workprec(256):
        assert of_decimal(third, exactly(1) / 3) is Verdict.EQUAL
        assert of_decimal(third[:-1] + "9", exactly(1) / 3) is Verdict.WRONG


def test_a_ball_that_is_too_wide_decides_nothing() -> None:
    wide = flint.arb(1, 0.5)
    assert of_decimal("1.0", wide) is Verdict.UNDECIDED
    assert decided(Comparison({"w": balls("1")}, {"w": np.array(wide)}, "It")).verdict is UNDECIDED
    assert of_decimal("1.0", flint.arb("nan")) is Verdict.UNDECIDED


@pytest.mark.parametrize("stated", ["about 3", "", "nan", "1/3"])
def test_what_is_no_decimal_is_refused(stated: str) -> None:
    with pytest.raises(InputError, match="no decimal number"):
        fraction(stated)


@pytest.mark.parametrize("factor", ["1.00000000000001", "-1", "2", "0"])
def test_a_formula_that_is_off_is_refuted(factor: str) -> None:
    exact = balls(["1.5", "-2", "3"])
    claimed = exact.copy()
    claimed[1] = claimed[1] * exactly(factor)
    finding = decided(Comparison({"w": claimed}, {"w": exact}, "It"))
    assert finding.verdict is REFUTED
    assert finding.exact == "-2"
    assert decided(Comparison({"w": exact}, {"w": exact}, "It")).verdict is CONFIRMED


def test_agreement_counts_the_worst_entry() -> None:
    found = compare(balls(["1", "1.001"]), balls(["1", "1"]), 1.0)
    assert 2.9 < found.digits < 3.1
    assert found.apart.tolist() == [False, True]


def test_a_run_in_balls_has_values_gradients_and_derivatives_by_its_nodes() -> None:
    with flint.ctx.workprec(256):
        run = Certified(
            lambda xp, p, b: xp.sum(xp.exp(p["w"]) * b["x"]), {"w": balls(["0", "0"])}, {"x": [2.0, 3.0]}
        )
        assert run.value == 5
        assert [entry == 2 + n for n, entry in enumerate(run.gradients["w"])] == [True, True]
        (node,) = run.nodes("exp")
        assert [entry == 2 + n for n, entry in enumerate(run.derivative_by(node))] == [True, True]
        with pytest.raises(InputError, match="does not depend"):
            run.derivative_by(Certified(lambda xp, p, b: b["x"][0], {"w": 1.0}, {"x": [2.0]}).output)


# Claims of a user's own.


@pytest.mark.parametrize(
    ("value", "verdict"), [("4.0", CONFIRMED), ("4", CONFIRMED), ("4.1", REFUTED), ("-4", REFUTED)]
)
def test_a_value(value: str, verdict: ClaimVerdict) -> None:
    own = value_claim(
        "sum", "the biases' squares add up to 4", "", value, of=lambda xp, p, _: xp.sum(p["b"] ** 2)
    )
    arrays = {"w": np.zeros((3, 2)), "b": np.array([2.0, 0.0])}
    assert judged(own, params=arrays).verdict == verdict


def test_the_value_of_a_loss_with_nested_parameters() -> None:
    nested = Scenario(
        name="nested",
        loss=lambda xp, params, batch: xp.sum(params["layers"][0]["w"] * batch["x"]),
        params={"layers": [{"w": np.array([1.0, 2.0])}]},
        batch={"x": np.array([3.0, 4.0])},
        claims=[
            value_claim("loss", "it is 11", "", "11"),
            value_claim("w", "the first weight is 1", "", "1", of=lambda xp, p, b: p["layers"][0]["w"][0]),
            gradient_claim("dw", "it is x", "", lambda params, batch: {"layers": [{"w": batch["x"]}]}),
        ],
    )
    assert [record.verdict for record in check_claims([nested])] == [CONFIRMED] * 3


def test_a_value_that_is_an_array_is_refused() -> None:
    with pytest.raises(InputError, match=r"'b' of scenario 'mine' is of one number"):
        judged(value_claim("b", "b is 1", "", "1", of=lambda xp, params, batch: params["b"]))


@pytest.mark.parametrize(
    ("gradient", "verdict", "cause"),
    [
        (right_gradient, CONFIRMED, ""),
        (lambda params, batch: {"b": right_gradient(params, batch)["b"]}, CONFIRMED, ""),
        (without_tanh, REFUTED, "the gradient of w is the true one with the factor 1 - y^2 of tanh"),
        (
            lambda params, batch: {"w": 3 * right_gradient(params, batch)["w"]},
            REFUTED,
            "the gradient of w is the true one with a factor of 3",
        ),
    ],
    ids=["right", "of one parameter", "tanh left out", "factor 3"],
)
def test_a_gradient(gradient: Any, verdict: ClaimVerdict, cause: str) -> None:
    record = judged(gradient_claim("dw", "it is so", "page 1", gradient))
    assert record.verdict == verdict
    assert record.cause.startswith(cause)
    assert bool(record.cause) is bool(cause)


def test_a_gradient_in_decimals() -> None:
    arrays = {"w": np.zeros((3, 2)), "b": np.array([0.5, 0.25])}  # ∂/∂b = 2 · 4 · b
    assert (
        judged(gradient_claim("db", "4 and 2", "", {"b": ["4.0", "2.0"]}), params=arrays).verdict == CONFIRMED
    )
    wrong = judged(gradient_claim("db", "4 and 1", "", {"b": ["4.0", "1.0"]}), params=arrays)
    assert (wrong.verdict, wrong.stated, wrong.exact) == (REFUTED, "1.0", "2")
    assert wrong.reason.startswith("the derivative of b[1] is 2, and 1.0 is stated")


@pytest.mark.parametrize(
    ("weights", "rate", "verdict"),
    [
        ({"b": ["0.1", "0.05"]}, "0.1", CONFIRMED),
        ({"b": ["0.9", "0.45"]}, "0.1", REFUTED),
        ({"b": ["0.1", "0.05"]}, "0.2", REFUTED),
    ],
)
def test_an_update(weights: Any, rate: str, verdict: ClaimVerdict) -> None:
    arrays = {"w": np.zeros((3, 2)), "b": np.array([0.5, 0.25])}  # b - 0.1 · 8 b
    assert judged(update_claim("b", "a step", "", weights, rate), params=arrays).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (
            gradient_claim("dw", "so", "", lambda p, b: {"w": b["x"]}),
            r"the shape \(4, 3\), but 'w' has shape",
        ),
        (gradient_claim("dw", "so", "", {"v": "1"}), "'v' is no parameter"),
        (gradient_claim("dw", "so", "", {"b": [4.0, 2.0]}), "decimals as strings"),
        (update_claim("b", "so", "", {"b": ["x", "y"]}, "0.1"), "no decimal number"),
        (value_claim("loss", "so", "", "a half"), "no decimal number"),
    ],
)
def test_a_claim_that_cannot_be_worked_with_is_refused(claim: Claim, message: str) -> None:
    with pytest.raises(InputError, match=message):
        judged(claim)


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), KeyError("w"), TypeError("no")])
def test_a_check_that_raises_has_decided_nothing(error: Exception) -> None:
    def check(*_: Any) -> Finding:
        raise error

    record = judged(Claim("own", "it is so", "", check))
    assert record.verdict == UNDECIDED
    assert type(error).__name__ in record.reason


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, CONFIRMED), (1.001, REFUTED)])
def test_a_gradient_that_does_not_run_on_balls_is_judged_in_floating_point(
    factor: float, verdict: ClaimVerdict
) -> None:
    def gradient(params: Any, batch: Any) -> dict[str, Any]:
        right = right_gradient(params, batch)["b"]
        return {"b": factor * np.fft.ifft(np.fft.fft(right)).real}

    record = judged(gradient_claim("db", "it is so", "", gradient))
    assert record.verdict == verdict
    assert ("Judged in floating point alone" in record.reason) is (verdict is CONFIRMED)
    assert ("more than rounding explains" in record.reason) is (verdict is REFUTED)


def test_checks_are_given_what_is_stated_and_enough_precision() -> None:
    seen: dict[str, Any] = {}

    def check(scenario: Scenario, states: Any) -> Finding:
        seen.update(states, name=scenario.name, precision=flint.ctx.prec)
        return confirmed("seen")

    judged(Claim("own", "it is so", "", check, {"a": "1"}))
    assert seen == {"a": "1", "name": "mine", "precision": 256}
    assert flint.ctx.prec != 256


@pytest.mark.parametrize("empty", ["name", "text"])
def test_an_empty_name_or_text_is_refused(empty: str) -> None:
    texts = {"name": "a", "text": "b", empty: " "}
    with pytest.raises(InputError, match=f"empty {empty}"):
        Claim(place="", check=lambda *_: confirmed(""), **texts)


def test_two_claims_of_one_name_are_refused() -> None:
    own = value_claim("loss", "it is 1", "", "1")
    with pytest.raises(InputError, match="Two claims of scenario 'mine' are called 'loss'"):
        carrying(own, own)


def test_the_document_is_the_claims_own_or_the_scenarios_source_or_name() -> None:
    own = value_claim("loss", "it is 1", "", "1")
    other = Claim("other", "it is so", "", lambda *_: confirmed("so"), document="A letter")
    bare = audit([carrying(own)]).records
    sourced = audit([Scenario(**{**vars_of(carrying(own, other)), "source": "A book"})]).records
    assert [record.document for record in (*bare, *sourced)] == ["mine", "A book", "A letter"]


def vars_of(scenario: Scenario) -> dict[str, Any]:
    names = ("name", "loss", "params", "batch", "claims")
    return {name: getattr(scenario, name) for name in names}


def test_a_scenario_without_training_has_no_run() -> None:
    with pytest.raises(InputError, match="has no training"):
        trained(carrying())


DOCUMENTS = ("bce_network", "line_fit", "neuron_chain", "sigmoid_network")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_check_of_a_document_is_of_a_claim_in_its_file(document: str) -> None:
    module = import_module(f"gradproof.scenarios.documents.{document}.claims")
    named = {claim.name for claim in (*module.CLAIMS, *getattr(module, "MINI_BATCH_CLAIMS", ()))}
    assert module.check._checks.keys() <= named


def test_a_claim_in_a_file_that_has_no_check_is_an_error(tmp_path: Path) -> None:
    entry = '[[claim]]\nname = "sum"\ntext = "2 and 2 are 4"\nplace = ""\nstates = { total = "4" }\n'
    (tmp_path / "claims.toml").write_text(entry, encoding="utf-8")
    check = Checks()
    with pytest.raises(InputError, match=r"The claim 'sum' has no check\. Write one"):
        check.claims(tmp_path / "claims.toml")
    check("sum", formula=len)(lambda _, states: confirmed(states["total"]))
    (claim,) = check.claims(tmp_path / "claims.toml")
    assert claim.states == {"total": "4", "formula": len}
