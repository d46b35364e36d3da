"""A gradient's code on balls: which precisions are tried."""

from typing import Any

import numpy as np
import pytest

from gradproof.reference.numbers.bounds import accuracies
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.judging import formulas
from gradproof.verdicts.judging.formulas import run_formula
from gradproof.verdicts.judging.user_gradient import UserGradient


def formula_of(lost: float) -> UserGradient:
    """A gradient that cancels so much on its way."""

    def gradient(params: Any, batch: Any) -> Any:
        return {"w": (params["w"] / 3 + batch["lost"]) - batch["lost"]}

    scenario = Scenario(
        name="cancelling",
        loss=lambda xp, p, b: xp.sum(p["w"] ** 2) / 6 + 0 * xp.sum(b["lost"]),
        params={"w": np.array([1.0, 2.0])},
        batch={"lost": np.array([0.0, lost])},
    )
    return UserGradient(scenario, gradient)


@pytest.mark.parametrize(
    ("lost", "precision", "tried"),
    [
        (0.0, 128, [128]),
        (1e12, 128, [128]),
        (1e30, 128, [128, 192]),  # 28 bits are left of one entry, which beside the other is not negligible
        (1e30, 192, [192]),
        (0.0, 192, [192]),
        (1e60, 192, [192, 512]),
    ],
)
def test_few_bits_are_tried_where_they_are_asked_for_and_enough_where_all_is_sharp(
    lost: float, precision: int, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bits_tried: list[int] = []
    run = formulas.run_lifted

    def recorded(function: Any, arguments: Any, bits: int, **options: Any) -> Any:
        bits_tried.append(bits)
        return run(function, arguments, bits, **options)

    monkeypatch.setattr(formulas, "run_lifted", recorded)
    subject = formula_of(lost)
    formula = run_formula(subject, subject.given, precision=precision)
    assert bits_tried == tried
    assert accuracies(formula.values["w"]).min() >= 64
