"""Every front gives one answer: the same gradients through all of them, with the same verdict, digits and
cause.

Fronts that look at the code of a gradient are held to one another, and so are those that are given its
numbers.
"""

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gradient_corpus import CORPUS, Entry

import gradproof as gp
from gradproof import ClaimVerdict, Verdict
from gradproof.cli import main
from gradproof.verdicts.verdict import worst

HELPERS = Path(sys.modules["gradient_corpus"].__file__).parent


@dataclass(frozen=True)
class Answer:
    verdict: str
    digits: float
    cause: str
    ok: bool


def cause_text(text: str) -> str:
    """A cause without the person that it speaks to and the folder that it was found from."""
    return re.sub(r"[^\s(]*/(?=\w+\.py)", "", re.sub(r"^(your|the) gradient", "gradient", text))


def numbers_of(entry: Entry) -> dict[str, np.ndarray]:
    with np.errstate(all="ignore"):
        return {name: np.asarray(array) for name, array in entry.gradient(entry.params, entry.batch).items()}


def scenario(entry: Entry, **more) -> gp.Scenario:
    return gp.Scenario(name="mine", loss=entry.loss, params=entry.params, batch=entry.batch, **more)


@cache
def verified(name: str) -> gp.Report:
    entry = CORPUS[name]
    with np.errstate(all="ignore"):
        return gp.verify([scenario(entry, gradient=entry.gradient)], ["reference"], ["float64"], limits=None)


@pytest.mark.parametrize("strict", [False, True])
def test_strict_is_the_one_switch_of_what_passes(strict: bool, tmp_path: Path) -> None:
    entry = CORPUS["a right formula that cancels"]
    # PyTorch's gradient agrees, so that all is about the formula.
    subject = scenario(entry, gradient=entry.gradient)
    report = gp.verify([subject], "torch", "float64", strict=strict, limits=None)
    checked = gp.check(entry.loss, entry.gradient, entry.params, entry.batch, points=0, strict=strict)
    (formula,) = report.findings[report.findings["kind"] == "formula"].to_dict("records")
    assert formula["verdict"] == checked.verdict == "INACCURATE"
    assert formula["passes"] is report.ok is checked.ok is not strict
    assert gp.read_report(report.write(tmp_path / "report", ["csv"])).ok is report.ok


# -------------------------------------------------------------------- who looks at the code


@pytest.fixture(scope="module")
def checked() -> dict[str, gp.Check]:
    return {
        name: gp.check(each.loss, each.gradient, each.params, each.batch, points=0)
        for name, each in CORPUS.items()
    }


def answer(check: gp.Check) -> Answer:
    cause = "" if check.cause is None else cause_text(check.cause.text)
    return Answer(str(check.verdict), round(check.digits, 1), cause, check.ok)


@pytest.mark.parametrize("name", CORPUS)
def test_check_says_what_is_to_be_said(name: str, checked: dict[str, gp.Check]) -> None:
    entry, check = CORPUS[name], checked[name]
    assert check.verdict is entry.formula
    assert check.ok is entry.formula.accepted(strict=True)
    assert check.digits >= entry.digits
    assert not entry.cause or (check.cause is not None and check.cause.kind == entry.cause)


@pytest.mark.parametrize("name", CORPUS)
def test_verify_says_of_the_formula_what_check_says(name: str, checked: dict[str, gp.Check]) -> None:
    rows = verified(name).formulas
    verdict = worst([Verdict(each) for each in rows["verdict"]])
    causes = {cause_text(text) for text in rows["cause"] if text}
    found = answer(checked[name])
    assert (str(verdict), round(rows["digits"].min(), 1)) == (found.verdict, found.digits)
    assert causes == ({found.cause} if found.cause else set())


STATED = {
    **dict.fromkeys([verdict for verdict in Verdict if verdict.accepted()], ClaimVerdict.CONFIRMED),
    Verdict.UNDECIDED: ClaimVerdict.UNDECIDED,
}


@pytest.mark.parametrize("name", CORPUS)
def test_audit_says_of_a_claim_what_check_says(name: str, checked: dict[str, gp.Check]) -> None:
    entry, found = CORPUS[name], checked[name]
    own = gp.gradient_claim("dw", "it is so", "page 1", entry.gradient)
    record = gp.audit([scenario(entry, claims=[own])]).records[0]
    verdict = STATED.get(found.verdict, ClaimVerdict.REFUTED)
    assert record.verdict == verdict
    if verdict is not ClaimVerdict.UNDECIDED:
        assert round(record.digits, 1) == round(found.digits, 1)
    if verdict is ClaimVerdict.REFUTED and found.cause is not None:
        assert cause_text(record.cause) == cause_text(found.cause.text)


FILE = f"""
import sys

sys.path.insert(0, {str(HELPERS)!r})

import gradproof as gp
from gradient_corpus import CORPUS

for number, (name, entry) in enumerate(CORPUS.items()):
    globals()[f"mine{{number}}"] = gp.Scenario(
        name=name, loss=entry.loss, gradient=entry.gradient, params=entry.params, batch=entry.batch
    )
"""


def test_the_command_says_what_check_says(
    checked: dict[str, gp.Check], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "corpus.py"
    path.write_text(FILE, encoding="utf-8")
    assert main(["check", str(path), "--points", "0", "--time-limit", "300"]) == 1
    shown = capfd.readouterr().out
    for name, check in checked.items():
        first, _, rest = shown.partition(f"{name}: {check.headline()}\n")[2].partition("\n")
        assert f"{name}: {check.headline()}\n" in shown
        if check.cause is not None:
            cause = " ".join((first + "\n" + rest[:600]).split())
            assert " ".join(check.cause.text.split()) in cause


FIXTURE = f"""
import sys

sys.path.insert(0, {str(HELPERS)!r})

import pytest
from gradient_corpus import CORPUS


@pytest.mark.parametrize("name", CORPUS)
def test_mine(name, gradproof):
    entry = CORPUS[name]
    gradproof.check(entry.loss, entry.gradient, entry.params, entry.batch, points=0)
"""


def test_the_fixture_says_what_check_says(checked: dict[str, gp.Check], pytester: pytest.Pytester) -> None:
    pytester.makepyfile(textwrap.dedent(FIXTURE))
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "--gradproof-formats", "csv")
    rows = pd.read_csv(pytester.path / "reports/latest/checks.csv", keep_default_na=False)
    told = {
        re.search(r"\[(.*)\]$", test)[1]: row
        for test, row in zip(rows["test"], rows.to_dict("records"), strict=True)
    }
    assert set(told) == set(CORPUS)
    for name, check in checked.items():
        row, found = told[name], answer(check)
        digits = float(row["digits"]) if row["digits"] != "" else np.nan
        assert (row["verdict"], digits, cause_text(row["cause"]), row["ok"]) == (
            found.verdict, found.digits, found.cause, found.ok,
        )  # fmt: skip


# -------------------------------------------------------------------- who is given numbers


@pytest.mark.parametrize("name", CORPUS)
def test_judge_says_what_is_to_be_said_and_check_says_it_of_its_floats(
    name: str, checked: dict[str, gp.Check]
) -> None:
    entry, check = CORPUS[name], checked[name]
    found = gp.judge(entry.loss, entry.params, entry.batch, numbers_of(entry), dtype="float64")
    assert found.verdict is entry.numbers
    assert check.floats is not None
    assert check.floats.verdict is found.verdict
    assert check.floats.spreads == found.floats.spreads
    # Whether it passes is the same, but where the code tells more than its numbers do.
    if found.ok is not check.ok:
        assert check.verdict is Verdict.UNDECIDED
    if not check.certified:
        assert found.cause == check.cause


@pytest.mark.parametrize("name", [name for name, each in CORPUS.items() if each.framework == "numpy"])
def test_a_run_says_what_judge_says(name: str) -> None:
    entry, report = CORPUS[name], verified(name)
    found = gp.judge(entry.loss, entry.params, entry.batch, numbers_of(entry), dtype="float64")
    for row in report.gradients.to_dict("records"):
        own = found.entries[found.entries["parameter"] == row["parameter"]].iloc[0]
        assert (row["verdict"], row["index"]) == (own["verdict"], own["index"])
        for number in ("value", "spreads", "ulps"):
            np.testing.assert_equal(row[number], own[number])
    causes = {cause_text(text) for text in report.gradients["cause"] if text}
    assert causes == ({cause_text(found.cause.text)} if found.cause is not None else set())


def test_the_worst_entry_is_the_wrong_one_and_not_what_doubles_leave_of_a_zero(
    checked: dict[str, gp.Check],
) -> None:
    """By the relative error alone an exact 0 given as 5.6e-17 would stand above all others."""
    name = "a residue at a zero beside a wrong entry"
    entry, check, report = CORPUS[name], checked[name], verified(name)
    found = gp.judge(entry.loss, entry.params, entry.batch, numbers_of(entry), dtype="float64")
    first = [check.entries.iloc[0]["index"], found.entries.iloc[0]["index"]]
    run = [row["index"] for row in report.gradients.to_dict("records")]
    assert [*first, *run] == ["2"] * 3


def test_rounding_noise_is_one_for_all() -> None:
    """At a kink, too: to take an end of the interval is no rounding."""
    entry = CORPUS["relu at 0, the usual slope"]
    noise = gp.rounding_noise(entry.loss, entry.params, entry.batch, dtype="float64")
    found = gp.judge(entry.loss, entry.params, entry.batch, numbers_of(entry), dtype="float64")
    assert noise["x"][0] == 0
    assert found.entries.set_index("index").loc["0", "verdict"] == "KINK"
    assert json.dumps(noise["x"].tolist())


@pytest.mark.parametrize("sign", [1.0, 0.0, -1.0, 0.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(10))
def test_a_subgradient_at_the_end_of_an_interval_is_rounded_like_any_number(
    sign: float, dtype: str, seed: int
) -> None:
    """Libraries have 1, 0 or -1 for the derivative of |w| at 0; times c / 3 it is rounded."""
    c = np.random.default_rng(seed).normal(size=5).astype(dtype)
    params, batch = {"w": np.zeros(5)}, {"c": c.astype(float)}

    def loss(xp, p, b):
        return xp.sum(xp.abs(p["w"]) * b["c"] / 3)

    told = gp.judge(loss, params, batch, {"w": np.array(sign, dtype) * (c / np.array(3, dtype))}, dtype=dtype)
    assert told.verdict is Verdict.KINK
    told = gp.judge(
        loss, params, batch, {"w": np.array(1.001, dtype) * (c / np.array(3, dtype))}, dtype=dtype
    )
    assert told.verdict is Verdict.DISAGREES
