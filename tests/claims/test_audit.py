"""The audit: its records and frame, the command, and the section in the report."""

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradproof import ClaimVerdict, DisagreementError, InputError, Scenario, audit, value_claim, verify
from gradproof.cli import main
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.formats import markdown
from gradproof.reporting.formats.markdown import claims_section
from gradproof.scenarios.finding import load_scenarios

FILE = """
import numpy as np
import gradproof as gp

mine = gp.Scenario(
    name="mine",
    loss=lambda xp, params, batch: xp.sum(xp.tanh(params["w"] * batch["x"])),
    params={{"w": np.array([0.5, 1.0])}},
    batch={{"x": np.array([2.0, 3.0])}},
    source="My [notes]",
    claims=[gp.gradient_claim("dw", "dL/dw = {formula}", "page 1", lambda params, batch: {{"w": {formula}}})],
)
"""
RIGHT = "batch['x'] * (1 - np.tanh(params['w'] * batch['x']) ** 2)"
WRONG = "batch['x']"


def file_with(folder: Path, formula: str) -> str:
    path = folder / "own.py"
    path.write_text(textwrap.dedent(FILE.format(formula=formula)), encoding="utf-8")
    return str(path)


def scenario(value: str, name: str = "square") -> Scenario:
    return Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
        params={"w": np.array(2.0)},
        batch={"x": np.array([3.0])},
        gradient=lambda params, batch: {"w": np.sum(2 * params["w"] * batch["x"] ** 2)},
        source="My | notes",
        claims=[value_claim("loss", f"the loss is {value}", "page 1", value)],
    )


def test_the_documents_are_audited_unless_scenarios_are_given() -> None:
    claims = audit().claims
    assert set(claims["scenario"]) == {
        "bce_network",
        "line_fit",
        "line_fit_minibatch",
        "neuron_chain",
        "sigmoid_network",
    }
    assert claims["document"].nunique() == 3
    assert not claims.duplicated(["scenario", "claim"]).any()
    assert not (claims["verdict"] == "UNDECIDED").any()


def test_the_frame_has_its_columns_also_without_claims() -> None:
    for scenarios in ([scenario("36")], [Scenario(**{**fields(scenario("36")), "claims": ()})]):
        frame = audit(scenarios).claims
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS["claims"]


def test_an_audit_of_no_claim_is_not_ok_as_the_command_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = audit("bce_network_rate_1")
    assert not found.ok
    with pytest.raises(DisagreementError, match=r"^Nothing was checked: no scenario carries a claim\. "):
        found.raise_if_refuted()
    assert main(["audit", "bce_network_rate_1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_an_audit_of_no_scenario_is_refused_and_not_ok() -> None:
    with pytest.raises(InputError, match="no scenario to audit"):
        audit([])


def fields(own: Scenario) -> dict[str, Any]:
    return {
        name: getattr(own, name)
        for name in ("name", "loss", "gradient", "params", "batch", "source", "claims")
    }


def test_a_refuted_claim_raises_only_if_asked_to() -> None:
    good, bad = audit([scenario("36")]), audit([scenario("35")])
    assert good.ok
    good.raise_if_refuted()
    assert not bad.ok
    with pytest.raises(
        DisagreementError, match=r"REFUTED: loss: the loss is 35 \(page 1\)\. .* is 36"
    ) as caught:
        bad.raise_if_refuted()
    assert "another value" in str(caught.value)


@pytest.mark.parametrize("formula", [RIGHT, WRONG])
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_the_command_tells_and_only_strict_fails(
    formula: str, strict: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["audit", file_with(tmp_path, formula), *strict])
    shown = capsys.readouterr().out
    assert status == (1 if strict and formula is WRONG else 0)
    assert "My [notes]" in shown
    if formula is WRONG:
        assert "My [notes]: 1 REFUTED" in shown
        assert "tanh" in shown
        (record,) = audit(load_scenarios(tmp_path / "own.py")).records
        assert "with the factor 1 - y^2 of tanh (" in record.cause
        assert "own.py:7) left out" in record.cause
    else:
        assert "1 CONFIRMED" in shown


def test_the_command_prints_a_table_for_each_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for document in (
        "Gradient Descent and Backpropagation Walkthrough: 7 CONFIRMED, 6 REFUTED, 5 NOT CHECKABLE",
        "Math Behind Backpropagation and Gradient Descent: ",
        "A Step-by-Step Implementation of Gradient Descent and Backpropagation: ",
    ):
        assert document in shown
    assert "53 claims: 28 CONFIRMED, 14 REFUTED, 11 NOT CHECKABLE." in shown
    assert main(["audit", "--strict"]) == 1


def test_the_command_says_that_there_is_no_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "bce_network_rate_1"]) == 1  # nothing was checked, so there is no success
    assert "no claim to check" in capsys.readouterr().out


def test_a_bad_call_of_the_command_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "no_such_scenario"]) == 2
    assert main(["audit", file_with(tmp_path, "np.zeros(7)")]) == 2
    assert "Claim parameters only" in capsys.readouterr().err


def test_an_undecided_claim_fails_a_strict_audit(tmp_path: Path) -> None:
    own = file_with(tmp_path, "1 / 0")
    assert main(["audit", own]) == 0
    assert main(["audit", own, "--strict"]) == 1


# In the report of verify.


def test_a_report_has_the_claims_and_is_ok_whatever_they_say(tmp_path: Path) -> None:
    report = verify([scenario("36", "good"), scenario("35", "bad")], ["reference"], ["float64"], jobs=2)
    assert report.ok
    assert report.claims["verdict"].tolist() == ["CONFIRMED", "REFUTED"]
    folder = report.write(tmp_path)
    assert pd.read_csv(folder / "claims.csv")["claim"].tolist() == ["loss", "loss"]
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    section = summary.partition("## What the documents claim")[2].partition("##")[0]
    assert "**My \\| notes**: 1 CONFIRMED, 1 REFUTED." in section
    assert "| REFUTED | loss | the loss is 35 |" in section


def test_a_report_without_claims_has_no_such_section() -> None:
    without = Scenario(**{**fields(scenario("36")), "claims": ()})
    report = verify([without], ["reference"], ["float64"], limits=None)
    assert report.claims.empty
    assert "documents claim" not in markdown.render(report)


def test_the_section_of_the_documents_names_every_claim() -> None:
    claims = audit().claims
    text = "\n".join(claims_section(claims))
    assert all(f"| {name} |" in text for name in claims["claim"])
    assert text.count("\n**") == 2
    assert {verdict for verdict in ClaimVerdict if f"| {verdict} |" in text} == {
        ClaimVerdict.CONFIRMED,
        ClaimVerdict.REFUTED,
        ClaimVerdict.NOT_CHECKABLE,
    }
