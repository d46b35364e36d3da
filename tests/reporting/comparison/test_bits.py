"""What changed in the environment, and whether bits that differ are nondeterminism."""

from typing import Any

import pandas as pd
import pytest
from altered_reports import LINE, RUN, altered, base, bits, check_columns, of, only, state, without

from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.report import Report


def environment(**values: Any) -> Report:
    return Report(base().frames, {**base().environment, **values})


def test_changes_of_the_environment_are_told_the_likeliest_cause_first() -> None:
    before = environment(
        time="then",
        platform="Linux 6",
        python="3.11.7",
        processor={"model": "A", "cores": 2},
        packages={"torch": "2.12.0", "numpy": "2.1"},
        backends={"torch": "2.12.0"},
        variables={"OMP_NUM_THREADS": "1"},
        processes=2,
    )
    after = environment(
        time="now",
        platform="Linux 7",
        python="3.11.8",
        processor={"model": "B", "cores": 4},
        packages={"torch": "2.13.0", "numpy": "2.1"},
        backends={"torch": "2.13.0"},
        variables={"MKL_NUM_THREADS": ""},
        processes=1,
    )
    changes = compare(before, after)
    assert [tuple(row) for row in changes.environment.to_numpy()] == [
        ("backends.torch", "2.12.0", "2.13.0"),
        ("packages.torch", "2.12.0", "2.13.0"),
        ("python", "3.11.7", "3.11.8"),
        ("processor.model", "A", "B"),
        ("processor.cores", "2", "4"),
        ("variables.OMP_NUM_THREADS", "1", "(absent)"),
        ("variables.MKL_NUM_THREADS", "(absent)", ""),
        ("platform", "Linux 6", "Linux 7"),
        ("processes", "2", "1"),
    ]
    assert "The environment changed: torch 2.12.0 → 2.13.0, python 3.11.7 → 3.11.8, processor" in str(changes)
    assert not changes.worse


def test_other_bits_of_the_same_in_the_same_environment_are_nondeterminism() -> None:
    changes = compare(base(), bits(base(), 1, 2))
    check_columns(changes)
    row = only(changes.bits)
    assert tuple(row[name] for name in RUN) == LINE
    assert (row["first_step"], row["differing"], row["compared"]) == (1, 2, 3)
    assert row["nondeterministic"]
    assert not changes.worse
    assert "Bits are equal in 11 of 12 runs." in str(changes)
    assert (
        "Nondeterminism of torch/eager: the same scenario gave other bits in the same environment: "
        "line torch/eager float64 differs since step 1, in 2 of 3 steps." in str(changes)
    )


def test_other_bits_with_another_number_of_processes_are_nondeterminism_and_say_so() -> None:
    after = bits(base(), 1)
    after.environment["processes"] = 7
    row = only(compare(base(), after).bits)
    assert row["nondeterministic"]
    assert row["explanation"].endswith("in the same environment (processes 1 → 7)")


def test_other_bits_in_another_environment_are_no_nondeterminism() -> None:
    after = bits(base(), 2)
    after.environment["packages"]["torch"] = "99"
    row = only(compare(base(), after).bits)
    assert not row["nondeterministic"]
    assert row["explanation"].startswith("the environment changed: torch ")
    assert "→ 99" in row["explanation"]


def test_what_only_one_report_says_of_another_backend_is_no_other_environment() -> None:
    """The report with JAX tells of JAX, which says nothing of PyTorch's bits."""
    after = bits(base(), 2)
    after.environment["backends"] = {**after.environment["backends"], "jax": "1"}
    assert not only(compare(base(), after).bits)["nondeterministic"]
    also = without(bits(base(), 2), ("curve", "reference", "numpy", "float32"))
    frame = base().runs[of(base().runs, LINE)].astype(object).assign(backend="jax")
    also.frames["runs"] = pd.concat([also.runs.astype(object), frame], ignore_index=True).astype(
        COLUMNS["runs"]
    )
    also.environment["backends"] = {**also.environment["backends"], "jax": "1"}
    assert only(compare(base(), also).bits)["nondeterministic"]


@pytest.mark.parametrize(
    ("print_before", "print_after", "changed", "explanation"),
    [
        ("data-code", "data-edited", True, "the scenario changed"),
        ("data-code", "other-code", True, "the scenario changed"),
        ("data-code", "", False, "it is not known whether the scenario changed"),
        ("", "", False, "it is not known whether the scenario changed"),
    ],
)
def test_other_bits_of_another_scenario_are_no_nondeterminism(
    print_before: str, print_after: str, explanation: str, *, changed: bool
) -> None:
    first, second = base(), bits(base(), 0)
    altered(first, "runs", first.runs["scenario"] == "line", fingerprint=print_before)
    altered(second, "runs", second.runs["scenario"] == "line", fingerprint=print_after)
    state(second, LINE, "DISAGREES")
    changes = compare(first, second)
    row = only(changes.bits)
    assert not row["nondeterministic"]
    assert row["explanation"].startswith(explanation)
    # Verdicts and errors are compared all the same, and say so.
    assert only(changes.verdicts)["change"] == "worse"
    assert only(changes.verdicts)["scenario_changed"] == changed
    assert changes.errors["scenario_changed"].all() == changed
    assert ("The scenario changed: line." in str(changes)) == changed
    assert changes.timings.loc[changes.timings["scenario"] == "line", "scenario_changed"].all() == changed


def test_all_scenarios_that_changed_are_named() -> None:
    other = altered(base(), "runs", base().runs["status"] == "run", fingerprint="other-code")
    changed = "The scenarios changed: line, curve. What is said of them compares different work."
    assert changed in compare(base(), other).sentences()


def test_no_run_with_equal_bits_is_told_in_words() -> None:
    after = base()
    altered(after, "steps", after.steps["step"] == 2, digest="0123456789abcdef")
    assert "Bits are equal in none of 12 runs." in compare(base(), after).sentences()


def test_bytecode_of_another_python_is_no_other_scenario() -> None:
    """Other versions of Python write the same code as other bytecode; data are compared all the same."""
    first, second = base(), base()
    second.environment["python"] = "3.99.0"
    for report, text in ((first, "data-code"), (second, "data-edited")):
        altered(report, "runs", report.runs["scenario"] == "line", fingerprint=text)
    assert compare(first, second).scenarios == {"line": "unknown", "curve": "same"}
    altered(second, "runs", second.runs["scenario"] == "line", fingerprint="other-edited")
    assert compare(first, second).scenarios == {"line": "changed", "curve": "same"}


def test_a_run_of_fewer_steps_is_told_with_the_step_where_it_ended() -> None:
    after = base()
    after.frames["steps"] = after.steps[~(of(after.steps, LINE) & (after.steps["step"] == 2))].reset_index(
        drop=True
    )
    changes = compare(base(), after)
    row = only(changes.bits)
    assert (row["first_step"], row["differing"], row["compared"]) == (2, 0, 2)
    assert (row["steps_before"], row["steps_after"]) == (3, 2)
    assert "took 3 steps before and 2 after, of which all that both took are equal" in str(changes)


def test_parameters_of_a_changed_scenario_that_only_one_report_has_are_told() -> None:
    after = base()
    left_out = of(after.findings, LINE) & (after.findings["parameter"] == "c")
    after.frames["findings"] = after.findings[~left_out].reset_index(drop=True)
    changes = compare(base(), after)
    assert changes.errors["parameter"].tolist() == ["c", "c"]
    assert changes.errors["step_after"].tolist() == [-1, -1]
    assert changes.errors["verdict_after"].tolist() == ["", ""]
    assert changes.errors["ratio"].isna().all()
    assert compare(after, base()).errors["step_before"].tolist() == [-1, -1]
