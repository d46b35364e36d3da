"""What runs cost, against sums by hand."""

import math
from statistics import median
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.reporting.run_costs import COSTS, costs, duration, side_by_side

seconds = st.floats(0, 1e4)
run = st.fixed_dictionaries(
    {
        "backend": st.sampled_from(["torch", "jax"]),
        "variant": st.sampled_from(["eager", "jit"]),
        "status": st.sampled_from(["run", "failed", "not run"]),
        "steps": st.integers(1, 10_000),
        "compiling_seconds": seconds,
        "training_seconds": seconds,
        "judging_seconds": seconds,
    }
)


@given(st.lists(run, max_size=12))
def test_sums_and_medians_are_those_of_each_variant(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["seconds_per_step"] = row["training_seconds"] / row["steps"]
    columns = ["backend", "variant", "status", "steps", *(name for name in COSTS if "seconds" in name)]
    frame = pd.DataFrame(rows, columns=columns).astype({"backend": "category", "variant": "category"})
    table = costs(frame)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == COSTS
    ran = [row for row in rows if row["status"] == "run"]
    keys = list(dict.fromkeys((row["backend"], row["variant"]) for row in ran))
    assert list(zip(table["backend"], table["variant"], strict=True)) == keys
    for key, found in zip(keys, table.to_dict("records"), strict=True):
        own = [row for row in ran if (row["backend"], row["variant"]) == key]
        steps = [row["steps"] for row in own]
        assert found["runs"] == len(own)
        assert (found["steps"], found["fewest_steps"], found["most_steps"]) == (
            sum(steps),
            min(steps),
            max(steps),
        )
        assert found["seconds_per_step"] == pytest.approx(median(row["seconds_per_step"] for row in own))
        for name in ("compiling_seconds", "training_seconds", "judging_seconds"):
            assert found[name] == pytest.approx(math.fsum(row[name] for row in own))


@given(st.floats(1e-6, 1e6))
def test_a_duration_is_right_to_three_digits(value: float) -> None:
    number, unit = duration(value).split()
    factor = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[unit]
    assert float(number.replace(",", "")) * factor == pytest.approx(value, rel=0.006)
    assert "e" not in number


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0 s"), (0.9996, "1 s"), (0.00099949, "999 µs"), (1e-7, "0.1 µs"), (123456.0, "123,000 s")],
)
def test_the_unit_suits_the_number(value: float, told: str) -> None:
    assert duration(value) == told


@pytest.mark.parametrize(
    ("processes", "words"), [(1, "in one process."), (4, "in 4 processes side by side.")]
)
def test_times_are_told_with_what_ran_beside(processes: int, words: str) -> None:
    assert side_by_side({"processes": processes}).endswith(words)
