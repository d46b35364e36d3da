"""The findings are what the records say, in the order in which a reader is told of them."""

from itertools import pairwise

import builders
import numpy as np
import planted_reports as planted
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof import GradientDescent, dense_network
from gradproof.backends import load_backend
from gradproof.errors import DisagreementError
from gradproof.reporting.columns import COLUMNS, as_frame
from gradproof.reporting.findings import (
    KINDS,
    QUANTITIES,
    SEVERITIES,
    failing,
    in_order,
    judged,
    passing,
)
from gradproof.reporting.names import RUN
from gradproof.reporting.report import Report
from gradproof.verdicts.records import CLAIM_VERDICTS, FormulaRecord, NotRun, RunStatus
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import SEVERITY, Verdict


@pytest.fixture(scope="module")
def outcomes():
    training = GradientDescent(learning_rate=0.5, steps=6)
    scenario = dense_network(
        [3, 4, 1], ["sigmoid", "sigmoid"], "half_sum_squared_error", seed=1, training=training
    )
    backend = load_backend("reference")
    right, wrong = (backend.run(scenario, dtype="float32", variant="numpy") for _ in range(2))
    wrong.gradients["w1"][3:] *= 2
    wrong.gradients["w2"][2] = np.nan
    object.__setattr__(wrong, "variant", "wrong")
    return [judge(scenario, wrong, {}), judge(scenario, right, {})]


def test_a_finding_is_what_the_record_calls_the_worst(outcomes):
    rows = judged(Report.from_outcomes([], outcomes).findings)
    expected = {
        (outcome.subject.variant, kind, record.parameter): record
        for outcome in outcomes
        for kind, quantity in QUANTITIES.items()
        for record in getattr(outcome, quantity)
    }
    assert len(rows) == len(expected)
    for row in rows.astype(object).to_dict("records"):
        record = expected[row["variant"], row["kind"], row["parameter"]]
        step = record.worst_step()
        assert (row["step"], row["verdict"]) == (step, record.worst_verdict())
        assert (row["cause"], row["where"], row["reason"]) == (
            record.cause,
            record.where,
            record.reason[step],
        )
        for name in ("value", "exact", "error", "relative_error", "ulps", "spreads"):
            np.testing.assert_equal(row[name], getattr(record, name)[step])
        assert row["passes"] is record.worst_verdict().accepted()
        assert row["counts"] is True


def test_steps_are_counted_and_those_that_do_not_pass(outcomes):
    report = Report.from_outcomes([], outcomes)
    for row in judged(report.findings).to_dict("records"):
        frame = report.frames[QUANTITIES[row["kind"]]]
        same = (frame[[*RUN, "parameter"]].astype(object) == [row[name] for name in [*RUN, "parameter"]]).all(
            axis=1
        )
        wrong = frame[same & ~frame["verdict"].isin(passing())]["step"]
        assert (row["steps"], row["failing"]) == (same.sum(), len(wrong))
        assert row["first_failing_step"] == (wrong.min() if len(wrong) else -1)
        finite = frame[same & (frame["verdict"] != "KINK")]["spreads"].fillna(np.inf)
        assert row["most_spreads"] == finite.max()


def test_wrong_parameters_fail_at_their_steps(outcomes):
    rows = judged(Report.from_outcomes([], outcomes).findings)
    wrong = rows[(rows["variant"] == "wrong") & (rows["kind"] == "gradient")].set_index("parameter")
    assert (wrong.loc["w1", "failing"], wrong.loc["w1", "verdict"]) == (3, "DISAGREES")
    assert (wrong.loc["w2", "failing"], wrong.loc["w2", "step"]) == (1, 2)
    assert wrong.loc["w2", "verdict"] == "NOT_FINITE"
    assert (rows[rows["variant"] == "numpy"]["failing"] == 0).all()


def test_nothing_judged_gives_no_findings():
    assert len(Report.from_outcomes([], []).findings) == 0


def test_the_worst_of_each_formulas_points_is_told():
    points = [
        FormulaRecord("line", "w", 0, 20.0, "EQUAL", ""),
        FormulaRecord("line", "w", 5, 3.5, "WRONG", "it differs", "a sign", "sine at mine.py:3"),
        FormulaRecord("line", "w", 9, 0.5, "WRONG", "it differs there"),
        FormulaRecord("line", "b", 0, np.inf, "EQUAL", ""),
        FormulaRecord("line", "b", 5, 16.0, "EQUAL", ""),
    ]
    report = Report.from_outcomes([builders.scenario(origin="mine.py")], [], formulas=points)
    wrong, right = report.findings.to_dict("records")
    assert (wrong["parameter"], wrong["step"], wrong["digits"], wrong["verdict"]) == ("w", 9, 0.5, "WRONG")
    assert (wrong["steps"], wrong["failing"], wrong["first_failing_step"]) == (3, 2, 5)
    assert (wrong["reason"], wrong["origin"]) == ("it differs there", "mine.py")
    assert (right["parameter"], right["step"], right["digits"], right["failing"]) == ("b", 5, 16.0, 0)


def test_a_wrong_formula_has_the_cause_of_the_references_gradient():
    wrong = builders.record([Verdict.DISAGREES] * 2, cause="a sign", where="sine at mine.py:3")
    formula = FormulaRecord("line", "w", 0, 0.0, "WRONG", "")
    runs = [builders.reference(gradients=(wrong,)), builders.outcome(gradients=(wrong,))]
    for outcome, cause in zip(runs, ("a sign", ""), strict=True):
        found = Report.from_outcomes([], [outcome], formulas=[formula]).findings
        assert found[found["kind"] == "formula"]["cause"].tolist() == [cause]


@pytest.mark.parametrize("expected_to_fail", [False, True])
@pytest.mark.parametrize("ok", [False, True])
def test_a_check_that_is_expected_to_fail_counts_for_nothing(ok, expected_to_fail):
    check = planted.check(ok=ok, expected_to_fail=expected_to_fail)
    report = Report.from_outcomes([], [builders.outcome()], checks=[check])
    assert report.ok is (ok or expected_to_fail)
    assert len(failing(report.findings)) == (not report.ok)
    if report.ok:
        report.raise_if_disagree()


def test_a_check_of_a_right_formula_fails_for_what_was_found_beside_it():
    check = planted.check(ok=False, verdict="EQUAL", cause="", reason="", findings="it changes its input")
    report = Report.from_outcomes([], [], checks=[check])
    (row,) = failing(report.findings).to_dict("records")
    assert (row["verdict"], row["reason"]) == ("EQUAL", "it changes its input")
    with pytest.raises(DisagreementError, match="it changes its input"):
        report.raise_if_disagree()


@pytest.mark.parametrize("failure", [False, True])
def test_a_run_that_was_not_made_says_why_and_how_to_repeat_it(failure):
    not_run = NotRun(builders.SUBJECT, "no torch", RunStatus.FAILED if failure else RunStatus.NOT_RUN)
    report = Report.from_outcomes([builders.scenario(origin="mine.py")], [], [not_run])
    (row,) = report.findings.to_dict("records")
    assert (row["kind"], row["verdict"]) == ("run", "FAILED" if failure else "NOT RUN")
    assert (row["passes"], row["counts"], row["reason"]) == (False, failure, "no torch")
    assert row["repeat"] == "gradproof verify mine.py --backends torch/eager --dtypes float64"


@pytest.mark.parametrize("verdict", ["CONFIRMED", "REFUTED", "NOT CHECKABLE", "UNDECIDED"])
def test_a_claim_counts_for_nothing(verdict):
    report = Report.from_outcomes([], [], claims=[planted.claim(verdict)])
    (row,) = report.findings.to_dict("records")
    assert (row["document"], row["name"], row["verdict"]) == ("My notes", "dw", verdict)
    assert (row["passes"], row["counts"], row["value"]) == (verdict == "CONFIRMED", False, 12.0)
    assert not report.ok
    assert failing(report.findings).empty


def test_every_verdict_has_a_severity_and_its_order_is_that_of_the_verdicts():
    assert [SEVERITIES[verdict] for verdict in SEVERITY] == list(range(len(SEVERITY)))
    assert {*CLAIM_VERDICTS} <= SEVERITIES.keys()


def _tells_more(row, other):
    """Whether a reader is told of this row before the other: each rule in words of its own."""
    fails = [each["counts"] and not each["passes"] for each in (row, other)]
    if fails[0] != fails[1]:
        return fails[0]
    if row["kind"] != other["kind"]:
        return KINDS.index(row["kind"]) < KINDS.index(other["kind"])
    if row["verdict"] != other["verdict"]:
        return SEVERITY.index(row["verdict"]) > SEVERITY.index(other["verdict"])
    if bool(row["cause"]) != bool(other["cause"]):
        return bool(row["cause"])
    most = [float("inf") if np.isnan(each["spreads"]) else each["spreads"] for each in (row, other)]
    return most[0] >= most[1]


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "verdict": st.sampled_from([str(verdict) for verdict in SEVERITY]),
            "counts": st.booleans(),
            "cause": st.sampled_from(["", "a factor 2"]),
            "spreads": st.sampled_from([0.0, 1.5, 40.0, np.inf, np.nan]),
        }
    ),
    min_size=2,
    max_size=12,
)


@given(rows=ROWS)
def test_readers_are_told_first_of_what_tells_most(rows):
    blank = {"category": "", "object": "", "int64": 0, "float64": 0.0, "bool": True}
    empty = {name: blank[dtype] for name, dtype in COLUMNS["findings"].items()}
    for row in rows:
        row |= {"passes": row["verdict"] in passing(), "severity": SEVERITIES[row["verdict"]]}
    told = in_order(as_frame("findings", [empty | row for row in rows])).to_dict("records")
    assert all(_tells_more(*pair) for pair in pairwise(told))
    names = list(rows[0])
    assert sorted(str([row[name] for name in names]) for row in told) == sorted(
        str([row[name] for name in names]) for row in rows
    )


@pytest.mark.parametrize("strict", [False, True])
def test_what_passes_is_what_strict_lets_pass(strict: bool) -> None:
    outcome = builders.outcome(gradients=(builders.record(list(Verdict), [1.0] * len(Verdict)),))
    report = Report.from_outcomes([], [outcome], strict=strict)
    accepted = [verdict.accepted(strict=strict) for verdict in Verdict]
    (finding,) = report.findings[report.findings["kind"] == "gradient"].to_dict("records")
    assert finding["failing"] == accepted.count(False) == len(report.failures)
    assert finding["first_failing_step"] == accepted.index(False)
    assert report.environment["strict"] is strict
